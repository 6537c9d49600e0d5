import path from 'node:path';
import { createCapture } from '../../bridges/capture/capture.ts';
import { idAt } from '../../bridges/capture/recorder.ts';
import { Store } from '../../bridges/capture/store.ts';
import type { Call } from '../../bridges/contract/index.ts';
import { systemClock } from '../../bridges/engine/clock.ts';
import { silentLogger } from '../../bridges/engine/log.ts';
import { conversation, type Turn } from '../conversation.ts';
import { removeFolder, temporaryFolder } from '../processes.ts';
import type { Goal, Row } from '../report.ts';
import type { Scenario } from '../scenario.ts';
import { median, rounded, sleep } from '../stats.ts';

const FULL = 1_000_000;
const QUICK = 20_000;
/** Writing stops then, whatever was wanted; the report tells how many calls there are. Milliseconds. */
const MOST_MS = 330_000;
const BATCH = 250;
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
    const { store } = Store.open(path.join(folder, 'captures.db'), Date.now(), { followers: [] });
    try {
      const built = build(store, context.calls ?? (context.quick ? QUICK : FULL));
      const questions = ask(store, built);
      const rates = [await atRate(500, 600, 4), await atRate(150, 125_000, 4)];
      return {
        rows: [
          { what: 'bytes of the store a call', n: built.calls, value: rounded(built.bytesPerCall, 0), unit: 'B' },
          { what: 'calls written', n: built.calls, value: rounded(built.calls / built.seconds, 0), unit: 'a second' },
          {
            what: 'over the wire : on disk',
            n: built.calls,
            value: rounded(built.wire / (built.bytesPerCall * built.calls), 1),
            unit: ': 1',
          },
          ...questions.map(({ row }) => row),
          ...rates.map(({ row }) => row),
        ],
        goals: [
          { goal: 'capture: bytes of the store a call', bound: 2_600, side: 'at most', measured: built.bytesPerCall },
          ...questions.flatMap(({ goal }) => goal),
          ...rates.map(({ goal }) => goal),
        ],
        notes: [
          `The history holds ${built.calls} calls in ${built.conversations} conversations, written in ${Math.round(built.seconds)} s.`,
        ],
      };
    } finally {
      store.close();
      removeFolder(folder);
    }
  },
};

type Built = { calls: number; conversations: number; seconds: number; bytesPerCall: number; wire: number; long: number[]; last: number };

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
  for (let left = wanted; left > 0 && performance.now() - began < MOST_MS; left -= BATCH) {
    store.transaction(() => {
      for (let i = 0; i < Math.min(BATCH, left); i += 1) {
        const { request, reply, ids, seed: of } = next();
        calls += 1;
        const id = idAt(START + calls * 24_000);
        ids.push(id);
        wire += request.length + reply.length;
        store.write({
          call: callOf(id, calls, of, request.length, reply.length),
          ends: true,
          sides: [
            { side: 'clientRequest', headers: HEADERS(calls), body: request },
            { side: 'clientReply', headers: REPLY_HEADERS(calls), body: reply },
          ],
        });
      }
    });
  }
  const seconds = (performance.now() - began) / 1e3;
  store.checkpoint();
  return { calls, conversations: seed, seconds, bytesPerCall: store.size() / calls, wire, long, last: idAt(START + calls * 24_000) };
}

type Question = { row: Row; goal: Goal[] };

function ask(store: Store, built: Built): Question[] {
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
    question('two words and a model', 20, list('mother school model:gpt-5-mini')),
    question('a phrase', 20, list('"use strict"')),
    question('a word nobody said', 20, list('zzqxnotthere')),
    question(`opening a conversation of ${built.long.length}`, 50, () => {
      for (const id of built.long) store.call(id);
      return store.sides(built.long.at(-1) ?? 0).length + built.long.length;
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

/** Records calls at a rate for some seconds; what is dropped is told. */
async function atRate(rate: number, bodyBytes: number, seconds: number): Promise<{ row: Row; goal: Goal }> {
  const folder = temporaryFolder();
  const running = createCapture({
    file: path.join(folder, 'captures.db'),
    clock: systemClock,
    log: silentLogger,
    settings: () => ({ enabled: true, maxBodyBytes: 64 * 1024 * 1024 }),
  });
  await running.start();
  // The store's thread does not keep a process alive by itself.
  const awake = setInterval(() => undefined, 1_000);
  const filler = Buffer.alloc(bodyBytes, 'lorem ipsum dolor sit amet ');
  const began = performance.now();
  let made = 0;
  while (performance.now() - began < seconds * 1e3) {
    for (const due = Math.floor(((performance.now() - began) / 1e3) * rate); made < due; made += 1) {
      const body = Buffer.from(`{"model":"m","messages":[{"role":"user","content":"call ${made} ${filler.toString('latin1')}"}]}`);
      const call = running.recorder.begin({
        client: 'bench',
        clientVersion: null,
        caller: 'bench',
        method: 'POST',
        target: '/v1/messages',
        route: 'gateway',
        upstream: 'gateway',
        wireIn: 'messages',
        wireOut: 'messages',
        modelRequested: 'm',
        rawHeaders: ['content-type', 'application/json'],
        body,
        arrivedAt: performance.now(),
      });
      call.replyStart(200, { 'content-type': 'application/json' });
      call.replyData(Buffer.from('{"model":"m","content":[]}'));
      call.end({ cut: false });
    }
    await sleep(5);
  }
  await running.list(1, undefined, {});
  const { dropped } = running.status();
  await running.stop();
  clearInterval(awake);
  removeFolder(folder);
  const what = `${rate} calls a second of ${bodyBytes} bytes`;
  return {
    row: { what, n: made, value: dropped, unit: 'dropped' },
    goal: { goal: `capture: ${what}, dropped`, bound: 0, side: 'at most', measured: dropped },
  };
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
