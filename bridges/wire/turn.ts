/**
 * The hub every wire format translates through: one request and the events of its reply, in no vendor's words.
 *
 * A codec (chat.ts, responses.ts, messages.ts) parses its format into these shapes and renders them back. What a
 * format says that has no place here is kept in `extra` or as an `opaque` item, marked with the format it came from:
 * it survives a way back to the same format, and is reported as lost on a way to another one.
 */

/** The three public wire formats: OpenAI Chat Completions, OpenAI Responses, Anthropic Messages. */
export type WireFormat = 'chat' | 'responses' | 'messages';

export type JsonValue = string | number | boolean | null | JsonValue[] | JsonObject;
export type JsonObject = { [key: string]: JsonValue | undefined };

/** Something that could not cross from one format to another. `path` is a JSON path in what the client sent. */
export type Loss = { path: string; why: string };

// ---------------------------------------------------------------------------------------------- request

export type TurnRequest = {
  /** The format it was parsed from: tells which `extra` and `opaque` values may be rendered again. */
  from: WireFormat;
  model: string;
  stream: boolean;
  /** Everything that was said so far, flattened, in order. System text is an item at its own position. */
  items: TurnItem[];
  tools: ToolDefinition[];
  toolChoice?: ToolChoice;
  /** False where the client forbade more than one tool call in a reply. */
  parallelToolCalls?: boolean;
  /** Tokens. */
  maxOutputTokens?: number;
  temperature?: number;
  topP?: number;
  topK?: number;
  stop?: string[];
  reasoning?: ReasoningRequest;
  output?: OutputShape;
  verbosity?: string;
  /** A key under which the upstream may cache the prompt. */
  cacheKey?: string;
  /** Who is asking, as the client put it (`user`, `metadata.user_id`). */
  user?: string;
  serviceTier?: string;
  /** Top-level fields of the client's format that the hub has no word for. */
  extra: JsonObject;
};

export type ReasoningRequest = {
  /** False: the client switched thinking off. Absent: it did not say. */
  enabled?: boolean;
  effort?: string;
  /** Tokens. */
  budgetTokens?: number;
  /** How much of the reasoning the client wants to read (`auto`, `concise`, `detailed`, `none`). */
  summary?: string;
  /** The client asked for opaque reasoning to be handed back, so that it can return it later. */
  wantsOpaque?: boolean;
};

export type OutputShape =
  | { type: 'text' }
  | { type: 'json' }
  | { type: 'json_schema'; name?: string; description?: string; schema: JsonObject; strict?: boolean };

export type ToolDefinition =
  | {
      type: 'function';
      name: string;
      /** A group the tool belongs to (Responses namespaces). */
      namespace?: string;
      description?: string;
      /** JSON Schema of the arguments. */
      parameters?: JsonObject;
      strict?: boolean;
      /** The tool is known by name but not offered until a tool search referred to it. */
      deferred?: boolean;
      /** A tool search of this conversation found it: it is offered, deferred or not. */
      found?: boolean;
      cacheControl?: JsonObject;
      extra?: JsonObject;
    }
  | {
      /** Free-form input: the model writes text, not JSON. */
      type: 'custom';
      name: string;
      namespace?: string;
      description?: string;
      /** The grammar the input must follow, in the words of the OpenAI formats. */
      format?: JsonObject;
      deferred?: boolean;
      found?: boolean;
      extra?: JsonObject;
    }
  /** A tool the provider runs itself (web search and the like), or one that only its own format knows. */
  | { type: 'hosted'; from: WireFormat; name: string; value: JsonObject };

export type ToolChoice =
  | { type: 'auto' | 'none' | 'any' }
  | { type: 'tool'; name: string; namespace?: string; custom?: boolean }
  /** Only these may be called; `mode` tells whether one must be. `given` is the choice in its own format's words, where they name other tools too. */
  | { type: 'allowed'; mode: 'auto' | 'any'; tools: { name: string; namespace?: string }[]; given?: JsonObject }
  | { type: 'opaque'; from: WireFormat; value: JsonValue };

export type TurnItem = MessageItem | ToolCallItem | ToolResultItem | ReasoningItem | OpaqueItem;

export type MessageItem = {
  type: 'message';
  role: 'system' | 'developer' | 'user' | 'assistant';
  content: Part[];
  id?: string;
  /** Responses: `commentary` or `final_answer`. */
  phase?: string;
  /** The name a participant goes by (chat). */
  name?: string;
  extra?: JsonObject;
};

export type ToolCallItem = {
  type: 'tool_call';
  callId: string;
  name: string;
  namespace?: string;
  kind: 'function' | 'custom';
  /** A function's arguments as JSON text, exactly as they were written; a custom tool's input as plain text. */
  input: string;
  id?: string;
  cacheControl?: JsonObject;
  extra?: JsonObject;
};

export type ToolResultItem = {
  type: 'tool_result';
  callId: string;
  kind: 'function' | 'custom';
  content: Part[];
  isError?: boolean;
  cacheControl?: JsonObject;
  id?: string;
  extra?: JsonObject;
};

export type ReasoningItem = {
  type: 'reasoning';
  /** What a person may read: summaries, or the thinking itself. One entry a paragraph group, as the upstream cut it. */
  summary: string[];
  /** The full reasoning text where a format tells it apart from the summary. */
  content?: string[];
  /** Bytes only the model that wrote them can read. */
  opaque?: OpaqueReasoning;
  id?: string;
  extra?: JsonObject;
};

/** The fields of a chat message that servers give their reasoning in, and want it back in. */
export const REASONING_FIELDS = ['reasoning_text', 'reasoning_content', 'reasoning'] as const;
export type ReasoningField = (typeof REASONING_FIELDS)[number];

