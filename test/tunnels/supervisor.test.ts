import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CAUSE_CODES, retryOf, type Cause, type CauseCode } from '../../bridges/tunnels/causes.ts';
import { initial, RULES, step, type Deed, type Happening, type Supervised } from '../../bridges/tunnels/supervisor.ts';

/** Drives the supervisor by hand: time stands still unless it is moved. */
function drive(online = true, random = 0.5) {
  let state = initial(online);
  let now = 1_000_000;
  const happen = (happening: Happening): readonly Deed[] => {
    const next = step(state, happening, { now, random });
    state = next.state;
    return next.deeds;
  };
  return {
    happen,
    pass: (ms: number) => void (now += ms),
    state: () => state,
    now: () => now,
    up: () => {
      happen({ type: 'progress', step: 'edge-open' });
      happen({ type: 'progress', step: 'authenticated' });
      return happen({ type: 'progress', step: 'up' });
    },
    ended: (code: CauseCode, retryAfterMs?: number) =>
      happen({ type: 'ended', cause: retryAfterMs === undefined ? { code } : { code, retryAfterMs } }),
  };
}
const started = () => {
  const tunnel = drive();
  tunnel.happen({ type: 'start' });
  return tunnel;
};
const OPEN_0 = [{ type: 'open', far: 0 }];
const OPEN_1 = [{ type: 'open', far: 1 }];
const CLOSE = [{ type: 'close' }];
const YEAR = 365 * 86_400_000;

describe('a session', () => {
  it('is opened when started, and walks through its states', () => {
    const tunnel = drive();
    expect(tunnel.happen({ type: 'start' })).toEqual(OPEN_0);
    expect(tunnel.state().phase).toEqual({ name: 'connecting', asking: false });
    tunnel.up();
    expect(tunnel.state().phase).toEqual({ name: 'up', since: tunnel.now() });
  });
  it('that is up is left as it is when started again', () => {
    const tunnel = started();
    tunnel.up();
    const before = tunnel.state();
    expect(tunnel.happen({ type: 'start' })).toEqual([]);
    expect(tunnel.state()).toEqual(before);
  });
  it('is closed when stopped, and off at once to the eye', () => {
    const tunnel = started();
    tunnel.up();
    expect(tunnel.happen({ type: 'stop' })).toEqual(CLOSE);
    expect(tunnel.state()).toMatchObject({ phase: { name: 'off' }, session: 'closing' });
    expect(tunnel.ended('exited')).toEqual([]);
    expect(tunnel.state()).toMatchObject({ phase: { name: 'off' }, session: 'none' });
  });
  it('waits for the old one when stopped and started in one breath', () => {
    const tunnel = started();
    tunnel.happen({ type: 'stop' });
    expect(tunnel.happen({ type: 'start' })).toEqual([]);
    expect(tunnel.ended('exited')).toEqual(OPEN_0);
  });
  it('waits for a network where there is none', () => {
    const tunnel = drive(false);
    expect(tunnel.happen({ type: 'start' })).toEqual([]);
    expect(tunnel.state().phase.name).toBe('waiting-network');
    const [deed] = tunnel.happen({ type: 'network', online: true, moved: true });
    expect(deed).toEqual({ type: 'wait', until: tunnel.now() + RULES.debounceMs });
    tunnel.pass(RULES.debounceMs);
    expect(tunnel.happen({ type: 'timer' })).toEqual(OPEN_0);
  });
});

