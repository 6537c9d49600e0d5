import path from 'node:path';
import { Keeper } from '../../bridges/capture/keeper.ts';
import { Meaning } from '../../bridges/capture/meaning.ts';
import { NO_PLACES } from '../../bridges/capture/places.ts';
import type { WholeRecord } from '../../bridges/capture/record.ts';
import { idAt } from '../../bridges/capture/recorder.ts';
import { Store } from '../../bridges/capture/store.ts';
import type { Call } from '../../bridges/contract/index.ts';
import { conversation, type Layout, type Turn } from '../conversation.ts';
import { PlainestStore } from '../plainest-store.ts';
import { removeFolder, temporaryFolder } from '../processes.ts';
import type { Row } from '../report.ts';
import type { Scenario } from '../scenario.ts';
import { WorkerTime } from '../worker-time.ts';
import { percentile, rounded } from '../stats.ts';

/** Calls of which the thread's time is taken together. */
const WINDOW = 40;
/** Calls to a transaction where several come at once. */
const BATCH = 8;
/** What keeping a call may take, with all that is told of it, of the plainest store's time: 0.30 ms where that takes 0.18. */
const TIMES_PLAINEST = 1.67;

type Shape = { conversations: number; turns: number };

/** Long conversations first. */
type Shapes = readonly [Shape, ...Shape[]];

const FULL: Shapes = [
  { conversations: 4, turns: 200 },
  { conversations: 60, turns: 1 },
  { conversations: 12, turns: 20 },
];
const QUICK: Shapes = [
  { conversations: 2, turns: 80 },
  { conversations: 20, turns: 1 },
];

/** What it costs to keep whole conversations, and that they come out as they went in. */
export const store: Scenario = {
  name: 'store',
  about:
    'Agent conversations kept by the capture store, conversations, words and usage included: size on disk against the bytes that went over the wire, and what one call costs to keep. insert: time that passed, the commit of its own transaction included; worker: CPU of the thread that writes; cpu: of the whole process. eight: time that passed for a call in a transaction of eight, its share of the commit included, beside the same of the plainest store; behind: the same, with the system prompt and the tools behind the history. insert and those are of what the capture worker does with a call: its rules, its row, its reply read.',
  run(context) {
    const [shape, ...others] = context.quick ? QUICK : FULL;
    const before = inEights(shape, 'before');
    const behind = inEights(shape, 'behind');
    const long = measure(shape);
    const short = others.map(measure);
    return Promise.resolve({
      rows: [
        {
          ...long.row,
          eight_p50_ms: rounded(before.ms, 3),
          plainest_p50_ms: rounded(before.plainestMs, 3),
          behind_p50_ms: rounded(behind.ms, 3),
          plainest_behind_ms: rounded(behind.plainestMs, 3),
        },
        ...short.map(({ row }) => row),
      ],
      goals: [
        {
          goal: 'store: bodies that come out otherwise than they went in',
          bound: 0,
          side: 'at most',
          measured: [long, ...short].reduce((sum, { wrong }) => sum + wrong, 0),
        },
        {
          goal: 'store: bytes over the wire for one on disk, long conversations',
          bound: 80,
          side: 'at least',
          measured: long.ratio,
        },
        {
          goal: 'store: to keep one of eight calls of a long conversation / the plainest store, p50',
          bound: TIMES_PLAINEST,
          side: 'at most',
          measured: before.ms / before.plainestMs,
        },
        {
          goal: 'store: the same with the system prompt and the tools behind the history',
          bound: TIMES_PLAINEST,
          side: 'at most',
          measured: behind.ms / behind.plainestMs,
        },
        {
          goal: 'store: to keep a call of a long conversation, ms of the thread p50',
          bound: 0.3,
          side: 'at most',
          measured: long.workerMs,
        },
      ],
    });
  },
};

/**
 * Both stores keep the same calls in the same batches, taking turns at being first: who is second finds the bytes in the
 * caches. Only the second half is counted: until then V8 is busy with the code of either. Milliseconds a call, p50.
 */
function inEights({ conversations, turns }: Shape, layout: Layout): { ms: number; plainestMs: number } {
  const folder = temporaryFolder();
  const ours = openStore(path.join(folder, 'captures.db'));
  const keeper = new Keeper('/home/bench');
  const plainest = new PlainestStore(path.join(folder, 'plainest.db'));
  const times: { ours: number[]; plainest: number[] } = { ours: [], plainest: [] };
  let kept = 0;
  const keepBoth = (batch: readonly Turn[]): void => {
    const first = kept;
    const records = batch.map((turn, i) => recordOf(first + i, turn));
    const keepOurs = (): void => keep(ours, keeper, records);
    const keepPlainly = (): void => plainest.transaction(() => batch.forEach(({ request, reply }) => plainest.write(request, reply)));
    const oursFirst = (first / BATCH) % 2 === 0;
    if (oursFirst) times.ours.push(timed(keepOurs) / batch.length);
    times.plainest.push(timed(keepPlainly) / batch.length);
    if (!oursFirst) times.ours.push(timed(keepOurs) / batch.length);
    kept += batch.length;
  };
  for (let seed = 1; seed <= 2 * conversations; seed += 1) {
    // All of one is made first: the next turn must not be found in the caches because it was just made.
    const all = [...conversation(seed, turns, layout)];
    for (let i = 0; i < all.length; i += BATCH) keepBoth(all.slice(i, i + BATCH));
  }
  ours.close();
  plainest.close();
  removeFolder(folder);
  const counted = (all: readonly number[]): number => percentile(all.slice(all.length / 2), 50);
  return { ms: counted(times.ours), plainestMs: counted(times.plainest) };
}

