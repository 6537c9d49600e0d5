import dns from 'node:dns';
import net from 'node:net';
import { Readable } from 'node:stream';
import { Connection, type Broken, type ConnectionOptions, type Outgoing, type ReplyListener } from './connection.ts';
import { connectorOf } from './connector.ts';
import { codeOf, isUntrusted, untrusted } from './error-codes.ts';
import { ProxyError } from './proxy-error.ts';
import type { ProxySources } from './proxy.ts';
import { requestHead } from './request-head.ts';
import { Unpacked } from './unpacked.ts';
import type { Flow, ReplySink, StreamedRequest, StreamingUpstream, UpstreamFailure, UpstreamRequest } from './upstream.ts';

export type HttpUpstreamOptions = {
  id: string;
  /** Origin and base path: calls go there and nowhere else. */
  baseUrl: string;
  /** Milliseconds until the answer must have begun. */
  timeoutMs: number;
  /** Refuse to connect where the name resolves to a private or loopback address (public providers). */
  publicOnly: boolean;
  /** What names a proxy on the way, asked for each connection; none where it is not given. */
  proxies?: (() => ProxySources) | undefined;
  /** Milliseconds of a clock that only goes forward. */
  now?: () => number;
  /** Unix milliseconds: they go on while the machine sleeps. */
  wallNow?: () => number;
};

/** Milliseconds an idle connection to an upstream is kept for the next call. */
const KEEP_ALIVE_MS = 60_000;
/** Milliseconds between two pieces of a reply: models think for minutes. */
const BODY_IDLE_MS = 900_000;
/** Milliseconds of rest after which a connection may have been closed without our having heard of it yet. */
const RESTED_MS = 1_000;

/**
 * An upstream reached over HTTP/1.1 with keep-alive (docs/decisions/0029). Redirects are refused: a credential is for one
 * origin.
 */
export function httpUpstream(options: HttpUpstreamOptions): StreamingUpstream {
  const base = new URL(options.baseUrl);
  const basePath = base.pathname.replace(/\/+$/, '');
  const connections = new Connections(base, options);
  return {
    id: options.id,
    send(request, sink) {
      const unpacked = request.readHere === true ? new Unpacked(sink) : undefined;
      const reply = new Reply(unpacked ?? sink, base.host, request.body);
      const flow = unpacked?.follow(reply) ?? reply;
      try {
        const length = 'length' in request ? request.length : request.body?.length;
        const head = requestHead(request.method, basePath + request.target, base.host, request.headers, length);
        connections.carry({ method: request.method, head, body: request.body }, reply);
      } catch (error) {
        reply.broken({ kind: 'request', error: error instanceof Error ? error : new Error(String(error)) }, false);
      }
      return flow;
    },
    stop: () => connections.stop(),
  };
}

/** An idle connection: since when, by the clock that only goes forward, and until when, in Unix milliseconds. */
type Rested = { connection: Connection; since: number; until: number };

/** The open connections to one origin; the one used last is used next. */
class Connections {
  readonly #connect: (connected: (error: Error | null, socket?: net.Socket) => void) => void;
  readonly #options: ConnectionOptions;
  readonly #now: () => number;
  readonly #wallNow: () => number;
  readonly #open = new Set<Connection>();
  readonly #idle: Rested[] = [];
  #stopped = false;

  constructor(base: URL, options: HttpUpstreamOptions) {
    const hostname = base.hostname.replace(/^\[|\]$/g, '');
    const lookup = options.publicOnly && net.isIP(hostname) === 0 && hostname !== 'localhost' ? publicLookup : undefined;
    const connect = connectorOf({ lookup, proxies: options.proxies });
    this.#connect = (connected) => connect({ hostname, host: base.host, protocol: base.protocol, port: base.port }, connected);
    this.#now = options.now ?? (() => performance.now());
    this.#wallNow = options.wallNow ?? (() => Date.now());
    this.#options = {
      headMs: options.timeoutMs,
      pieceMs: BODY_IDLE_MS,
      idleMs: KEEP_ALIVE_MS,
      onIdle: (connection, idleMs) => this.#idle.push({ connection, since: this.#now(), until: this.#wallNow() + idleMs }),
      onClosed: (connection) => this.#forget(connection),
    };
  }

  carry(outgoing: Outgoing, reply: Reply): void {
    if (this.#stopped) return reply.broken({ kind: 'closed' }, false);
    const rested = this.#takeRested();
    if (rested === undefined) return this.#carryOnNew(outgoing, reply);
    if (this.#now() - rested.since < RESTED_MS) return this.#carryOn(rested.connection, outgoing, reply);
    // What its server sent meanwhile, its end above all, is read in the next turn of the event loop.
    setImmediate(() => {
      if (!reply.over) this.#carryOn(rested.connection, outgoing, reply);
      else if (rested.connection.usable) this.#idle.push(rested);
    });
  }

  /** The one used last. Timers stand still while the machine sleeps, but servers close what they wait for in vain. */
  #takeRested(): Rested | undefined {
    for (;;) {
      const rested = this.#idle.pop();
      if (rested === undefined || this.#wallNow() < rested.until) return rested;
      rested.connection.destroy();
    }
  }

  /** Resolves once all are closed. */
  async stop(): Promise<void> {
    this.#stopped = true;
    await Promise.all(Array.from(this.#open, (connection) => connection.close()));
  }

  #carryOn(connection: Connection, outgoing: Outgoing, reply: Reply): void {
    if (reply.over) connection.rest();
    else if (connection.usable) {
      reply.connection = connection;
      connection.send(outgoing, reply);
    } else this.carry(outgoing, reply);
  }

  #carryOnNew(outgoing: Outgoing, reply: Reply): void {
    this.#connect((error, socket) => {
      if (socket === undefined) return reply.broken({ kind: 'closed', ...(error === null ? {} : { error }) }, false);
      if (this.#stopped) {
        socket.destroy();
        return reply.broken({ kind: 'closed' }, false);
      }
      const connection = new Connection(socket, this.#options);
      this.#open.add(connection);
      this.#carryOn(connection, outgoing, reply);
    });
  }

  #forget(connection: Connection): void {
    this.#open.delete(connection);
    const at = this.#idle.findIndex((rested) => rested.connection === connection);
    if (at >= 0) this.#idle.splice(at, 1);
  }
}

