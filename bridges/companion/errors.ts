import type { IncomingHttpHeaders } from 'node:http';
import type { Refusal, RefusalCode } from '../http/guard.ts';
import type { ErrorAnswer } from '../http/listener.ts';
import { codecs } from '../wire/codecs.ts';
import type { ErrorKind, TurnError, WireFormat } from '../wire/turn.ts';
import { clientOf, errorFamily, errorWire, readTarget } from './client.ts';
import type { UpstreamFailure } from '../upstreams/upstream.ts';

/** Refusals that the error table knows; the others are about HTTP itself and keep their own status. */
const KINDS: Partial<Record<RefusalCode, ErrorKind>> = {
  key_missing: 'key_rejected',
  key_wrong: 'key_rejected',
  body_too_large: 'body_too_large',
};

/** The error types each family of formats uses for an HTTP status. */
const ANTHROPIC_TYPES: Readonly<Record<number, string>> = {
  401: 'authentication_error',
  403: 'permission_error',
  404: 'not_found_error',
  413: 'request_too_large',
};

/** A refusal of the guard, as a caller of that path expects an error. */
export function renderRefusal(refusal: Refusal, target: string | undefined, headers: IncomingHttpHeaders, requestId: string): ErrorAnswer {
  const wire = errorWire(target === undefined ? '/' : readTarget(target).target, headers);
  const kind = KINDS[refusal.code];
  if (kind !== undefined)
    return renderTurnError({ kind, message: refusal.message, status: refusal.status }, wire, headers['user-agent'], requestId);
  const body =
    wire === 'messages'
      ? {
          type: 'error',
          error: { type: ANTHROPIC_TYPES[refusal.status] ?? 'invalid_request_error', message: refusal.message },
          request_id: requestId,
        }
      : { error: { message: refusal.message, type: 'invalid_request_error', code: refusal.code, param: null } };
  return {
    status: refusal.status,
    headers: { 'content-type': 'application/json', 'x-should-retry': 'false', ...requestIdHeader(wire, requestId) },
    body: JSON.stringify(body),
  };
}

/** An error in the words of a client of this wire format. */
export function renderTurnError(error: TurnError, wire: WireFormat, userAgent: string | undefined, requestId: string): ErrorAnswer {
  const rendered = codecs[wire].renderError(error, { family: errorFamily(clientOf({ 'user-agent': userAgent }).name), requestId });
  return {
    status: rendered.status,
    headers: { 'content-type': 'application/json', ...requestIdHeader(wire, requestId), ...rendered.headers },
    body: JSON.stringify(rendered.body),
  };
}

/** What became of a call whose upstream gave no reply. */
export function failureError(failure: UpstreamFailure): TurnError {
  if (failure.error !== undefined) return failure.error;
  return { kind: failure.kind === 'timeout' ? 'timeout' : 'upstream_failed', message: failure.message };
}

/** The header by which each vendor's clients name a request (SPEC section 2, rule 7). */
export function requestIdHeader(wire: WireFormat, requestId: string): Record<string, string> {
  return wire === 'messages' ? { 'request-id': requestId } : { 'x-request-id': requestId };
}