/** What a piece of reasoning goes back with. It must never reach another family than its own (see opaque.ts). */
export type OpaqueReasoning = {
  /** `responses`: encrypted_content; `messages`: signature, or redacted thinking; `chat`: reasoning_opaque, if any. */
  family: WireFormat;
  /** Encrypted or signed. Empty where `field` is told. */
  data: string;
  /** `chat`: the reasoning is told in the open, and nothing but its text goes back, in this field. */
  field?: ReasoningField;
  /** `chat`: what stood beside a message and its calls (chat/besides.ts). */
  besides?: true;
  /** Anthropic `redacted_thinking`: there is no readable text at all. */
  redacted?: boolean;
};

/** An item that only its own format knows (a hosted tool's call, an item reference). */
export type OpaqueItem = { type: 'opaque'; from: WireFormat; role?: 'user' | 'assistant'; name: string; value: JsonObject };

export type Part =
  | { type: 'text'; text: string; annotations?: JsonValue[]; cacheControl?: JsonObject; extra?: JsonObject }
  | { type: 'image'; source: MediaSource; detail?: string; cacheControl?: JsonObject; extra?: JsonObject }
  | { type: 'document'; source: MediaSource | { kind: 'text'; text: string }; name?: string; cacheControl?: JsonObject; extra?: JsonObject }
  | { type: 'refusal'; text: string }
  /** A tool search found this tool (Anthropic `tool_reference`), or the block in `value` added it on the way (`tool_addition`). */
  | { type: 'tool_reference'; name: string; value?: JsonObject; cacheControl?: JsonObject }
  /** `text` is what it says, for formats that can say no more of it. */
  | { type: 'opaque'; from: WireFormat; name: string; value: JsonObject; text?: string };

export type MediaSource = { kind: 'base64'; mediaType: string; data: string } | { kind: 'url'; url: string } | { kind: 'file'; id: string };

// ---------------------------------------------------------------------------------------------- reply

/**
 * A reply, as it happens. `item` counts from 0 and rises with every `item_start`; events of several open items may
 * alternate (chat and responses allow it), so a renderer whose format forbids that passes them through `inOrder`.
 *
 * Grammar: start (item_start delta* item_end | item | usage | keep_alive)* (end | error | cut)
 */
export type TurnEvent =
  | { type: 'start'; id?: string; model?: string; usage?: Usage }
  | ItemStart
  /** More of an open item: answer text, refusal text, reasoning text, or a tool call's input. */
  | { type: 'delta'; item: number; text: string }
  /** A new paragraph group inside an open reasoning item. */
  | { type: 'reasoning_break'; item: number }
  | {
      type: 'item_end';
      item: number;
      /** The whole of the item. Parsers always give it, also where the upstream sent no deltas at all. */
      text: string;
      opaque?: OpaqueReasoning;
      annotations?: JsonValue[];
    }
  /** An item that only its own format knows, complete. */
  | { type: 'item'; item: number; value: OpaqueItem }
  /** Counts so far; later ones replace earlier ones field by field. */
  | { type: 'usage'; usage: Usage }
  | { type: 'keep_alive' }
  | {
      type: 'end';
      stop: StopReason;
      stopSequence?: string;
      usage?: Usage;
      /** Why the upstream refused, in its own words; no item of the reply says it. */
      explanation?: string;
    }
  /** The upstream said that the reply failed. Nothing follows. */
  | { type: 'error'; error: TurnError }
  /** The upstream's bytes ended without a terminal event. It must never be rendered as a success. */
  | { type: 'cut'; message: string };

export type ItemStart =
  | { type: 'item_start'; item: number; kind: 'text'; id?: string; phase?: string }
  | { type: 'item_start'; item: number; kind: 'refusal'; id?: string }
  | { type: 'item_start'; item: number; kind: 'reasoning'; id?: string; form?: 'summary' | 'content' }
  | {
      type: 'item_start';
      item: number;
      kind: 'tool_call';
      id?: string;
      callId: string;
      name: string;
      namespace?: string;
      tool: 'function' | 'custom';
    };

export type StopReason =
  | 'end_turn'
  | 'tool_use'
  | 'max_tokens'
  | 'stop_sequence'
  | 'refusal'
  | 'content_filter'
  | 'context_window'
  | 'pause_turn';

/** Token counts. `input` is the whole prompt, cached and cache-written tokens included; `reasoning` is inside `output`. */
export type Usage = {
  input?: number;
  cached?: number;
  cacheWrite?: number;
  output?: number;
  reasoning?: number;
};

/** The rows of the error table (one per cause a client can act on). */
export type ErrorKind =
  | 'key_rejected'
  | 'sign_in_needed'
  | 'not_entitled'
  | 'quota_exceeded'
  | 'rate_limited'
  | 'context_too_long'
  | 'body_too_large'
  | 'invalid_request'
  | 'model_unknown'
  | 'not_found'
  | 'overloaded'
  | 'upstream_failed'
  | 'stream_cut'
  | 'content_refused'
  | 'not_supported'
  | 'timeout';

export type TurnError = {
  kind: ErrorKind;
  /** What happened, why, what to do: one or two sentences. */
  message: string;
  /** The upstream's own HTTP status, where there was one. */
  status?: number;
  /** The upstream's own error code and type, where there were any. */
  code?: string;
  type?: string;
  param?: string;
  /** Seconds. */
  retryAfter?: number;
  /** Unix seconds at which a used-up plan is filled again. */
  resetsAt?: number;
  planType?: string;
};
