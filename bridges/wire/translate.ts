import { ReplyError, RequestError } from './codec.ts';
import type { Codec, ErrorClient, RenderedError, ReplyContext, StreamParser, StreamRenderer } from './codec.ts';
import { useOlderNames } from './chat/older-names.ts';
import { codecs } from './codecs.ts';
import { UNTRANSLATABLE } from './failures.ts';
import { fitHistory } from './history.ts';
import { asArray, asBoolean, asNumber, isObject } from './json.ts';
import { toleratesChange } from './messages/binding.ts';
import { resolveOpaque, seal } from './opaque.ts';
import type { HandleStore } from './opaque.ts';
import { readerOf, refusalFor, Refusals } from './refusals.ts';
import { SseReader } from './sse.ts';
import type { SseFrame } from './sse.ts';
import { splitStops, stopAt } from './stop-sequences.ts';
import type { Stopper } from './stop-sequences.ts';
import { fitTools } from './tools.ts';
import type { ErrorKind, JsonObject, JsonValue, Loss, StopReason, TurnError, TurnEvent, TurnRequest, Usage, WireFormat } from './turn.ts';

export type CrossingInput = {
  /** What the client sent, parsed. */
  body: JsonValue;
  from: WireFormat;
  to: WireFormat;
  /** The model to ask the upstream for, where it is not the one the client named. */
  model?: string;
  store: HandleStore;
  /** The upstream and account that reasoning is bound to. */
  upstream: string;
  /** Unix milliseconds. */
  now: number;
  newId(prefix: string): string;
  /** Chat clients only: the client reads `reasoning_content`. */
  wantsReasoning: boolean;
  client: ErrorClient;
  /** Puts back the long texts that were lifted out of `body` (lift.ts), for what replies repeat of the request. */
  restore?: <T extends JsonValue>(value: T) => T;
  /** The upstream can only stream: it is asked to, whatever the client wants. */
  alwaysStream?: boolean;
  /** The upstream takes Anthropic's betas. */
  takesBetas?: boolean;
  /** The upstream may know Chat Completions as OpenAI's first models had it. */
  isPlain?: boolean;
};

export type Crossing = {
  /** The request for the upstream. */
  body: JsonObject;
  /** What its `anthropic-beta` must name. */
  betas: readonly string[];
  /** The client wants a stream. The upstream's wish is in `body`. */
  stream: boolean;
  lost: Loss[];
  /** What the client asked, in neutral words and its own tool names. */
  turn: TurnRequest;
  reply: ReplyCrossing;
};

/** The way back: from what the upstream answers to what the client understands. Use one of these once per attempt. */
export type ReplyCrossing = {
  /** The client wants a stream. */
  stream(): StreamCrossing;
  /** The client wants JSON and the upstream gave it. */
  json(body: JsonValue): ReplyBody;
  /** The client wants JSON and the upstream can only stream. */
  collect(): CollectCrossing;
  /** The upstream refused. `body` is the parsed JSON, or the text where it is none. */
  error(status: number, headers: Readonly<Record<string, string>>, body: JsonValue): RenderedFailure;
  /** A failure in the client's words: one of our own, or one that came in place of a reply. */
  failure(error: TurnError): RenderedFailure;
};

/** A failure as the client reads it: an error reply, or, where it reads this one in a stream alone, a whole stream (status 200). */
export type RenderedFailure = RenderedError | { stream: string; state: ReplyState };

export type ReplyBody = { body: JsonObject; state: ReplyState } | { error: TurnError; state: ReplyState };

/** What is known of a reply so far, in neutral words. */
export type ReplyState = {
  /** The model the upstream says it used. */
  model?: string;
  usage?: Usage;
  stop?: StopReason;
  error?: TurnError;
  /** A terminal event was handed to the client; nothing follows. */
  ended: boolean;
  /** Our own stop sequences ended the reply: the upstream may be aborted. */
  stoppedEarly: boolean;
};

