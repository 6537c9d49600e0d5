import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import https from 'node:https';
import net from 'node:net';
import path from 'node:path';
import type { Duplex } from 'node:stream';
import { encodeFrame, frameReader, OPCODES } from '../../bridges/tunnels/frames.ts';

/**
 * A stand-in for an access edge with a tunnel behind it: TLS and WebSocket on loopback. Wants a service token, and
 * hands the bytes to sshd. The genuine client holds its WebSocket to the standard.
 */

/** `service-auth`: as `ok`, but strangers get a 403 instead of a login page. */
export type EdgeMode = 'ok' | 'service-auth' | 'login' | 401 | 403 | 429 | 502 | 530 | 200 | 'mute';

export type AccessEdge = {
  port: number;
  /** File of the authority that signed its certificate. */
  ca: string;
  token: { id: string; secret: string };
  /** How it answers from now on: those without the right token, or (with a status) everybody. */
  mode(mode: EdgeMode): void;
  connections(): number;
  /** Requests it has had, by what was decided. */
  seen: string[];
  /** From now on the connections of this moment carry nothing and say nothing. */
  silence(): void;
  /** Ends the connections: in order, or with a reset. */
  cut(how: 'close' | 'reset'): void;
  stop(): Promise<void>;
  start(): Promise<void>;
};

type Link = { socket: Duplex; upstream: net.Socket; silent: boolean };

export async function startAccessEdge(folder: string, sshdPort: number, address = '127.0.0.1'): Promise<AccessEdge> {
  const tls = makeCertificate(folder, address);
  const token = { id: 'canary-id-5f1c.access', secret: 'canary-secret-9b41d7e0c2' };
  const links = new Set<Link>();
  const sockets = new Set<net.Socket>();
  const seen: string[] = [];
  let mode: EdgeMode = 'ok';
  let port = 0;
  let server = https.createServer();

  /** What everybody, or somebody without the token, gets in the place of what was asked for. */
  const refusal = (req: IncomingMessage): { status: number; headers: Record<string, string> } | undefined => {
    const known = req.headers['cf-access-client-id'] === token.id && req.headers['cf-access-client-secret'] === token.secret;
    if (typeof mode === 'number' && ![401, 403].includes(mode))
      return { status: mode, headers: mode === 429 ? { 'retry-after': '7' } : {} };
    if (known && (mode === 'ok' || mode === 'service-auth')) return undefined;
    if (mode === 'service-auth') return { status: 403, headers: {} };
    if (typeof mode === 'number') return { status: mode, headers: {} };
    return {
      status: 302,
      headers: { location: `https://localhost:${port}/cdn-cgi/access/login/localhost?kid=${'a'.repeat(64)}&redirect_url=%2F` },
    };
  };

  const start = async (): Promise<void> => {
    server = https.createServer({ key: tls.key, cert: tls.cert }, (req, res) => {
      if (mode === 'mute') return;
      // Where the genuine client looks which application it is to sign in to.
      if (req.url?.startsWith('/cdn-cgi/access/login') === true) {
        res.writeHead(200, { 'cf-access-domain': 'localhost', 'cf-access-aud': 'a'.repeat(64), 'content-length': 0 }).end();
        return;
      }
      const refused = refusal(req);
      seen.push(`${req.method} ${refused?.status ?? 200}`);
      res.writeHead(refused?.status ?? 200, { ...refused?.headers, 'content-length': 0, connection: 'close' }).end();
    });
    server.on('secureConnection', (socket) => {
      sockets.add(socket);
      socket.once('close', () => sockets.delete(socket));
    });
    server.on('upgrade', (req: IncomingMessage, socket: Duplex) => {
      socket.on('error', () => {});
      if (mode === 'mute') return;
      const refused = refusal(req);
      seen.push(`upgrade ${refused?.status ?? 101}`);
      if (refused === undefined) return carry(req, socket, sshdPort, links);
      const headers = Object.entries({ ...refused.headers, 'content-length': '0', connection: 'close' }).map(
        ([name, value]) => `${name}: ${value}\r\n`,
      );
      socket.end(`HTTP/1.1 ${refused.status} No\r\n${headers.join('')}\r\n`);
    });
    await new Promise<void>((resolve) => {
      server.listen(port, address, resolve);
    });
    const bound = server.address();
    if (bound !== null && typeof bound !== 'string') ({ port } = bound);
  };
  await start();

  return {
    get port() {
      return port;
    },
    ca: tls.ca,
    token,
    mode: (next) => void (mode = next),
    connections: () => links.size,
    seen,
    silence() {
      for (const link of links) {
        link.silent = true;
        link.socket.pause();
        link.upstream.pause();
      }
    },
    cut(how) {
      for (const link of links) {
        if (how === 'close') link.socket.end(encodeFrame(OPCODES.close, Buffer.from([0x03, 0xe9]), false));
        else link.socket.destroy();
      }
    },
    start,
    async stop() {
      for (const link of links) link.upstream.destroy();
      for (const socket of sockets) socket.destroy();
      await new Promise<void>((resolve) => {
        server.close(() => resolve());
      });
    },
  };
}

