import { ReplyError, type ReplyContext } from '../codec.ts';
import { asArray, asString, isObject } from '../json.ts';
import { writtenArguments } from '../openai.ts';
import { SECTION_BREAK } from '../reasoning.ts';
import type { JsonObject, JsonValue, TurnEvent, Usage } from '../turn.ts';
import { hiddenError } from './errors.ts';
import { callsReason, ChatParser, finishReason, mergeUsage, OneOpaque, renderAnnotations, renderUsage, TextSeams } from './stream.ts';

/** Reads a complete reply. An error that hides in it becomes an `error` event. */
export function parseReply(body: JsonValue): TurnEvent[] {
  if (!isObject(body)) throw new ReplyError('The reply is not a JSON object.');
  const parser = new ChatParser();
  if (hiddenError(body) !== undefined) return parser.read(body);
  const choice = asArray(body.choices)?.find((each) => isObject(each) && (each.index ?? 0) === 0);
  if (!isObject(choice) || !isObject(choice.message)) throw new ReplyError('The reply has no choices[0].message.');
  // A complete reply is complete by being there; some servers leave the finish_reason out.
  const finish = asString(choice.finish_reason) ?? 'stop';
  const asChunk: JsonObject = { ...body, choices: [{ ...choice, index: 0, delta: choice.message, finish_reason: finish || 'stop' }] };
  return [...parser.read(asChunk), ...parser.end()];
}

type OpenCall = { kind: 'tool_call'; rendered: (input: string) => JsonObject };
type Open = { kind: 'text' | 'refusal' | 'reasoning' } | OpenCall;

/** Renders a complete reply as one `chat.completion`. */
export function renderReply(events: readonly TurnEvent[], context: ReplyContext): JsonObject {
  const reply = new ReplyWriter(context);
  for (const event of events) reply.read(event);
  return reply.body();
}

class ReplyWriter {
  readonly #context: ReplyContext;
  readonly #open = new Map<number, Open>();
  readonly #texts = new TextSeams();
  /** Calls stand in the order in which they began, although they may end in another. */
  readonly #calls = new Map<number, JsonObject>();
  readonly #annotations: JsonObject[] = [];
  #text: string | undefined;
  #refusal: string | undefined;
  #reasoning: string[] = [];
  readonly #opaque = new OneOpaque();
  #usage: Usage | undefined;
  #finish = 'stop';

  constructor(context: ReplyContext) {
    this.#context = context;
  }

  read(event: TurnEvent): void {
    switch (event.type) {
      case 'start':
      case 'usage':
        this.#usage = mergeUsage(this.#usage, event.usage);
        break;
      case 'item_start':
        this.#itemStart(event);
        break;
      case 'item_end':
        this.#itemEnd(event);
        break;
      case 'end':
        this.#usage = mergeUsage(this.#usage, event.usage);
        this.#finish = finishReason(event.stop, callsReason(this.#context, this.#calls.size), this.#refusal !== undefined);
        break;
      case 'delta':
      case 'reasoning_break':
      case 'item':
      case 'keep_alive':
      case 'error':
      case 'cut':
        break;
    }
  }

  #itemStart(event: Extract<TurnEvent, { type: 'item_start' }>): void {
    if (event.kind === 'text') {
      const seam = this.#texts.next(event.id);
      if (seam !== '') this.#text = (this.#text ?? '') + seam;
    }
    if (event.kind !== 'tool_call') {
      this.#open.set(event.item, { kind: event.kind });
      return;
    }
    const { callId: id, name, tool } = event;
    const rendered =
      tool === 'custom'
        ? (input: string): JsonObject => ({ id, type: 'custom', custom: { name, input } })
        : (input: string): JsonObject => ({ id, type: 'function', function: { name, arguments: writtenArguments(input) } });
    this.#open.set(event.item, { kind: 'tool_call', rendered });
    this.#calls.set(event.item, rendered(''));
  }

  #itemEnd(event: Extract<TurnEvent, { type: 'item_end' }>): void {
    const item = this.#open.get(event.item);
    this.#open.delete(event.item);
    switch (item?.kind) {
      case 'text':
        this.#annotations.push(...renderAnnotations(event.annotations ?? [], this.#texts.length));
        this.#text = (this.#text ?? '') + event.text;
        this.#texts.add(event.text);
        break;
      case 'refusal':
        this.#refusal = (this.#refusal ?? '') + event.text;
        break;
      case 'reasoning':
        if (event.text !== '') this.#reasoning.push(event.text);
        this.#opaque.add(event);
        break;
      case 'tool_call':
        this.#calls.set(event.item, item.rendered(event.text));
        break;
      case undefined:
        break;
    }
  }

  body(): JsonObject {
    const body: JsonObject = {
      id: this.#context.newId('chatcmpl-'),
      object: 'chat.completion',
      created: Math.floor(this.#context.now / 1000),
      model: this.#context.model,
      choices: [{ index: 0, message: this.#message(), logprobs: null, finish_reason: this.#finish }],
    };
    if (this.#usage !== undefined) body.usage = renderUsage(this.#usage);
    return body;
  }

  #message(): JsonObject {
    const message: JsonObject = { role: 'assistant', content: this.#text ?? null, refusal: this.#refusal ?? null };
    if (this.#annotations.length > 0) message.annotations = this.#annotations;
    const [first] = this.#calls.values();
    if (first !== undefined && this.#context.oneFunctionCall === true) message.function_call = first.function;
    else if (first !== undefined) message.tool_calls = [...this.#calls.values()];
    else if (this.#text === undefined && this.#refusal === undefined) message.content = '';
    if (this.#context.wantsReasoning && this.#reasoning.length > 0) message.reasoning_content = this.#reasoning.join(SECTION_BREAK);
    const opaque = this.#opaque.sealed(this.#context);
    if (opaque !== undefined) message.reasoning_opaque = opaque;
    return message;
  }
}