describe('trying again', () => {
  it('is at once after a good session', () => {
    const tunnel = started();
    tunnel.up();
    tunnel.pass(RULES.goodSessionMs + 1);
    expect(tunnel.ended('dropped')).toEqual(OPEN_0);
  });
  it('waits after a short one', () => {
    const tunnel = started();
    tunnel.up();
    tunnel.pass(1_000);
    expect(tunnel.ended('dropped')).toEqual([{ type: 'wait', until: tunnel.now() + 500 }]);
  });
  it('doubles the ceiling from 1 s to 60 s, with full jitter', () => {
    const waits = [0, 0.5, 0.999999].map((random) => {
      const tunnel = drive(true, random);
      tunnel.happen({ type: 'start' });
      return Array.from({ length: 9 }, () => {
        const [deed] = tunnel.ended('edge-unreachable');
        const waited = deed?.type === 'wait' ? deed.until - tunnel.now() : -1;
        tunnel.pass(waited);
        expect(tunnel.happen({ type: 'timer' })).toEqual(OPEN_0);
        return waited;
      });
    });
    expect(waits[0]).toEqual(Array.from({ length: 9 }, () => 0));
    expect(waits[1]).toEqual([500, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000, 30_000]);
    expect(Math.max(...(waits[2] ?? []))).toBeLessThanOrEqual(60_000);
  });
  it('takes an outage for a short one while the tunnel was up not long ago', () => {
    const tunnel = drive(true, 0.999999);
    tunnel.happen({ type: 'start' });
    tunnel.up();
    let longest = 0;
    for (let waited = 0; waited < 120_000;) {
      const [deed] = tunnel.ended('edge-unreachable');
      const wait = deed?.type === 'wait' ? deed.until - tunnel.now() : Infinity;
      longest = Math.max(longest, wait);
      waited += wait;
      tunnel.pass(wait);
      tunnel.happen({ type: 'timer' });
    }
    expect(longest).toBeLessThanOrEqual(RULES.longestWaitWhenRecentMs);
  });
  it('forgets earlier failures after a minute up', () => {
    const tunnel = started();
    for (let i = 0; i < 4; i++) {
      tunnel.ended('edge-unreachable');
      tunnel.pass(60_000);
      tunnel.happen({ type: 'timer' });
    }
    tunnel.up();
    tunnel.pass(RULES.forgetFailuresMs);
    expect(tunnel.ended('dropped')).toEqual(OPEN_0);
    expect(tunnel.state().failures).toBe(0);
  });
  it('heeds Retry-After, within reason', () => {
    const tunnel = started();
    expect(tunnel.ended('rate-limited', 7_000)).toEqual([{ type: 'wait', until: tunnel.now() + 7_000 }]);
    tunnel.happen({ type: 'reconnect' });
    expect(tunnel.ended('rate-limited', 9e9)).toEqual([{ type: 'wait', until: tunnel.now() + RULES.longestRetryAfterMs }]);
  });
  it('waits no longer once the way out is another one, and leaves a session alone', () => {
    const tunnel = started();
    tunnel.ended('proxy-login', 60_000);
    tunnel.happen({ type: 'network', online: true, moved: false });
    tunnel.pass(RULES.debounceMs);
    expect(tunnel.happen({ type: 'timer' })).toEqual(OPEN_0);
    tunnel.up();
    expect(tunnel.happen({ type: 'network', online: true, moved: false })).toEqual([]);
  });
  it('does nothing when a timer comes early but wait on', () => {
    const tunnel = started();
    const [deed] = tunnel.ended('dropped');
    expect(tunnel.happen({ type: 'timer' })).toEqual([deed]);
  });
  it('does not wait for a moment that a clock which was put back has moved far away', () => {
    const tunnel = started();
    tunnel.ended('edge-unreachable');
    tunnel.pass(-YEAR);
    expect(tunnel.happen({ type: 'timer' })).toEqual(OPEN_0);
    // The same for the pause after a change of network, which is when a clock is set.
    tunnel.happen({ type: 'wake' });
    tunnel.pass(-YEAR);
    expect(tunnel.ended('exited')).toEqual(OPEN_0);
  });
  it('takes no outage for a short one because a clock was put back', () => {
    const tunnel = drive(true, 0.999_999);
    tunnel.happen({ type: 'start' });
    tunnel.up();
    tunnel.ended('dropped');
    tunnel.pass(-YEAR);
    tunnel.happen({ type: 'timer' });
    const waits = Array.from({ length: 8 }, () => {
      const [deed] = tunnel.ended('edge-unreachable');
      const waited = deed?.type === 'wait' ? deed.until - tunnel.now() : 0;
      tunnel.pass(waited);
      tunnel.happen({ type: 'timer' });
      return waited;
    });
    expect(Math.max(...waits)).toBe(RULES.longestWaitMs);
  });
  it('is at once on a click', () => {
    const tunnel = started();
    tunnel.ended('dropped');
    expect(tunnel.happen({ type: 'reconnect' })).toEqual(OPEN_0);
  });
});

