import os from 'node:os';
import { parentPort, type MessagePort } from 'node:worker_threads';
import type { Call } from '../contract/index.ts';
import { project } from './projector.ts';
import type { Answer, FromWorker, Query, ToWorker } from './protocol.ts';
import { applyProjection, type CaptureRecord, type Side } from './record.ts';
import { Store } from './store.ts';

/** A call with everything that was kept of it. Bodies are as they went over the wire. */
export type StoredCall = {
  call: Call;
  sides: { side: Side; headers: string; bytes: number; body: Uint8Array | null }[];
  timeline: [number, number][];
};

const IDLE_MS = 2_000;

/** Serves one capture database over a port. The only place that touches SQLite. */
export function serveStore(port: MessagePort): void {
  let store: Store | undefined;
  let idle: NodeJS.Timeout | undefined;
  const send = (message: FromWorker): void => port.postMessage(message);

  const onMessage = (message: ToWorker): void => {
    switch (message.type) {
      case 'open': {
        const opened = Store.open(message.file, message.now);
        store = opened.store;
        send({ type: 'opened', calls: store.count, storeBytes: store.size(), movedAside: opened.movedAside });
        return;
      }
      case 'records':
        if (store === undefined) send(unstored(message, 'The capture store is not open.'));
        else send(write(store, message));
        clearTimeout(idle);
        idle = setTimeout(() => store?.checkpoint(), IDLE_MS);
        idle.unref();
        return;
      case 'query':
        if (store === undefined) send({ type: 'refused', id: message.id, reason: 'The capture store is not open.' });
        else send({ type: 'answer', id: message.id, answer: answer(store, message.query) });
        return;
      case 'close':
        clearTimeout(idle);
        store?.close();
        store = undefined;
        send({ type: 'closed' });
        port.close();
    }
  };

  port.on('message', (message: ToWorker) => {
    try {
      onMessage(message);
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      if (message.type === 'query') send({ type: 'refused', id: message.id, reason });
      else send({ type: 'failed', reason });
    }
  });
}

/** Writes a batch in one transaction, all of it or nothing. */
function write(store: Store, batch: Batch): FromWorker {
  const calls: Call[] = [];
  try {
    store.transaction(() => {
      for (const record of batch.records) {
        const call = writeOne(store, record);
        if (batch.show) calls.push(call);
      }
    });
  } catch (error) {
    store.forget();
    return unstored(batch, error instanceof Error ? error.message : String(error));
  }
  return { type: 'stored', calls, records: batch.records.length, bytes: batch.bytes, count: store.count, storeBytes: store.size() };
}

function unstored({ records, bytes, show }: Batch, reason: string): FromWorker {
  return { type: 'unstored', calls: show ? records.map((record) => readRow(record.row)) : [], records: records.length, bytes, reason };
}

type Batch = Extract<ToWorker, { type: 'records' }>;

function writeOne(store: Store, record: CaptureRecord): Call {
  const row = readRow(record.row);
  const bodies = record.sides.map((side) => ({ ...side, bytes: side.body === null ? null : joined(side.body) }));
  const reply = bodies.find((side) => side.side === 'upstreamReply') ?? bodies.find((side) => side.side === 'clientReply');
  const wire = row.wireOut ?? row.wireIn;
  const call =
    record.kind === 'begin' || reply?.bytes == null || wire === null || row.status === null
      ? row
      : applyProjection(row, project(wire, row.streamed, reply.bytes, encodingOf(reply.headers)));
  store.putCall(call);
  for (const side of bodies) store.putSide(call.id, side.side, side.headers, side.bytes);
  if (record.kind !== 'begin' && record.timeline !== null) store.putTimeline(call.id, record.timeline);
  return call;
}

// Rows are made by recorder.ts in this same process and checked by its types; parsing them again would cost as much
// as storing them.
function readRow(json: string): Call {
  return JSON.parse(json);
}

function encodingOf(headers: string): string | undefined {
  const pairs: [string, string][] = JSON.parse(headers);
  return pairs.find(([name]) => name.toLowerCase() === 'content-encoding')?.[1];
}

function joined(pieces: readonly Uint8Array[]): Buffer {
  const [first] = pieces;
  if (first !== undefined && pieces.length === 1) return Buffer.from(first.buffer, first.byteOffset, first.byteLength);
  return Buffer.concat(pieces);
}

function answer(store: Store, query: Query): Answer {
  switch (query.kind) {
    case 'list':
      return { kind: 'list', calls: store.list(query.limit, query.before, query.filter) };
    case 'call': {
      const call = store.call(query.id);
      return {
        kind: 'call',
        stored: call === undefined ? null : { call, sides: store.sides(query.id), timeline: store.timeline(query.id) },
      };
    }
    case 'facets':
      return { kind: 'facets', ...store.facets() };
    case 'activity':
      return { kind: 'activity', activity: store.activity(query.fromId) };
  }
}

if (parentPort !== null) {
  // Serving comes before recording. On Linux this reaches the one thread; elsewhere it would slow the whole process.
  if (process.platform === 'linux') {
    try {
      os.setPriority(0, os.constants.priority.PRIORITY_LOW);
    } catch {
      // A sandbox may forbid it; the worker then merely competes as an equal.
    }
  }
  serveStore(parentPort);
}
