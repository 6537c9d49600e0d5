import { z } from 'zod';

/** The shapes that cross a border of the engine: to the window, the tray, the CLI. Nothing secret ever stands in one. */

export const WireFormat = z.enum(['chat', 'responses', 'messages']);
export const Host = z.enum(['desktop', 'headless', 'gateway']);

/** Token counts as the reply stated them; `null` means the reply did not say, never zero. */
export const Usage = z.object({
  /** The whole prompt, cached tokens included. */
  input: z.number().int().nullable(),
  cached: z.number().int().nullable(),
  cacheWrite: z.number().int().nullable(),
  output: z.number().int().nullable(),
  reasoning: z.number().int().nullable(),
});

export const Loss = z.object({ path: z.string(), why: z.string() });

export const CallState = z.enum(['open', 'done', 'cut']);

/** One row of the calls page, and of `drawbridge calls --json`. */
export const Call = z.object({
  id: z.number().int(),
  /** ISO 8601, UTC. */
  startedAt: z.string(),
  state: CallState,
  /** The program that called, told by its user agent: `claude-code`, `codex`, `copilot-cli`, `curl`, ... */
  client: z.string(),
  clientVersion: z.string().nullable(),
  /** The name of the client key the call came with; null where it was refused before one was known. */
  caller: z.string().nullable(),
  method: z.string(),
  path: z.string(),
  /** Which rule chose the upstream. */
  route: z.string().nullable(),
  upstream: z.string().nullable(),
  wireIn: WireFormat.nullable(),
  wireOut: WireFormat.nullable(),
  modelRequested: z.string().nullable(),
  modelUsed: z.string().nullable(),
  /** HTTP status sent to the client; null while open. */
  status: z.number().int().nullable(),
  streamed: z.boolean(),
  /** The reply ended before it was complete. */
  cut: z.boolean(),
  /** Milliseconds from the request's head to the first byte of the reply's body. */
  ttfbMs: z.number().nullable(),
  durationMs: z.number().nullable(),
  requestBytes: z.number().int(),
  replyBytes: z.number().int(),
  usage: Usage.nullable(),
  /** How many tools the reply called, those included that the provider ran itself; absent where it can't be told. */
  toolCalls: z.number().int().optional(),
  lost: z.array(Loss),
  /** What went wrong, in one sentence, where something did. */
  error: z.string().nullable(),
  /** The call that this one sends again; absent where it is no replay. */
  replayOf: z.number().int().optional(),
});

/** Header pairs in wire order. A secret's value is `[redacted]`, after its scheme where it has one. */
export const Headers = z.array(z.tuple([z.string(), z.string()]));

/** One side of an exchange. Text is UTF-8; what is no text is given as base64. */
export const Body = z.object({
  bytes: z.number().int(),
  encoding: z.enum(['utf8', 'base64']),
  content: z.string(),
  /** False where `content` holds only the first part (`limit` of calls.get). */
  whole: z.boolean(),
});

export const Message = z.object({
  headers: Headers,
  /** Null where no body was kept. */
  body: Body.nullable(),
});

/** Something readable put together from a request's history or a streamed reply. */
export const AssembledPart = z.object({
  role: z.enum(['system', 'developer', 'user', 'assistant', 'tool']),
  kind: z.enum(['text', 'reasoning', 'refusal', 'tool_call', 'tool_result', 'image', 'document', 'other']),
  text: z.string(),
  /** Tool name of a call; media type of an image. */
  name: z.string().nullable(),
  callId: z.string().nullable(),
});

export const CallDetail = z.object({
  call: Call,
  /** What the client sent, and what it got. */
  client: z.object({ request: Message, reply: Message }),
  /** What the upstream got and sent; null where it is the same bytes (headers aside). */
  upstream: z.object({ request: Message, reply: Message }).nullable(),
  /** The conversation as the request told it, then the reply put together. Empty where it could not be read. */
  assembled: z.object({ request: z.array(AssembledPart), reply: z.array(AssembledPart) }),
  /** Arrival of the reply's chunks, as sent to the client: [offset of a chunk's first byte, milliseconds since the call began]. */
  timeline: z.array(z.tuple([z.number().int(), z.number()])),
});

/** Filters of the calls page. Each is optional; they are joined by "and". */
export const CallFilter = z.object({
  /** Substring of model, path, caller, client, upstream or error, whatever its case. */
  text: z.string().optional(),
  client: z.string().optional(),
  caller: z.string().optional(),
  upstream: z.string().optional(),
  /** The model as it was asked for, or as it was used. */
  model: z.string().optional(),
  /** `ok` is below 400, `failed` is 400 and above or cut, `open` is still running. */
  outcome: z.enum(['ok', 'failed', 'open']).optional(),
});