export type StreamCrossing = {
  /** Feeds bytes of the upstream's stream; returns the text to send to the client. */
  push(chunk: Buffer): string;
  /** The upstream answered with one JSON body although a stream was asked for: the whole stream for the client. */
  whole(body: JsonValue): string;
  /** Something harmless to send while the upstream is silent. */
  keepAlive(): string;
  /** The upstream's bytes have ended; a cut stream is told as an error. */
  end(): string;
  readonly state: Readonly<ReplyState>;
};

export type CollectCrossing = {
  push(chunk: Buffer): void;
  end(): ReplyBody;
  readonly state: Readonly<ReplyState>;
};

/**
 * Takes a request from one wire format to another: parse, resolve reasoning, fit tools, fit history, render.
 * Throws RequestError, naming the field, where the request can't be meant or can't be meant across.
 */
export function crossRequest(input: CrossingInput): Crossing {
  const { body, from, to, store, upstream } = input;
  refuseUncrossable(body, from, to === 'responses');
  const turn = codecs[from].parseRequest(body);
  const oneFunctionCall = from === 'chat' && offersFunctions(body);
  if (oneFunctionCall) turn.parallelToolCalls = false;
  const model = input.model ?? turn.model;
  const resolved = resolveOpaque(turn, store, { target: to, upstream, model });
  const tools = fitTools(resolved.turn, to);
  const history = fitHistory({ ...tools.turn, model }, to, { reasoningDropped: resolved.lost.length > 0 });
  // At what the upstream does not take, the reply is cut on its way back.
  const stops = stopsFor(turn, to, model);
  const crossed: TurnRequest = { ...history.turn, stream: turn.stream || input.alwaysStream === true };
  if (turn.stop !== undefined) crossed.stop = stops.sent;
  const rendered = codecs[to].renderRequest(crossed);
  if (to === 'chat' && input.isPlain === true) useOlderNames(rendered.body, model);
  const context: ReplyContext = {
    model: turn.model,
    now: input.now,
    newId: (prefix) => input.newId(prefix),
    seal: seal(store, { upstream, model }),
    includeUsage: from === 'chat' && wantsUsageChunk(body),
    wantsReasoning: input.wantsReasoning,
    ...(oneFunctionCall && { oneFunctionCall }),
    request: input.restore === undefined ? turn : withTexts(turn, input.restore),
  };
  return {
    body: rendered.body,
    betas: to === 'messages' && input.takesBetas === true ? toleratesChange(rendered.body) : NO_BETAS,
    stream: turn.stream,
    lost: [...resolved.lost, ...tools.lost, ...history.lost, ...rendered.lost],
    turn,
    reply: replyCrossing({
      client: codecs[from],
      upstream: codecs[to],
      restore: tools.restore,
      stop: stops.kept,
      context,
      errorClient: input.client,
      streams: turn.stream,
    }),
  };
}

function stopsFor({ from, stop }: TurnRequest, to: WireFormat, model: string): ReturnType<typeof splitStops> {
  if (stop === undefined) return NO_STOPS;
  return from === to ? { sent: stop, kept: [] } : splitStops(stop, to, model);
}

const NO_STOPS = { sent: [], kept: [] };
const NO_BETAS: readonly string[] = [];

export type ReturningInput = Pick<CrossingInput, 'body' | 'store' | 'upstream'> & {
  wire: WireFormat;
  /** See OpaqueTarget. */
  hasOwnHandles: boolean;
};

/**
 * A request that stays in its format but holds handles: the reasoning behind them is put back where it belongs to the
 * upstream, and left out where it does not. Throws RequestError, naming the field, where the request can't be meant.
 */
export function returnReasoning({ body, wire, store, upstream, hasOwnHandles }: ReturningInput): { body: JsonObject; lost: Loss[] } {
  const turn = codecs[wire].parseRequest(body);
  const resolved = resolveOpaque(turn, store, { target: wire, upstream, model: turn.model, hasOwnHandles });
  const history = fitHistory(resolved.turn, wire, { reasoningDropped: resolved.lost.length > 0 });
  const rendered = codecs[wire].renderRequest(history.turn);
  return { body: rendered.body, lost: [...resolved.lost, ...history.lost, ...rendered.lost] };
}

