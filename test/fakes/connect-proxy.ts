import { once } from 'node:events';
import net from 'node:net';
import tls from 'node:tls';
import type { Certificate } from '../support/authority.ts';

/**
 * A stand-in for a company's proxy on loopback: takes CONNECT, and brings every host to one port of this machine, whatever
 * it is called.
 */
export type ConnectProxy = {
  port: number;
  /** The first lines of what it was asked, as they came. */
  asked: string[];
  /** The connections to it that are open. */
  open: Set<net.Socket>;
  stop(): Promise<void>;
};

export type ConnectProxyOptions = {
  /** Port that it brings everybody to. */
  to: number;
  /** `user:password` that it wants. */
  login?: string;
  /** Says something else in its place. */
  answer?: (socket: net.Socket) => void;
  /** Spoken to over TLS. */
  certificate?: Certificate;
};

export async function startConnectProxy({ to, login, answer, certificate }: ConnectProxyOptions): Promise<ConnectProxy> {
  const asked: string[] = [];
  const open = new Set<net.Socket>();
  const wanted = login === undefined ? undefined : `Basic ${Buffer.from(login).toString('base64')}`;
  const serve = (socket: net.Socket): void => {
    open.add(socket);
    socket.on('close', () => open.delete(socket));
    socket.on('error', () => {});
    let head = '';
    const hear = (bytes: Buffer): void => {
      head += bytes.toString('latin1');
      if (!head.includes('\r\n\r\n')) return;
      socket.off('data', hear);
      asked.push(head);
      if (answer !== undefined) return answer(socket);
      if (wanted !== undefined && /\r\nproxy-authorization: (.*)\r\n/i.exec(head)?.[1] !== wanted) {
        socket.end('HTTP/1.1 407 Proxy Authentication Required\r\nproxy-authenticate: Basic realm="x"\r\ncontent-length: 0\r\n\r\n');
        return;
      }
      const way = net.connect(to, '127.0.0.1', () => {
        socket.write('HTTP/1.0 200 Connection established\r\n\r\n');
        socket.pipe(way).pipe(socket);
      });
      way.on('error', () => socket.destroy());
      way.on('close', () => socket.destroy());
      socket.on('close', () => way.destroy());
    };
    socket.on('data', hear);
  };
  const listener = certificate === undefined ? net.createServer(serve) : tls.createServer(certificate, serve);
  listener.listen(0, '127.0.0.1');
  await once(listener, 'listening');
  const address = listener.address();
  return {
    port: typeof address === 'object' && address !== null ? address.port : 0,
    asked,
    open,
    async stop() {
      for (const socket of open) socket.destroy();
      listener.close();
      await once(listener, 'close');
    },
  };
}