/** What a person can do about a state: a sentence, and where there is one the command that does it. */
export const Mend = z.object({
  label: z.string(),
  action: z
    .discriminatedUnion('kind', [
      z.object({ kind: z.literal('companion.usePort'), port: z.number().int() }),
      z.object({ kind: z.literal('companion.retry') }),
      z.object({ kind: z.literal('link'), href: z.string() }),
    ])
    .nullable(),
});

export const Listener = z.object({
  name: z.enum(['companion', 'ui', 'control']),
  state: z.enum(['starting', 'listening', 'failed', 'stopped']),
  /** `127.0.0.1:11435`, or the path of the socket; null where nothing is bound. */
  address: z.string().nullable(),
  reason: z.string().nullable(),
  mend: Mend.nullable(),
});

export const AccountState = z.enum(['signed_out', 'signing_in', 'ready', 'auth_required', 'denied']);

export const Bridge = z.object({
  name: z.string(),
  label: z.string(),
  standing: z.enum(['official', 'preview', 'unofficial']),
  state: AccountState,
  address: z.string().nullable(),
  reason: z.string().nullable(),
  mend: Mend.nullable(),
});

export const Tunnel = z.object({ name: z.string(), state: z.string(), reason: z.string().nullable(), mend: Mend.nullable() });

export const Upstream = z.object({
  id: z.string(),
  label: z.string(),
  kind: z.enum(['practice', 'provider', 'gateway', 'bridge']),
  /** Origin and path calls go to; null for what is built in. */
  baseUrl: z.string().nullable(),
  /** Whose credential a call carries. */
  credential: z.enum(['none', 'client', 'ours']),
  wires: z.array(WireFormat),
  state: z.enum(['ready', 'not_configured']),
  reason: z.string().nullable(),
});

export const CaptureStatus = z.object({
  state: z.enum(['starting', 'recording', 'paused', 'failed']),
  reason: z.string().nullable(),
  /** Calls stored, over all time. */
  calls: z.number().int(),
  /** Calls of this run that were served but not captured, because the store fell behind. */
  dropped: z.number().int(),
  /** Bytes on their way to the store. */
  pendingBytes: z.number().int(),
  /** Bytes of the database on disk. */
  storeBytes: z.number().int(),
});

export const Notice = z.object({
  id: z.string(),
  level: z.enum(['info', 'warning', 'error']),
  title: z.string(),
  cause: z.string(),
  mend: Mend.nullable(),
});

/** Numbers of the last hour, for the overview. */
export const Activity = z.object({
  calls: z.number().int(),
  failed: z.number().int(),
  open: z.number().int(),
  ttfbP50Ms: z.number().nullable(),
  inputTokens: z.number().int().nullable(),
  outputTokens: z.number().int().nullable(),
});

export const Status = z.object({
  version: z.string(),
  host: Host,
  pid: z.number().int(),
  node: z.string(),
  startedAt: z.string(),
  home: z.string(),
  listeners: z.array(Listener),
  bridges: z.array(Bridge),
  tunnels: z.array(Tunnel),
  upstreams: z.array(Upstream),
  capture: CaptureStatus,
  activity: Activity,
  notices: z.array(Notice),
});

/** `app` is this application itself, `clients` the programs on this machine, `gateway` the owner's own gateway. */
export const Use = z.enum(['app', 'clients', 'gateway']);

/** A client key. The key itself is shown once, when it is made; only its hash is kept. */
export const Key = z.object({
  id: z.string(),
  name: z.string(),
  /** The first characters and an ellipsis, to tell keys apart. */
  hint: z.string(),
  createdAt: z.string(),
  lastUsedAt: z.string().nullable(),
  /** Whose calls it stands for: what an account may be used for is told by this. */
  use: Use,
});

/** How to point one client at the companion. */
export const ClientEnv = z.object({
  client: z.string(),
  label: z.string(),
  /** Environment variables, in the order to set them. `<key>` stands where the client key goes. */
  variables: z.array(z.object({ name: z.string(), value: z.string(), secret: z.boolean() })),
  /** Files to write, for clients that are configured by one. */
  files: z.array(z.object({ path: z.string(), content: z.string() })),
  /** A command that makes one call, to try it. */
  command: z.string(),
  notes: z.array(z.string()),
});

export const DoctorCheck = z.object({
  id: z.string(),
  title: z.string(),
  state: z.enum(['ok', 'warning', 'failed', 'skipped']),
  found: z.string(),
  mend: z.string().nullable(),
});

/** What the engine tells everyone who listens. */
export const EngineEvent = z.discriminatedUnion('type', [
  /** Calls that began, moved or ended; each replaces the row with its id. Sent at most ten times a second. */
  z.object({ type: z.literal('calls'), calls: z.array(Call) }),
  /** Calls are gone from the history: whoever lists them asks again. */
  z.object({ type: z.literal('removed') }),
  /** Something in the status changed: ask again. */
  z.object({ type: z.literal('status') }),
  z.object({ type: z.literal('keys') }),
  z.object({ type: z.literal('settings') }),
]);
