import type { ReplyContext, StreamParser, StreamRenderer } from '../codec.ts';
import { CUT, NAMELESS_CALL, UNREADABLE_EVENT } from '../failures.ts';
import { asArray, asCount, asName, asNumber, asObject, isObject, parseJson } from '../json.ts';
import { writtenArguments } from '../openai.ts';
import { SECTION_BREAK } from '../reasoning.ts';
import { sseData, type SseFrame } from '../sse.ts';
import {
  REASONING_FIELDS,
  type ItemStart,
  type JsonObject,
  type JsonValue,
  type OpaqueReasoning,
  type ReasoningField,
  type StopReason,
  type TurnError,
  type TurnEvent,
  type Usage,
} from '../turn.ts';
import { addDetails, nothingBesides, sealable } from './besides.ts';
import { errorBody, hiddenError, readError } from './errors.ts';

// ---------------------------------------------------------------------------------------------- parsing

/** A parser of `chat.completion.chunk` frames. It never throws. */
export function streamParser(): StreamParser {
  return new ChatParser();
}

type Speech = { kind: 'text' | 'refusal' | 'reasoning'; item: number; text: string; opaque?: OpaqueReasoning; annotations?: JsonValue[] };

/** A tool call as it comes in. It is `open` once its id and name are known; until then its input is held back. */
type Call = { item: number; id: string | undefined; name: string | undefined; custom: boolean; input: string; open: boolean };

/** Turns chunks into events. A complete reply is read as one large chunk (reply.ts). */
export class ChatParser implements StreamParser {
  #nextItem = 0;
  #started = false;
  #done = false;
  #id: string | undefined;
  #model: string | undefined;
  #usage: Usage | undefined;
  #finish: string | undefined;
  #refused = false;
  /** A call came in that nobody can run, because it has no name. */
  #nameless = false;
  /** The one open item that is not a call: these never interleave. */
  #speech: Speech | undefined;
  /** Opaque reasoning that came in the middle of other speech, which is not cut in two for it. */
  #late: OpaqueReasoning | undefined;
  /** What came beside the text and the calls, and is not told yet. */
  #besides = nothingBesides();
  #calls: Call[] = [];
  #callAt = new Map<number, Call>();
  #callCount = 0;