/** Refuses, with a RequestError, what would mean something else on the other side. `prompts`: the other side may know stored prompts. */
export function refuseUncrossable(body: JsonValue, from: WireFormat, prompts: boolean): void {
  if (!isObject(body)) return;
  const choices = asNumber(body.n);
  if (from === 'chat' && choices !== undefined && choices > 1) {
    throw new RequestError('n', 'only one choice per request is possible on this route; send the request once per choice');
  }
  if (from !== 'responses') return;
  for (const field of ['previous_response_id', 'conversation']) {
    if (isSet(body[field]))
      throw new RequestError(field, `${field} needs an upstream that stores replies; send the whole history in input`);
  }
  const reference = asArray(body.input)?.findIndex(isReference) ?? -1;
  if (reference >= 0)
    throw new RequestError(`input[${reference}]`, 'an item_reference needs an upstream that stores replies; send the item itself');
  if (asBoolean(body.background) === true) throw new RequestError('background', 'background replies are not possible on this route');
  if (isSet(body.prompt) && !prompts) {
    throw new RequestError('prompt', 'a stored prompt is known to its own provider only; send its text in instructions');
  }
}

/** True for an item that only names one of an earlier reply. Its `type` may be left out. */
function isReference(item: JsonValue): boolean {
  if (!isObject(item)) return false;
  return isSet(item.type) ? item.type === 'item_reference' : item.role === undefined && typeof item.id === 'string';
}

/** Replies repeat no more of a request than these (responses). */
function withTexts(turn: TurnRequest, restore: NonNullable<CrossingInput['restore']>): TurnRequest {
  const { output, toolChoice } = turn;
  return { ...turn, ...(output && { output: restore(output) }), ...(toolChoice && { toolChoice: restore(toolChoice) }) };
}

function isSet(value: JsonValue | undefined): boolean {
  return value !== undefined && value !== null;
}

function wantsUsageChunk(body: JsonValue): boolean {
  const options = isObject(body) ? body.stream_options : undefined;
  return isObject(options) && options.include_usage === true;
}

/** The client is of the time before tools: it knows functions, and one call of them in a reply. */
function offersFunctions(body: JsonValue): boolean {
  return isObject(body) && Array.isArray(body.functions) && body.functions.length > 0 && !isSet(body.tools);
}

// ---------------------------------------------------------------------------------------------- the way back

const BAD_GATEWAY = 502;
const UNFINISHED = 'The upstream ended without finishing its reply.';

type Way = {
  client: Codec;
  upstream: Codec;
  restore: ((event: TurnEvent) => TurnEvent[]) | undefined;
  stop: readonly string[];
  context: ReplyContext;
  errorClient: ErrorClient;
  /** The client wants a stream. */
  streams: boolean;
};

function replyCrossing(way: Way): ReplyCrossing {
  return {
    stream: () => new RenderedStream(way),
    collect: () => new CollectedStream(way),
    json(body) {
      const events: TurnEvent[] = [];
      const pass = new Passage(way, (event) => events.push(event));
      pass.guard(() => passWhole(pass, way, body));
      return replyBody(way, events, pass.state);
    },
    error: (status, headers, body) => renderFailure(way, way.upstream.parseError(status, headers, body)),
    failure: (error) => renderFailure(way, error),
  };
}

function renderFailure(way: Way, error: TurnError): RenderedFailure {
  if (!isToldInStream(way, error.kind)) {
    if (error.kind !== 'content_refused') return way.client.renderError(error, way.errorClient);
    return {
      status: 200,
      headers: {},
      body: way.client.renderReply([{ type: 'start' }, ...refusalFor(way.client.format, error)], way.context),
    };
  }
  const stream = new RenderedStream(way);
  return { stream: stream.fail(error), state: stream.state };
}

/** Refused content is a reply to every client, and Codex acts on a conversation that is too long only in a stream (SPEC 10.6). */
function isToldInStream({ streams, errorClient, client }: Way, kind: ErrorKind): boolean {
  if (!streams) return false;
  return kind === 'content_refused' || (kind === 'context_too_long' && readerOf(client.format, errorClient) === 'codex');
}

