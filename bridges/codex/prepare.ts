import type { Ready } from '../accounts/call.ts';
import { renamed } from '../companion/peek.ts';
import type { UpstreamRequest } from '../upstreams/upstream.ts';
import { exactNumbers } from '../wire/exact-numbers.ts';
import { asString, isObject } from '../wire/json.ts';
import type { JsonValue } from '../wire/turn.ts';
import type { Grant } from './lane.ts';
import { plainModel, planRequest } from './rewrite.ts';

/** A call as one lane takes it. The client's headers stay here: what goes out is ours (SPEC 2.2). */
export function prepare(request: UpstreamRequest, grant: Grant, userAgent: string): Ready {
  const headers = headersFor(request, grant, userAgent);
  const sent = request.body;
  const parsed = sent === null ? undefined : parse(sent);
  if (sent === null || !isObject(parsed)) return { error: { kind: 'invalid_request', message: 'The request body is not a JSON object.' } };
  if (grant.lane === 'platform') {
    const model = asString(parsed.model) ?? '';
    const plain = plainModel(model);
    const body = plain === model ? sent : renamed(sent, plain);
    return { request: { ...request, headers, body }, lost: [], stream: parsed.stream === true };
  }
  const rewritten = planRequest(parsed, grant.lane);
  if ('error' in rewritten) return rewritten;
  const target = grant.lane === 'plan' ? '/v1/responses' : '/backend-api/codex/responses';
  const body = Buffer.from(JSON.stringify(rewritten.body));
  return { request: { method: 'POST', target, headers, body, readHere: true }, lost: rewritten.lost, stream: rewritten.stream };
}

/** Names of the conversation, which the provider's cache goes by; they tell nothing of who the client is. */
/** What the backend gives out at the start of a turn and wants back until its end (SPEC 3.3). */
export const TURN_STATE = 'x-codex-turn-state';
const PASSED_ON = new Set(['session-id', 'thread-id', 'x-client-request-id', 'idempotency-key']);

function headersFor(request: UpstreamRequest, grant: Grant, userAgent: string): string[] {
  const accept = grant.lane === 'platform' ? 'text/event-stream, application/json' : 'text/event-stream';
  const out = ['content-type', 'application/json', 'accept', accept, 'accept-encoding', 'identity', 'user-agent', userAgent];
  for (let i = 0; i + 1 < request.headers.length; i += 2) {
    const name = request.headers[i]?.toLowerCase() ?? '';
    if (PASSED_ON.has(name) || (grant.lane === 'backend' && name === TURN_STATE)) out.push(name, request.headers[i + 1] ?? '');
  }
  out.push('authorization', `Bearer ${grant.token}`);
  if (grant.lane === 'backend') {
    out.push('originator', 'drawbridge');
    if (grant.accountId !== null) out.push('chatgpt-account-id', grant.accountId);
    if (typeof grant.routing === 'string') out.push('x-openai-account-routing-override', grant.routing);
  }
  return out;
}

function parse(body: Buffer): JsonValue | undefined {
  const text = body.toString('utf8');
  try {
    return exactNumbers<JsonValue>(JSON.parse(text), text);
  } catch {
    return undefined;
  }
}
