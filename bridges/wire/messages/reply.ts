import { ReplyError, type ReplyContext } from '../codec.ts';
import { InOrder } from '../in-order.ts';
import { asArray, asObject, asString, isObject } from '../json.ts';
import type { ItemStart, JsonObject, JsonValue, TurnEvent, Usage } from '../turn.ts';
import { toCitations, toolInputObject } from './blocks.ts';
import { renderMessage } from './message.ts';
import { wireStopReason } from './stop-reasons.ts';
import { MessagesParser } from './stream-parse.ts';

/** Parses a complete reply. An error that hides in it becomes an `error` event. */
export function parseReply(body: JsonValue): TurnEvent[] {
  const message = asObject(body);
  if (message === undefined) throw new ReplyError('The reply is not a JSON object.');
  const parser = new MessagesParser();
  if (message.type === 'error' || isObject(message.error)) return parser.read(message, 'error');
  const content = asArray(message.content);
  if (content === undefined) throw new ReplyError('The reply is not a message: it has no `content`.');
  const events = parser.read({ message }, 'message_start');
  for (const [index, block] of content.entries()) {
    events.push(...parser.read({ index, content_block: block }, 'content_block_start'), ...parser.read({ index }, 'content_block_stop'));
  }
  // A complete reply is complete by being there; some servers leave its stop reason out.
  if (asString(message.stop_reason) !== undefined) parser.read({ delta: message }, 'message_delta');
  return [...events, ...parser.read({}, 'message_stop')];
}

type ItemEnd = Extract<TurnEvent, { type: 'item_end' }>;

/** Renders a complete reply as one message. */
export function renderReply(events: readonly TurnEvent[], context: ReplyContext): JsonObject {
  const reply = new ReplyWriter(context);
  const inOrder = new InOrder();
  for (const event of events) for (const each of inOrder.push(event)) reply.read(each);
  return reply.message();
}

class ReplyWriter {
  readonly #context: ReplyContext;
  readonly #content: JsonObject[] = [];
  #item: ItemStart | undefined;
  #usage: Usage = {};
  #refused = false;
  #reason = 'end_turn';
  #sequence: string | undefined;

  constructor(context: ReplyContext) {
    this.#context = context;
  }

  message(): JsonObject {
    return renderMessage(this.#context, this.#content, this.#usage, { reason: this.#reason, sequence: this.#sequence });
  }

  read(event: TurnEvent): void {
    switch (event.type) {
      case 'start':
      case 'usage':
        this.#usage = { ...this.#usage, ...event.usage };
        break;
      case 'item_start':
        this.#item = event;
        if (event.kind === 'refusal') this.#refused = true;
        break;
      case 'item_end': {
        const block = this.#item === undefined ? undefined : renderBlock(this.#item, event, this.#context);
        if (block !== undefined) this.#content.push(block);
        break;
      }
      case 'item':
        if (event.value.from === 'messages') this.#content.push(event.value.value);
        break;
      case 'end':
        this.#usage = { ...this.#usage, ...event.usage };
        this.#reason = wireStopReason(event.stop, this.#refused);
        this.#sequence = event.stopSequence;
        break;
      default:
        break;
    }
  }
}

/** The block of an item; undefined where it says nothing, which clients could not send back. */
function renderBlock(start: ItemStart, { text, opaque, annotations }: ItemEnd, context: ReplyContext): JsonObject | undefined {
  switch (start.kind) {
    case 'text':
    case 'refusal': {
      if (text === '') return undefined;
      const citations = toCitations(annotations ?? []);
      return citations.length === 0 ? { type: 'text', text } : { type: 'text', text, citations };
    }
    case 'reasoning':
      if (opaque === undefined) return text === '' ? undefined : { type: 'thinking', thinking: text, signature: '' };
      if (opaque.redacted === true && text === '') return { type: 'redacted_thinking', data: context.seal(opaque) };
      return { type: 'thinking', thinking: text, signature: context.seal(opaque) };
    case 'tool_call':
      return {
        type: 'tool_use',
        id: start.callId,
        name: start.name,
        input: start.tool === 'custom' ? { input: text } : toolInputObject(text),
      };
  }
}
