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

export type Recorder = {
  begin(start: CallStart): OpenCall;
  /** How many calls have begun since the engine started. */
  begun(): number;
};

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
  let waiting: Waiting[] = [];
  let timer: NodeJS.Timeout | undefined;
  let begun = 0;
  const openAll = (): void => {
    const waited = waiting;
    timer = undefined;
    waiting = [];
    for (const { call } of waited) call?.open();
  };
  return {
    begin(start) {
      begun += 1;
      const call = new RecordedCall(nextId(), start, sink, clock);
      waiting.push(call.waiting);
      timer ??= setTimeout(openAll, OPEN_MS);
      return call;
    },
    begun: () => begun,
  };
}

/** A call whose row has not begun; none once it has, so that no list holds what the call said. */
type Waiting = { call: RecordedCall | undefined };

class RecordedCall implements OpenCall {
  readonly id: number;
  readonly waiting: Waiting = { call: this };
  readonly #start: CallStart;
  readonly #sink: RecordSink;
  readonly #clock: Clock;
  readonly #begunAt: number;
  /** Whether more than the row is kept, and how many bytes of a body. */
  readonly #kept: boolean;
  readonly #limit: number;
  readonly #reply: ReplyLog;
  #row: Call | undefined;
  #status: number | null = null;
  #headers: HeaderRecord = {};
  #firstByteAt: number | null = null;
  #upstreamRequest: Collected | undefined;
  #upstreamRoom: (() => Room | undefined) | undefined;
  #upstreamReply: ReplyLog | undefined;
  #upstreamReplyHeaders: HeaderRecord = {};
  #ended = false;

  constructor(id: number, start: CallStart, sink: RecordSink, clock: Clock) {
    this.id = id;
    this.#start = start;
    this.#sink = sink;
    this.#clock = clock;
    this.#begunAt = clock.now();
    this.#kept = sink.enabled();
    this.#limit = this.#kept ? sink.maxBodyBytes() : 0;
    this.#reply = new ReplyLog(this.#limit);
  }

  /** Begins the row. That waits until the client has its first byte, or the upstream takes its time. */
  open(): Call {
    if (this.#row !== undefined) return this.#row;
    this.waiting.call = undefined;
    const start = this.#start;
    const row = openRow(this.id, start, this.#begunAt);
    this.#row = row;
    this.#tellReply(row);
    if (this.#kept) {
      const sides = [this.#requestSide('clientRequest', start.rawHeaders, start.body, start.room)];
      this.#sink.post({ id: this.id, row, begins: true, ends: false, sides, timeline: null, bytes: row.requestBytes });
    } else if (start.room !== undefined) this.#sink.giveBack(start.room);
    this.#sink.showBegun(row);
    return row;
  }

  replyStart(status: number, headers: HeaderRecord): void {
    this.#status = status;
    this.#headers = headers;
    if (this.#row !== undefined) this.#tellReply(this.#row);
  }

  replyData(chunk: Buffer): void {
    const at = this.#elapsed();
    if (this.#firstByteAt === null) {
      this.#firstByteAt = at;
      if (this.#row === undefined) process.nextTick(openRecorded, this);
      else this.#row.ttfbMs = at;
    }
    this.#reply.push(chunk, at);
  }

  upstreamRequest(rawHeaders: readonly string[], body: Buffer | null, room?: () => Room | undefined): void {
    if (this.#kept) this.#upstreamRequest = this.#requestSide('upstreamRequest', rawHeaders, body);
    this.#upstreamRoom = room;
  }

  upstreamReplyStart(headers: HeaderRecord): void {
    this.#upstreamReplyHeaders = headers;
    this.#upstreamReply = new ReplyLog(this.#limit);
  }

  upstreamReplyData(chunk: Buffer): void {
    this.#upstreamReply?.push(chunk, this.#elapsed());
  }

  end(end: CallEnd): void {
    if (this.#ended) return;
    this.#ended = true;
    const durationMs = this.#elapsed();
    const row = this.open();
    this.#tellReply(row);
    row.durationMs = durationMs;
    row.replyBytes = this.#reply.bytes;
    row.cut = end.cut;
    row.state = end.cut ? 'cut' : 'done';
    row.error = end.error === undefined ? null : shownError(end.error);
    row.lost = [...(end.lost ?? [])];
    row.usage = end.usage ?? null;
    row.modelUsed = end.modelUsed ?? null;
    const room = this.#upstreamRoom?.();
    if (this.#kept) return this.#postEnd(row, room);
    if (room !== undefined) this.#sink.giveBack(room);
    this.#sink.show(row);
  }

  #postEnd(row: Call, room: Room | undefined): void {
    const reply = this.#reply;
    const upstreamReply = this.#upstreamReply;
    const sides: Collected[] = [];
    if (this.#upstreamRequest !== undefined) sides.push({ ...this.#upstreamRequest, room });
    sides.push({ side: 'clientReply', headers: this.#headers, body: reply.take(), isPart: !reply.whole });
    if (upstreamReply !== undefined) {
      const headers = this.#upstreamReplyHeaders;
      sides.push({ side: 'upstreamReply', headers, body: upstreamReply.take(), isPart: !upstreamReply.whole });
    }
    const bytes = reply.bytes + (upstreamReply?.bytes ?? 0);
    this.#sink.post({ id: this.id, row, begins: false, ends: true, sides, timeline: reply.timeline(), bytes });
  }

  #elapsed(): number {
    return round(this.#clock.monotonic() - this.#start.arrivedAt);
  }

  #tellReply(row: Call): void {
    row.status = this.#status;
    row.streamed = isEventStream(String(this.#headers['content-type']));
    row.ttfbMs = this.#firstByteAt;
  }

  #requestSide(side: Side, headers: readonly string[], body: Buffer | null, room?: Room): Collected {
    return { side, headers, body: body === null || body.length <= this.#limit ? body : body.subarray(0, this.#limit), room };
  }
}

function openRecorded(call: RecordedCall): void {
  call.open();
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
