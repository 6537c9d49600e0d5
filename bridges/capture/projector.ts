import zlib from 'node:zlib';
import type { Usage, WireFormat } from '../contract/index.ts';
import { asArray, asCount, asName, asObject, parseJson } from '../wire/json.ts';
import { SseReader } from '../wire/sse.ts';
import type { JsonObject, JsonValue } from '../wire/turn.ts';
import type { Projection } from './record.ts';
import { takeApart } from './stream.ts';
import { ToolCallCounter, toolCallsOf } from './tool-calls.ts';

/** More than this of a reply's end is not looked at for its counts. */
const TAIL_BYTES = 256 * 1024;
const HEAD_BYTES = 16 * 1024;
const MAX_JSON_BYTES = 8 * 1024 * 1024;

/**
 * Reads out of a finished reply what its row tells: the model that answered, the tokens it stated, how many tools it
 * called, and whether a stream reached its terminal event. Of a stream only the frames that tell such things are parsed.
 */
export function project(wire: WireFormat, streamed: boolean, reply: Buffer, encoding: string | undefined): Projection {
  const plain = decoded(reply, encoding);
  if (plain === undefined) return { modelUsed: null, usage: null, toolCalls: null, complete: true };
  return streamed ? projectStream(wire, plain) : projectJson(wire, plain);
}

/** A body's bytes without their content-encoding, of one that broke off as far as it came; undefined where it can't be undone. */
export function decoded(reply: Buffer, encoding: string | undefined): Buffer | undefined {
  const { Z_SYNC_FLUSH, BROTLI_OPERATION_FLUSH, ZSTD_e_flush } = zlib.constants;
  const maxOutputLength = 64 * 1024 * 1024;
  try {
    switch (encoding?.trim().toLowerCase()) {
      case undefined:
      case '':
      case 'identity':
        return reply;
      case 'gzip':
      case 'x-gzip':
        return zlib.gunzipSync(reply, { maxOutputLength, finishFlush: Z_SYNC_FLUSH });
      case 'deflate':
        return zlib.inflateSync(reply, { maxOutputLength, finishFlush: Z_SYNC_FLUSH });
      case 'br':
        return zlib.brotliDecompressSync(reply, { maxOutputLength, finishFlush: BROTLI_OPERATION_FLUSH });
      case 'zstd':
        return zlib.zstdDecompressSync(reply, { maxOutputLength, finishFlush: ZSTD_e_flush });
      default:
        return undefined;
    }
  } catch {
    return undefined;
  }
}

function projectJson(wire: WireFormat, reply: Buffer): Projection {
  const body = reply.length <= MAX_JSON_BYTES ? asObject(parseJson(reply.toString('utf8'))) : undefined;
  return {
    modelUsed: asName(body?.['model']) ?? null,
    usage: usageOf(wire, asObject(body?.['usage'])),
    toolCalls: body === undefined ? null : toolCallsOf(wire, body),
    complete: true,
  };
}

const TELLING =
  /"(?:usage|model|message_stop|message_delta|finish_reason|tool_calls|response\.(?:completed|incomplete|failed))"|(?:tool_use|_call)"/;

function projectStream(wire: WireFormat, reply: Buffer): Projection {
  const found: Found = { modelUsed: null, usage: undefined, complete: false };
  const tools = new ToolCallCounter(wire);
  const inPart = reply.length > HEAD_BYTES + TAIL_BYTES;
  for (const data of inPart ? firstAndLast(reply) : tellingFrames(reply)) {
    if (data === '[DONE]') {
      found.complete = true;
      continue;
    }
    // Deltas, by far the most frames, hold none of these; they are not parsed.
    if (!TELLING.test(data)) continue;
    const event = asObject(parseJson(data));
    if (event === undefined) continue;
    readEvent(wire, event, found);
    tools.read(event);
  }
  return { modelUsed: found.modelUsed, usage: usageOf(wire, found.usage), toolCalls: tools.count(inPart), complete: found.complete };
}

/** Counts as the stream stated them, later ones over earlier ones, field by field. */
type Found = { modelUsed: string | null; usage: JsonObject | undefined; complete: boolean };

