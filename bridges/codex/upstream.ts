import type { Admission, Governor } from '../accounts/governor.ts';
import type { Flow, ReplySink, Upstream, UpstreamFailure, UpstreamRequest } from '../upstreams/upstream.ts';
import { asString, isObject } from '../wire/json.ts';
import type { JsonValue, Loss, TurnError } from '../wire/turn.ts';
import { signInNeeded, type Grant, type Lane, type Session } from './lane.ts';
import { PlanReply } from './reply.ts';
import { plainModel, planRequest } from './rewrite.ts';

export type CodexUpstreamOptions = {
  /** The active account; undefined where nobody is signed in. */
  session: () => Session | undefined;
  enabled: () => boolean;
  dailyCalls: () => number;
  governor: Governor;
  /** Where each lane leads. */
  upstreamOf: (lane: Lane) => Upstream;
  /** Ours: no other product's name goes out. */
  userAgent: string;
  onHeaders: (headers: Readonly<Record<string, string | string[]>>) => void;
  /** The provider refused a call, in neutral words. */
  onError: (error: TurnError, lane: Lane) => void;
};

export type CodexUpstream = Upstream & {
  /** Ends every call under way. */
  endAll(reason: string): void;
};

/** Calls of the codex bridge: admitted by the governor, given the account's credential, put into the provider's words. */
export function codexUpstream(options: CodexUpstreamOptions): CodexUpstream {
  const running = new Set<CodexCall>();
  return {
    id: 'codex',
    send(request, sink) {
      const call = new CodexCall(options, request, sink, () => running.delete(call));
      running.add(call);
      call.begin();
      return call;
    },
    endAll(reason) {
      for (const call of running) call.fail({ kind: 'refused', message: reason, error: switchedOff(reason) });
    },
    async stop() {
      for (const call of running) call.abort();
    },
  };
}

/** One call on its way. Until the provider answers there may be nothing to resume or abort yet: both are remembered. */
class CodexCall implements Flow, ReplySink {
  readonly #options: CodexUpstreamOptions;
  readonly #request: UpstreamRequest;
  readonly #sink: ReplySink;
  readonly #onOver: () => void;
  readonly #waiting = new AbortController();
  #release: (() => void) | undefined;
  #flow: Flow | undefined;
  #target: ReplySink | undefined;
  #grant: Grant | undefined;
  #retried = false;
  #over = false;

  constructor(options: CodexUpstreamOptions, request: UpstreamRequest, sink: ReplySink, onOver: () => void) {
    this.#options = options;
    this.#request = request;
    this.#sink = sink;
    this.#onOver = onOver;
  }

  begin(): void {
    this.#run().catch(this.#broken);
  }