function carry(req: IncomingMessage, socket: Duplex, sshdPort: number, links: Set<Link>): void {
  const accept = createHash('sha1').update(`${req.headers['sec-websocket-key']}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64');
  const upstream = net.connect({ host: '127.0.0.1', port: sshdPort, noDelay: true });
  const link: Link = { socket, upstream, silent: false };
  links.add(link);
  socket.write(`HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: Upgrade\r\nsec-websocket-accept: ${accept}\r\n\r\n`);
  const read = frameReader();
  socket.on('data', (chunk: Buffer) => {
    for (const { opcode, payload } of read(chunk)) {
      if (link.silent) return;
      if (opcode === OPCODES.close) socket.end();
      else if (opcode === OPCODES.ping) socket.write(encodeFrame(OPCODES.pong, payload, false));
      else if (opcode !== OPCODES.pong && !upstream.write(payload)) {
        socket.pause();
        upstream.once('drain', () => !link.silent && socket.resume());
      }
    }
  });
  upstream.on('data', (chunk: Buffer) => {
    if (link.silent || socket.write(encodeFrame(OPCODES.binary, chunk, false))) return;
    upstream.pause();
    socket.once('drain', () => !link.silent && upstream.resume());
  });
  upstream.on('error', () => {});
  upstream.once('close', () => !link.silent && socket.end(encodeFrame(OPCODES.close, Buffer.from([0x03, 0xe8]), false)));
  socket.once('close', () => {
    links.delete(link);
    if (!link.silent) upstream.destroy();
  });
}

/** A name of the edge that is none of this machine's: whoever goes there goes through a proxy. */
export const EDGE_NAME = 'edge.test';

/** An authority and a certificate for localhost, that name and an address, good for a day. */
function makeCertificate(folder: string, address: string): { key: Buffer; cert: Buffer; ca: string } {
  const at = (name: string): string => path.join(folder, name);
  const openssl = (...args: string[]): void => void execFileSync('openssl', args, { stdio: 'ignore' });
  const fresh = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  openssl(
    'req',
    '-x509',
    ...fresh,
    '-days',
    '1',
    '-keyout',
    at('ca.key'),
    '-out',
    at('ca.pem'),
    '-subj',
    '/CN=stand-in',
    '-addext',
    'basicConstraints=critical,CA:TRUE',
  );
  openssl('req', ...fresh, '-keyout', at('edge.key'), '-out', at('edge.csr'), '-subj', '/CN=localhost');
  writeFileSync(at('edge.ext'), `subjectAltName=DNS:localhost,DNS:${EDGE_NAME},IP:${address}\n`);
  openssl(
    'x509',
    '-req',
    '-in',
    at('edge.csr'),
    '-CA',
    at('ca.pem'),
    '-CAkey',
    at('ca.key'),
    '-CAcreateserial',
    '-days',
    '1',
    '-extfile',
    at('edge.ext'),
    '-out',
    at('edge.pem'),
  );
  return { key: readFileSync(at('edge.key')), cert: readFileSync(at('edge.pem')), ca: at('ca.pem') };
}