function timed(work: () => void): number {
  const began = performance.now();
  work();
  return performance.now() - began;
}

function openStore(file: string): Store {
  const meaning = new Meaning(NO_PLACES, (warning) => console.error(warning));
  return Store.open(file, Date.now(), { followers: [meaning.follow] }).store;
}

/** As the worker does: the rules for folders asked, its reply read for its row. Throws where a call is not kept. */
function keep(opened: Store, keeper: Keeper, records: readonly WholeRecord[]): void {
  const { type } = keeper.write(opened, { records, bytes: 0, show: false });
  if (type !== 'stored') throw new Error('a call was not kept');
}

function recordOf(n: number, { request, reply }: Turn): WholeRecord {
  const call = callOf(n, request.length, reply.length);
  return {
    kind: 'whole',
    id: call.id,
    row: JSON.stringify(call),
    timeline: null,
    sides: [
      { side: 'clientRequest', headers: HEADERS, body: [request] },
      { side: 'clientReply', headers: HEADERS, body: [reply] },
    ],
  };
}

function measure(shape: Shape): { row: Row; wrong: number; ratio: number; workerMs: number } {
  const folder = temporaryFolder();
  const opened = openStore(path.join(folder, 'captures.db'));
  const keeper = new Keeper('/home/bench');
  const times: number[] = [];
  const worker = new WorkerTime(WINDOW);
  const sums: { n: number; request: Buffer; reply: Buffer }[] = [];
  let wireBytes = 0;
  let cpuMicros = 0;
  let n = 0;
  for (let seed = 1; seed <= shape.conversations; seed += 1) {
    for (const { request, reply } of conversation(seed, shape.turns)) {
      n += 1;
      wireBytes += request.length + reply.length;
      const records = [recordOf(n, { request, reply })];
      const cpu = process.cpuUsage();
      const began = performance.now();
      worker.of(1, () => keep(opened, keeper, records));
      times.push(performance.now() - began);
      const used = process.cpuUsage(cpu);
      cpuMicros += used.user + used.system;
      if (n % 7 === 0) sums.push({ n, request, reply });
    }
  }
  opened.checkpoint();
  const size = opened.size();
  const wrong = sums.filter((kept) => !isKept(opened, kept)).length;
  opened.close();
  removeFolder(folder);
  return {
    wrong,
    ratio: wireBytes / size,
    workerMs: percentile(worker.times, 50),
    row: {
      conversations: shape.conversations,
      turns_each: shape.turns,
      wire_mb: rounded(wireBytes / 1e6, 1),
      store_mb: rounded(size / 1e6),
      size: `1/${rounded(wireBytes / size, 1)}`,
      insert_p50_ms: rounded(percentile(times, 50)),
      insert_p99_ms: rounded(percentile(times, 99)),
      worker_p50_ms: rounded(percentile(worker.times, 50), 3),
      worker_p99_ms: rounded(percentile(worker.times, 99), 3),
      cpu_ms_a_call: rounded(cpuMicros / 1e3 / n),
      read_back: `${sums.length - wrong} of ${sums.length}`,
    },
  };
}

function isKept(opened: Store, wanted: { n: number; request: Buffer; reply: Buffer }): boolean {
  const sides = opened.sides(idAt(startOf(wanted.n)));
  const isBack = (side: string, body: Buffer): boolean => {
    const back = sides.find((one) => one.side === side)?.body;
    return back != null && (back.equals(body) || differsByMask(back, body));
  };
  return isBack('clientRequest', wanted.request) && isBack('clientReply', wanted.reply);
}

const ASTERISK = 0x2a;

/** What looks like a credential is kept as so many asterisks, and the real source files in the results hold a few such texts. */
function differsByMask(back: Buffer, body: Buffer): boolean {
  return back.length === body.length && back.every((byte, i) => byte === body[i] || byte === ASTERISK);
}

const START_MS = Date.UTC(2026, 0, 1);
/** What lies between two calls of an agent. */
const TURN_MS = 5_000;

const HEADERS = JSON.stringify([
  ['content-type', 'application/json'],
  ['user-agent', 'bench/1'],
]);

/** When the nth call begins, in Unix milliseconds: what is looked for in the last minutes must not be all there is. */
function startOf(n: number): number {
  return START_MS + n * TURN_MS;
}

function callOf(n: number, requestBytes: number, replyBytes: number): Call {
  return {
    id: idAt(startOf(n)),
    startedAt: new Date(startOf(n)).toISOString(),
    state: 'done',
    client: 'bench',
    clientVersion: '1',
    caller: 'bench',
    method: 'POST',
    path: '/v1/messages',
    route: 'gateway',
    upstream: 'gateway',
    wireIn: 'messages',
    wireOut: 'messages',
    modelRequested: 'claude-sonnet-4-5',
    modelUsed: 'claude-sonnet-4-5',
    status: 200,
    streamed: true,
    cut: false,
    ttfbMs: 1,
    durationMs: 2,
    requestBytes,
    replyBytes,
    usage: null,
    lost: [],
    error: null,
  };
}