  readonly #broken = (error: unknown): void => {
    const message = error instanceof Error ? error.message : String(error);
    this.fail({ kind: 'refused', message, error: { kind: 'upstream_failed', message } });
  };

  async #run(): Promise<void> {
    const o = this.#options;
    if (!o.enabled()) return this.#refuse(switchedOff(OFF));
    const session = o.session();
    if (session === undefined) return this.#refuse(NOBODY.error);
    const admission = await o.governor.enter(this.#waiting.signal);
    if (!('release' in admission)) return this.#refuse(notAdmitted(admission, o.dailyCalls()));
    if (this.#over) return admission.release();
    this.#release = admission.release;
    const grant = await session.grant();
    if ('error' in grant) return this.#refuse(grant.error);
    this.#attempt(grant);
  }

  #attempt(grant: Grant): void {
    if (this.#over) return;
    this.#grant = grant;
    const ready = prepare(this.#request, grant, this.#options.userAgent);
    if ('error' in ready) return this.#refuse(ready.error);
    this.#sink.sent?.(ready.request.headers, ready.request.body, ready.lost);
    this.#target =
      grant.lane === 'platform' ? this.#sink : new PlanReply(this.#sink, ready.stream, (error) => this.#options.onError(error, grant.lane));
    this.#flow = this.#options.upstreamOf(grant.lane).send(ready.request, this);
  }

  start(status: number, headers: Record<string, string | string[]>): void {
    if (this.#over) return;
    this.#options.onHeaders(headers);
    if (status === 401 && this.#grant !== undefined) {
      this.#unauthorized(this.#grant).catch(this.#broken);
      return;
    }
    const { 'openai-model': _model, ...kept } = headers;
    this.#target?.start(status, kept);
  }

  data(chunk: Buffer): boolean {
    return this.#over ? true : (this.#target?.data(chunk) ?? true);
  }

  end(): void {
    if (this.#over || this.#target === undefined) return;
    this.#finish();
    this.#target.end();
  }

  fail(failure: UpstreamFailure): void {
    if (this.#over) return;
    const target = this.#target ?? this.#sink;
    this.#finish();
    this.#flow?.abort();
    target.fail(failure);
  }

  resume(): void {
    this.#flow?.resume();
  }

  abort(): void {
    if (this.#over) return;
    this.#finish();
    this.#flow?.abort();
  }

  /** Tried again once, with whatever the session has by now; nothing has reached the client yet. */
  async #unauthorized(grant: Grant): Promise<void> {
    this.#flow?.abort();
    this.#target = undefined;
    const answer = (await this.#options.session()?.refused(grant.token)) ?? NOBODY;
    if ('error' in answer) return this.#refuse(answer.error);
    if (this.#retried) return this.#refuse(signInNeeded('OpenAI refuses the sign-in.').error);
    this.#retried = true;
    this.#attempt(answer);
  }

  #refuse(error: TurnError): void {
    this.fail({ kind: 'refused', message: error.message, error });
  }

  #finish(): void {
    this.#over = true;
    this.#waiting.abort();
    this.#release?.();
    this.#onOver();
  }
}

type Ready = { request: UpstreamRequest; lost: readonly Loss[]; stream: boolean } | { error: TurnError };

/** A call as one lane takes it. The client's headers stay here: what goes out is ours (SPEC 2.2). */
export function prepare(request: UpstreamRequest, grant: Grant, userAgent: string): Ready {
  const headers = headersFor(request, grant, userAgent);
  const parsed = request.body === null ? undefined : parse(request.body);
  if (!isObject(parsed)) return { error: { kind: 'invalid_request', message: 'The request body is not a JSON object.' } };
  if (grant.lane === 'platform') {
    const model = asString(parsed.model) ?? '';
    const plain = plainModel(model);
    // Bytes that need no change are not changed.
    const body = plain === model ? request.body : Buffer.from(JSON.stringify({ ...parsed, model: plain }));
    return { request: { ...request, headers, body }, lost: [], stream: parsed.stream === true };
  }
  const rewritten = planRequest(parsed, grant.lane);
  if ('error' in rewritten) return rewritten;
  const target = grant.lane === 'plan' ? '/v1/responses' : '/backend-api/codex/responses';
  const body = Buffer.from(JSON.stringify(rewritten.body));
  return { request: { method: 'POST', target, headers, body }, lost: rewritten.lost, stream: rewritten.stream };
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
  try {
    return JSON.parse(body.toString('utf8'));
  } catch {
    return undefined;
  }
}

const NOBODY = signInNeeded('Nobody is signed in to the codex bridge.');
const OFF = 'The codex bridge is switched off. Switch it on in Drawbridge, or with: drawbridge bridges on codex';

function switchedOff(message: string): TurnError {
  return { kind: 'not_entitled', code: 'bridge_off', message };
}

/** The governor's refusals as a client reads them: always a 429. */
function notAdmitted(admission: Exclude<Admission, { release: () => void }>, dailyCalls: number): TurnError {
  if (admission.refused === 'queue') {
    return {
      kind: 'rate_limited',
      code: 'drawbridge_busy',
      retryAfter: 2,
      message: 'Too many calls are waiting for the codex bridge. Drawbridge lets only a few through at once (bridges.codex.concurrency).',
    };
  }
  return {
    kind: 'quota_exceeded',
    code: 'drawbridge_ceiling',
    resetsAt: Math.round(admission.resetsAt / 1000),
    message: `Drawbridge’s own ceiling of ${dailyCalls} calls a day for the codex bridge is reached. It begins anew at 00:00 UTC; its owner can raise bridges.codex.dailyCalls in the settings.`,
  };
}
