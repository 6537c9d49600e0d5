import { randomBytes } from 'node:crypto';
import type { TunnelStatus } from '../contract/index.ts';
import type { Clock } from '../engine/clock.ts';
import { elapsed, instantOf, type Instant } from './elapsed.ts';
import type { CheckReport } from './transport.ts';

/** What is proven of a session that is up: that it leads to this very engine, and that only the gateway can reach it. */

export type ProofTimings = {
  /** Milliseconds between questions to the far side while all is well, and while it is not. */
  checkEveryMs: number;
  checkAgainMs: number;
  /** For how long an answer counts. */
  freshMs: number;
};

export type ProofParts = {
  /** The far side may be asked. */
  checks: boolean;
  clock: Clock;
  timings: ProofTimings;
  note: (line: string) => void;
  onChange: () => void;
  /** Bytes that have come through the far port so far. */
  received: () => number;
  /** The far port does not lead here any more. */
  onUnanswered: () => void;
  /** Others than the gateway can reach the far port. */
  onExposed: () => void;
};

/** Has the gateway's check report on the far port, and ask there for proof with this nonce. */
export type AskFarSide = (nonce: string) => Promise<CheckReport>;

export type Proof = {
  /** ssh confirmed this far port. The far side is asked now, and from time to time until `end`. */
  begin(farPort: number, ask: AskFarSide): void;
  end(): void;
  /** A request came in by this far port; `nonce` where it asked for proof. */
  seen(farPort: number, nonce: string | null): void;
  /** The session may be dead: the far side is asked now, and soon again where it does not answer. */
  doubt(): void;
  /** Asks the far side once, now. */
  ask(): Promise<void>;
  view(): Pick<TunnelStatus, 'marks' | 'listens' | 'unproven' | 'latencyMs'> & { answering: boolean };
};

/** Unanswered questions in a row after which the session is not trusted any more. */
const MAX_UNANSWERED = 2;

const HINDRANCES = {
  'not-permitted': 'the gateway does not let this account run the check script',
  'no-curl': 'the check script found no curl on the gateway',
  'no-ss': 'the check script’s ss did not say where the far port is bound',
} as const;

type Seen = { at: Instant; by: string } | null;
/** What is known of one session; another one begins with nothing. */
type Known = {
  farPort: number;
  ask: AskFarSide;
  connected: Seen;
  answering: Seen;
  private: Seen;
  listens: string[];
  /** Why the check can't tell all. */
  hindrance: keyof typeof HINDRANCES | null;
  unanswered: number;
  latencyMs: number | null;
};

