import { describe, expect, it } from 'vitest';
import type { Call } from '../../bridges/contract/index.ts';
import { flowOf } from '../../renderer/src/features/overview/flow.ts';
import { nextStep, takenSteps } from '../../renderer/src/features/welcome/steps.ts';
import { differencesOf, inverseOf } from '../../renderer/src/lib/patch.ts';
import { listOf } from '../../bridges/clients/known.ts';
import { madeCall } from '../fakes/made-calls.ts';

const NOW = Date.UTC(2026, 10, 21, 12);
const call = (minutesAgo: number, part: Partial<Call> = {}): Call => ({
  ...madeCall(1, NOW - minutesAgo * 60_000),
  state: 'done',
  status: 200,
  cut: false,
  ...part,
});

describe('the numbers on the map', () => {
  it('count the last hour, by client and by upstream, the busiest first', () => {
    const rows = [
      call(1, { client: 'curl', upstream: 'practice', ttfbMs: 10 }),
      call(2, { client: 'codex', upstream: 'openai', ttfbMs: 30, status: 500 }),
      call(3, { client: 'codex', upstream: 'openai', ttfbMs: 20, state: 'open', status: null }),
      call(90, { client: 'aider', upstream: 'openai' }),
    ];
    const flow = flowOf(rows, true, NOW);
    expect(flow.span).toBe('last hour');
    expect(flow.all).toEqual({ calls: 3, failed: 1, open: 1, firstByteMs: 20 });
    expect([...flow.clients.keys()]).toEqual(['codex', 'curl']);
    expect(flow.upstreams.get('openai')).toEqual({ calls: 2, failed: 1, open: 1, firstByteMs: 30 });
  });
  it('say so where the calls at hand do not reach back an hour', () => {
    expect(flowOf([call(1), call(2)], true, NOW).span).toBe('last 2 calls');
    expect(flowOf([call(1), call(2)], false, NOW).span).toBe('last hour');
    expect(flowOf([], false, NOW).all.calls).toBe(0);
  });
});

describe('a change of settings', () => {
  const now = { ui: { port: 0, theme: 'dark' }, companion: { port: 1, routes: [{ model: 'a' }] } };
  it('is taken back key by key, lists whole', () => {
    expect(inverseOf({ ui: { theme: 'light' }, companion: { routes: [] } }, now)).toEqual({
      ui: { theme: 'dark' },
      companion: { routes: [{ model: 'a' }] },
    });
  });
  it('is told by the paths of its keys', () => {
    expect(differencesOf(now, { ui: { port: 0, theme: 'light' }, companion: { routes: [{ model: 'a' }] }, odd: 1 })).toEqual([
      { key: 'ui.theme', from: 'dark', to: 'light' },
      { key: 'odd', from: undefined, to: 1 },
    ]);
  });
});

describe('the first steps', () => {
  const status = (calls: number, bridges: object[] = [], tunnels: object[] = []) => ({ capture: { calls }, bridges, tunnels }) as never;
  it('are told by what there is', () => {
    expect(nextStep(takenSteps(status(0), []))).toBe('call');
    expect(nextStep(takenSteps(status(1), []))).toBe('sign-in');
    const clients = listOf([], new Map(), [call(1, { client: 'aider' })]);
    expect([...takenSteps(status(1, [{ state: 'ready' }], [{}]), clients)]).toEqual(['call', 'sign-in', 'client', 'tunnel']);
  });
  it('end with the last', () => {
    expect(nextStep(new Set(['call', 'sign-in', 'client', 'tunnel']))).toBe('tunnel');
  });
});