/** Takes the events of one reply through names and stop sequences to a receiver, and keeps count of them. */
class Passage {
  readonly state: ReplyState = { ended: false, stoppedEarly: false };
  readonly #restore: Way['restore'];
  readonly #stopper: Stopper | undefined;
  readonly #receive: (event: TurnEvent) => void;
  readonly #callIds = new Set<string>();
  readonly #refusals: Refusals;

  constructor(way: Way, receive: (event: TurnEvent) => void) {
    this.#refusals = new Refusals(readerOf(way.client.format, way.errorClient));
    this.#restore = way.restore;
    this.#stopper = way.stop.length === 0 ? undefined : stopAt(way.stop);
    this.#receive = receive;
  }

  pass(event: TurnEvent): void {
    if (this.state.ended) return;
    if (event.type === 'delta') this.#name(event);
    else for (const each of this.#refusals.push(event)) this.#name(each);
  }

  #name(event: TurnEvent): void {
    if (this.#restore === undefined) this.#cut(event);
    else for (const restored of this.#restore(event)) this.#cut(restored);
  }

  #cut(event: TurnEvent): void {
    const own = this.#ownId(event);
    if (this.#stopper === undefined) this.#tell(own);
    else for (const seen of this.#stopper.push(own)) this.#tell(seen);
  }

  #tell(event: TurnEvent): void {
    this.#receive(event);
    if (event.type !== 'delta') this.#note(event);
  }

  passAll(events: readonly TurnEvent[]): void {
    for (const event of events) this.pass(event);
  }

  /** Does what passes events. What it throws ends the reply as an error: JSON can be nested too deep to be written again. */
  guard(work: () => void): void {
    try {
      work();
    } catch {
      this.pass({ type: 'error', error: UNTRANSLATABLE });
    }
  }

  /** Some upstreams give two calls of one reply the same id; clients match results to calls by it. */
  #ownId(event: TurnEvent): TurnEvent {
    if (event.type !== 'item_start' || event.kind !== 'tool_call') return event;
    let { callId } = event;
    for (let repeat = 2; this.#callIds.has(callId); repeat++) callId = `${event.callId}_${repeat}`;
    this.#callIds.add(callId);
    return callId === event.callId ? event : { ...event, callId };
  }

  #note(event: TurnEvent): void {
    const { state } = this;
    switch (event.type) {
      case 'start':
        if (event.model !== undefined) state.model = event.model;
        this.#count(event.usage);
        break;
      case 'usage':
        this.#count(event.usage);
        break;
      case 'end':
        state.stop = event.stop;
        this.#count(event.usage);
        state.ended = true;
        state.stoppedEarly = this.#stopper?.done === true;
        break;
      case 'error':
        state.error = event.error;
        state.ended = true;
        break;
      case 'cut':
        state.error = { kind: 'stream_cut', message: event.message };
        state.ended = true;
        break;
      default:
        break;
    }
  }

  #count(usage: Usage | undefined): void {
    if (usage !== undefined) this.state.usage = { ...this.state.usage, ...usage };
  }
}

/** Reads an upstream's stream into a passage. Nothing that arrives can make it throw. */
class UpstreamStream {
  readonly pass: Passage;
  readonly #reader = new SseReader();
  readonly #parser: StreamParser;

  constructor(way: Way, receive: (event: TurnEvent) => void) {
    this.pass = new Passage(way, receive);
    this.#parser = way.upstream.streamParser();
  }

