import type { Call, Loss, Usage, WireFormat } from '../contract/index.ts';
import type { Clock } from '../engine/clock.ts';
import type { Room } from '../engine/rooms.ts';
import { plainText, redactTarget, redactText } from '../engine/redact.ts';
import { isEventStream } from '../wire/sse.ts';
import type { Side } from './record.ts';
import { ReplyLog } from './reply-log.ts';

/** What is known of a call when it begins. */
export type CallStart = {
  client: string;
  clientVersion: string | null;
  caller: string | null;
  method: string;
  /** As the client sent it; it is redacted here. */
  target: string;
  route: string | null;
  upstream: string | null;
  wireIn: WireFormat | null;
  wireOut: WireFormat | null;
  modelRequested: string | null;
  /** The call that this one sends again. */
  replayOf?: number | undefined;
  /** Name and value alternating, in wire order; redacted here. */
  rawHeaders: readonly string[];
  body: Buffer | null;
  /** Nobody but the recorder reads the body any more: its memory may be used again once the worker does not either. */
  room?: Room | undefined;
  /** Of the clock's monotonic time: when the request's head arrived. */
  arrivedAt: number;
};

export type CallEnd = {
  /** The reply ended before it was complete, whoever ended it. */
  cut: boolean;
  error?: string | undefined;
  lost?: readonly Loss[];
  usage?: Usage | null;
  modelUsed?: string | null;
};

/** One call being recorded. Its methods never throw and never wait. */
export type OpenCall = {
  id: number;
  /** The reply's head, as sent to the client. */
  replyStart(status: number, headers: Readonly<Record<string, string | string[] | number | undefined>>): void;
  /** Bytes of the reply's body, as sent to the client. */
  replyData(chunk: Buffer): void;
  /** Only for a call that is translated: what the upstream got. `room`: asked at the end for the body's memory, where nobody else reads it then. */
  upstreamRequest(rawHeaders: readonly string[], body: Buffer | null, room?: () => Room | undefined): void;
  upstreamReplyStart(headers: Readonly<Record<string, string | string[] | undefined>>): void;
  upstreamReplyData(chunk: Buffer): void;
  end(end: CallEnd): void;
};

export type Recorder = { begin(start: CallStart): OpenCall };

/** Where what was recorded goes; see capture.ts. Rows are live: they change until their call has ended. */
export type RecordSink = {
  enabled(): boolean;
  maxBodyBytes(): number;
  post(entry: Entry): void;
  /** Nobody reads a body's memory any more. */
  giveBack(room: Room): void;
  /** Tells the window of a row that began. What it has become by the time the window hears of it, it is told with. */
  showBegun(row: Call): void;
  /** Tells the window of a row that nothing will change any more. */
  show(row: Call): void;
};

/**
 * A call's beginning, its end, or both, still as it was collected. Copying, redacting and writing down wait until the
 * entry is handed over (parcel.ts): by then the call itself is long on its way.
 */
export type Entry = {
  id: number;
  row: Call;
  begins: boolean;
  ends: boolean;
  sides: Collected[];
  timeline: Float64Array | null;
  /** Of all bodies. */
  bytes: number;
};

/** A call whose row has not begun. */
type Unopened = { open: (() => unknown) | undefined };

export type HeaderRecord = Readonly<Record<string, string | string[] | number | undefined>>;
/** `isPart`: the body went on after what was kept of it. `room`: its memory, where it may be used again. */
type Collected = {
  side: Side;
  headers: readonly string[] | HeaderRecord;
  body: Buffer | Uint8Array[] | null;
  isPart?: boolean;
  room?: Room | undefined;
};

/** A call whose upstream has not begun to answer by about then shows as open. Milliseconds. */
const OPEN_MS = 10;

/**
 * Makes the recorder: it taps both sides of a call as they pass. It holds nothing back and decides nothing; what it
 * collects is redacted before it goes to the worker.
 */
