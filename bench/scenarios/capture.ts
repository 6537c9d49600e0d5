import { monitorEventLoopDelay } from 'node:perf_hooks';
import path from 'node:path';
import { createCapture, type Capture } from '../../bridges/capture/capture.ts';
import { Meaning } from '../../bridges/capture/meaning.ts';
import { NO_PLACES } from '../../bridges/capture/places.ts';
import { idAt } from '../../bridges/capture/recorder.ts';
import { Store } from '../../bridges/capture/store.ts';
import type { Call } from '../../bridges/contract/index.ts';
import { runChild } from '../../bridges/engine/child.ts';
import { systemClock } from '../../bridges/engine/clock.ts';
import { createRooms, fillAt, type Room, type Rooms } from '../../bridges/engine/rooms.ts';
import { LARGE } from '../../bridges/http/body.ts';
import { silentLogger } from '../../bridges/engine/log.ts';
import { stepBack } from '../../bridges/engine/step-back.ts';
import { callStart } from '../../test/support/capture.ts';
import { conversation, type Turn } from '../conversation.ts';
import { removeFolder, temporaryFolder } from '../processes.ts';
import type { Goal, Row } from '../report.ts';
import type { Scenario } from '../scenario.ts';
import { WorkerTime } from '../worker-time.ts';
import { median, percentile, rounded, sleep } from '../stats.ts';

const FULL = 1_000_000;
const QUICK = 20_000;
/** Writing stops then, whatever was wanted; the report tells how many calls there are. Milliseconds. */
const MOST_MS = 1_500_000;
/** So many calls the engine hands over at once. */
const BATCH = 32;
/** Calls of which the thread's time is taken together. */
const WINDOW = 8 * BATCH;
/** Conversations of the mix, by how often: short ones, middling ones, long ones. */
const LENGTHS = [1, 2, 3, 4, 5, 6, 8, 12, 20, 36, 1, 3, 60, 160];
const OPEN_AT_ONCE = 6;
const MODELS = ['claude-sonnet-4-5', 'claude-opus-4-1', 'gpt-5', 'gpt-5-mini', 'claude-haiku-4-5', 'deepseek-chat'];
const CLIENTS = ['claude-code', 'codex', 'copilot-cli', 'curl'];
const HEADERS = (id: number): string =>
  JSON.stringify([
    ['host', '127.0.0.1:11435'],
    ['user-agent', 'claude-cli/2.0.14 (external, cli)'],
    ['content-type', 'application/json'],
    ['anthropic-version', '2023-06-01'],
    ['x-stainless-retry-count', '0'],
    ['content-length', String(40_000 + (id % 9_000))],
  ]);
const REPLY_HEADERS = (id: number): string =>
  JSON.stringify([
    ['content-type', 'text/event-stream; charset=utf-8'],
    ['date', new Date(START + id * 24_000).toUTCString()],
    ['request-id', `req_${(id * 2_654_435_761) % 4_294_967_296}`],
    ['cache-control', 'no-cache'],
  ]);
const START = Date.UTC(2026, 0, 1);

