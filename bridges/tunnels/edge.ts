import { readFileSync } from 'node:fs';
import https from 'node:https';
import { getCACertificates } from 'node:tls';
import { trustSystem } from '../upstreams/system-certificates.ts';
import { PROXY_LOGIN, type Cause } from './causes.ts';
import { throughProxy } from './classify.ts';

/** The access edge, asked by ourselves: what it refused, and why. */

export type ServiceToken = { id: string; secret: string };

export const tokenHeaders = (token: ServiceToken | undefined): Record<string, string> =>
  token === undefined ? {} : { 'cf-access-client-id': token.id, 'cf-access-client-secret': token.secret };

/**
 * The authorities an edge may be signed by: the system's, and those of `SSL_CERT_FILE`, which cloudflared heeds too, and
 * passes over as well where it can't be read.
 */
export function authorities(file: string | undefined): string[] {
  const known = [...getCACertificates('default'), ...getCACertificates('system')];
  if (file === undefined || file === '') return known;
  try {
    return [...known, readFileSync(file, 'utf8')];
  } catch {
    return known;
  }
}

/** True for a host that is this very machine. */
export function isLocal(host: string): boolean {
  return host === 'localhost' || /^127\.\d+\.\d+\.\d+$/.test(host);
}

export type EdgeAddress = { host: string; port: number };

/** What an answer of the edge to a tunnel's request means. */
export function meaningOfAnswer(status: number, location: string | undefined, retryAfter: string | undefined): Cause {
  if (status >= 300 && status < 400) return { code: /\/cdn-cgi\/access\/login/.test(location ?? '') ? 'login-needed' : 'edge-odd' };
  if (status === 401 || status === 403) return { code: 'token-refused' };
  if (status === 429) {
    const seconds = Number(retryAfter);
    return retryAfter !== undefined && Number.isInteger(seconds) && seconds >= 0
      ? { code: 'rate-limited', retryAfterMs: seconds * 1000 }
      : { code: 'rate-limited' };
  }
  if (status === 530) return { code: 'edge-disconnected' };
  return { code: [500, 502, 503, 504].includes(status) ? 'origin-down' : 'edge-odd' };
}

/** What went wrong before the edge could answer. */
export function meaningOfError(error: NodeJS.ErrnoException): Cause {
  const code = error.code ?? '';
  if (code === 'ERR_PROXY_TUNNEL') return proxyAnswered('statusCode' in error ? error.statusCode : undefined);
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN') return { code: 'dns-failed' };
  if (/CERT|SIGNATURE|ISSUER|ALTNAME|^ERR_TLS|^ERR_SSL|EPROTO/.test(code)) return { code: 'tls-untrusted' };
  return { code: code === 'ECONNRESET' ? 'dropped' : 'edge-unreachable' };
}

/** What it means that a proxy did not open the way to the edge. */
function proxyAnswered(status: unknown): Cause {
  return status === 407 ? PROXY_LOGIN : { code: 'proxy-refused' };
}

export type EdgeQuestion = {
  token: ServiceToken | undefined;
  ca: string[];
  timeoutMs: number;
  /** The variables that name a proxy on the way (`HTTPS_PROXY` and the like). */
  proxies: Readonly<Record<string, string | undefined>>;
};

/**
 * Asks the edge why it refused. A plain GET and no redirects: an upgrade that is dropped again would count against
 * this machine at sshd. The token goes to the tunnel's own host, over TLS, and nowhere else.
 */
export function askEdge(edge: EdgeAddress, options: EdgeQuestion): Promise<Cause> {
  if (options.proxies['https_proxy']?.startsWith('https:') === true) trustSystem();
  return new Promise((resolve) => {
    const request = https.request({
      ...edge,
      method: 'GET',
      path: '/',
      headers: { ...tokenHeaders(options.token), 'user-agent': 'drawbridge' },
      ca: options.ca,
      agent: new https.Agent({ proxyEnv: options.proxies }),
      timeout: options.timeoutMs,
    });
    request.once('timeout', () => request.destroy(Object.assign(new Error('silent'), { code: 'ETIMEDOUT' })));
    request.once('error', (error: NodeJS.ErrnoException) => {
      const cause = error.code === 'ETIMEDOUT' ? ({ code: 'no-banner' } as const) : meaningOfError(error);
      resolve({ ...cause, code: throughProxy(cause.code, options.proxies['https_proxy'] !== undefined) });
    });
    request.once('response', (reply) => {
      resolve(meaningOfAnswer(reply.statusCode ?? 0, reply.headers.location, reply.headers['retry-after']));
      reply.destroy();
    });
    request.end();
  });
}
