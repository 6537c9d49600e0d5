import { createHash, randomBytes } from 'node:crypto';
import https from 'node:https';
import type { Duplex } from 'node:stream';
import { setDefaultCACertificates } from 'node:tls';
import type { CauseCode } from './causes.ts';
import { authorities, meaningOfError, tokenHeaders } from './edge.ts';
import { encodeFrame, frameReader, OPCODES } from './frames.ts';

/**
 * A program of its own, run by ssh as its ProxyCommand: carries stdin and stdout over a WebSocket to sshd behind the
 * access edge, as `cloudflared access ssh` does, and says on stderr why where it can't. Arguments: host, port.
 * The service token comes by environment and goes nowhere but to that host.
 */

const [host = '', port = '443'] = process.argv.slice(2);
const PING_MS = Number(process.env['DRAWBRIDGE_PING_MS'] ?? 5_000);
const HIGH_WATER = 1024 * 1024;

/** The words that are read again in classify.ts. */
const SAYS: Partial<Record<CauseCode, string>> = {
  'dns-failed': 'edge not found',
  'tls-untrusted': 'edge is not trusted',
  'proxy-login': 'proxy wants a login',
  'proxy-refused': 'proxy refused',
};

function finish(code: number, why?: string): void {
  if (why !== undefined) process.stderr.write(`drawbridge: ${why}\n`);
  process.exit(code);
}

const id = process.env['TUNNEL_SERVICE_TOKEN_ID'];
const secret = process.env['TUNNEL_SERVICE_TOKEN_SECRET'];
const key = randomBytes(16).toString('base64');

// The proxy may be spoken to over TLS, too.
const ca = authorities(process.env['SSL_CERT_FILE']);
setDefaultCACertificates(ca);
const request = https.request({
  host,
  port: Number(port),
  path: '/',
  agent: new https.Agent({ proxyEnv: process.env }),
  ca,
  headers: {
    ...tokenHeaders(id === undefined || secret === undefined ? undefined : { id, secret }),
    'user-agent': 'drawbridge',
    connection: 'Upgrade',
    upgrade: 'websocket',
    'sec-websocket-version': '13',
    'sec-websocket-key': key,
  },
});
const handshake = setTimeout(() => finish(4, 'edge said nothing'), 15_000);
request.once('error', (error: NodeJS.ErrnoException) => {
  finish(4, SAYS[meaningOfError(error).code] ?? 'edge not reached');
});
request.once('response', (reply) => {
  const login = /\/cdn-cgi\/access\/login/.test(reply.headers.location ?? '') ? ' login' : '';
  const wait = /^\d{1,6}$/.test(reply.headers['retry-after'] ?? '') ? ` retry-after ${reply.headers['retry-after']}` : '';
  finish(3, `edge answered ${reply.statusCode}${login}${wait}`);
});
request.once('upgrade', (reply, socket, first) => {
  clearTimeout(handshake);
  const wanted = createHash('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64');
  if (reply.headers['sec-websocket-accept'] !== wanted) finish(3, 'edge answered 101 wrongly');
  else carry(socket, first);
});
request.end();

function carry(socket: Duplex, first: Buffer): void {
  if ('setNoDelay' in socket && typeof socket.setNoDelay === 'function') socket.setNoDelay(true);
  const read = frameReader();
  let alive = true;

  const onBytes = (chunk: Buffer): void => {
    alive = true;
    for (const { opcode, payload } of read(chunk)) {
      if (opcode === OPCODES.close) finish(0, 'edge closed');
      else if (opcode === OPCODES.ping) socket.write(encodeFrame(OPCODES.pong, payload, true));
      else if (opcode !== OPCODES.pong && !process.stdout.write(payload)) {
        socket.pause();
        process.stdout.once('drain', () => socket.resume());
      }
    }
  };
  socket.on('data', onBytes);
  socket.once('error', () => finish(0, 'edge closed'));
  socket.once('close', () => finish(0, 'edge closed'));
  if (first.length > 0) onBytes(first);

  process.stdin.on('data', (chunk: Buffer) => {
    socket.write(encodeFrame(OPCODES.binary, chunk, true));
    if (socket.writableLength < HIGH_WATER) return;
    process.stdin.pause();
    socket.once('drain', () => process.stdin.resume());
  });
  process.stdin.once('end', () => {
    socket.end(encodeFrame(OPCODES.close, Buffer.from([0x03, 0xe8]), true), () => finish(0));
  });
  process.stdout.once('error', () => finish(0));

  setInterval(() => {
    if (!alive) finish(5, 'edge went silent');
    alive = false;
    socket.write(encodeFrame(OPCODES.ping, Buffer.alloc(0), true));
  }, PING_MS);
}