/** A large history: what a call takes, and how long a person waits. Then the rates at which nothing may be dropped. */
export const capture: Scenario = {
  name: 'capture',
  about:
    'A history of conversations of all lengths (--calls N, a million unless told otherwise): bytes of the store a call, time of each question put to it; then captures at fixed rates.',
  async run(context) {
    const folder = temporaryFolder();
    const meaning = new Meaning(NO_PLACES, (warning) => console.error(warning));
    const { store } = Store.open(path.join(folder, 'captures.db'), Date.now(), { followers: [meaning.follow] });
    try {
      const built = build(store, context.calls ?? (context.quick ? QUICK : FULL));
      const questions = ask(store, meaning, built);
      const rates = [await atRate(500, 600), await atRate(150, 125_000)];
      return {
        rows: [
          { what: 'bytes of the store a call', n: built.calls, value: rounded(built.bytesPerCall, 0), unit: 'B' },
          { what: 'calls written', n: built.calls, value: rounded(built.calls / built.seconds, 0), unit: 'a second' },
          { what: 'to keep a call, time of the thread p50', n: built.calls, value: rounded(built.keep.thread.p50, 3), unit: 'ms' },
          { what: 'to keep a call, time of the thread p99', n: built.calls, value: rounded(built.keep.thread.p99, 3), unit: 'ms' },
          { what: 'to keep a call, CPU of the process p50', n: built.calls, value: rounded(built.keep.process.p50, 3), unit: 'ms' },
          { what: 'to keep a call, CPU of the process p99', n: built.calls, value: rounded(built.keep.process.p99, 3), unit: 'ms' },
          {
            what: 'over the wire : on disk',
            n: built.calls,
            value: rounded(built.wire / (built.bytesPerCall * built.calls), 1),
            unit: ': 1',
          },
          ...questions.map(({ row }) => row),
          ...rates.flatMap(({ rows }) => rows),
        ],
        goals: [
          { goal: 'capture: bytes of the store a call', bound: 2_600, side: 'at most', measured: built.bytesPerCall },
          { goal: 'capture: to keep a call, ms of the thread p50', bound: 0.3, side: 'at most', measured: built.keep.thread.p50 },
          ...questions.flatMap(({ goal }) => goal),
          ...rates.flatMap(({ goals }) => goals),
        ],
        notes: [
          'To keep a call is the CPU time of a batch of 32, conversations, usage and search index included, divided by 32: of the thread that writes, and of the whole process (with what V8 does beside it).',
          `The history holds ${built.calls} calls in ${built.conversations} conversations, written in ${Math.round(built.seconds)} s.`,
        ],
      };
    } finally {
      store.close();
      removeFolder(folder);
    }
  },
};

type Spread = { p50: number; p99: number };

type Built = {
  /** CPU milliseconds a call. */
  keep: { thread: Spread; process: Spread };
  calls: number;
  conversations: number;
  seconds: number;
  bytesPerCall: number;
  wire: number;
  long: number[];
  last: number;
};

/** Writes calls of several conversations at once, as several agents at work would. */
function build(store: Store, wanted: number): Built {
  // The history is thrown away: it need not survive a power cut.
  store.db.pragma('synchronous = off');
  const open: { seed: number; turns: Iterator<Turn>; ids: number[]; length: number }[] = [];
  const began = performance.now();
  let [calls, seed, wire] = [0, 0, 0];
  let long: number[] = [];
  const next = (): Turn & { ids: number[]; seed: number } => {
    for (;;) {
      while (open.length < OPEN_AT_ONCE) {
        seed += 1;
        const length = LENGTHS[seed % LENGTHS.length] ?? 1;
        open.push({ seed, turns: conversation(seed, length), ids: [], length });
      }
      const at = calls % open.length;
      const one = open[at];
      const turn = one?.turns.next();
      if (one !== undefined && turn?.done === false) return { ...turn.value, ids: one.ids, seed: one.seed };
      if (one !== undefined && one.length === 160 && one.ids.length === 160) long = one.ids;
      open.splice(at, 1);
    }
  };
  const worker = new WorkerTime(WINDOW);
  const cpu: number[] = [];
  for (let left = wanted; left > 0 && performance.now() - began < MOST_MS; left -= BATCH) {
    const batch = Array.from({ length: Math.min(BATCH, left) }, () => {
      const turn = next();
      calls += 1;
      const id = idAt(START + calls * 24_000);
      turn.ids.push(id);
      wire += turn.request.length + turn.reply.length;
      return { ...turn, id, n: calls };
    });
    const before = process.cpuUsage();
    worker.of(batch.length, () => writeAll(store, batch));
    const { user, system } = process.cpuUsage(before);
    cpu.push((user + system) / 1e3 / batch.length);
  }
  const seconds = (performance.now() - began) / 1e3;
  store.checkpoint();
  return {
    keep: { thread: spreadOf(worker.times), process: spreadOf(cpu) },
    calls,
    conversations: seed,
    seconds,
    bytesPerCall: store.size() / calls,
    wire,
    long,
    last: idAt(START + calls * 24_000),
  };
}