export function createProof(parts: ProofParts): Proof {
  const { checks, clock, timings, note, onChange } = parts;
  const awaited = new Map<string, () => void>();
  let known: Known | undefined;
  let timer: NodeJS.Timeout | undefined;
  /** Set while the last answer counts. */
  let aging: NodeJS.Timeout | undefined;

  /** That an answer has grown too old is a change, too, and nothing else may tell it. Not set anew for every call. */
  const age = (answer: Instant): void => {
    const left = timings.freshMs - elapsed(answer, clock);
    aging = left < 0 ? undefined : setTimeout(() => age(known?.answering?.at ?? answer), left + 1);
    aging?.unref();
    if (aging === undefined) onChange();
  };

  /** True where the far side answered, and what it said was as it should be; or where it has not what it takes to answer. */
  const askOnce = async (session: Known): Promise<boolean> => {
    const nonce = randomBytes(24).toString('base64url');
    let reached = false;
    const before = parts.received();
    awaited.set(nonce, () => void (reached = true));
    const report = await session
      .ask(nonce)
      .catch(notAsked)
      .finally(() => awaited.delete(nonce));
    if (session !== known) return false;
    session.hindrance = report.kind === 'not-permitted' ? 'not-permitted' : null;
    if (report.kind !== 'report') {
      note(`drawbridge: the gateway could not be asked (${report.kind === 'failed' ? report.cause.code : report.kind})`);
      onChange();
      return false;
    }
    session.listens = report.listens;
    if (report.listens.some((address) => !isLoopback(address))) {
      note(`drawbridge: the far port is bound to ${report.listens.join(' ')}`);
      parts.onExposed();
      return false;
    }
    if (report.listens.length > 0) session.private = { at: instantOf(clock), by: 'gateway' };
    else if (reached) session.hindrance = 'no-ss';
    if (report.status === null) {
      session.hindrance = 'no-curl';
      note('drawbridge: the check script found no curl on the gateway');
      onChange();
      return true;
    }
    if (reached) session.latencyMs = report.latencyMs;
    // On a busy machine, or behind large uploads, the question comes late; other bytes show that the way is there.
    else if (parts.received() > before) note('drawbridge: the far side did not answer in time, but calls come through');
    else {
      session.unanswered += 1;
      note(`drawbridge: the far port did not lead here (status ${report.status})`);
      if (session.unanswered >= MAX_UNANSWERED) parts.onUnanswered();
    }
    onChange();
    return reached;
  };

  const askOn = async (session: Known): Promise<void> => {
    clearTimeout(timer);
    const fine = await askOnce(session);
    if (session !== known || session.hindrance === 'not-permitted') return;
    clearTimeout(timer);
    timer = setTimeout(() => void askOn(session), fine ? timings.checkEveryMs : timings.checkAgainMs);
    timer.unref();
  };

  return {
    begin(farPort, ask) {
      clearTimeout(aging);
      aging = undefined;
      known = {
        farPort,
        ask,
        connected: { at: instantOf(clock), by: 'ssh' },
        answering: null,
        private: null,
        listens: [],
        hindrance: null,
        unanswered: 0,
        latencyMs: null,
      };
      onChange();
      if (checks) void askOn(known);
    },
    end() {
      known = undefined;
      clearTimeout(timer);
      clearTimeout(aging);
      aging = undefined;
    },
    seen(farPort, nonce) {
      if (known?.farPort !== farPort) return;
      const own = nonce === null ? undefined : awaited.get(nonce);
      const at = instantOf(clock);
      known.answering = { at, by: own === undefined ? 'gateway' : 'check' };
      known.unanswered = 0;
      own?.();
      if (aging !== undefined) return;
      age(at);
      onChange();
    },
    doubt() {
      if (checks && known !== undefined && known.hindrance !== 'not-permitted') void askOn(known);
    },
    async ask() {
      // Where it was not permitted until now, it is asked from time to time from here on.
      if (known !== undefined) await (checks ? askOn : askOnce)(known);
    },
    view() {
      const fresh = known?.answering ?? null;
      const answering = fresh !== null && elapsed(fresh.at, clock) <= timings.freshMs;
      return {
        answering,
        marks: { connected: shown(known?.connected), answering: shown(fresh), private: shown(known?.private) },
        listens: known?.listens ?? [],
        unproven: known === undefined ? null : unprovenOf(answering, known.private !== null, known.hindrance, checks),
        latencyMs: known?.latencyMs ?? null,
      };
    },
  };
}

/** The question could not even be put: the system may have no process or file to spare. */
const notAsked = (): CheckReport => ({ kind: 'failed', cause: { code: 'exited' } });

/** What a person should not take for granted. */
function unprovenOf(answering: boolean, isPrivate: boolean, hindrance: Known['hindrance'], checks: boolean): string | null {
  if (answering && isPrivate) return null;
  if (!checks || hindrance !== null) {
    const why = checks && hindrance !== null ? HINDRANCES[hindrance] : 'checks are switched off for this tunnel';
    if (!answering) return `ssh confirmed the far port, but nothing has come through it lately, and ${why}.`;
    return `Calls come through, but that only the gateway itself can reach the far port is not proven: ${why}.`;
  }
  return answering
    ? 'That only the gateway itself can reach the far port is not proven yet.'
    : 'ssh confirmed the far port; the gateway has not been asked yet, or did not answer.';
}

/** True for an address only its own machine can reach, as `ss` writes it. */
function isLoopback(address: string): boolean {
  return /^(?:127\.\d+\.\d+\.\d+|\[::1\]):\d+$/.test(address);
}

const shown = (seen: Seen | undefined): { at: string; by: string } | null =>
  seen === null || seen === undefined ? null : { at: new Date(seen.at.now).toISOString(), by: seen.by };
