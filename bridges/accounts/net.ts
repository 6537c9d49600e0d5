import type { buildConnector, Dispatcher } from 'undici';
import { connectorOf } from '../upstreams/connector.ts';
import type { ProxySources } from '../upstreams/proxy.ts';

/** A short exchange with a provider: never a model call. */
export type NetRequest = {
  method: 'GET' | 'POST';
  url: string;
  headers?: Readonly<Record<string, string>>;
  /** Sent as a form. */
  form?: Readonly<Record<string, string>>;
  /** Sent as JSON. */
  json?: object;
  /** Bytes that the answer may have; a megabyte where it is not given. */
  maxBytes?: number;
};
export type NetReply = { status: number; headers: Readonly<Record<string, string>>; body: unknown };
/** Rejects where there was no (whole) answer. `body` is parsed JSON, or undefined where it is none. */
export type Net = (request: NetRequest) => Promise<NetReply>;

const PATIENCE_MS = 30_000;
const MAX_BYTES = 1024 * 1024;

/** The real network, with the proxy that is in force on the way. Redirects are not followed: a token is for one origin. */
export function netOf(userAgent: string, proxies?: () => ProxySources): Net {
  let dispatcher: Dispatcher | undefined;
  return async ({ method, url, headers, form, json: value, maxBytes = MAX_BYTES }) => {
    // Loaded when somebody signs in: the whole of undici costs some 20 MB.
    const { Agent, request } = await import('undici');
    dispatcher ??= new Agent({ connect: agentConnector(proxies) });
    const reply = await request(url, {
      method,
      dispatcher,
      headers: {
        accept: 'application/json',
        'user-agent': userAgent,
        ...(form === undefined ? {} : { 'content-type': 'application/x-www-form-urlencoded' }),
        ...(value === undefined ? {} : { 'content-type': 'application/json' }),
        ...headers,
      },
      body: form === undefined ? (value === undefined ? null : JSON.stringify(value)) : new URLSearchParams(form).toString(),
      signal: AbortSignal.timeout(PATIENCE_MS),
      headersTimeout: PATIENCE_MS,
      bodyTimeout: PATIENCE_MS,
    });
    const chunks: Buffer[] = [];
    let size = 0;
    for await (const chunk of reply.body) {
      const bytes: Buffer = chunk;
      size += bytes.length;
      if (size > maxBytes) throw new Error('The answer is too large.');
      chunks.push(bytes);
    }
    return { status: reply.statusCode, headers: flat(reply.headers), body: json(Buffer.concat(chunks).toString('utf8')) };
  };
}

/** What of the standard's fetch it takes to download a file. Redirects are followed. */
export type Fetch = (
  url: string,
  options: { signal: AbortSignal | null },
) => Promise<{ ok: boolean; status: number; headers: { get(name: string): string | null }; body: AsyncIterable<Uint8Array> | null }>;

/** The same over our own connections. */
export function fetchOf(proxies: () => ProxySources): Fetch {
  let dispatcher: Dispatcher | undefined;
  return async (url, { signal }) => {
    const { Agent, fetch } = await import('undici');
    dispatcher ??= new Agent({ connect: agentConnector(proxies) });
    return fetch(url, { signal, dispatcher });
  };
}

/** Our connections, told of as undici's agent wants to hear it. */
function agentConnector(proxies: (() => ProxySources) | undefined): buildConnector.connector {
  const connect = connectorOf({ proxies });
  return (to, connected) =>
    connect(to, (error, socket) => {
      if (socket === undefined) connected(error ?? new Error('There is no connection.'), null);
      else connected(null, socket);
    });
}

function flat(headers: Record<string, string | string[] | undefined>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [name, Array.isArray(value) ? value.join(', ') : (value ?? '')]),
  );
}

function json(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
