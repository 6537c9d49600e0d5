import dns from 'node:dns';
import net from 'node:net';
import type { Dispatcher } from 'undici';
import Pool from 'undici/lib/dispatcher/pool.js';
import type { Flow, ReplySink, StreamedRequest, StreamingUpstream, UpstreamFailure, UpstreamRequest } from './upstream.ts';

export type HttpUpstreamOptions = {
  id: string;
  /** Origin and base path: calls go there and nowhere else. */
  baseUrl: string;
  /** Milliseconds until the answer must have begun. */
  timeoutMs: number;
  /** Refuse to connect where the name resolves to a private or loopback address (public providers). */
  publicOnly: boolean;
};

/** Milliseconds an idle connection to an upstream is kept for the next call. */
const KEEP_ALIVE_MS = 60_000;
/** Milliseconds between two pieces of a reply: models think for minutes. */
const BODY_IDLE_MS = 900_000;

/** An upstream reached over HTTP/1.1 with keep-alive. Redirects are refused: a credential is for one origin. */
export function httpUpstream(options: HttpUpstreamOptions): StreamingUpstream {
  const base = new URL(options.baseUrl);
  const basePath = base.pathname.replace(/\/+$/, '');
  const lookup = options.publicOnly && net.isIP(base.hostname) === 0 && !isLoopbackName(base.hostname) ? publicLookup : undefined;
  const pool = new Pool(base.origin, {
    connections: null,
    pipelining: 1,
    keepAliveTimeout: KEEP_ALIVE_MS,
    headersTimeout: options.timeoutMs,
    bodyTimeout: BODY_IDLE_MS,
    connect: { timeout: 15_000, noDelay: true, ...(lookup === undefined ? {} : { lookup }) },
  });
  return {
    id: options.id,
    send(request, sink) {
      const reply = new Reply(sink, base.host);
      try {
        pool.dispatch(dispatchOptions(request, basePath), reply);
      } catch (error) {
        // undici throws at once for what it can't put on the wire (a header with a line break).
        reply.onResponseError(undefined, error instanceof Error ? error : new Error(String(error)));
      }
      return reply;
    },
    stop: () => pool.destroy(),
  };
}

function dispatchOptions(request: UpstreamRequest | StreamedRequest, basePath: string): Dispatcher.DispatchOptions {
  return {
    path: basePath + request.target,
    method: request.method,
    headers: 'length' in request ? [...request.headers, 'content-length', String(request.length)] : request.headers,
    body: request.body,
  };
}

/** One reply, from undici's callbacks to our sink. */
class Reply implements Dispatcher.DispatchHandler, Flow {
  readonly #sink: ReplySink;
  readonly #host: string;
  #controller: Dispatcher.DispatchController | undefined;
  #done = false;
  #started = false;

  constructor(sink: ReplySink, host: string) {
    this.#sink = sink;
    this.#host = host;
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    if (this.#done) controller.abort(new Error('aborted'));
  }

  onResponseStart(controller: Dispatcher.DispatchController, status: number, headers: Record<string, string | string[]>): void {
    if (status < 200) return;
    if (status >= 300 && status < 400 && status !== 304) {
      this.#fail({
        kind: 'redirect',
        message: `${this.#host} answered with a redirect, which is not followed. Check the base URL in the settings.`,
      });
      controller.abort(new Error('redirect refused'));
      return;
    }
    this.#started = true;
    this.#sink.start(status, headers);
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (!this.#done && !this.#sink.data(chunk)) controller.pause();
  }

  onResponseEnd(): void {
    if (this.#done) return;
    this.#done = true;
    this.#sink.end();
  }

  onResponseError(_controller: Dispatcher.DispatchController | undefined, error: Error): void {
    this.#fail(failureOf(error, this.#host, this.#started));
  }

  resume(): void {
    this.#controller?.resume();
  }

  abort(): void {
    if (this.#done) return;
    this.#done = true;
    this.#controller?.abort(new Error('the client went away'));
  }

  #fail(failure: UpstreamFailure): void {
    if (this.#done) return;
    this.#done = true;
    this.#sink.fail(failure);
  }
}

function failureOf(error: Error, host: string, started: boolean): UpstreamFailure {
  const code = 'code' in error && typeof error.code === 'string' ? error.code : '';
  if (started) return { kind: 'cut', message: `${host} ended its reply in the middle (${code || error.message}).` };
  switch (code) {
    case 'UND_ERR_HEADERS_TIMEOUT':
    case 'UND_ERR_CONNECT_TIMEOUT':
    case 'UND_ERR_BODY_TIMEOUT':
      return { kind: 'timeout', message: `${host} did not answer in time. Try again; if it stays so, check its status page.` };
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
      return { kind: 'unreachable', message: `${host} can't be reached (${code || error.message}). Check the network, then try again.` };
  }
}

function isLoopbackName(name: string): boolean {
  return name === 'localhost' || name === '[::1]';
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
}
for (const [address, prefix] of [
  ['::', 127],
  ['fc00::', 7],
  ['fe80::', 10],
] as const) {
  PRIVATE.addSubnet(address, prefix, 'ipv6');
}
