import { chmodSync, rmSync } from 'node:fs';
import http, { STATUS_CODES } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { CallConnection } from './call-connection.ts';
import { KEEP_ALIVE_S } from './call-reply.ts';
import { guard, type Head, type Refusal } from './guard.ts';
import type { ServedReply, ServedRequest } from './served.ts';

/** Time-outs and sizes of a listener. Milliseconds, bytes, counts. */
export type ListenerLimits = { headersMs: number; connections: number };

export type ErrorAnswer = { status: number; headers: Record<string, string>; body: string };

export type ListenerOptions = {
  /** 0 takes any free port. */
  port: number;
  /** Listens on a unix socket at this path, for its owner only, and on no port. What lies at the path is replaced. */
  socket?: string;
  /** See GuardOptions. */
  onlyHosts?: readonly string[];
  limits: ListenerLimits;
  ownOrigin?: boolean;
  /** See GuardOptions. */
  landing?: string;
  /** See GuardOptions. */
  landingFrom?: string;
  /** See GuardOptions. */
  named?: RegExp;
  /** Answers a request that passed the guard. */
  serve(req: http.IncomingMessage, res: http.ServerResponse): void;
  /** Calls to models, which most connections bring nothing but: read and answered without Node's HTTP server. */
  calls?: {
    /** Whether a POST to this target is one. */
    takes(target: string): boolean;
    /** As `serve`; a body is listened to before this returns, or never. */
    serve(req: ServedRequest, res: ServedReply): void;
  };
  /** An error body in the words of the listener's callers; `target` is undefined where not even the head could be read. */
  renderError(refusal: Refusal, target: string | undefined, headers: http.IncomingHttpHeaders): ErrorAnswer;
  /** Told of every refusal after the answer was sent, so that calls that were meant can be recorded. */
  onRefused?(refusal: Refusal, req: ServedRequest, answer: ErrorAnswer): void;
  onConnection?: (socket: Socket) => void;
};

export type Listener = {
  port: number;
  address: string;
  /** Stops accepting at once; connections still busy are closed after `graceMs`. */
  stop(graceMs: number): Promise<void>;
};

const MAX_HEADER_BYTES = 16 * 1024;
const MAX_HEADERS = 200;

/**
 * The one way a loopback listener is made. It binds 127.0.0.1, or a private socket, and nothing else; there is no
 * parameter for that.
 * Rejects with the bind error (`EADDRINUSE`, `EACCES`) where the port can't be had.
 */
export async function startListener(options: ListenerOptions): Promise<Listener> {
  const server = http.createServer({
    noDelay: true,
    maxHeaderSize: MAX_HEADER_BYTES,
    headersTimeout: options.limits.headersMs,
    // The body has its own idle time-out (body.ts): a large prompt on a slow disk is no attack.
    requestTimeout: 0,
    keepAliveTimeout: KEEP_ALIVE_S * 1_000,
    // Node's own check runs every 30 s, which makes any shorter time-out late. More often than this it would wake an idle
    // machine: there are five listeners. A slow caller is cut after twice the time at most.
    connectionsCheckingInterval: options.limits.headersMs,
    requireHostHeader: true,
    // An offer of HTTP/2 is none that a client insists on (RFC 9110, section 7.8). Before Node 24.9 it is refused, too.
    shouldUpgradeCallback: (req) => /\bwebsocket\b/i.test(req.headers.upgrade ?? ''),
  });
  server.maxHeadersCount = MAX_HEADERS;
  server.maxConnections = options.limits.connections;

  let port = options.port;
  /** The reply to the last request of each open connection. */
  const replies = new Map<Duplex, http.ServerResponse>();
  server.on('connection', (socket) => socket.once('close', () => replies.delete(socket)));
  const handle = (req: http.IncomingMessage, res: http.ServerResponse): void => {
    replies.set(req.socket, res);
    if (!server.listening) res.shouldKeepAlive = false;
    const refusal = checkHead(headOf(req), port, options);
    if (refusal === undefined) options.serve(req, res);
    else answerRefusal(refusal, req, res, options);
  };
  server.on('request', handle);
  // Without this listener Node would ask for the body before anybody has looked at the key.
  server.on('checkContinue', handle);
  server.on('checkExpectation', handle);
  const refuseOn = (socket: Duplex, refusal: Refusal, req?: http.IncomingMessage): void => {
    if (!socket.writable || isUnderWay(replies.get(socket))) socket.destroy();
    else answerOnSocket(refusal, socket, options.renderError(refusal, req?.url, req?.headers ?? {}));
  };
  server.on('upgrade', (req: http.IncomingMessage, socket: Duplex) =>
    refuseOn(socket, checkHead(headOf(req), port, options) ?? upgradeRefused, req),
  );
  server.on('connect', (_req: http.IncomingMessage, socket: Duplex) =>
    refuseOn(socket, { status: 405, code: 'method_not_allowed', message: 'This is no forward proxy.' }),
  );
  server.on('clientError', (error: NodeJS.ErrnoException, socket: Duplex) => {
    const refusal = refusalOf(error);
    if (refusal === undefined) socket.destroy();
    else refuseOn(socket, refusal);
  });

  // A connection that the system could not hand over is lost to its caller; it must not end the engine.
  server.on('error', () => {});

  const connections =
    options.calls === undefined
      ? undefined
      : takeCalls(server, options.calls, {
          check: (head) => checkHead(head, port, options),
          refuse: refuseOn,
          headersMs: options.limits.headersMs,
        });
  if (options.onConnection !== undefined) server.on('connection', options.onConnection);
  const stopAll = (graceMs: number): Promise<void> => stop(server, replies.values(), connections ?? [], graceMs);

  if (options.socket !== undefined) {
    await bindSocket(server, options.socket);
    return { port: 0, address: options.socket, stop: stopAll };
  }
  port = await bind(server, options.port);
  return { port, address: `127.0.0.1:${port}`, stop: stopAll };
}