describe('waking and changes of network', () => {
  it.each<[string, Happening]>([
    ['wake', { type: 'wake' }],
    ['network', { type: 'network', online: true, moved: true }],
  ])('%s replaces the session rather than trusting it', (_name, happening) => {
    const tunnel = started();
    tunnel.up();
    expect(tunnel.happen(happening)).toEqual(CLOSE);
    expect(tunnel.state().phase).toEqual({ name: 'silent', cause: { code: 'disturbed' } });
    expect(tunnel.ended('exited')).toEqual([{ type: 'wait', until: tunnel.now() + RULES.debounceMs }]);
    tunnel.pass(RULES.debounceMs);
    expect(tunnel.happen({ type: 'timer' })).toEqual(OPEN_0);
  });
  it('a change that is not on the way to the gateway leaves the session alone, and cuts a wait short', () => {
    const tunnel = started();
    tunnel.up();
    const before = tunnel.state();
    expect(tunnel.happen({ type: 'network', online: true, moved: false })).toEqual([]);
    expect(tunnel.state()).toEqual(before);
    tunnel.ended('edge-unreachable');
    expect(tunnel.happen({ type: 'network', online: true, moved: false })).toEqual([
      { type: 'wait', until: tunnel.now() + RULES.debounceMs },
    ]);
  });
  it('two in a burst make one new session', () => {
    const tunnel = started();
    tunnel.up();
    tunnel.happen({ type: 'wake' });
    expect(tunnel.happen({ type: 'network', online: true, moved: true })).toEqual([]);
    tunnel.ended('exited');
    tunnel.pass(100);
    tunnel.happen({ type: 'wake' });
    tunnel.pass(RULES.debounceMs);
    expect(tunnel.happen({ type: 'timer' })).toEqual(OPEN_0);
  });
  it('a wake cuts a long wait short', () => {
    const tunnel = started();
    for (let i = 0; i < 6; i++) {
      tunnel.ended('edge-unreachable');
      tunnel.happen({ type: 'reconnect' });
    }
    tunnel.ended('edge-unreachable');
    expect(tunnel.happen({ type: 'wake' })).toEqual([{ type: 'wait', until: tunnel.now() + RULES.debounceMs }]);
  });
  it('a lost network ends the session and waits', () => {
    const tunnel = started();
    tunnel.up();
    expect(tunnel.happen({ type: 'network', online: false, moved: true })).toEqual(CLOSE);
    tunnel.ended('exited');
    expect(tunnel.state()).toMatchObject({ phase: { name: 'waiting-network', cause: { code: 'no-network' } }, session: 'none' });
  });
  it('a replaced session takes the other far port where the far side did not answer', () => {
    const tunnel = started();
    tunnel.up();
    expect(tunnel.happen({ type: 'distrust' })).toEqual(CLOSE);
    expect(tunnel.state().phase).toEqual({ name: 'silent', cause: { code: 'unanswered' } });
    expect(tunnel.ended('exited')).toEqual(OPEN_1);
  });
});

describe('far ports', () => {
  it('are swapped at once on a refusal, then with a wait', () => {
    const tunnel = started();
    expect(tunnel.ended('bind-refused')).toEqual(OPEN_1);
    expect(tunnel.ended('bind-refused')).toEqual([{ type: 'wait', until: tunnel.now() + 500 }]);
    tunnel.pass(500);
    expect(tunnel.happen({ type: 'timer' })).toEqual(OPEN_0);
    expect(tunnel.ended('bind-refused')).toEqual(OPEN_1);
    tunnel.up();
    expect(tunnel.state()).toMatchObject({ far: 1, refused: false });
  });
});

