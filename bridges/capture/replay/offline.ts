import { errorFamily } from '../../companion/client.ts';
import { DrawbridgeError } from '../../contract/errors.ts';
import type { OfflineReplay, ReplayedFrame, WireFormat } from '../../contract/index.ts';
import { RequestError } from '../../wire/codec.ts';
import { memoryHandleStore } from '../../wire/opaque.ts';
import { isEventStream, SseReader } from '../../wire/sse.ts';
import { crossRequest, type Crossing, type RenderedFailure, type ReplyBody } from '../../wire/translate.ts';
import type { JsonValue } from '../../wire/turn.ts';
import { isAssembled } from '../assembled.ts';
import { plainBody, sideHeaders } from '../detail.ts';
import type { StoredCall } from '../worker.ts';

/**
 * Takes the kept answer of an upstream through today's translator. Nothing is sent. Throws DrawbridgeError bad_input
 * where what that needs was not kept, or today's translator refuses the request.
 */
export function replayOffline(stored: StoredCall): OfflineReplay {
  const { call } = stored;
  if (stored.sides.some(({ headers }) => isAssembled(headers)))
    throw new DrawbridgeError(
      'bad_input',
      `The replies of call ${call.id} were kept as one body, not event by event (capture.replies in the settings), so there is nothing to compare.`,
    );
  const recorded = framesOf(plainBody(stored, 'clientReply'), call.streamed);
  const translated = call.wireIn !== null && call.wireOut !== null && call.wireIn !== call.wireOut;
  if (!translated) return { call: call.id, translated, same: true, now: recorded, recorded, firstDifference: null };
  const now = translate(stored, call.wireIn, call.wireOut);
  const firstDifference = differs(now, recorded);
  return { call: call.id, translated, same: firstDifference === null, now, recorded, firstDifference };
}

function translate(stored: StoredCall, from: WireFormat | null, to: WireFormat | null): ReplayedFrame[] {
  const { call } = stored;
  const request = plainBody(stored, 'clientRequest');
  const reply = plainBody(stored, 'upstreamReply');
  if (from === null || to === null || request === undefined || reply === undefined)
    throw new DrawbridgeError(
      'bad_input',
      `Of call ${call.id} the request or the upstream's answer was not kept, so it can't be translated again.`,
    );
  const crossing = cross(stored, from, to, request);
  const headers = Object.fromEntries(sideHeaders(stored, 'upstreamReply').map(([name, value]) => [name.toLowerCase(), value]));
  const events = isEventStream(headers['content-type']);
  const way = crossing.reply;
  if (!events && call.status !== null && call.status >= 400) return ofFailure(way.error(call.status, headers, read(reply)));
  if (!crossing.stream) {
    if (!events) return ofBody(way.json(read(reply)), crossing);
    const collected = way.collect();
    collected.push(reply);
    return ofBody(collected.end(), crossing);
  }
  const stream = way.stream();
  return framesOf(Buffer.from(events ? stream.push(reply) + stream.end() : stream.whole(read(reply))), true);
}

function cross({ call }: StoredCall, from: WireFormat, to: WireFormat, request: Buffer): Crossing {
  let made = 0;
  try {
    return crossRequest({
      body: read(request),
      from,
      to,
      store: memoryHandleStore({ max: 1_000, random: () => `handle-${(made += 1)}` }),
      upstream: call.upstream ?? '',
      now: Date.parse(call.startedAt),
      newId: (prefix) => `${prefix}_${(made += 1)}`,
      wantsReasoning: true,
      client: { family: errorFamily(call.client), requestId: 'req_replay' },
    });
  } catch (error) {
    if (!(error instanceof RequestError)) throw error;
    throw new DrawbridgeError('bad_input', `Today the request would be refused: ${error.path}: ${error.message}`, {}, { cause: error });
  }
}

function ofBody(result: ReplyBody, crossing: Crossing): ReplayedFrame[] {
  return 'body' in result ? [{ event: null, data: JSON.stringify(result.body) }] : ofFailure(crossing.reply.failure(result.error));
}

function ofFailure(failure: RenderedFailure): ReplayedFrame[] {
  return 'stream' in failure ? framesOf(Buffer.from(failure.stream), true) : [{ event: null, data: JSON.stringify(failure.body) }];
}

function read(bytes: Buffer): JsonValue {
  const text = bytes.toString('utf8');
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

/** A reply in frames; keep-alives are left out, since when they come is chance. */
function framesOf(body: Buffer | undefined, streamed: boolean): ReplayedFrame[] {
  if (body === undefined) return [];
  if (!streamed) return [{ event: null, data: body.toString('utf8') }];
  const reader = new SseReader();
  return [...reader.push(body), ...reader.end()]
    .map(({ event, data }) => ({ event: event ?? null, data }))
    .filter(({ event, data }) => event !== 'ping' && !/^\{"type":\s?"(?:ping|keepalive)"/.test(data));
}

/** The first frame in which two replies differ in more than ids and times. */
function differs(now: readonly ReplayedFrame[], recorded: readonly ReplayedFrame[]): number | null {
  const [a, b] = [new Plain(), new Plain()];
  for (let i = 0; i < Math.max(now.length, recorded.length); i++) {
    const [x, y] = [now[i], recorded[i]];
    if (x === undefined || y === undefined || x.event !== y.event || a.frame(x.data) !== b.frame(y.data)) return i;
  }
  return null;
}

/** Names that are made up for each reply: the same text stands for the same name, whatever it is. */
const MADE_UP = new Set(['id', 'item_id', 'response_id', 'request_id']);
/** Times, and what only the upstream can read. */
const CHANGING = new Set(['created', 'created_at', 'completed_at', 'obfuscation', 'signature', 'encrypted_content', 'reasoning_opaque']);

/** Writes JSON down so that made-up names are told by the order in which they first appear. */
class Plain {
  readonly #names = new Map<string, string>();

  frame(data: string): string {
    let value: unknown;
    try {
      value = JSON.parse(data);
    } catch {
      return data;
    }
    return JSON.stringify(value, (key, inner: unknown) => {
      if (CHANGING.has(key)) return inner === null ? null : 'changing';
      if (!MADE_UP.has(key) || typeof inner !== 'string') return inner;
      const known = this.#names.get(inner) ?? `name ${this.#names.size}`;
      this.#names.set(inner, known);
      return known;
    });
  }
}
