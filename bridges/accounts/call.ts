import type { Admission, Governor } from './governor.ts';
import type { Witness } from './holder.ts';
import type { TokenAnswer, Tokens } from './keeper.ts';
import type { Use } from '../contract/index.ts';
import type { Flow, ReplySink, Upstream, UpstreamFailure, UpstreamRequest } from '../upstreams/upstream.ts';
import { outOfScope } from '../upstreams/upstreams.ts';
import type { Loss, TurnError } from '../wire/turn.ts';

/** What a call goes out with; a bridge adds what else it needs. */
export type Grant = { token: string };
export type GrantAnswer<G extends Grant> = G | { error: TurnError };

/** The signed-in account of one route, as far as a call needs it. */
export type Session<G extends Grant> = {
  /** For one call, or (without a request) for what is asked besides calls. */
  grant(request?: UpstreamRequest): Promise<GrantAnswer<G>>;
  /** The provider answered 401 to this token; its headers may say what it wants instead. */
  refused(token: string, headers: ReplyHeaders, request?: UpstreamRequest): Promise<GrantAnswer<G>>;
  /** Looks again at the keychain, or at another program's file. */
  retry(): Promise<void>;
  stop(): Promise<void>;
};

type ReplyHeaders = Readonly<Record<string, string | string[]>>;

/** A request as the provider takes it, with what had to be left out. */
export type Ready =
  | {
      request: UpstreamRequest;
      lost: readonly Loss[];
      stream: boolean;
      /** Where this one call goes, where one place for all calls of a grant does not do. */
      upstream?: Upstream;
    }
  | { error: TurnError };

export type BridgeUpstreamOptions<S extends Session<G>, G extends Grant> = {
  bridge: string;
  /** The active account; undefined where nobody is signed in. */
  session: () => S | undefined;
  witness: (session: S) => Witness;
  /** Why a call for this use may not be made with the active account. */
  admits: (use: Use) => string | undefined;
  enabled: () => boolean;
  dailyCalls: () => number;
  governor: Governor;
  prepare: (request: UpstreamRequest, grant: G, witness: Witness) => Ready;
  /** Where a call with this grant leads. */
  upstreamOf: (grant: G) => Upstream;
  /** Whether a 401 with this body is about the one call, and not about the sign-in. */
  sparesSignIn?: (body: string, grant: G) => boolean;
  /** The reply's way back to the client. */
  replyTo: (sink: ReplySink, grant: G, stream: boolean, witness: Witness) => ReplySink;
  /** Told of replies to the active account alone. */
  onHeaders: (headers: ReplyHeaders) => void;
};

export type BridgeUpstream = Upstream & {
  /** Ends every call under way. */
  endAll(reason: string): void;
};

/** A call that no sign-in stands behind (SPEC 10.6). */
export function signInNeeded(bridge: string, reason: string): { error: TurnError } {
  const message = `${reason} Sign in to the ${bridge} bridge in Drawbridge, or with: drawbridge signin ${bridge}`;
  return { error: { kind: 'sign_in_needed', code: 'auth_required', message } };
}

/** What a call without tokens is answered with. */
export function tokensMissing(bridge: string, answer: Exclude<TokenAnswer, { tokens: Tokens }>): { error: TurnError } {
  if (answer.problem !== 'passing') return signInNeeded(bridge, answer.reason);
  const retryAfter = answer.retryAfterMs === null ? undefined : Math.ceil(answer.retryAfterMs / 1000);
  return { error: { kind: 'overloaded', message: answer.reason, ...(retryAfter === undefined ? {} : { retryAfter }) } };
}