function readEvent(wire: WireFormat, event: JsonObject, found: Found): void {
  const holder =
    wire === 'messages' ? (asObject(event['message']) ?? event) : wire === 'responses' ? (asObject(event['response']) ?? event) : event;
  found.modelUsed ??= asName(holder['model']) ?? null;
  const usage = asObject(holder['usage']);
  if (usage !== undefined) found.usage = merged(found.usage, usage);
  const type = event['type'];
  if (
    type === 'message_stop' ||
    type === 'response.completed' ||
    type === 'response.incomplete' ||
    type === 'response.failed' ||
    type === 'error'
  ) {
    found.complete = true;
  }
  if (wire === 'messages' && type === 'message_delta' && asName(asObject(event['delta'])?.['stop_reason']) !== undefined)
    found.complete = true;
  if (wire === 'chat' && asArray(event['choices'])?.some((choice) => asName(asObject(choice)?.['finish_reason']) !== undefined)) {
    found.complete = true;
  }
}

/** What the later frame tells as null it does not know; the earlier one may. */
function merged(earlier: Found['usage'], later: JsonObject): JsonObject {
  const usage = { ...earlier };
  for (const [name, value] of Object.entries(later)) if (value !== null) usage[name] = value;
  return usage;
}

/** The frames that may tell something. Those that the store keeps as repeating another one differ from it in what was said alone. */
function tellingFrames(reply: Buffer): string[] {
  const told = takeApart(reply)?.told;
  return framesOf(told === undefined ? reply : Buffer.from(told, 'latin1'));
}

/** Of a long reply. */
function firstAndLast(reply: Buffer): string[] {
  return [...framesOf(reply.subarray(0, HEAD_BYTES)), ...framesOf(reply.subarray(tailOf(reply)))];
}

/** Where the frames of a reply's end begin, in front of a whole one: the last may be larger than all that is looked at otherwise. */
function tailOf(reply: Buffer): number {
  const wanted = reply.length - TAIL_BYTES;
  const earliest = Math.max(0, reply.length - MAX_JSON_BYTES);
  const before = reply.subarray(earliest, wanted);
  const blank = before.lastIndexOf('\n\n');
  const at = blank >= 0 ? blank : before.lastIndexOf('\n\r\n');
  return at < 0 ? wanted : earliest + at;
}

function framesOf(bytes: Buffer): string[] {
  const reader = new SseReader();
  return [...reader.push(bytes), ...reader.end()].map((frame) => frame.data);
}

/** A prompt has tokens: where a reply states none at all, nobody counted, and the counts are unknown. */
function usageOf(wire: WireFormat, stated: JsonObject | undefined): Usage | null {
  const usage = stated === undefined ? null : readUsage(wire, stated);
  return usage?.input === 0 && usage.output === 0 && !usage.cached && !usage.cacheWrite ? null : usage;
}

function readUsage(wire: WireFormat, usage: JsonObject): Usage {
  if (wire === 'messages') {
    const cached = count(usage['cache_read_input_tokens']);
    const cacheWrite = count(usage['cache_creation_input_tokens']);
    const input = count(usage['input_tokens']);
    return {
      input: input === null ? null : input + (cached ?? 0) + (cacheWrite ?? 0),
      cached,
      cacheWrite,
      output: count(usage['output_tokens']),
      reasoning: count(asObject(usage['output_tokens_details'])?.['thinking_tokens']),
    };
  }
  const chat = wire === 'chat';
  const input = asObject(usage[chat ? 'prompt_tokens_details' : 'input_tokens_details']);
  const output = asObject(usage[chat ? 'completion_tokens_details' : 'output_tokens_details']);
  return {
    input: count(usage[chat ? 'prompt_tokens' : 'input_tokens']),
    cached: count(input?.['cached_tokens']),
    cacheWrite: count(input?.['cache_write_tokens']),
    output: count(usage[chat ? 'completion_tokens' : 'output_tokens']),
    reasoning: count(output?.['reasoning_tokens']),
  };
}

function count(value: JsonValue | undefined): number | null {
  return asCount(value) ?? null;
}
