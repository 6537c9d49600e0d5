import type { StreamParser } from '../codec.ts';
import { CUT, NAMELESS_CALL, UNREADABLE_EVENT } from '../failures.ts';
import { asArray, asName, asNumber, asObject, asString, isObject } from '../json.ts';
import { frameObject, type SseFrame } from '../sse.ts';
import type { ItemStart, JsonObject, JsonValue, TurnError, TurnEvent } from '../turn.ts';
import { toAnnotation, toolInput } from './blocks.ts';
import { readError } from './errors.ts';
import { stopReason } from './stop-reasons.ts';
import { Counts } from './usage.ts';

/** A parser of a streamed reply. It never throws. */
export function streamParser(): StreamParser {
  return new MessagesParser();
}

/** The block being written. Blocks never interleave, so there is one at most. */
type Block = {
  index: number;
  item: number;
  kind: ItemStart['kind'] | 'redacted' | 'opaque';
  /** The `content_block` it began with. */
  start: JsonObject;
  text: string;
  signature: string;
  citations: JsonValue[];
};

/** Turns frames into events. A complete reply is read as a stream whose blocks begin with all they hold (reply.ts). */
export class MessagesParser implements StreamParser {
  #started = false;
  #over = false;
  #id = '';
  #items = 0;
  #hasCalls = false;
  #block: Block | undefined;
  /** The index of the last block that is over: what still comes for it is too late. */
  #closed = -1;
  #stop: { reason: string; sequence: string | undefined; explanation: string | undefined } | undefined;
  readonly #counts = new Counts();

