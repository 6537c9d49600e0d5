import path from 'node:path';
import { Meaning } from '../../bridges/capture/meaning.ts';
import { NO_PLACES } from '../../bridges/capture/places.ts';
import { Store } from '../../bridges/capture/store.ts';
import type { Call } from '../../bridges/contract/index.ts';
import { conversation } from '../conversation.ts';
import { removeFolder, temporaryFolder } from '../processes.ts';
import type { Row } from '../report.ts';
import type { Scenario } from '../scenario.ts';
import { WorkerTime } from '../worker-time.ts';
import { percentile, rounded } from '../stats.ts';

/** Calls of which the thread's time is taken together. */
const WINDOW = 40;

type Shape = { conversations: number; turns: number };

const FULL: readonly Shape[] = [
  { conversations: 4, turns: 200 },
  { conversations: 60, turns: 1 },
  { conversations: 12, turns: 20 },
];
const QUICK: readonly Shape[] = [
  { conversations: 2, turns: 80 },
  { conversations: 20, turns: 1 },
];

/** What it costs to keep whole conversations, and that they come out as they went in. */
export const store: Scenario = {
  name: 'store',
  about:
    'Agent conversations kept by the capture store, each call in a transaction of its own, conversations and usage included: size on disk against the bytes that went over the wire, and what one call costs to keep. insert: time that passed; worker: CPU of the thread that writes; cpu: of the whole process.',
  run(context) {
    const found = (context.quick ? QUICK : FULL).map(measure);
    const [long] = found;
    return Promise.resolve({
      rows: found.map(({ row }) => row),
      goals: [
        {
          goal: 'store: bodies that come out otherwise than they went in',
          bound: 0,
          side: 'at most',
          measured: found.reduce((sum, { wrong }) => sum + wrong, 0),
        },
        {
          goal: 'store: bytes over the wire for one on disk, long conversations',
          bound: 80,
          side: 'at least',
          measured: long?.ratio ?? Number.NaN,
        },
        {
          goal: 'store: to keep a call of a long conversation, ms of the thread p50',
          bound: 0.3,
          side: 'at most',
          measured: long?.workerMs ?? Number.NaN,
        },
      ],
    });
  },
};

function measure(shape: Shape): { row: Row; wrong: number; ratio: number; workerMs: number } {
  const folder = temporaryFolder();
  const meaning = new Meaning(NO_PLACES, (warning) => console.error(warning));
  const { store: opened } = Store.open(path.join(folder, 'captures.db'), Date.now(), { followers: [meaning.follow] });
  const times: number[] = [];
  const worker = new WorkerTime(WINDOW);
  const sums: { id: number; request: Buffer; reply: Buffer }[] = [];
  let wireBytes = 0;
  let cpuMicros = 0;
  let id = 0;
  for (let seed = 1; seed <= shape.conversations; seed += 1) {
    for (const { request, reply } of conversation(seed, shape.turns)) {
      id += 1;
      wireBytes += request.length + reply.length;
      const cpu = process.cpuUsage();
      const began = performance.now();
      worker.of(1, () => {
        opened.transaction(() => {
          opened.write({
            call: callOf(id, request.length, reply.length),
            ends: true,
            sides: [
              { side: 'clientRequest', headers: HEADERS, body: request },
              { side: 'clientReply', headers: HEADERS, body: reply },
            ],
          });
        });
      });
      times.push(performance.now() - began);
      const used = process.cpuUsage(cpu);
      cpuMicros += used.user + used.system;
      if (id % 7 === 0) sums.push({ id, request, reply });
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
      cpu_ms_a_call: rounded(cpuMicros / 1e3 / id),
      read_back: `${sums.length - wrong} of ${sums.length}`,
    },
  };
}

function isKept(opened: Store, wanted: { id: number; request: Buffer; reply: Buffer }): boolean {
  const sides = opened.sides(wanted.id);
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

const HEADERS = JSON.stringify([
  ['content-type', 'application/json'],
  ['user-agent', 'bench/1'],
]);

function callOf(id: number, requestBytes: number, replyBytes: number): Call {
  return {
    id,
    startedAt: new Date(id).toISOString(),
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