type Made = Turn & { seed: number; id: number; n: number };

function writeAll(store: Store, batch: readonly Made[]): void {
  store.transaction(() => {
    for (const { request, reply, seed: of, id, n } of batch) {
      store.write({
        call: callOf(id, n, of, request.length, reply.length),
        ends: true,
        sides: [
          { side: 'clientRequest', headers: HEADERS(n), body: request },
          { side: 'clientReply', headers: REPLY_HEADERS(n), body: reply },
        ],
      });
    }
  });
}

function spreadOf(times: readonly number[]): Spread {
  return { p50: percentile(times, 50), p99: percentile(times, 99) };
}

type Question = { row: Row; goal: Goal[] };

function ask(store: Store, meaning: Meaning, built: Built): Question[] {
  const now = START + built.calls * 24_000;
  const middle = idAt(START + Math.floor(built.calls / 2) * 24_000);
  const list = (query: string, before?: number) => () => store.list({ limit: 50, query, before, now }).length;
  return [
    question('newest page', 5, list('')),
    question('page in the middle', 20, list('', middle)),
    question('by model', 20, list('model:deepseek-chat')),
    question('by models', 20, list('model:gpt-5*')),
    question('by client', 20, list('client:curl')),
    question('failed', 20, list('is:failed')),
    question('by status', 20, list('status:>=500')),
    question('a value nobody has', 20, list('caller:nobody')),
    question('two words', 20, list('function return')),
    question('two words and a model', 20, list('number people model:gpt-5-mini')),
    question('a phrase', 20, list('"use strict"')),
    question('a word nobody said', 20, list('zzqxnotthere')),
    question(`opening a conversation of ${built.long.length}`, 50, () => {
      for (const id of built.long) store.call(id);
      return store.sides(built.long.at(-1) ?? 0).length + built.long.length;
    }),
    question('30 days of usage', 20, () => {
      const input = { fromMs: now - 30 * 86_400_000, toMs: now, bucket: 'day', by: 'model', where: {}, offsetMinutes: 0 } as const;
      const answer = meaning.answer(store.read, store, { kind: 'series', input });
      return answer.kind === 'series' ? answer.series.points.length : 0;
    }),
    question('facets', 20, () => store.facets().models.length),
  ];
}

function question(what: string, bound: number, run: () => number): Question {
  const before = performance.now();
  const n = run();
  const first = performance.now() - before;
  const times = Array.from({ length: 7 }, () => {
    const began = performance.now();
    run();
    return performance.now() - began;
  });
  const value = median(times);
  return {
    row: { what, n, value: rounded(value), unit: 'ms', first: rounded(first) },
    goal: [{ goal: `capture: ${what}, ms`, bound, side: 'at most', measured: value }],
  };
}

const WINDOWS = 4;
const WINDOW_MS = 2_000;

/**
 * Records calls at a rate, and as many that are not recorded, by turns: what is dropped, and what recording adds to the
 * delay of the thread that serves.
 */
