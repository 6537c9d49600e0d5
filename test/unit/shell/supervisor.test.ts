import { beforeEach, expect, test } from 'vitest';
import type { FromEngine, LoginItem, ToEngine } from '../../../bridges/contract/index.ts';
import { backOff, superviseEngine, type EngineState, type Supervisor } from '../../../electron/main/supervisor.ts';

/** One engine process that does what the test says. */
type Child = { got: ToEngine[]; ports: string[]; killed: boolean; say(message: FromEngine): void; exit(code: number): void };

let children: Child[];
let states: EngineState[];
let timers: { ms: number; ring: () => void }[];
let now: number;
let quits: number;
let supervisor: Supervisor<string>;
const item: LoginItem = { state: 'on', reason: null };

beforeEach(() => {
  children = [];
  states = [];
  timers = [];
  now = 0;
  quits = 0;
  supervisor = superviseEngine<string>({
    fork() {
      let onMessage = (_message: FromEngine): void => {};
      let onExit = (_code: number): void => {};
      const child: Child = { got: [], ports: [], killed: false, say: (message) => onMessage(message), exit: (code) => onExit(code) };
      children.push(child);
      return {
        pid: children.length,
        post: (message, ports = []) => {
          child.got.push(message);
          child.ports.push(...ports);
        },
        onMessage: (listener) => {
          onMessage = listener;
        },
        onExit: (listener) => {
          onExit = listener;
        },
        kill: () => {
          child.killed = true;
        },
      };
    },
    start: { type: 'start', version: '1', launch: ['drawbridge'], shellKeepsLoginItem: false },
    after(ms, ring) {
      const timer = { ms, ring };
      timers.push(timer);
      return () => {
        timers = timers.filter((other) => other !== timer);
      };
    },
    now: () => now,
    loginItem: () => item,
    onState: (state) => states.push(state),
    onStopRequested: () => {
      quits += 1;
      void supervisor.stop();
    },
  });
});

const child = (n: number): Child => {
  const found = children[n - 1];
  if (found === undefined) throw new Error(`there is no process ${n}`);
  return found;
};
const phase = (): string | undefined => states.at(-1)?.phase;
/** Lets the only timer ring. */
const ring = (): number => {
  const [timer, ...more] = timers;
  expect(more).toEqual([]);
  timers = [];
  timer?.ring();
  return timer?.ms ?? -1;
};

test('an engine is told to start, and runs once it says so', () => {
  supervisor.start();
  expect(child(1).got.map(({ type }) => type)).toEqual(['start']);
  expect(supervisor.connect('early')).toBe(false);
  child(1).say({ type: 'ready' });
  expect(states.map((state) => state.phase)).toEqual(['starting', 'running']);
  expect(timers).toEqual([]);
  expect(supervisor.connect('a port')).toBe(true);
  expect(child(1).ports).toEqual(['a port']);
});

test('one that ends by itself is started again, after growing waits', () => {
  supervisor.start();
  const waits: number[] = [];
  for (let n = 1; n <= 4; n++) {
    child(n).say({ type: 'ready' });
    child(n).exit(139);
    expect(phase()).toBe('waiting');
    waits.push(ring());
  }
  expect(waits).toEqual([500, 1000, 2000, 4000]);
  expect(phase()).toBe('starting');
});

test('one that ran well for a while is no failure in a row', () => {
  supervisor.start();
  for (let n = 1; n <= 20; n++) {
    child(n).say({ type: 'ready' });
    now += 61_000;
    child(n).exit(1);
    expect(ring()).toBe(500);
  }
});

test('after five in a row a person is asked, and may try again', () => {
  supervisor.start();
  for (let n = 1; n <= 4; n++) {
    child(n).exit(1);
    ring();
  }
  child(5).say({ type: 'failed', code: 'failed', message: 'The state folder can’t be written.' });
  child(5).exit(1);
  expect(states.at(-1)).toEqual({ phase: 'failed', message: 'The state folder can’t be written.' });
  expect(timers).toEqual([]);
  supervisor.retry();
  child(6).say({ type: 'ready' });
  expect(phase()).toBe('running');
});

test('another engine for this user is not waited for', () => {
  supervisor.start();
  child(1).say({ type: 'failed', code: 'already_running', message: '' });
  child(1).exit(1);
  expect(states.at(-1)).toMatchObject({ phase: 'failed', message: expect.stringContaining('drawbridge stop') });
});

test('one that never gets ready is killed', () => {
  supervisor.start();
  expect(ring()).toBe(90_000);
  expect(child(1).killed).toBe(true);
});

test('stopping asks first, and kills one that does not listen', async () => {
  supervisor.start();
  child(1).say({ type: 'ready' });
  const stopped = supervisor.stop();
  expect(child(1).got.at(-1)).toEqual({ type: 'stop' });
  expect(child(1).killed).toBe(false);
  expect(ring()).toBe(8_000);
  expect(child(1).killed).toBe(true);
  child(1).exit(137);
  await stopped;
  expect(phase()).toBe('stopped');
  expect(children).toHaveLength(1);
});

test('one that a command asked to stop is not started again: the app is told to quit', () => {
  supervisor.start();
  child(1).say({ type: 'ready' });
  child(1).say({ type: 'stop-requested' });
  expect(quits).toBe(1);
  child(1).exit(0);
  expect(phase()).toBe('stopped');
  expect(timers.map(({ ms }) => ms)).not.toContain(500);
  expect(children).toHaveLength(1);
});

test('one that gets ready while it is told to stop is killed all the same where it hangs', () => {
  supervisor.start();
  void supervisor.stop();
  child(1).say({ type: 'ready' });
  expect(phase()).toBe('stopped');
  expect(ring()).toBe(8_000);
  expect(child(1).killed).toBe(true);
});

test('asked to stop again, it is the same stopping: it takes no longer, and both end with it', async () => {
  supervisor.start();
  child(1).say({ type: 'ready' });
  const stopped = [supervisor.stop()];
  const [timer] = timers;
  stopped.push(supervisor.stop());
  expect(timers).toEqual([timer]);
  expect(child(1).got.filter(({ type }) => type === 'stop')).toHaveLength(1);
  child(1).exit(0);
  await Promise.all(stopped);
  expect(timers).toEqual([]);
});

test('stopping while it waits starts nothing any more', async () => {
  supervisor.start();
  child(1).exit(1);
  await supervisor.stop();
  expect(timers).toEqual([]);
  expect(children).toHaveLength(1);
});

test('an engine that asks for the login item is answered', () => {
  supervisor.start();
  child(1).say({ type: 'login-item', id: 7, enabled: true });
  expect(child(1).got.at(-1)).toEqual({ type: 'login-item', id: 7, item });
});

test('waits never grow beyond half a minute', () => {
  expect([1, 2, 7, 50].map(backOff)).toEqual([500, 1000, 30_000, 30_000]);
});
