import { once } from 'node:events';
import type net from 'node:net';
import tls from 'node:tls';
import type { Certificate } from './authority.ts';

export type Provider = { port: number; names: unknown[]; requests: string[]; connections: net.Socket[]; stop(): Promise<void> };

/** Trusts an authority in this process until it is told not to. */
export function trustAuthority(ca: string): () => void {
  const before = tls.getCACertificates('default');
  tls.setDefaultCACertificates([...before, ca]);
  return () => tls.setDefaultCACertificates(before);
}

/** Speaks TLS, and answers each request with how many came over its connection. */
export async function startProvider(certificate: Certificate): Promise<Provider> {
  const connections: net.Socket[] = [];
  const names: unknown[] = [];
  const requests: string[] = [];
  const listener = tls.createServer({ ...certificate, ALPNProtocols: ['h2', 'http/1.1'] }, (socket) => {
    connections.push(socket);
    names.push(socket.servername);
    socket.on('error', () => {});
    let carried = 0;
    socket.on('data', (bytes: Buffer) => {
      requests.push(bytes.toString('latin1'));
      carried++;
      socket.write(`HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 1\r\n\r\n${carried}`);
    });
  });
  listener.on('tlsClientError', () => {});
  listener.listen(0, '127.0.0.1');
  await once(listener, 'listening');
  const address = listener.address();
  return {
    port: typeof address === 'object' && address !== null ? address.port : 0,
    names,
    requests,
    connections,
    async stop() {
      for (const socket of connections) socket.destroy();
      listener.close();
      await once(listener, 'close');
    },
  };
}
