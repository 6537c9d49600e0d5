import type { ReplyContext, StreamRenderer } from '../codec.ts';
import { InOrder } from '../in-order.ts';
import { isObject } from '../json.ts';
import { SECTION_BREAK } from '../reasoning.ts';
import { sseEvent } from '../sse.ts';
import type { ItemStart, JsonObject, OpaqueItem, TurnError, TurnEvent, Usage } from '../turn.ts';
import { toCitations } from './blocks.ts';
import { errorBody } from './errors.ts';
import { renderMessage } from './message.ts';
import { wireStopReason } from './stop-reasons.ts';
import { renderUsage } from './usage.ts';

/** A renderer of a streamed reply, in the strict grammar of the format: one block after another, counted from 0. */
export function streamRenderer(context: ReplyContext): StreamRenderer {
  return new MessagesRenderer(context);
}

type ItemEnd = Extract<TurnEvent, { type: 'item_end' }>;

const SILENT = '';
const PING = frame({ type: 'ping' });
const STOP = frame({ type: 'message_stop' });

/** The item being written. It has no block until there is something to say: clients choke on empty ones. */
type Outgoing = {
  start: ItemStart;
  /** What stands around the text of its next delta; empty while it has no block. */
  before: string;
  /** Characters of its text that were said. */
  said: number;
};

class MessagesRenderer implements StreamRenderer {
  readonly #context: ReplyContext;
  readonly #inOrder = new InOrder();
  #started = false;
  #over = false;
  /** The index of the next block. */
  #index = 0;
  #item: Outgoing | undefined;
  #refused = false;
  #usage: Usage = {};

  constructor(context: ReplyContext) {
    this.#context = context;
  }

  push(event: TurnEvent): string {
    if (this.#over) return SILENT;
    if (event.type === 'delta') {
      // The item being written is the one that passes anyway, so its deltas need not queue.
      const item = this.#item;
      if (item !== undefined && item.start.item === event.item) return this.#say(item, event.text);
    }
    let out = SILENT;
    for (const each of this.#inOrder.push(event)) out += this.#write(each);
    return out;
  }

  #write(event: TurnEvent): string {
    switch (event.type) {
      case 'start':
        this.#count(event.usage);
        return this.#opening();
      case 'item_start':
        return this.#opening() + this.#begin(event);
      case 'delta':
        return this.#item === undefined ? SILENT : this.#say(this.#item, event.text);
      case 'reasoning_break':
        return this.#break();
      case 'item_end':
        return this.#finish(event);
      case 'item':
        return this.#opening() + this.#whole(event.value);
      case 'usage':
        this.#count(event.usage);
        return SILENT;
      case 'keep_alive':
        return this.#opening() + PING;
      case 'end':
        this.#count(event.usage);
        return this.#opening() + this.#closeBlock() + this.#ending(wireStopReason(event.stop, this.#refused), event.stopSequence);
      case 'error':
        return event.error.kind === 'content_refused' ? this.#refusal(event.error) : this.#failure(event.error);
      case 'cut':
        return this.#failure({ kind: 'stream_cut', message: event.message });
    }
  }

  #count(usage: Usage | undefined): void {
    if (usage !== undefined) this.#usage = { ...this.#usage, ...usage };
  }