/** Calls of a bridge: admitted by the governor, given the account's credential, put into the provider's words. */
export function bridgeUpstream<S extends Session<G>, G extends Grant>(options: BridgeUpstreamOptions<S, G>): BridgeUpstream {
  const running = new Set<BridgeCall<S, G>>();
  return {
    id: options.bridge,
    send(request, sink) {
      const call = new BridgeCall(options, request, sink, () => running.delete(call));
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

type Denial = { headers: Record<string, string | string[]>; chunks: Buffer[]; size: number };

/** One call on its way. Until the provider answers there may be nothing to resume or abort yet: both are remembered. */
class BridgeCall<S extends Session<G>, G extends Grant> implements Flow, ReplySink {
  readonly #options: BridgeUpstreamOptions<S, G>;
  readonly #request: UpstreamRequest;
  readonly #sink: ReplySink;
  readonly #onOver: () => void;
  readonly #waiting = new AbortController();
  #release: (() => void) | undefined;
  #flow: Flow | undefined;
  #target: ReplySink | undefined;
  /** What it went out with. */
  #account: { session: S; grant: G } | undefined;
  #retried = false;
  /** A 401 that is read before it is known what it is about. */
  #denied: Denial | undefined;
  #over = false;

  constructor(options: BridgeUpstreamOptions<S, G>, request: UpstreamRequest, sink: ReplySink, onOver: () => void) {
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
    if (!o.enabled()) return this.#refuse(switchedOff(offText(o.bridge)));
    if (o.session() === undefined) return this.#refuse(nobody(o.bridge).error);
    const admission = await o.governor.enter(this.#waiting.signal);
    if (!('release' in admission)) return this.#refuse(notAdmitted(admission, o.bridge, o.dailyCalls()));
    if (this.#over) return admission.release();
    this.#release = admission.release;
    // Whoever was signed in when it came may be signed out by the time it is let through.
    const session = o.session();
    if (session === undefined) return this.#refuse(nobody(o.bridge).error);
    if (this.#isOutOfScope()) return;
    const grant = await session.grant(this.#request);
    if ('error' in grant) return this.#refuse(grant.error);
    this.#attempt(session, grant);
  }

  #attempt(session: S, grant: G): void {
    if (this.#over) return;
    this.#account = { session, grant };
    const witness = this.#options.witness(session);
    const ready = this.#options.prepare(this.#request, grant, witness);
    if ('error' in ready) return this.#refuse(ready.error);
    this.#sink.sent?.(ready.request.headers, ready.request.body, ready.lost);
    this.#target = this.#options.replyTo(this.#sink, grant, ready.stream, witness);
    this.#flow = (ready.upstream ?? this.#options.upstreamOf(grant)).send(ready.request, this);
  }

  start(status: number, headers: Record<string, string | string[]>): void {
    if (this.#over) return;
    if (this.#account?.session === this.#options.session()) this.#options.onHeaders(headers);
    if (status === 401 && this.#account !== undefined) {
      if (this.#options.sparesSignIn === undefined) this.#unauthorized(this.#account, headers).catch(this.#broken);
      else this.#denied = { headers, chunks: [], size: 0 };
      return;
    }
    this.#startReply(status, headers);
  }

  #startReply(status: number, { 'openai-model': _model, ...kept }: Record<string, string | string[]>): void {
    this.#target?.start(status, kept);
  }

  data(chunk: Buffer, last?: boolean): boolean {
    if (this.#denied !== undefined) {
      this.#denied.chunks.push(chunk);
      this.#denied.size += chunk.length;
      if (this.#denied.size > MAX_DENIAL_BYTES) this.#judge(this.#denied);
      return true;
    }
    return this.#over ? true : (this.#target?.data(chunk, last) ?? true);
  }

  #judge({ headers, chunks, size }: Denial): void {
    this.#denied = undefined;
    if (this.#over || this.#account === undefined) return;
    const body = Buffer.concat(chunks);
    const isSpared = size <= MAX_DENIAL_BYTES && this.#options.sparesSignIn?.(body.toString('utf8'), this.#account.grant) === true;
    if (!isSpared) {
      this.#unauthorized(this.#account, headers).catch(this.#broken);
      return;
    }
    this.#startReply(401, headers);
    this.#target?.data(body, true);
    this.end();
  }

  end(): void {
    if (this.#denied !== undefined) return this.#judge(this.#denied);
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
  async #unauthorized({ session, grant }: { session: S; grant: G }, headers: ReplyHeaders): Promise<void> {
    this.#flow?.abort();
    this.#target = undefined;
    const now = this.#options.session();
    if (now === undefined) return this.#refuse(nobody(this.#options.bridge).error);
    if (this.#isOutOfScope()) return;
    // An account that took its place never gave this token: that it is refused says nothing of that one.
    const answer = now === session ? await now.refused(grant.token, headers, this.#request) : await now.grant(this.#request);
    if ('error' in answer) return this.#refuse(answer.error);
    if (this.#retried) return this.#refuse(signInNeeded(this.#options.bridge, 'The provider refuses the sign-in.').error);
    this.#retried = true;
    this.#attempt(now, answer);
  }

  /** The account in use may be another one than the call was admitted for when it came. */
  #isOutOfScope(): boolean {
    const { use } = this.#request;
    const reason = use === undefined ? undefined : this.#options.admits(use);
    if (reason !== undefined) this.#refuse(outOfScope(reason));
    return reason !== undefined;
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

/** A 401 that says more says nothing more. */
const MAX_DENIAL_BYTES = 64 * 1024;

const nobody = (bridge: string) => signInNeeded(bridge, `Nobody is signed in to the ${bridge} bridge.`);
const offText = (bridge: string): string =>
  `The ${bridge} bridge is switched off. Switch it on in Drawbridge, or with: drawbridge bridges on ${bridge}`;

function switchedOff(message: string): TurnError {
  return { kind: 'not_entitled', code: 'bridge_off', message };
}

/** The governor's refusals as a client reads them: always a 429. */
function notAdmitted(admission: Exclude<Admission, { release: () => void }>, bridge: string, dailyCalls: number): TurnError {
  if (admission.refused === 'queue') {
    return {
      kind: 'rate_limited',
      code: 'drawbridge_busy',
      retryAfter: 2,
      message: `Too many calls are waiting for the ${bridge} bridge. Drawbridge lets only a few through at once (bridges.${bridge}.concurrency).`,
    };
  }
  return {
    kind: 'quota_exceeded',
    code: 'drawbridge_ceiling',
    resetsAt: Math.round(admission.resetsAt / 1000),
    message: `Drawbridge’s own ceiling of ${dailyCalls} calls a day for the ${bridge} bridge is reached. It begins anew at 00:00 UTC; its owner can raise bridges.${bridge}.dailyCalls in the settings.`,
  };
}