  push(frame: SseFrame): TurnEvent[] {
    if (this.#done) return [];
    const data = frame.data.trim();
    if (data === '') return [];
    if (data === '[DONE]') return this.end();
    const chunk = parseJson(data);
    if (frame.event === 'error') return this.#fail(readError(chunk ?? data));
    if (!isObject(chunk)) return this.#fail(UNREADABLE_EVENT);
    return this.read(chunk);
  }

  /** The stream is over: a success only if a `finish_reason` was seen. */
  end(): TurnEvent[] {
    if (this.#done) return [];
    const events: TurnEvent[] = [];
    this.#start(events);
    if (this.#finish === undefined) {
      if (this.#usage !== undefined) events.push({ type: 'usage', usage: this.#usage });
      events.push(CUT);
    } else {
      this.#closeAll(events);
      if (this.#nameless) return [...events, ...this.#fail(NAMELESS_CALL)];
      const stop = stopReason(this.#finish, this.#callCount > 0, this.#refused);
      events.push(this.#usage === undefined ? { type: 'end', stop } : { type: 'end', stop, usage: this.#usage });
    }
    this.#done = true;
    return events;
  }

  /** Reads one parsed chunk. */
  read(chunk: JsonObject): TurnEvent[] {
    const error = hiddenError(chunk);
    if (error !== undefined) return this.#fail(error);
    const events: TurnEvent[] = [];
    if (!this.#started) {
      this.#id = asName(chunk.id) ?? this.#id;
      this.#model = asName(chunk.model) ?? this.#model;
    }
    if (isObject(chunk.usage)) this.#usage = mergeUsage(this.#usage, parseUsage(chunk.usage));
    const choice = firstChoice(chunk.choices);
    if (choice === undefined) return events;
    this.#start(events);
    if (isObject(choice.delta)) this.#delta(choice.delta, events);
    const finish = choice.finish_reason;
    if (typeof finish === 'string' && finish !== '') {
      if (GAVE_UP.has(finish)) {
        const failure = isObject(choice.error) ? readError(choice.error) : undefined;
        return [
          ...events,
          ...this.#fail(failure ?? { kind: 'upstream_failed', message: 'The upstream gave up in the middle of the reply.' }),
        ];
      }
      this.#finish ??= finish;
      this.#closeAll(events);
    }
    return events;
  }

  /** Azure and others open with chunks that hold no choice and no id; the start waits for the first that says something. */
  #start(events: TurnEvent[]): void {
    if (this.#started) return;
    this.#started = true;
    const start: TurnEvent = { type: 'start' };
    if (this.#id !== undefined) start.id = this.#id;
    if (this.#model !== undefined) start.model = this.#model;
    events.push(start);
  }

  #fail(error: TurnError): TurnEvent[] {
    const events: TurnEvent[] = [];
    this.#start(events);
    if (this.#usage !== undefined) events.push({ type: 'usage', usage: this.#usage });
    events.push({ type: 'error', error });
    this.#done = true;
    return events;
  }

  #delta(delta: JsonObject, events: TurnEvent[]): void {
    const { content, tool_calls: calls } = delta;
    for (const field of REASONING_FIELDS) {
      const text = asName(delta[field]);
      if (text === undefined) continue;
      this.#think(field, text, events);
      break;
    }
    if (typeof delta.reasoning_opaque === 'string') this.#opaque(delta.reasoning_opaque, events);
    if (Array.isArray(delta.reasoning_details)) addDetails(this.#besides, delta.reasoning_details);
    if (typeof content === 'string') {
      if (content !== '') this.#say('text', content, events);
    } else if (Array.isArray(content)) {
      for (const part of content) this.#part(part, events);
    }
    if (typeof delta.refusal === 'string' && delta.refusal !== '') this.#say('refusal', delta.refusal, events);
    if (Array.isArray(delta.annotations)) this.#annotate(delta.annotations);
    if (Array.isArray(calls)) for (const [position, call] of calls.entries()) this.#call(call, position, events);
    if (isObject(delta.function_call)) this.#call({ function: delta.function_call }, LEGACY, events);
  }

  /** Some servers send content as parts; text has a meaning in a reply, and so have thoughts (Mistral's: parts of a part). */
  #part(part: JsonValue, events: TurnEvent[]): void {
    if (!isObject(part)) return;
    if (part.type === 'thinking') {
      const thoughts = asArray(part.thinking)?.map((thought) => asName(asObject(thought)?.text) ?? '') ?? [asName(part.thinking) ?? ''];
      const thought = thoughts.join('');
      if (thought !== '') this.#say('reasoning', thought, events);
      return;
    }
    const text = asName(part.text);
    if (text !== undefined) this.#say('text', text, events);
  }

  #say(kind: Speech['kind'], text: string, events: TurnEvent[]): void {
    const speech = this.#speech?.kind === kind ? this.#speech : this.#openSpeech(kind, events);
    speech.text += text;
    events.push({ type: 'delta', item: speech.item, text });
  }

  /** Some servers refuse the result of a call where the reasoning that led to the call does not come back with it. */
  #think(field: ReasoningField, text: string, events: TurnEvent[]): void {
    this.#say('reasoning', text, events);
    if (this.#speech !== undefined) this.#speech.opaque ??= { family: 'chat', data: '', field };
  }

  #openSpeech(kind: Speech['kind'], events: TurnEvent[]): Speech {
    this.#closeSpeech(events);
    const speech: Speech = { kind, item: this.#nextItem++, text: '' };
    this.#speech = speech;
    if (kind === 'refusal') this.#refused = true;
    events.push({ type: 'item_start', item: speech.item, kind });
    return speech;
  }

  #opaque(data: string, events: TurnEvent[]): void {
    if (data === '') return;
    const opaque: OpaqueReasoning = { family: 'chat', data };
    if (this.#speech === undefined || this.#speech.kind === 'reasoning')
      (this.#speech ?? this.#openSpeech('reasoning', events)).opaque = opaque;
    else this.#late = opaque;
  }

  #annotate(annotations: JsonValue[]): void {
    if (this.#speech?.kind !== 'text' || annotations.length === 0) return;
    this.#speech.annotations = [...(this.#speech.annotations ?? []), ...annotations.map(flatAnnotation)];
  }

  #call(value: JsonValue, position: number, events: TurnEvent[]): void {
    if (!isObject(value)) return;
    const index = asNumber(value.index) ?? position;
    const custom = asObject(value.custom);
    const body = custom ?? asObject(value.function);
    const id = asName(value.id);
    const name = asName(body?.name);
    const input = inputText(custom === undefined ? body?.arguments : custom.input);
    const known = this.#callAt.get(index);
    if (id !== undefined && value.extra_content !== undefined) this.#besides.calls[id] = value.extra_content;
    const call = known === undefined || isAnother(known, id, name, input) ? this.#newCall(index, custom !== undefined, events) : known;
    call.id ??= id;
    call.name ??= name;
    this.#feed(call, input, events);
  }

  #newCall(index: number, custom: boolean, events: TurnEvent[]): Call {
    this.#closeSpeech(events);
    this.#tellBesides(events);
    const call: Call = { item: -1, id: undefined, name: undefined, custom, input: '', open: false };
    this.#calls.push(call);
    this.#callAt.set(index, call);
    return call;
  }

  #feed(call: Call, input: string, events: TurnEvent[]): void {
    call.input += input;
    if (call.open) {
      if (input !== '') events.push({ type: 'delta', item: call.item, text: input });
    } else if (call.id !== undefined && call.name !== undefined) {
      this.#openCall(call, call.id, call.name, events);
    }
  }

  #openCall(call: Call, callId: string, name: string, events: TurnEvent[]): void {
    call.open = true;
    call.item = this.#nextItem++;
    this.#callCount += 1;
    events.push({ type: 'item_start', item: call.item, kind: 'tool_call', callId, name, tool: call.custom ? 'custom' : 'function' });
    if (call.input !== '') events.push({ type: 'delta', item: call.item, text: call.input });
  }

  #closeSpeech(events: TurnEvent[]): void {
    const speech = this.#speech;
    if (speech === undefined) return;
    this.#speech = undefined;
    const end: TurnEvent = { type: 'item_end', item: speech.item, text: speech.text };
    if (speech.opaque !== undefined) end.opaque = speech.opaque;
    if (speech.annotations !== undefined) end.annotations = speech.annotations;
    events.push(end);
    if (this.#late === undefined) return;
    const item = this.#nextItem++;
    events.push({ type: 'item_start', item, kind: 'reasoning' }, { type: 'item_end', item, text: '', opaque: this.#late });
    this.#late = undefined;
  }

  /** Before the calls that it led to, as thoughts are. */
  #tellBesides(events: TurnEvent[]): void {
    const opaque = sealable(this.#besides);
    if (opaque === undefined) return;
    this.#besides = nothingBesides();
    const item = this.#nextItem++;
    events.push({ type: 'item_start', item, kind: 'reasoning' }, { type: 'item_end', item, text: '', opaque });
  }

  #closeAll(events: TurnEvent[]): void {
    this.#closeSpeech(events);
    // An answer without calls is taken without them.
    if (this.#calls.length > 0) this.#tellBesides(events);
    for (const call of this.#calls) {
      // A call without a name can't be run; one without an id only needs one that is unique in the conversation.
      if (!call.open && call.name !== undefined) this.#openCall(call, call.id ?? this.#callId(), call.name, events);
      if (call.open) events.push({ type: 'item_end', item: call.item, text: call.input });
      else if (call.input !== '') this.#nameless = true;
    }
    this.#calls = [];
    this.#callAt.clear();
  }

  #callId(): string {
    const reply = (this.#id ?? '').replaceAll(/[^A-Za-z0-9]/g, '').slice(-24);
    return `call_${reply}${this.#callCount}`;
  }
}

/** The place of a legacy `function_call` among the calls, out of the way of every index. */
const LEGACY = -1;

/**
 * Some servers give every parallel call the same index: a new id together with a name starts a new call. Gemini gives
 * them no ids either: there it is another name, or arguments beside a name where the ones before are whole.
 */
function isAnother(call: Call, id: string | undefined, name: string | undefined, input: string): boolean {
  if (name === undefined) return false;
  if (id !== undefined) return call.id !== undefined && call.id !== id;
  return call.name !== undefined && (call.name !== name || (input.startsWith('{') && isObject(parseJson(call.input))));
}

/** The choice with index 0, wherever it stands: with `n` > 1 each chunk may hold another one. */
function firstChoice(choices: JsonValue | undefined): JsonObject | undefined {
  if (!Array.isArray(choices)) return undefined;
  for (const choice of choices) if (isObject(choice) && (choice.index ?? 0) === 0) return choice;
  return undefined;
}

/** Arguments are JSON text; some servers send the object itself. */
function inputText(value: JsonValue | undefined): string {
  if (typeof value === 'string') return value;
  return isObject(value) ? JSON.stringify(value) : '';
}

/** Reasons of OpenRouter, SGLang, DeepSeek and Zhipu for a reply that was not finished. */
const GAVE_UP = new Set(['error', 'abort', 'insufficient_system_resource', 'network_error']);

/** The reasons for a reply that is not whole, in OpenAI's words and in those of Mistral, Zhipu and others. */
const CUT_SHORT = new Map<string, StopReason>([
  ['length', 'max_tokens'],
  ['max_tokens', 'max_tokens'],
  ['model_length', 'context_window'],
  ['model_context_window_exceeded', 'context_window'],
  ['content_filter', 'content_filter'],
  ['sensitive', 'content_filter'],
]);

/** The stop reason behind a `finish_reason`. What was seen counts more than what was said: forced calls end in `stop`. */
function stopReason(finish: string, hasCalls: boolean, refused: boolean): StopReason {
  const cut = CUT_SHORT.get(finish);
  if (cut !== undefined) return cut;
  if (hasCalls) return 'tool_use';
  return refused ? 'refusal' : 'end_turn';
}

/** The `finish_reason` for a stop reason; `calls` is the one for the calls that were made, if any were. A refusal that was said as one ends in `stop`, as OpenAI's own do. */
export function finishReason(stop: StopReason, calls: 'tool_calls' | 'function_call' | undefined, refused: boolean): string {
  switch (stop) {
    case 'max_tokens':
    case 'context_window':
      return 'length';
    case 'content_filter':
      return 'content_filter';
    case 'refusal':
      return refused ? 'stop' : 'content_filter';
    case 'tool_use':
    case 'end_turn':
    case 'stop_sequence':
    case 'pause_turn':
      return calls ?? 'stop';
  }
}

/** The `finish_reason` of a reply that calls tools. */
export function callsReason(context: ReplyContext, calls: number): 'tool_calls' | 'function_call' | undefined {
  if (calls === 0) return undefined;
  return context.oneFunctionCall === true ? 'function_call' : 'tool_calls';
}

/** Token counts as the hub has them. */
export function parseUsage(usage: JsonObject): Usage {
  const prompt = asObject(usage.prompt_tokens_details);
  const completion = asObject(usage.completion_tokens_details);
  return definedCounts({
    input: asCount(usage.prompt_tokens),
    cached: asCount(prompt?.cached_tokens) ?? asCount(usage.prompt_cache_hit_tokens),
    cacheWrite: asCount(prompt?.cache_write_tokens),
    output: asCount(usage.completion_tokens),
    reasoning: asCount(completion?.reasoning_tokens) ?? asCount(usage.reasoning_tokens),
  });
}

/** Token counts as this format has them. */
export function renderUsage(usage: Usage): JsonObject {
  const input = usage.input ?? 0;
  const output = usage.output ?? 0;
  const rendered: JsonObject = { prompt_tokens: input, completion_tokens: output, total_tokens: input + output };
  if (usage.cached !== undefined || usage.cacheWrite !== undefined) {
    const details: JsonObject = { cached_tokens: usage.cached ?? 0 };
    if (usage.cacheWrite !== undefined) details.cache_write_tokens = usage.cacheWrite;
    rendered.prompt_tokens_details = details;
  }
  if (usage.reasoning !== undefined) rendered.completion_tokens_details = { reasoning_tokens: usage.reasoning };
  return rendered;
}

/** Later counts replace earlier ones field by field. */
export function mergeUsage(earlier: Usage | undefined, later: Usage | undefined): Usage | undefined {
  return earlier === undefined ? later : { ...earlier, ...later };
}

function definedCounts(counts: { [Name in keyof Usage]-?: number | undefined }): Usage {
  const usage: Usage = {};
  if (counts.input !== undefined) usage.input = counts.input;
  if (counts.cached !== undefined) usage.cached = counts.cached;
  if (counts.cacheWrite !== undefined) usage.cacheWrite = counts.cacheWrite;
  if (counts.output !== undefined) usage.output = counts.output;
  if (counts.reasoning !== undefined) usage.reasoning = counts.reasoning;
  return usage;
}

/** `{type, url_citation:{...}}` here, `{type, ...}` in the hub (and in Responses). */
function flatAnnotation(annotation: JsonValue): JsonValue {
  if (!isObject(annotation) || !isObject(annotation.url_citation)) return annotation;
  return { type: 'url_citation', ...annotation.url_citation };
}

/** The citations among a text's annotations in this format's words, moved by the text that stands before. */
export function renderAnnotations(annotations: readonly JsonValue[], offset: number): JsonObject[] {
  return annotations.flatMap((annotation) => {
    if (!isObject(annotation) || annotation.type !== 'url_citation' || typeof annotation.url !== 'string') return [];
    const { type: _, ...citation } = annotation;
    for (const edge of ['start_index', 'end_index']) {
      const index = asNumber(citation[edge]);
      if (index !== undefined) citation[edge] = index + offset;
    }
    return [{ type: 'url_citation', url_citation: citation }];
  });
}

// ---------------------------------------------------------------------------------------------- rendering

/** A renderer of `chat.completion.chunk` frames. */
export function streamRenderer(context: ReplyContext): StreamRenderer {
  return new ChatRenderer(context);
}

/** An open item. Its next frame is `before` + the text as JSON + `after`; an item that isn't shown has no `before`. */
type Outgoing = {
  kind: ItemStart['kind'];
  before: string | undefined;
  after: string;
  sent: number;
  custom?: { index: number; id: string; name: string };
};

const SILENT = '';

class ChatRenderer implements StreamRenderer {
  readonly #context: ReplyContext;
  /** The beginning of every frame, up to its choices. */
  readonly #common: string;
  /** Everything in a frame up to the delta, and everything after it: the same for the whole stream. */
  readonly #head: string;
  readonly #tail: string;
  readonly #items = new Map<number, Outgoing>();
  #started = false;
  #done = false;
  #callCount = 0;
  #refused = false;
  #usage: Usage | undefined;
  readonly #texts = new TextSeams();
  readonly #opaque = new OneOpaque();

  constructor(context: ReplyContext) {
    this.#context = context;
    const fields = JSON.stringify({
      id: context.newId('chatcmpl-'),
      object: 'chat.completion.chunk',
      created: Math.floor(context.now / 1000),
      model: context.model,
    });
    this.#common = `data: ${fields.slice(0, -1)},"choices":`;
    this.#head = `${this.#common}[{"index":0,"delta":`;
    this.#tail = `,"finish_reason":null}]${context.includeUsage ? ',"usage":null' : ''}}\n\n`;
  }

  push(event: TurnEvent): string {
    if (event.type === 'delta') return this.#delta(event.item, event.text);
    if (this.#done) return SILENT;
    if (event.type === 'keep_alive') return ': keep-alive\n\n';
    if (event.type === 'error') return this.#error(event.error);
    if (event.type === 'cut') {
      // The stream must close without a finish_reason and without [DONE], so that the client sees it was cut.
      this.#close();
      return SILENT;
    }
    return this.#opening() + this.#event(event);
  }

  #event(event: Exclude<TurnEvent, { type: 'delta' | 'keep_alive' | 'error' | 'cut' }>): string {
    switch (event.type) {
      case 'start':
      case 'usage':
        this.#usage = mergeUsage(this.#usage, event.usage);
        return SILENT;
      case 'item_start':
        return this.#itemStart(event);
      case 'reasoning_break':
        return this.#delta(event.item, SECTION_BREAK);
      case 'item_end':
        return this.#itemEnd(event);
      case 'item':
        return SILENT;
      case 'end':
        this.#usage = mergeUsage(this.#usage, event.usage);
        return this.#end(event.stop);
    }
  }

  #opening(): string {
    if (this.#started) return SILENT;
    this.#started = true;
    return this.#frame({ role: 'assistant', content: '' });
  }

  #frame(delta: JsonObject): string {
    return this.#head + JSON.stringify(delta) + this.#tail;
  }

  #delta(number: number, text: string): string {
    const item = this.#items.get(number);
    if (item === undefined || text === '') return SILENT;
    item.sent += text.length;
    return item.before === undefined ? SILENT : item.before + JSON.stringify(text) + item.after;
  }

  #itemStart(event: ItemStart): string {
    switch (event.kind) {
      case 'text': {
        const seam = this.#texts.next(event.id);
        this.#open(event, 'content');
        return seam === '' ? SILENT : this.#frame({ content: seam });
      }
      case 'refusal':
        this.#refused = true;
        this.#open(event, 'refusal');
        return SILENT;
      case 'reasoning':
        this.#open(event, this.#context.wantsReasoning ? 'reasoning_content' : undefined);
        return SILENT;
      case 'tool_call':
        return this.#callStart(event);
    }
  }

  #open(event: ItemStart, field: string | undefined): void {
    const before = field === undefined ? undefined : `${this.#head}{"${field}":`;
    this.#items.set(event.item, { kind: event.kind, before, after: `}${this.#tail}`, sent: 0 });
  }

  #callStart(event: Extract<ItemStart, { kind: 'tool_call' }>): string {
    const index = this.#callCount++;
    const { callId: id, name } = event;
    if (this.#context.oneFunctionCall === true) return this.#functionCall(event, index);
    if (event.tool === 'custom') {
      // Written whole at its end: client libraries overwrite `custom` with each chunk instead of joining the inputs.
      this.#items.set(event.item, { kind: event.kind, before: undefined, after: '', sent: 0, custom: { index, id, name } });
      return SILENT;
    }
    this.#items.set(event.item, {
      kind: event.kind,
      before: `${this.#head}{"tool_calls":[{"index":${index},"function":{"arguments":`,
      after: `}}]}${this.#tail}`,
      sent: 0,
    });
    return this.#frame({ tool_calls: [{ index, id, type: 'function', function: { name, arguments: '' } }] });
  }

  /** Readers of `function_call` know one call a reply; the model makes a further one again when it has seen the result. */
  #functionCall(event: Extract<ItemStart, { kind: 'tool_call' }>, index: number): string {
    const before = index === 0 ? `${this.#head}{"function_call":{"arguments":` : undefined;
    this.#items.set(event.item, { kind: event.kind, before, after: `}}${this.#tail}`, sent: 0 });
    return index === 0 ? this.#frame({ function_call: { name: event.name, arguments: '' } }) : SILENT;
  }

  #itemEnd(event: Extract<TurnEvent, { type: 'item_end' }>): string {
    const item = this.#items.get(event.item);
    if (item === undefined) return SILENT;
    if (item.custom !== undefined) {
      this.#items.delete(event.item);
      const { index, id, name } = item.custom;
      return this.#frame({ tool_calls: [{ index, id, type: 'custom', custom: { name, input: event.text } }] });
    }
    // An end that repeats less than its deltas said adds nothing to them.
    const text = item.kind === 'tool_call' && item.sent <= event.text.length ? writtenArguments(event.text) : event.text;
    const offset = this.#texts.length;
    let out = this.#delta(event.item, text.slice(item.sent));
    this.#items.delete(event.item);
    if (item.kind === 'text') {
      this.#texts.add(event.text);
      const annotations = renderAnnotations(event.annotations ?? [], offset);
      if (annotations.length > 0) out += this.#frame({ annotations });
    }
    if (item.kind === 'reasoning') this.#opaque.add(event);
    return out;
  }

  #end(stop: StopReason): string {
    this.#close();
    const finish = finishReason(stop, callsReason(this.#context, this.#callCount), this.#refused);
    const sealed = this.#opaque.sealed(this.#context);
    const opaque = sealed === undefined ? SILENT : this.#frame({ reasoning_opaque: sealed });
    const last = `${this.#head}{}${this.#tail.replace('"finish_reason":null', `"finish_reason":"${finish}"`)}`;
    return opaque + last + this.#usageChunk() + sseData('[DONE]');
  }

  #usageChunk(): string {
    if (!this.#context.includeUsage || this.#usage === undefined) return SILENT;
    return `${this.#common}[],"usage":${JSON.stringify(renderUsage(this.#usage))}}\n\n`;
  }

  #error(error: TurnError): string {
    this.#close();
    return sseData(JSON.stringify(errorBody(error)));
  }

  #close(): void {
    this.#done = true;
    this.#items.clear();
  }
}

