import { retryOf, type Cause, type CauseCode } from './causes.ts';

/**
 * What a tunnel should do next, as a pure function: no clock, no process, no network. `step` takes what happened and
 * when, and gives the new state and the deeds to do. One session at a time, always.
 */

export type Phase =
  | { name: 'off' }
  | { name: 'waiting-network'; cause: Cause }
  /** `asking`: the session is over, and the edge is being asked what it meant. */
  | { name: 'connecting'; asking: boolean }
  | { name: 'edge-open' }
  | { name: 'authenticated' }
  | { name: 'up'; since: number }
  /** The running session is being ended to be replaced. */
  | { name: 'silent'; cause: Cause }
  | { name: 'backoff'; until: number; cause: Cause }
  | { name: 'blocked'; cause: Cause };

export type Far = 0 | 1;

export type Supervised = {
  readonly phase: Phase;
  readonly wanted: boolean;
  readonly online: boolean;
  readonly session: 'none' | 'running' | 'closing';
  /** Which of the two far ports is used. */
  readonly far: Far;
  /** The other far port was refused just before. */
  readonly refused: boolean;
  /** Attempts in a row that came to nothing. */
  readonly failures: number;
  /** When a session was last up. */
  readonly goodAt: number | null;
  /** No attempt before this moment: what wakes a machine or changes its network comes in bursts. */
  readonly notBefore: number;
};

export type Happening =
  | { type: 'start' }
  | { type: 'stop' }
  /** A person asks for a fresh session. */
  | { type: 'reconnect' }
  | { type: 'wake' }
  /** `moved`: the way to the gateway is another one, or it is not known to be the same. */
  | { type: 'network'; online: boolean; moved: boolean }
  | { type: 'timer' }
  | { type: 'progress'; step: 'edge-open' | 'authenticated' | 'up' }
  /** The session is not to be trusted any more (the far side did not answer). */
  | { type: 'distrust' }
  /** The session must end and not come back before a person has acted. */
  | { type: 'condemn'; cause: Cause }
  | { type: 'ended'; cause: Cause }
  /** What the edge said when it was asked. */
  | { type: 'asked'; cause: Cause };

export type Deed = { type: 'open'; far: Far } | { type: 'close' } | { type: 'ask' } | { type: 'wait'; until: number };

export type Moment = {
  now: number;
  /** From 0 up to 1. */
  random: number;
};

/** Milliseconds. */
export const RULES = {
  /** A session that lived this long is replaced at once when it is cut. */
  goodSessionMs: 10_000,
  /** After this long up, earlier failures are forgotten. */
  forgetFailuresMs: 60_000,
  firstWaitMs: 1_000,
  longestWaitMs: 60_000,
  /** While the tunnel was up not long ago, an outage is taken to be short. */
  recentMs: 300_000,
  longestWaitWhenRecentMs: 6_000,
  debounceMs: 750,
  longestRetryAfterMs: 600_000,
} as const;

export const initial = (online: boolean): Supervised => ({
  phase: { name: 'off' },
  wanted: false,
  online,
  session: 'none',
  far: 0,
  refused: false,
  failures: 0,
  goodAt: null,
  notBefore: 0,
});

type Step = { state: Supervised; deeds: readonly Deed[] };

/** The next state, and what to do about it. */
export function step(state: Supervised, happening: Happening, moment: Moment): Step {
  switch (happening.type) {
    case 'start':
      // What is up serves calls, which a new session would cut; who wants one all the same reconnects.
      if (state.phase.name === 'up') return still(state);
      return begin({ ...state, wanted: true, failures: 0, refused: false, notBefore: 0 }, moment, 'replaced');
    case 'stop':
      return end({ ...state, wanted: false }, { name: 'off' });
    case 'reconnect':
      return state.wanted ? begin({ ...state, failures: 0, refused: false, notBefore: 0 }, moment, 'replaced') : still(state);
    case 'wake':
      return disturbed(state, moment);
    case 'network':
      return network(state, happening, moment);
    case 'timer':
      return state.phase.name === 'backoff' ? onTimer(state, state.phase, moment) : still(state);
    case 'progress':
      return progress(state, happening.step, moment);
    case 'distrust':
      return state.wanted && state.session === 'running' && state.phase.name === 'up'
        ? end({ ...state, far: other(state.far), goodAt: moment.now }, { name: 'silent', cause: { code: 'unanswered' } })
        : still(state);
    case 'condemn':
      return state.wanted ? end(state, { name: 'blocked', cause: happening.cause }) : still(state);
    case 'ended':
      return ended(state, happening.cause, moment);
    case 'asked':
      return state.phase.name === 'connecting' && state.phase.asking ? failed(state, happening.cause, moment) : still(state);
  }
}

const still = (state: Supervised): Step => ({ state, deeds: [] });
const other = (far: Far): Far => (far === 0 ? 1 : 0);

/** Ends the running session, if there is one, and goes to a phase. */
function end(state: Supervised, phase: Phase): Step {
  if (state.session !== 'running') return still({ ...state, phase });
  return { state: { ...state, phase, session: 'closing' }, deeds: [{ type: 'close' }] };
}