const upgradeRefused: Refusal = {
  status: 426,
  code: 'upgrade_refused',
  message: 'WebSockets are not served here. Send the same request over HTTP; streams arrive as server-sent events.',
};

function headOf({ method = '', url = '', rawHeaders }: http.IncomingMessage): Head {
  return { method, target: url, rawHeaders };
}

function checkHead(head: Head, port: number, options: ListenerOptions): Refusal | undefined {
  return guard(head, {
    port,
    ownOrigin: options.ownOrigin === true,
    ...(options.onlyHosts === undefined ? {} : { onlyHosts: options.onlyHosts }),
    ...(options.landing === undefined ? {} : { landing: options.landing }),
    ...(options.landingFrom === undefined ? {} : { landingFrom: options.landingFrom }),
    ...(options.named === undefined ? {} : { named: options.named }),
  });
}

/** Answers a refused request and closes its connection, so that nothing pipelined behind it is served. */
export function answerRefusal(
  refusal: Refusal,
  req: ServedRequest,
  res: ServedReply,
  options: Pick<ListenerOptions, 'renderError' | 'onRefused'>,
): void {
  const answer = options.renderError(refusal, req.url, req.headers);
  closeAfterAnswer(req, res);
  res.writeHead(answer.status, { ...answer.headers, connection: 'close', 'content-length': Buffer.byteLength(answer.body) });
  res.end(req.method === 'HEAD' ? undefined : answer.body);
  options.onRefused?.(refusal, req, answer);
}

/**
 * For a request whose body is of no use: closes its connection once the answer is out. What the client is still sending is
 * read away for a moment first: a socket closed on unread bytes is reset, and the client would lose the answer.
 */
export function closeAfterAnswer(req: ServedRequest, res: ServedReply): void {
  const socket = req.socket;
  res.shouldKeepAlive = false;
  req.resume();
  res.once('finish', () => {
    if (req.complete) return;
    const timer = setTimeout(() => socket.destroy(), LINGER_MS);
    timer.unref();
    req.once('end', () => {
      clearTimeout(timer);
      socket.destroy();
    });
  });
}

const LINGER_MS = 500;

/** Whether bytes written to the connection now would stand in the middle of this reply, or of one before it. */
function isUnderWay(res: ServedReply | undefined): boolean {
  if (res === undefined || res.writableFinished) return false;
  return res.socket === null || (res.headersSent && !res.writableEnded);
}

