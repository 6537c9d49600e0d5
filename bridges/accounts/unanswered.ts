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