  push(frame: SseFrame): TurnEvent[] {
    if (this.#over || frame.data === '' || frame.data === '[DONE]') return [];
    const event = frameObject(frame);
    if (event === undefined) return this.#fail(UNREADABLE_EVENT);
    return this.read(event, asString(event.type) ?? frame.event);
  }

  /** The bytes have ended. Some servers leave out `message_stop`; a stop reason says as well that the reply is whole. */
  end(): TurnEvent[] {
    if (this.#over) return [];
    if (this.#stop !== undefined) return this.#end();
    this.#over = true;
    return [...this.#begin({}), CUT];
  }

  /** Reads one parsed event. */
  read(event: JsonObject, type: string | undefined): TurnEvent[] {
    switch (type) {
      case 'content_block_delta':
        return isObject(event.delta) ? this.#delta(event.delta, event.index) : [];
      case 'content_block_start':
        return isObject(event.content_block) ? this.#open(event.content_block, event.index) : [];
      case 'content_block_stop':
        return this.#isOpen(event.index) ? this.#close() : [];
      case 'message_start':
        return this.#begin(isObject(event.message) ? event.message : {});
      case 'message_delta':
        return this.#messageDelta(event);
      case 'message_stop':
        return this.#end();
      case 'ping':
        return this.#started ? [{ type: 'keep_alive' }] : [];
      case 'error':
        return this.#fail(readError(event));
      case undefined:
        return isObject(event.error) ? this.#fail(readError(event)) : [];
      default:
        return [];
    }
  }

  #fail(error: TurnError): TurnEvent[] {
    const events = this.#begin({});
    this.#over = true;
    events.push({ type: 'error', error });
    return events;
  }

  /** Some servers say `message_start` twice, or leave it out. */
  #begin(message: JsonObject): TurnEvent[] {
    if (this.#started) return [];
    this.#started = true;
    this.#counts.read(message.usage);
    const start: TurnEvent = { type: 'start' };
    const id = asString(message.id);
    const model = asString(message.model);
    const usage = this.#counts.usage();
    if (id !== undefined) start.id = this.#id = id;
    if (model !== undefined) start.model = model;
    if (usage !== undefined) start.usage = usage;
    return [start];
  }

  #messageDelta(event: JsonObject): TurnEvent[] {
    const events = this.#begin({});
    this.#counts.read(event.usage);
    const delta = isObject(event.delta) ? event.delta : {};
    const reason = asString(delta.stop_reason);
    if (reason !== undefined) {
      this.#stop = { reason, sequence: asString(delta.stop_sequence), explanation: asName(asObject(delta.stop_details)?.explanation) };
      return events;
    }
    const usage = this.#counts.usage();
    if (usage !== undefined) events.push({ type: 'usage', usage });
    return events;
  }

  #end(): TurnEvent[] {
    const events = [...this.#begin({}), ...this.#close()];
    this.#over = true;
    const end: TurnEvent = { type: 'end', stop: stopReason(this.#stop?.reason, this.#hasCalls) };
    const usage = this.#counts.usage();
    if (this.#stop?.sequence !== undefined) end.stopSequence = this.#stop.sequence;
    if (end.stop === 'refusal' && this.#stop?.explanation !== undefined) end.explanation = this.#stop.explanation;
    if (usage !== undefined) end.usage = usage;
    events.push(end);
    return events;
  }

  // ------------------------------------------------------------------------------------------ blocks

  #isOpen(index: JsonValue | undefined): boolean {
    return this.#block !== undefined && (index === undefined || index === this.#block.index);
  }

  /** Begins a block. One that is still open is over: blocks never interleave, and some servers leave out its stop. */
  #open(start: JsonObject, index: JsonValue | undefined): TurnEvent[] {
    const events = [...this.#begin({}), ...this.#close()];
    // A block that does not say what it is can only be told by its deltas.
    if (asName(start.type) === undefined) return events;
    if (start.type === 'tool_use' && asName(start.name) === undefined) return [...events, ...this.#fail(NAMELESS_CALL)];
    const item = this.#items++;
    const block: Block = {
      index: asNumber(index) ?? this.#closed + 1,
      item,
      kind: 'opaque',
      start,
      text: '',
      signature: '',
      citations: [],
    };
    this.#block = block;
    switch (start.type) {
      case 'text':
        block.kind = 'text';
        events.push({ type: 'item_start', item, kind: 'text' });
        for (const citation of asArray(start.citations) ?? []) block.citations.push(citation);
        break;
      case 'thinking':
        block.kind = 'reasoning';
        block.signature = asString(start.signature) ?? '';
        events.push({ type: 'item_start', item, kind: 'reasoning' });
        break;
      case 'redacted_thinking':
        block.kind = 'redacted';
        events.push({ type: 'item_start', item, kind: 'reasoning' });
        break;
      case 'tool_use':
        block.kind = 'tool_call';
        this.#hasCalls = true;
        events.push({
          type: 'item_start',
          item,
          kind: 'tool_call',
          callId: this.#callId(start, item),
          name: asString(start.name) ?? '',
          tool: 'function',
        });
        break;
      default:
        // A hosted tool's call or result: complete when it ends.
        break;
    }
    const text = asString(block.kind === 'text' ? start.text : start.thinking) ?? '';
    if (text !== '' && (block.kind === 'text' || block.kind === 'reasoning')) events.push(this.#say(block, text));
    return events;
  }

  /** A call without an id only needs one that is unique in the conversation. */
  #callId(start: JsonObject, item: number): string {
    return asName(start.id) ?? `toolu_${this.#id.replaceAll(/[^A-Za-z0-9]/g, '').slice(-24)}${item}`;
  }

  #delta(delta: JsonObject, index: JsonValue | undefined): TurnEvent[] {
    const block = this.#block;
    if (block === undefined || (index !== undefined && index !== block.index)) return this.#unannounced(delta, index);
    switch (delta.type) {
      case 'text_delta':
        return block.kind === 'text' && typeof delta.text === 'string' ? [this.#say(block, delta.text)] : [];
      case 'input_json_delta':
        return typeof delta.partial_json === 'string' ? this.#input(block, delta.partial_json) : [];
      case 'thinking_delta':
        return block.kind === 'reasoning' && typeof delta.thinking === 'string' ? [this.#say(block, delta.thinking)] : [];
      case 'signature_delta':
        block.signature = asString(delta.signature) ?? block.signature;
        return [];
      case 'citations_delta':
        if (delta.citation !== undefined) block.citations.push(delta.citation);
        return [];
      default:
        return [];
    }
  }

  /** Text of a block that was never begun: some servers leave out its start. */
  #unannounced(delta: JsonObject, index: JsonValue | undefined): TurnEvent[] {
    if (typeof index === 'number' && index <= this.#closed) return [];
    if (delta.type === 'text_delta' && typeof delta.text === 'string') return this.#open({ type: 'text', text: delta.text }, index);
    if (delta.type === 'thinking_delta' && typeof delta.thinking === 'string')
      return this.#open({ type: 'thinking', thinking: delta.thinking }, index);
    return [];
  }

  #say(block: Block, text: string): TurnEvent {
    block.text += text;
    return { type: 'delta', item: block.item, text };
  }

  #input(block: Block, json: string): TurnEvent[] {
    if (block.kind === 'tool_call' && json !== '') return [this.#say(block, json)];
    if (block.kind === 'opaque') block.text += json;
    return [];
  }

  #close(): TurnEvent[] {
    const block = this.#block;
    if (block === undefined) return [];
    this.#block = undefined;
    this.#closed = block.index;
    const { item, text, start } = block;
    switch (block.kind) {
      case 'text':
      case 'refusal':
        if (block.citations.length === 0) return [{ type: 'item_end', item, text }];
        return [{ type: 'item_end', item, text, annotations: block.citations.map((citation) => toAnnotation(citation, text)) }];
      case 'reasoning':
        if (block.signature === '') return [{ type: 'item_end', item, text }];
        return [{ type: 'item_end', item, text, opaque: { family: 'messages', data: block.signature } }];
      case 'redacted':
        return [{ type: 'item_end', item, text: '', opaque: { family: 'messages', data: asString(start.data) ?? '', redacted: true } }];
      case 'tool_call':
        // Without deltas the input is what the block began with; that is `{}` where there is none.
        return [{ type: 'item_end', item, text: text === '' ? JSON.stringify(start.input ?? {}) : text }];
      case 'opaque':
        return [
          {
            type: 'item',
            item,
            value: { type: 'opaque', from: 'messages', role: 'assistant', name: asString(start.type) ?? '', value: finished(block) },
          },
        ];
    }
  }
}

/** A block that only this format knows, with the input that came in pieces. */
function finished({ start, text }: Block): JsonObject {
  const input = text === '' ? undefined : toolInput(text);
  return input === undefined ? start : { ...start, input };
}