function answerOnSocket(refusal: Refusal, socket: Duplex, answer: ErrorAnswer): void {
  socket.on('error', () => socket.destroy());
  const headers = Object.entries({
    ...answer.headers,
    ...(refusal.status === 426 ? { upgrade: 'HTTP/1.1' } : {}),
    connection: 'close',
    'content-length': String(Buffer.byteLength(answer.body)),
  });
  const head = headers.map(([name, value]) => `${name}: ${value}\r\n`).join('');
  socket.end(`HTTP/1.1 ${answer.status} ${STATUS_CODES[answer.status] ?? 'Error'}\r\n${head}\r\n${answer.body}`);
  // Node has let go of this connection: nobody else would close it on a caller that keeps its own end open.
  socket.resume();
  const timer = setTimeout(() => socket.destroy(), LINGER_MS).unref();
  socket.once('close', () => clearTimeout(timer));
}

const NOT_HTTP: Refusal = { status: 400, code: 'bad_request', message: 'The bytes sent are not a valid HTTP/1.1 request.' };
const NOT_IN_TIME: Refusal = { status: 408, code: 'timeout', message: 'The request was not sent in time. Send it again.' };

/** What Node's parser found, as an answer; undefined where the connection was simply lost. */
function refusalOf(error: NodeJS.ErrnoException): Refusal | undefined {
  switch (error.code) {
    case 'ECONNRESET':
    case 'EPIPE':
      return undefined;
    case 'HPE_HEADER_OVERFLOW':
      return {
        status: 431,
        code: 'headers_too_large',
        message: `The headers are larger than ${MAX_HEADER_BYTES / 1024} KiB. Send fewer or shorter ones.`,
      };
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return NOT_IN_TIME;
    default:
      return NOT_HTTP;
  }
}

function bind(server: http.Server, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen({ host: '127.0.0.1', port, exclusive: true, backlog: 1024 }, () => {
      server.off('error', reject);
      resolve((server.address() as AddressInfo).port);
    });
  });
}

function bindSocket(server: http.Server, path: string): Promise<void> {
  rmSync(path, { force: true });
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen({ path, backlog: 1024 }, () => {
      server.off('error', reject);
      chmodSync(path, 0o600);
      resolve();
    });
  });
}

/** Has connections begin as ones for calls; Node's server gets those that bring anything else. Returns the open ones. */
function takeCalls(
  server: http.Server,
  calls: NonNullable<ListenerOptions['calls']>,
  listener: {
    check(head: Head): Refusal | undefined;
    refuse(socket: Duplex, refusal: Refusal): void;
    headersMs: number;
  },
): Iterable<CallConnection> {
  const open = new Set<CallConnection>();
  // Among them is what has Node's server read a connection.
  const taken = server.listeners('connection');
  server.removeAllListeners('connection');
  server.on('connection', (socket) => {
    const connection = new CallConnection(socket, {
      takes: ({ target, rawHeaders }) => calls.takes(target) && listener.check({ method: 'POST', target, rawHeaders }) === undefined,
      serve: (req, res) => calls.serve(req, res),
      headersMs: listener.headersMs,
      handOver() {
        open.delete(connection);
        for (const take of taken) Reflect.apply(take, server, [socket]);
      },
      silent: () => listener.refuse(socket, NOT_IN_TIME),
      cut: (reply) => (isUnderWay(reply) ? socket.destroy() : listener.refuse(socket, NOT_HTTP)),
    });
    open.add(connection);
    socket.once('close', () => open.delete(connection));
  });
  return open;
}

async function stop(
  server: http.Server,
  replies: Iterable<http.ServerResponse>,
  connections: Iterable<CallConnection>,
  graceMs: number,
): Promise<void> {
  const closed = new Promise<void>((resolve) => {
    server.close(() => resolve());
  });
  server.closeIdleConnections();
  for (const res of replies) endWith(res);
  for (const connection of connections) connection.stop();
  const timer = setTimeout(() => {
    server.closeAllConnections();
    for (const connection of connections) connection.destroy();
  }, graceMs);
  await closed;
  clearTimeout(timer);
}

/** The connection ends with this reply: a call that came after it would be cut in the middle. */
function endWith(res: http.ServerResponse): void {
  const { socket } = res.req;
  res.shouldKeepAlive = false;
  res.once('finish', () => socket.destroySoon());
}