async function atRate(rate: number, bodyBytes: number): Promise<{ rows: Row[]; goals: Goal[] }> {
  const folder = temporaryFolder();
  let enabled = false;
  const rooms = createRooms(systemClock);
  const running = createCapture({
    file: path.join(folder, 'captures.db'),
    clock: systemClock,
    log: silentLogger,
    settings: () => ({ enabled, maxBodyBytes: 64 * 1024 * 1024 }),
    stepBack: (thread) => stepBack(thread, runChild),
    rooms,
  });
  await running.start();
  // The store's thread does not keep a process alive by itself.
  const awake = setInterval(() => undefined, 1_000);
  const delays: Record<'with' | 'without', number[]> = { with: [], without: [] };
  let recorded = 0;
  for (let i = 0; i < 2 * WINDOWS; i += 1) {
    enabled = i % 2 === 1;
    const { made, delayMs } = await callsAtRate(running, rooms, rate, bodyBytes);
    delays[enabled ? 'with' : 'without'].push(delayMs);
    if (enabled) recorded += made;
    // What is still to be written is no part of the next window.
    await running.list(1, undefined, {});
  }
  const { dropped } = running.status();
  await running.stop();
  rooms.stop();
  clearInterval(awake);
  removeFolder(folder);
  const what = `${rate} calls a second of ${bodyBytes} bytes`;
  const [having, without] = [median(delays.with), median(delays.without)];
  return {
    rows: [
      { what, n: recorded, value: dropped, unit: 'dropped' },
      { what: `${what}: delay of the thread, p99, without capture`, n: recorded, value: rounded(without), unit: 'ms' },
      { what: `${what}: delay of the thread, p99, with capture`, n: recorded, value: rounded(having), unit: 'ms' },
    ],
    goals: [
      { goal: `capture: ${what}, dropped`, bound: 0, side: 'at most', measured: dropped },
      { goal: `capture: ${what}, delay p99 with : without`, bound: 1.5, side: 'at most', measured: having / without },
    ],
  };
}

/** A body as a listener receives it: a large one into memory that is used again. */
function received(pieces: readonly Buffer[], rooms: Rooms): { body: Buffer; room?: Room } {
  const length = pieces.reduce((sum, piece) => sum + piece.length, 0);
  if (length < LARGE) return { body: Buffer.concat(pieces) };
  const room = rooms.take(length);
  let at = 0;
  for (const piece of pieces) {
    fillAt(room.bytes, piece, at);
    at += piece.length;
  }
  return { body: room.bytes, room };
}

async function callsAtRate(
  { recorder }: Capture,
  rooms: Rooms,
  rate: number,
  bodyBytes: number,
): Promise<{ made: number; delayMs: number }> {
  const filler = Buffer.alloc(bodyBytes, 'lorem ipsum dolor sit amet ');
  const delay = monitorEventLoopDelay({ resolution: 1 });
  const began = performance.now();
  let made = 0;
  delay.enable();
  while (performance.now() - began < WINDOW_MS) {
    for (const due = Math.floor(((performance.now() - began) / 1e3) * rate); made < due; made += 1) {
      const head = Buffer.from(`{"model":"m","messages":[{"role":"user","content":"call ${made} ${began} `);
      const call = recorder.begin(
        callStart({ rawHeaders: ['content-type', 'application/json'], ...received([head, filler, Buffer.from('"}]}')], rooms) }),
      );
      call.replyStart(200, { 'content-type': 'application/json' });
      call.replyData(Buffer.from('{"model":"m","content":[]}'));
      call.end({ cut: false });
    }
    await sleep(2);
  }
  delay.disable();
  return { made, delayMs: delay.percentile(99) / 1e6 };
}

function callOf(id: number, n: number, seed: number, requestBytes: number, replyBytes: number): Call {
  const model = MODELS[Math.floor(((seed * 7) % 36) ** 2 / 216) % MODELS.length] ?? '';
  return {
    id,
    startedAt: new Date(START + n * 24_000).toISOString(),
    state: n % 997 === 0 ? 'cut' : 'done',
    client: CLIENTS[seed % CLIENTS.length] ?? '',
    clientVersion: '2.0.14',
    caller: `caller-${seed % 5}`,
    method: 'POST',
    path: '/v1/messages',
    route: 'rule',
    upstream: 'gateway',
    wireIn: 'messages',
    wireOut: 'messages',
    modelRequested: model,
    modelUsed: model,
    status: n % 71 === 0 ? 429 : n % 1009 === 0 ? 500 : 200,
    streamed: true,
    cut: n % 997 === 0,
    ttfbMs: 200 + (n % 900),
    durationMs: 800 + (n % 9_000),
    requestBytes,
    replyBytes,
    usage: { input: requestBytes >> 2, cached: requestBytes >> 3, cacheWrite: 900, output: 150, reasoning: null },
    lost: [],
    error: null,
  };
}