const NO_NETWORK: Phase = { name: 'waiting-network', cause: { code: 'no-network' } };

/** A fresh session now, or as soon as the old one is gone and the network is there. `why` an old one is to go. */
function begin(state: Supervised, { now }: Moment, why: CauseCode = 'disturbed'): Step {
  if (!state.online) return end(state, NO_NETWORK);
  if (state.session !== 'none') return end(state, { name: 'silent', cause: { code: why } });
  if (isAhead(state.notBefore, now, RULES.debounceMs)) return wait(state, state.notBefore, { code: 'disturbed' });
  return {
    state: { ...state, phase: { name: 'connecting', asking: false }, session: 'running' },
    deeds: [{ type: 'open', far: state.far }],
  };
}

function wait(state: Supervised, until: number, cause: Cause): Step {
  return { state: { ...state, phase: { name: 'backoff', until, cause } }, deeds: [{ type: 'wait', until }] };
}

function onTimer(state: Supervised, { until, cause }: { until: number; cause: Cause }, moment: Moment): Step {
  const longest = Math.max(RULES.longestWaitMs, askedOf(cause));
  return isAhead(until, moment.now, longest) ? { state, deeds: [{ type: 'wait', until }] } : begin(state, moment);
}

/** True for a moment that is still to come. One that is further off than it ever was: the clock was put back. */
function isAhead(until: number, now: number, longest: number): boolean {
  return now < until && until - now <= longest;
}

/** How long the edge asked to wait, within reason. */
const askedOf = ({ retryAfterMs }: Cause): number => Math.min(retryAfterMs ?? 0, RULES.longestRetryAfterMs);

/** After a wake or a change of network a session may look alive and be dead: it is replaced, not trusted. */
function disturbed(state: Supervised, moment: Moment): Step {
  if (!state.wanted) return still(state);
  if (state.phase.name === 'blocked' && retryOf(state.phase.cause.code) !== 'network') return still(state);
  return begin({ ...state, failures: 0, refused: false, notBefore: moment.now + RULES.debounceMs }, moment);
}

function network(state: Supervised, { online, moved }: { online: boolean; moved: boolean }, moment: Moment): Step {
  const next = { ...state, online };
  // What changed leads elsewhere (to a container, say): the session is as good as it was.
  if (online && !moved && state.session === 'running') return still(next);
  if (online) return disturbed(next, moment);
  if (!state.wanted || state.phase.name === 'blocked') return still(next);
  return end(next, NO_NETWORK);
}

function progress(state: Supervised, reached: 'edge-open' | 'authenticated' | 'up', { now }: Moment): Step {
  if (state.session !== 'running') return still(state);
  if (reached === 'up') return still({ ...state, phase: { name: 'up', since: now }, goodAt: now, refused: false });
  return still({ ...state, phase: { name: reached } });
}

function ended(before: Supervised, cause: Cause, moment: Moment): Step {
  const state: Supervised = { ...before, session: 'none' };
  if (!state.wanted) return still({ ...state, phase: { name: 'off' } });
  if (before.session === 'closing') {
    return state.phase.name === 'silent' ? begin(state, moment) : still(state);
  }
  if (retryOf(cause.code) === 'ask') return { state: { ...state, phase: { name: 'connecting', asking: true } }, deeds: [{ type: 'ask' }] };
  return failed(state, cause, moment);
}

function failed(state: Supervised, cause: Cause, moment: Moment): Step {
  const retry = retryOf(cause.code);
  if (retry === 'never' || retry === 'network') return still({ ...state, phase: { name: 'blocked', cause } });
  if (retry === 'other-port') {
    const swapped = { ...state, far: other(state.far) };
    // One refusal may be a dead session's; two in a row are worth a wait.
    return state.refused ? later({ ...swapped, refused: false }, cause, moment) : begin({ ...swapped, refused: true }, moment);
  }
  const lived = state.phase.name === 'up' ? moment.now - state.phase.since : 0;
  const failures = lived >= RULES.forgetFailuresMs ? 0 : state.failures;
  const goodAt = state.phase.name === 'up' ? moment.now : state.goodAt;
  if (lived > RULES.goodSessionMs) return begin({ ...state, failures, goodAt }, moment);
  return later({ ...state, failures, goodAt }, cause, moment);
}

/** Full jitter below a ceiling that doubles. */
function later(state: Supervised, cause: Cause, { now, random }: Moment): Step {
  // Either way: a clock that was put back makes what was last year's lie ahead.
  const recent = state.goodAt !== null && Math.abs(now - state.goodAt) < RULES.recentMs;
  const longest = recent ? RULES.longestWaitWhenRecentMs : RULES.longestWaitMs;
  const ceiling = Math.min(longest, RULES.firstWaitMs * 2 ** Math.min(state.failures, 30));
  return wait({ ...state, failures: state.failures + 1 }, now + Math.max(askedOf(cause), Math.round(random * ceiling)), cause);
}
