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
