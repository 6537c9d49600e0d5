import { codeOf, isUntrusted, untrusted } from '../upstreams/error-codes.ts';
import { ProxyError } from '../upstreams/proxy-error.ts';

/**
 * Why a question to a sign-in service had no answer, where that can be told and mended: a proxy on the way, or a
 * certificate. Undefined where no more is known than that there was none.
 * @param who the service, as people call it
 */
export function whyUnanswered(error: unknown, who: string): string | undefined {
  if (error instanceof ProxyError) return error.message;
  return error instanceof Error && isUntrusted(error) ? untrusted(who, codeOf(error)) : undefined;
}

/** Whoever answered is not the service that was asked: its answers are JSON. */
export function answeredByAnother(who: string): string {
  return `What answered for ${who} was something else than ${who}: a proxy, or the sign-in page of a network. Check the network.`;
}

/**
 * True for a page that forbids what was asked. No provider answers with one: it says nothing of the account.
 * @param type the content type of the answer
 */
export function isPageOfAnother(status: number, type: string | string[] | undefined): boolean {
  return status === 403 && /^text\/html\b/i.test([type ?? ''].flat()[0] ?? '');
}
