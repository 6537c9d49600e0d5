import { codeOf, isUntrusted } from './error-codes.ts';
import { SETTING, type Proxy } from './proxy.ts';

/** Why a proxy did not bring us where we wanted to go, in words for the person who called. */
export class ProxyError extends Error {
  /** It was waited for in vain. */
  readonly late: boolean;
  /** The proxy wants a login, or another one. */
  readonly wantsLogin: boolean;

  constructor(message: string, options: { late?: boolean; wantsLogin?: boolean; cause?: Error | undefined } = {}) {
    super(message, { cause: options.cause });
    this.name = 'ProxyError';
    this.late = options.late ?? false;
    this.wantsLogin = options.wantsLogin ?? false;
  }
}

/** What it means that a proxy answered so. `schemes`: its `proxy-authenticate`. */
export function refused(proxy: Proxy, to: string, status: number, schemes: string): ProxyError {
  return new ProxyError(`The proxy ${proxy.name} ${wordsOf(proxy, to, status, schemes)}`, { wantsLogin: status === 407 });
}

function wordsOf({ authorization, from }: Proxy, to: string, status: number, schemes: string): string {
  switch (status) {
    case 407:
      if (schemes !== '' && !/\bbasic\b/i.test(schemes))
        return `wants a sign-in that Drawbridge does not know (407). Run a local proxy that can sign in to it, and name that as network.proxy in the settings.`;
      if (authorization === undefined) return `wants a user name and a password (407). Give them in the settings, below Network.`;
      return from === SETTING
        ? `did not take the user name and the password that are kept for it (407). Give them anew in the settings, below Network.`
        : `did not take the user name and the password of ${from} (407). Mend them there, then start Drawbridge again.`;
    case 401:
    case 403:
      return `does not let calls through to ${to} (${status}). Ask whoever runs it to allow ${to}, or let that host be reached without it: Network in the settings.`;
    case 502:
    case 503:
    case 504:
      return `could not reach ${to} (${status}). Try again; if it stays so, ask whoever runs it.`;
    default:
      return `did not open the way to ${to} (${status}). Check ${from}.`;
  }
}

/** What it means that a proxy itself could not be reached, or that it ended the connection before it answered. */
export function notReached(proxy: Proxy, error: Error | undefined): ProxyError {
  const { name, from } = proxy;
  const code = codeOf(error);
  if (isUntrusted(error))
    return new ProxyError(`The certificate of the proxy ${name} is not trusted (${code}), so nothing was sent. Check ${from}.`, {
      cause: error,
    });
  switch (code) {
    case 'UND_ERR_CONNECT_TIMEOUT':
    case 'ETIMEDOUT':
      return silent(proxy);
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return new ProxyError(`The name of the proxy ${name} can't be resolved. Check the network, and ${from}.`);
    case 'ECONNREFUSED':
      return new ProxyError(`The proxy ${name} refused the connection. Check that it runs, and ${from}.`);
    default:
      return new ProxyError(`The proxy ${name} closed the connection before it answered${code && ` (${code})`}. Check ${from}.`);
  }
}

export function silent({ name, from }: Proxy): ProxyError {
  return new ProxyError(`The proxy ${name} did not answer in time. Check that it runs, and ${from}.`, { late: true });
}

export function malformed({ name, from }: Proxy, why: string): ProxyError {
  return new ProxyError(`The proxy ${name} sent what is no HTTP reply: ${why}. Check ${from}.`);
}

/** What it means that the proxy opened the way, and the connection failed behind it. */
export function beyond(proxy: Proxy, to: string, error: Error | undefined): Error {
  // Whose certificate that is, and what it takes, is the caller's to say.
  if (error !== undefined && isUntrusted(error)) return error;
  const code = codeOf(error);
  if (code === 'UND_ERR_CONNECT_TIMEOUT' || code === 'ETIMEDOUT') return lost(proxy, to);
  return new ProxyError(
    `${to} can't be reached through the proxy ${proxy.name} (${code || 'it closed the connection'}). Try again in a while.`,
  );
}

export function lost({ name }: Proxy, to: string): ProxyError {
  return new ProxyError(`${to} did not answer in time through the proxy ${name}. Try again; if it stays so, ask whoever runs the proxy.`, {
    late: true,
  });
}
