import type { JsonObject, JsonValue, Loss, OpaqueReasoning, TurnError, TurnEvent, TurnRequest, WireFormat } from './turn.ts';
import type { SseFrame } from './sse.ts';

/**
 * One wire format, both ways. Codecs are pure: no I/O, no clock, no randomness; ids and times come in as parameters.
 * Tool names, free-form tools and namespaces are already fitted to the format when a render function is called
 * (tools.ts), and histories are already in an order the format accepts (history.ts).
 */
export type Codec = {
  format: WireFormat;
  /** Parses a request body. Throws RequestError naming the field where it can't be meant; tolerates unknown fields. */
  parseRequest(body: JsonValue): TurnRequest;
  /** Renders a turn as a request body of this format, with what could not cross. */
  renderRequest(turn: TurnRequest): { body: JsonObject; lost: Loss[] };
  /** Parses a complete, successful, non-streamed reply. Throws ReplyError where it is not one of this format. */
  parseReply(body: JsonValue): TurnEvent[];
  /** A parser of a streamed reply. It never throws: what it can't read becomes an `error` or `cut` event. */
  streamParser(): StreamParser;
  /** Renders a complete reply. The events hold one `end`; an `error` or `cut` is rendered by renderError instead. */
  renderReply(events: readonly TurnEvent[], context: ReplyContext): JsonObject;
  /** A renderer of a streamed reply. */
  streamRenderer(context: ReplyContext): StreamRenderer;
  /** Reads an upstream's error reply (`body` is the parsed JSON, or the raw text where it is none). */
  parseError(status: number, headers: Readonly<Record<string, string>>, body: JsonValue): TurnError;
  /** An error as a client of this format expects it. */
  renderError(error: TurnError, client: ErrorClient): RenderedError;
};

export type StreamParser = {
  /** Feeds one SSE frame; returns the events it stands for. */
  push(frame: SseFrame): TurnEvent[];
  /** The bytes have ended: returns `cut` if no terminal event was seen, else nothing. */
  end(): TurnEvent[];
};

export type StreamRenderer = {
  /** Returns the SSE text for one event, complete frames only; empty where the format has nothing to say yet. */
  push(event: TurnEvent): string;
};

/** What a reply must know of its request and its surroundings. */
export type ReplyContext = {
  /** The model as the client asked for it: it is echoed, whatever the upstream used (SPEC 8.4). */
  model: string;
  /** Unix milliseconds. */
  now: number;
  /** Makes an id unique to this reply, for example `msg_...`, `resp_...`, `chatcmpl-...`. */
  newId(prefix: string): string;
  /** Puts opaque reasoning where it can be found again and returns the handle to give the client (opaque.ts). */
  seal(opaque: OpaqueReasoning): string;
  /** Chat only: the client asked for a usage chunk (`stream_options.include_usage`). */
  includeUsage: boolean;
  /** Chat only: the client is known to read `reasoning_content`. */
  wantsReasoning: boolean;
  /** Chat only: the client offered its tools as the older `functions` and reads calls as `function_call`, one a reply. */
  oneFunctionCall?: boolean;
  /** The request, for formats whose replies repeat parts of it (responses). */
  request?: TurnRequest;
};

/** Families of clients that act on errors in their own ways (SPEC 10.6). */
export type ErrorClient = { family: 'claude-code' | 'codex' | 'other'; requestId: string };

export type RenderedError = { status: number; headers: Record<string, string>; body: JsonObject };

/** A request that can't be meant. `path` names the field, in the client's own words. */
export class RequestError extends Error {
  override name = 'RequestError';
  readonly path: string;
  constructor(path: string, message: string) {
    super(message);
    this.path = path;
  }
}

/** A reply body that is not of the format it should be. */
export class ReplyError extends Error {
  override name = 'ReplyError';
}