/** One reply, from its connection to our sink. */
class Reply implements ReplyListener, Flow {
  /** What carries it, once something does. */
  connection: Connection | undefined;
  readonly #sink: ReplySink;
  readonly #host: string;
  readonly #body: StreamedRequest['body'] | undefined;
  #over = false;

  /** `body`: of the request. */
  constructor(sink: ReplySink, host: string, body: (UpstreamRequest | StreamedRequest)['body']) {
    this.#sink = sink;
    this.#host = host;
    this.#body = body instanceof Readable ? body : undefined;
  }

  get over(): boolean {
    return this.#over;
  }

  head(status: number, headers: Record<string, string | string[]>): void {
    if (status < 300 || status >= 400 || status === 304) return this.#sink.start(status, headers);
    this.connection?.destroy();
    this.#fail({
      kind: 'redirect',
      message: `${this.#host} answered with a redirect, which is not followed. Check the base URL in the settings.`,
    });
  }

  piece(bytes: Buffer, last: boolean): boolean {
    return this.#over || this.#sink.data(bytes, last);
  }

  end(): void {
    if (this.#finish()) this.#sink.end();
  }

  broken(problem: Broken, begun: boolean): void {
    this.#fail(failureOf(problem, this.#host, begun));
  }

  resume(): void {
    if (!this.#over) this.connection?.resume();
  }

  abort(): void {
    if (this.#finish()) this.connection?.destroy();
  }

  #fail(failure: UpstreamFailure): void {
    if (this.#finish()) this.#sink.fail(failure);
  }

  /** Returns false where it was over before. Nobody waits for the rest of the body any more, where there is one. */
  #finish(): boolean {
    if (this.#over) return false;
    this.#over = true;
    this.#body?.destroy();
    return true;
  }
}

function failureOf(problem: Broken, host: string, begun: boolean): UpstreamFailure {
  if (begun) return { kind: 'cut', message: `${host} ended its reply in the middle (${inWords(problem)}).` };
  if (problem.kind === 'silent') return silent(host);
  if (problem.kind === 'request')
    return { kind: 'unreachable', message: `The request to ${host} could not be sent: ${problem.error.message}.` };
  if (problem.kind === 'malformed') {
    return { kind: 'unreachable', message: `${host} sent what is no HTTP reply: ${problem.why}. Check the base URL in the settings.` };
  }
  const { error } = problem;
  if (error instanceof ProxyError) return { kind: error.late ? 'timeout' : 'unreachable', message: error.message };
  const code = codeOf(error);
  if (isUntrusted(error)) return { kind: 'unreachable', message: untrusted(host, code) };
  switch (code) {
    case 'UND_ERR_CONNECT_TIMEOUT':
    case 'ETIMEDOUT':
      return silent(host);
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return { kind: 'unreachable', message: `The name ${host} can't be resolved. Check the network and the base URL in the settings.` };
    case 'EPRIVATE':
      return {
        kind: 'refused',
        message: `The name ${host} resolves to a private address, so nothing was sent. Check the network's name service.`,
      };
    case 'ECONNREFUSED':
      return { kind: 'unreachable', message: `${host} refused the connection. Check that it runs, and the base URL in the settings.` };
    default:
      return { kind: 'unreachable', message: `${host} can't be reached (${inWords(problem)}). Check the network, then try again.` };
  }
}

function silent(host: string): UpstreamFailure {
  return { kind: 'timeout', message: `${host} did not answer in time. Try again; if it stays so, check its status page.` };
}

function inWords(problem: Broken): string {
  switch (problem.kind) {
    case 'silent':
      return 'it was silent for too long';
    case 'malformed':
      return problem.why;
    case 'closed':
    case 'request':
      return codeOf(problem.error) || (problem.error?.message ?? 'the other side closed the connection');
  }
}

/** A public provider's name that suddenly points into the local network is an attack or a broken resolver. */
const publicLookup: net.LookupFunction = (hostname, options, callback) => {
  dns.lookup(hostname, { ...options, all: true }, (error, addresses) => {
    if (error !== null) return callback(error, '', 0);
    const usable = addresses.filter((entry) => !PRIVATE.check(entry.address, entry.family === 6 ? 'ipv6' : 'ipv4'));
    const [first] = usable;
    if (first === undefined) return callback(Object.assign(new Error('private address'), { code: 'EPRIVATE' }), '', 0);
    if (options.all === true) callback(null, usable);
    else callback(null, first.address, first.family);
  });
};

const PRIVATE = new net.BlockList();
for (const [address, prefix] of [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.168.0.0', 16],
] as const) {
  PRIVATE.addSubnet(address, prefix, 'ipv4');
  // The same, as a network that speaks IPv6 alone writes it (NAT64, RFC 6052).
  PRIVATE.addSubnet(`64:ff9b::${address}`, 96 + prefix, 'ipv6');
}
for (const [address, prefix] of [
  ['::', 127],
  ['fc00::', 7],
  ['fe80::', 10],
] as const) {
  PRIVATE.addSubnet(address, prefix, 'ipv6');
}