  push(chunk: Buffer): void {
    if (this.pass.state.ended) return;
    this.pass.guard(() => this.#frames(() => this.#reader.push(chunk)));
  }

  end(): void {
    this.pass.guard(() => {
      this.#frames(() => this.#reader.end());
      this.pass.passAll(this.#parser.end());
    });
    // A parser that saw its terminal event has nothing to add; one that was never ended is told so here.
    this.pass.pass({ type: 'cut', message: UNFINISHED });
  }

  #frames(read: () => SseFrame[]): void {
    let frames: SseFrame[];
    try {
      frames = read();
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      this.pass.pass({ type: 'cut', message: error.message });
      return;
    }
    for (const frame of frames) this.pass.passAll(this.#parser.push(frame));
  }
}

class RenderedStream implements StreamCrossing {
  readonly #way: Way;
  readonly #renderer: StreamRenderer;
  readonly #upstream: UpstreamStream;
  #text = '';

  constructor(way: Way) {
    this.#way = way;
    this.#renderer = way.client.streamRenderer(way.context);
    this.#upstream = new UpstreamStream(way, (event) => {
      this.#text += this.#renderer.push(event);
    });
  }

  get state(): Readonly<ReplyState> {
    return this.#upstream.pass.state;
  }

  push(chunk: Buffer): string {
    this.#upstream.push(chunk);
    return this.#take();
  }

  whole(body: JsonValue): string {
    const { pass } = this.#upstream;
    pass.guard(() => passWhole(pass, this.#way, body));
    return this.#take();
  }

  keepAlive(): string {
    this.#upstream.pass.pass({ type: 'keep_alive' });
    return this.#take();
  }

  /** A whole stream that says nothing but why there is no reply. */
  fail(error: TurnError): string {
    this.#upstream.pass.passAll([{ type: 'start' }, { type: 'error', error }]);
    return this.#take();
  }

  end(): string {
    this.#upstream.end();
    return this.#take();
  }

  #take(): string {
    const text = this.#text;
    this.#text = '';
    return text;
  }
}

class CollectedStream implements CollectCrossing {
  readonly #way: Way;
  readonly #events: TurnEvent[] = [];
  readonly #upstream: UpstreamStream;

  constructor(way: Way) {
    this.#way = way;
    this.#upstream = new UpstreamStream(way, (event) => this.#events.push(event));
  }

  get state(): Readonly<ReplyState> {
    return this.#upstream.pass.state;
  }

  push(chunk: Buffer): void {
    this.#upstream.push(chunk);
  }

  end(): ReplyBody {
    this.#upstream.end();
    return replyBody(this.#way, this.#events, this.#upstream.pass.state);
  }
}

/** Passes a complete reply. Its token counts are known from the start, also where a stop sequence cuts it. */
function passWhole(pass: Passage, way: Way, body: JsonValue): void {
  let events: TurnEvent[];
  try {
    events = way.upstream.parseReply(body);
  } catch (error) {
    if (!(error instanceof ReplyError)) throw error;
    pass.pass({ type: 'error', error: unreadable(way, body, error.message) });
    return;
  }
  const end = events.at(-1);
  const usage = end?.type === 'end' && way.stop.length > 0 ? end.usage : undefined;
  for (const event of events) {
    pass.pass(event);
    if (event.type === 'start' && usage !== undefined) pass.pass({ type: 'usage', usage });
  }
  pass.pass({ type: 'cut', message: UNFINISHED });
}

/** Some upstreams hide an error under a good status; it is read as what it is. */
function unreadable(way: Way, body: JsonValue, why: string): TurnError {
  if (isObject(body) && isSet(body.error)) {
    const { status: _status, ...error } = way.upstream.parseError(BAD_GATEWAY, {}, body);
    return error;
  }
  if (typeof body === 'string' && IS_PAGE.test(body))
    return {
      kind: 'upstream_failed',
      message: 'A web page answered in the place of the upstream. Check its address in the settings, and what stands on the way there.',
    };
  return { kind: 'upstream_failed', message: `The upstream's reply could not be read: ${why}` };
}

/** A website answers so below a wrong path, and so does the sign-in page of a network. */
const IS_PAGE = /^\s*<(?:!doctype\s+html|html)\b/i;

function replyBody(way: Way, events: readonly TurnEvent[], state: ReplyState): ReplyBody {
  if (state.error !== undefined) return { error: state.error, state };
  try {
    return { body: way.client.renderReply(events, way.context), state };
  } catch {
    return { error: UNTRANSLATABLE, state };
  }
}
