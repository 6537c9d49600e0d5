import type { Call, Loss, Usage, WireFormat } from '../contract/index.ts';
import type { Clock } from '../engine/clock.ts';
import { redactHeaders, redactTarget, redactText, plainText } from '../engine/redact.ts';
import type { CaptureRecord, Side, SideRecord } from './record.ts';
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
  /** Name and value alternating, in wire order; redacted here. */
  rawHeaders: readonly string[];
  body: Buffer | null;
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
  /** Only for a call that is translated: what the upstream got. */
  upstreamRequest(rawHeaders: readonly string[], body: Buffer | null): void;
  upstreamReplyStart(headers: Readonly<Record<string, string | string[] | undefined>>): void;
  upstreamReplyData(chunk: Buffer): void;
  end(end: CallEnd): void;
};

export type Recorder = { begin(start: CallStart): OpenCall };

/** Where finished records go; see capture.ts. */
export type RecordSink = {
  enabled(): boolean;
  maxBodyBytes(): number;
  /** Bytes of both sides that the record holds. */
  post(record: CaptureRecord, bytes: number, row: Call): void;
  /** A row changed: tells the window. */
  show(row: Call): void;
};

/** Bodies from this size on are shared with the worker when they can be, smaller ones are copied. */
const SHARE_FROM = 64 * 1024;

/**
 * Makes the recorder: it taps both sides of a call as they pass. It holds nothing back and decides nothing; what it
 * collects is redacted here, before it goes to the worker.
 */
export function createRecorder(sink: RecordSink, clock: Clock): Recorder {
  const nextId = idMaker(clock);
  return {
    begin(start) {
      const id = nextId();
      const row: Call = {
        id,
        startedAt: new Date(clock.now()).toISOString(),
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
      };
      const kept = sink.enabled();
      const limit = sink.maxBodyBytes();
      if (kept) {
        const sides = [requestSide('clientRequest', start.rawHeaders, start.body, limit)];
        sink.post({ kind: 'begin', id, row: JSON.stringify(row), sides }, row.requestBytes, { ...row });
      }
      sink.show({ ...row });

      const reply = new ReplyLog(kept ? limit : 0);
      let replyHeaders: [string, string][] = [];
      let upstreamReply: ReplyLog | undefined;
      let upstreamReplyHeaders: [string, string][] = [];
      const upstreamSides: SideRecord[] = [];
      let ended = false;
      const elapsed = (): number => clock.monotonic() - start.arrivedAt;

      return {
        id,
        replyStart(status, headers) {
          row.status = status;
          row.streamed = String(headers['content-type'] ?? '').startsWith('text/event-stream');
          replyHeaders = redactHeaders(flatten(headers));
        },
        replyData(chunk) {
          const at = elapsed();
          row.ttfbMs ??= round(at);
          reply.push(chunk, round(at));
        },
        upstreamRequest(rawHeaders, body) {
          if (kept) upstreamSides.push(requestSide('upstreamRequest', rawHeaders, body, limit));
        },
        upstreamReplyStart(headers) {
          upstreamReplyHeaders = redactHeaders(flatten(headers));
          upstreamReply = new ReplyLog(kept ? limit : 0);
        },
        upstreamReplyData(chunk) {
          upstreamReply?.push(chunk, round(elapsed()));
        },
        end(end) {
          if (ended) return;
          ended = true;
          row.durationMs = round(elapsed());
          row.replyBytes = reply.bytes;
          row.cut = end.cut;
          row.state = end.cut ? 'cut' : 'done';
          row.error = end.error === undefined ? null : plainText(redactText(end.error)).slice(0, 1000);
          row.lost = [...(end.lost ?? [])];
          row.usage = end.usage ?? null;
          row.modelUsed = end.modelUsed ?? null;
          if (!kept) return sink.show({ ...row });
          const sides = [...upstreamSides, { side: 'clientReply' as const, headers: JSON.stringify(replyHeaders), body: reply.take() }];
          if (upstreamReply !== undefined) {
            sides.push({ side: 'upstreamReply', headers: JSON.stringify(upstreamReplyHeaders), body: upstreamReply.take() });
          }
          sink.post(
            { kind: 'end', id, row: JSON.stringify(row), sides, timeline: reply.timeline() },
            reply.bytes + (upstreamReply?.bytes ?? 0),
            { ...row },
          );
        },
      };
    },
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

function requestSide(side: Side, rawHeaders: readonly string[], body: Buffer | null, limit: number): SideRecord {
  return {
    side,
    headers: JSON.stringify(redactHeaders(rawHeaders)),
    body: body === null ? null : [handOver(body.length > limit ? body.subarray(0, limit) : body)],
  };
}

/** A body another thread may read while this one still sends it: shared where it is in shared memory, else a copy. */
function handOver(body: Buffer): Uint8Array {
  if (body.length >= SHARE_FROM && body.buffer instanceof SharedArrayBuffer) return body;
  const copy = Buffer.allocUnsafeSlow(body.length);
  body.copy(copy);
  return copy;
}

function flatten(headers: Readonly<Record<string, string | string[] | number | undefined>>): string[] {
  const flat: string[] = [];
  for (const [name, value] of Object.entries(headers)) {
    if (value === undefined) continue;
    if (Array.isArray(value)) for (const one of value) flat.push(name, one);
    else flat.push(name, String(value));
  }
  return flat;
}

/** Milliseconds to a hundredth: more digits are noise, and cost bytes in every row. */
function round(milliseconds: number): number {
  return Math.round(milliseconds * 100) / 100;
}