export function createRecorder(sink: RecordSink, clock: Clock): Recorder {
  const nextId = idMaker(clock);
  // One timer for all: a timer for each call costs more than everything else that beginning it does. No set either:
  // tables that a set has outgrown keep what was in them, and V8 drags it all into its old heap.
  let unopened: Unopened[] = [];
  let timer: NodeJS.Timeout | undefined;
  const openAll = (): void => {
    const waited = unopened;
    timer = undefined;
    unopened = [];
    for (const { open } of waited) open?.();
  };
  return {
    begin(start) {
      const id = nextId();
      const begunAt = clock.now();
      const kept = sink.enabled();
      const limit = kept ? sink.maxBodyBytes() : 0;
      const requestSide = (side: Side, headers: readonly string[], body: Buffer | null, room?: Room): Collected => ({
        side,
        headers,
        body: body === null || body.length <= limit ? body : body.subarray(0, limit),
        room,
      });
      const reply = new ReplyLog(limit);
      let replyStatus: number | null = null;
      let replyHeaders: HeaderRecord = {};
      let firstByteAt: number | null = null;
      let upstreamReply: ReplyLog | undefined;
      let upstreamReplyHeaders: HeaderRecord = {};
      const upstreamSides: Collected[] = [];
      let upstreamRoom: (() => Room | undefined) | undefined;
      let ended = false;
      const elapsed = (): number => round(clock.monotonic() - start.arrivedAt);

      // Beginning the row waits until the client has its first byte, or the upstream takes its time.
      let opened: Call | undefined;
      const open = (): Call => {
        if (opened !== undefined) return opened;
        waiting.open = undefined;
        opened = openRow(id, start, begunAt);
        tellReply(opened);
        if (kept) {
          const sides = [requestSide('clientRequest', start.rawHeaders, start.body, start.room)];
          sink.post({ id, row: opened, begins: true, ends: false, sides, timeline: null, bytes: opened.requestBytes });
        } else if (start.room !== undefined) sink.giveBack(start.room);
        sink.showBegun(opened);
        return opened;
      };
      const tellReply = (row: Call): void => {
        row.status = replyStatus;
        row.streamed = isEventStream(String(replyHeaders['content-type']));
        row.ttfbMs = firstByteAt;
      };
      const waiting: Unopened = { open };
      unopened.push(waiting);
      timer ??= setTimeout(openAll, OPEN_MS);

      return {
        id,
        replyStart(status, headers) {
          replyStatus = status;
          replyHeaders = headers;
          if (opened !== undefined) tellReply(opened);
        },
        replyData(chunk) {
          const at = elapsed();
          if (firstByteAt === null) {
            firstByteAt = at;
            if (opened === undefined) process.nextTick(open);
            else opened.ttfbMs = at;
          }
          reply.push(chunk, at);
        },
        upstreamRequest(rawHeaders, body, room) {
          if (kept) upstreamSides.push(requestSide('upstreamRequest', rawHeaders, body));
          upstreamRoom = room;
        },
        upstreamReplyStart(headers) {
          upstreamReplyHeaders = headers;
          upstreamReply = new ReplyLog(limit);
        },
        upstreamReplyData(chunk) {
          upstreamReply?.push(chunk, elapsed());
        },
        end(end) {
          if (ended) return;
          ended = true;
          const durationMs = elapsed();
          const row = open();
          tellReply(row);
          row.durationMs = durationMs;
          row.replyBytes = reply.bytes;
          row.cut = end.cut;
          row.state = end.cut ? 'cut' : 'done';
          row.error = end.error === undefined ? null : shownError(end.error);
          row.lost = [...(end.lost ?? [])];
          row.usage = end.usage ?? null;
          row.modelUsed = end.modelUsed ?? null;
          const room = upstreamRoom?.();
          if (!kept) {
            if (room !== undefined) sink.giveBack(room);
            return sink.show(row);
          }
          const sides: Collected[] = [
            ...upstreamSides.map((side) => ({ ...side, room })),
            { side: 'clientReply', headers: replyHeaders, body: reply.take(), isPart: !reply.whole },
          ];
          if (upstreamReply !== undefined) {
            sides.push({ side: 'upstreamReply', headers: upstreamReplyHeaders, body: upstreamReply.take(), isPart: !upstreamReply.whole });
          }
          const bytes = reply.bytes + (upstreamReply?.bytes ?? 0);
          sink.post({ id, row, begins: false, ends: true, sides, timeline: reply.timeline(), bytes });
        },
      };
    },
  };
}

const MOST_OF_AN_ERROR = 1000;

/** What is kept of an error. Cut twice: no upstream's page is read through here, and no credential loses its end. */
function shownError(error: string): string {
  return plainText(redactText(error.slice(0, 16 * MOST_OF_AN_ERROR))).slice(0, MOST_OF_AN_ERROR);
}

function openRow(id: number, start: CallStart, now: number): Call {
  return {
    id,
    startedAt: new Date(now).toISOString(),
    state: 'open',
    client: start.client,
    clientVersion: start.clientVersion,
    caller: start.caller,
    method: start.method,
    path: redactTarget(start.target),
    route: start.route,
    upstream: start.upstream,
    wireIn: start.wireIn,
    wireOut: start.wireOut,
    modelRequested: start.modelRequested,
    modelUsed: null,
    status: null,
    streamed: false,
    cut: false,
    ttfbMs: null,
    durationMs: null,
    requestBytes: start.body?.length ?? 0,
    replyBytes: 0,
    usage: null,
    lost: [],
    error: null,
    ...(start.replayOf === undefined ? {} : { replayOf: start.replayOf }),
  };
}

/** Ids rise with time and are unique in a store: milliseconds since 2024, and a counter of 4096 within each. */
function idMaker(clock: Clock): () => number {
  let last = 0;
  return () => {
    last = Math.max(last + 1, idAt(clock.now()));
    return last;
  };
}

/** The smallest id a call can have that began at `now` (Unix milliseconds). */
export function idAt(now: number): number {
  return Math.max(0, now - ID_EPOCH) * 4096;
}
const ID_EPOCH = Date.UTC(2024, 0, 1);

/** Milliseconds to a hundredth: more digits are noise, and cost bytes in every row. */
function round(milliseconds: number): number {
  return Math.round(milliseconds * 100) / 100;
}