  #opening(): string {
    if (this.#started) return SILENT;
    this.#started = true;
    return frame({ type: 'message_start', message: renderMessage(this.#context, [], this.#usage) });
  }

  #begin(start: ItemStart): string {
    const closed = this.#closeBlock();
    const item: Outgoing = { start, before: SILENT, said: 0 };
    this.#item = item;
    if (start.kind === 'refusal') this.#refused = true;
    return start.kind === 'tool_call' ? closed + this.#openBlock(item) : closed;
  }

  #openBlock(item: Outgoing): string {
    const { start } = item;
    const content = blockStart(start);
    const [type, field] = DELTAS[start.kind];
    item.before = `event: content_block_delta\ndata: {"type":"content_block_delta","index":${this.#index},"delta":{"type":"${type}","${field}":`;
    return frame({ type: 'content_block_start', index: this.#index, content_block: content });
  }

  /** Says more of an item. This is done for every piece of text that a model writes. */
  #say(item: Outgoing, text: string): string {
    if (text === '') return SILENT;
    item.said += text.length;
    if (isWrapped(item.start)) return SILENT;
    const opened = item.before === SILENT ? this.#openBlock(item) : SILENT;
    return `${opened}${item.before}${JSON.stringify(text)}}}\n\n`;
  }

  #break(): string {
    const item = this.#item;
    if (item === undefined) return SILENT;
    if (item.before !== SILENT) return this.#say(item, SECTION_BREAK);
    item.said += SECTION_BREAK.length;
    return SILENT;
  }

  #finish(event: ItemEnd): string {
    const item = this.#item;
    if (item === undefined) return SILENT;
    const { start } = item;
    if (isWrapped(start)) return this.#sayInput(item, event.text) + this.#closeBlock();
    const rest = event.text.slice(item.said);
    // An upstream may tell the whole text only at the end. A call without input says nothing at all.
    let out = start.kind === 'tool_call' && item.said === 0 && rest.trim() === '{}' ? SILENT : this.#say(item, rest);
    if (start.kind === 'reasoning' && event.opaque !== undefined) {
      const handle = this.#context.seal(event.opaque);
      if (event.opaque.redacted === true && item.before === SILENT)
        return out + this.#wholeBlock({ type: 'redacted_thinking', data: handle });
      if (item.before === SILENT) out += this.#openBlock(item);
      out += this.#blockDelta({ type: 'signature_delta', signature: handle });
    }
    if (start.kind === 'text' && item.before !== SILENT && event.annotations !== undefined) {
      for (const citation of toCitations(event.annotations)) out += this.#blockDelta({ type: 'citations_delta', citation });
    }
    return out + this.#closeBlock();
  }

  /** Free-form input for clients that only know JSON: it can be wrapped once it is whole. */
  #sayInput(item: Outgoing, text: string): string {
    return `${item.before}${JSON.stringify(JSON.stringify({ input: text }))}}}\n\n`;
  }

  #blockDelta(delta: JsonObject): string {
    return frame({ type: 'content_block_delta', index: this.#index, delta });
  }

  #closeBlock(): string {
    const item = this.#item;
    this.#item = undefined;
    if (item === undefined || item.before === SILENT) return SILENT;
    return frame({ type: 'content_block_stop', index: this.#index++ });
  }

  #whole({ from, value }: OpaqueItem): string {
    if (from !== 'messages') return SILENT;
    const { input } = value;
    const isCall = typeof value.type === 'string' && value.type.endsWith('_use') && isObject(input);
    if (!isCall) return this.#closeBlock() + this.#wholeBlock(value);
    const json = JSON.stringify(input);
    return (
      this.#closeBlock() +
      this.#wholeBlock({ ...value, input: {} }, json === '{}' ? undefined : { type: 'input_json_delta', partial_json: json })
    );
  }

  #wholeBlock(content: JsonObject, delta?: JsonObject): string {
    this.#item = undefined;
    const start = frame({ type: 'content_block_start', index: this.#index, content_block: content });
    const middle = delta === undefined ? SILENT : this.#blockDelta(delta);
    return start + middle + frame({ type: 'content_block_stop', index: this.#index++ });
  }

  #ending(reason: string, sequence: string | undefined): string {
    this.#over = true;
    const delta = { stop_reason: reason, stop_sequence: sequence ?? null };
    return frame({ type: 'message_delta', delta, usage: renderUsage(this.#usage) }) + STOP;
  }

  #failure(error: TurnError): string {
    this.#over = true;
    return frame(errorBody(error));
  }

  /** Refused content is no failure to clients of this format, but a reply that refuses. */
  #refusal({ message }: TurnError): string {
    const before = this.#opening() + this.#closeBlock();
    return (
      before + this.#wholeBlock({ type: 'text', text: '' }, { type: 'text_delta', text: message }) + this.#ending('refusal', undefined)
    );
  }
}

const DELTAS: Readonly<Record<ItemStart['kind'], readonly [type: string, field: string]>> = {
  text: ['text_delta', 'text'],
  refusal: ['text_delta', 'text'],
  reasoning: ['thinking_delta', 'thinking'],
  tool_call: ['input_json_delta', 'partial_json'],
};

function blockStart(start: ItemStart): JsonObject {
  switch (start.kind) {
    case 'text':
    case 'refusal':
      return { type: 'text', text: '' };
    case 'reasoning':
      return { type: 'thinking', thinking: '', signature: '' };
    case 'tool_call':
      return { type: 'tool_use', id: start.callId, name: start.name, input: {} };
  }
}

function isWrapped(start: ItemStart): boolean {
  return start.kind === 'tool_call' && start.tool === 'custom';
}

function frame(body: JsonObject & { type: string }): string {
  return sseEvent(body.type, JSON.stringify(body));
}