/**
 * A reply has one text here, where other formats have several. Separate messages are set apart by an empty line; pieces
 * of one message (cut by citations, say) are joined as they are.
 */
export class TextSeams {
  /** The length of the text so far. */
  length = 0;
  #message: string | undefined;

  /** What goes between the text so far and the next one, which belongs to the message `id`. */
  next(id: string | undefined): string {
    const seam = this.length > 0 && id !== undefined && this.#message !== undefined && id !== this.#message ? '\n\n' : '';
    this.#message = id ?? this.#message;
    this.length += seam.length;
    return seam;
  }

  add(text: string): void {
    this.length += text.length;
  }
}

/**
 * A reply has one text of reasoning here, and one opaque form of it. Several opaque ones are left out: a signature would
 * come back with a text that it does not sign.
 */
export class OneOpaque {
  #texts = 0;
  readonly #found: OpaqueReasoning[] = [];

  /** A piece of reasoning has ended. */
  add({ text, opaque }: { text: string; opaque?: OpaqueReasoning }): void {
    if (text !== '') this.#texts += 1;
    if (opaque !== undefined && opaque.field === undefined) this.#found.push(opaque);
  }

  /** What the client gets of it once the reply is over; undefined where that is nothing. */
  sealed(context: ReplyContext): string | undefined {
    const [opaque] = this.#found;
    const isOne = this.#found.length === 1 && this.#texts <= 1;
    return opaque !== undefined && isOne && context.wantsReasoning ? context.seal(opaque) : undefined;
  }
}