describe('what trying again can’t mend', () => {
  const never = CAUSE_CODES.filter((code) => retryOf(code) === 'never');
  it.each(never)('%s blocks, and stays blocked until a person acts', (code) => {
    const tunnel = started();
    expect(tunnel.ended(code)).toEqual([]);
    for (const happening of [{ type: 'wake' }, { type: 'network', online: true, moved: true }, { type: 'timer' }] satisfies Happening[]) {
      expect(tunnel.happen(happening)).toEqual([]);
      expect(tunnel.state().phase).toEqual({ name: 'blocked', cause: { code } });
    }
    expect(tunnel.happen({ type: 'reconnect' })).toEqual(OPEN_0);
  });
  it('a login page in between goes away with the network', () => {
    const tunnel = started();
    tunnel.ended('tls-untrusted');
    tunnel.happen({ type: 'network', online: true, moved: true });
    tunnel.pass(RULES.debounceMs);
    expect(tunnel.happen({ type: 'timer' })).toEqual(OPEN_0);
  });
  it('has an answer from the edge asked for first', () => {
    const tunnel = started();
    expect(tunnel.ended('edge-refused')).toEqual([{ type: 'ask' }]);
    expect(tunnel.happen({ type: 'asked', cause: { code: 'token-refused' } })).toEqual([]);
    expect(tunnel.state().phase).toEqual({ name: 'blocked', cause: { code: 'token-refused' } });
  });
  it('an answer that comes too late changes nothing', () => {
    const tunnel = started();
    tunnel.ended('edge-refused');
    tunnel.happen({ type: 'reconnect' });
    expect(tunnel.happen({ type: 'asked', cause: { code: 'token-refused' } })).toEqual([]);
    expect(tunnel.state().phase.name).toBe('connecting');
  });
  it('a condemned session is ended and does not come back', () => {
    const tunnel = started();
    tunnel.up();
    expect(tunnel.happen({ type: 'condemn', cause: { code: 'exposed' } })).toEqual(CLOSE);
    expect(tunnel.ended('exited')).toEqual([]);
    expect(tunnel.state().phase).toEqual({ name: 'blocked', cause: { code: 'exposed' } });
  });
});

describe('whatever happens', () => {
  const cause = fc.record({ code: fc.constantFrom(...CAUSE_CODES) }) satisfies fc.Arbitrary<Cause>;
  const happening: fc.Arbitrary<Happening> = fc.oneof(
    fc.constantFrom<Happening>(
      { type: 'start' },
      { type: 'stop' },
      { type: 'reconnect' },
      { type: 'wake' },
      { type: 'network', online: true, moved: true },
      { type: 'network', online: true, moved: false },
      { type: 'network', online: false, moved: true },
      { type: 'timer' },
      { type: 'distrust' },
      { type: 'progress', step: 'edge-open' },
      { type: 'progress', step: 'authenticated' },
      { type: 'progress', step: 'up' },
    ),
    cause.map((one): Happening => ({ type: 'ended', cause: one })),
    cause.map((one): Happening => ({ type: 'condemn', cause: one })),
    cause.map((one): Happening => ({ type: 'asked', cause: one })),
  );
  // The clock may be set meanwhile.
  const passed = fc.oneof({ weight: 9, arbitrary: fc.integer({ min: 0, max: 120_000 }) }, fc.constantFrom(-YEAR, -300_000, YEAR));
  const history = fc.array(fc.record({ happening, ms: passed, random: fc.double({ min: 0, max: 0.999, noNaN: true }) }), {
    maxLength: 60,
  });

  it('there is never a second session, and never a forgotten tunnel', () => {
    fc.assert(
      fc.property(history, fc.boolean(), (events, online) => {
        let state: Supervised = initial(online);
        let now = 0;
        let running = 0;
        let waiting: number | null = null;
        let asking = false;
        for (const event of events) {
          now += event.ms;
          // A session can only end once, and only while there is one.
          if (event.happening.type === 'ended') {
            if (running === 0) continue;
            running -= 1;
          }
          if (event.happening.type === 'asked') asking = false;
          const next = step(state, event.happening, { now, random: event.random });
          state = next.state;
          for (const deed of next.deeds) {
            if (deed.type === 'open') running += 1;
            if (deed.type === 'wait') {
              waiting = deed.until;
              expect(deed.until - now).toBeLessThanOrEqual(RULES.longestRetryAfterMs);
            }
            if (deed.type === 'ask') asking = true;
            if (deed.type === 'close') expect(running).toBe(1);
          }
          expect(running).toBeLessThanOrEqual(1);
          expect(state.session === 'none').toBe(running === 0);
          // A wanted tunnel is always on its way, blocked, or waiting for something that will come.
          if (!state.wanted) expect(state.phase.name).toBe('off');
          else {
            expect(state.phase.name).not.toBe('off');
            if (state.phase.name === 'backoff') expect(waiting).toBe(state.phase.until);
            if (state.phase.name === 'waiting-network') expect(state.online).toBe(false);
            if (state.phase.name === 'connecting' && state.session === 'none') expect(asking || state.phase.asking).toBe(true);
            if (state.session === 'none') expect(['backoff', 'blocked', 'waiting-network', 'connecting']).toContain(state.phase.name);
          }
        }
      }),
      { numRuns: 2_000 },
    );
  });
});
