import { z } from 'zod';
import type { WireFormat } from '../../contract/index.ts';
import type { JsonValue } from '../../wire/turn.ts';

/** The version of this API. An adapter names the one it was written for; docs/adapters.md describes it. */
export const ADAPTER_API = 1;

/** What an adapter sees of a call. Header values are redacted; bodies can be asked for one field at a time. */
export type Exchange = {
  readonly id: number;
  /** ISO 8601, UTC. */
  readonly startedAt: string;
  /** The program, told by its user agent: `claude-code`, `codex`, `copilot-cli`, ... */
  readonly client: string;
  readonly clientVersion: string | null;
  readonly caller: string | null;
  readonly method: string;
  readonly path: string;
  readonly upstream: string | null;
  readonly wire: WireFormat | null;
  readonly model: string | null;
  /** Names are lower case. */
  requestHeader(name: string): string | undefined;
  /** Undefined while the call is open. */
  replyHeader(name: string): string | undefined;
  /** A field at the top of the request's body, parsed; undefined where it has none, or one of more than 64 kB. */
  field(name: string): JsonValue | undefined;
  /** Bytes of such a field; 0 where there is none. */
  fieldBytes(name: string): number;
  /** What a person said first and last, without what the client put around it. */
  readonly first: string | null;
  readonly last: string | null;
  /** The first texts of the history, as they stand: clients describe their surroundings there. */
  readonly opening: readonly string[];
};

const short = z.string().max(4096);

/** What an adapter makes of a call. All of it is optional; one that has nothing to say returns null. */
export const Projected = z.strictObject({
  /** Where the identity was read. */
  source: z.enum(['header', 'body', 'hook', 'transcript', 'rollout', 'hash']).optional(),
  session: short.min(1).optional(),
  /** A sub-agent or thread inside the session; absent for its main line. */
  thread: short.optional(),
  /** The thread it was spawned from; an empty text is the session's main line. */
  parentThread: short.optional(),
  /** `side`: about the conversation, but no part of it. `summary`: asks for a summary of the history. */
  kind: z.enum(['turn', 'side', 'summary']).optional(),
  /** True: it begins a conversation, whatever its history looks like. */
  root: z.boolean().optional(),
  cwd: short.optional(),
  gitBranch: short.optional(),
  gitOrigin: short.optional(),
  gitCommit: short.optional(),
  facts: z.record(z.string().max(64), short).optional(),
});
export type Projected = z.infer<typeof Projected>;

const UpstreamPreset = z.strictObject({
  name: z.string().regex(/^[a-z0-9][a-z0-9-]{0,30}$/),
  label: z.string().max(100),
  baseUrl: z.string().max(2048),
  /** Which targets it claims: the longest path prefix wins, then the higher priority, then the order. */
  match: z.strictObject({ pathPrefix: z.string().startsWith('/').max(200) }).optional(),
  priority: z.number().optional(),
});
export type UpstreamPreset = z.infer<typeof UpstreamPreset>;

/** Everything that is known of one client or provider protocol. */
export type Adapter = {
  api: typeof ADAPTER_API;
  name: string;
  /** Higher is asked first; among equals, the one that was registered first. */
  priority?: number | undefined;
  client?: { name: string; label: string; url?: string | undefined } | undefined;
  upstreams?: readonly UpstreamPreset[] | undefined;
  /** Tools by which a reply of this client's spawns a sub-task, and where their prompt stands. */
  spawns?: readonly { tool: string; prompt: string }[] | undefined;
  match(exchange: Exchange): boolean;
  project(exchange: Exchange): Projected | null | undefined;
};

/** The data of an adapter from a file; its functions are checked beside it. */
export const AdapterData = z.object({
  api: z.literal(ADAPTER_API),
  name: z.string().regex(/^[a-z0-9][a-z0-9-]{0,30}$/),
  priority: z.number().min(-1000).max(1000).optional(),
  client: z.strictObject({ name: z.string().max(100), label: z.string().max(100), url: z.url().optional() }).optional(),
  upstreams: z.array(UpstreamPreset).max(20).optional(),
  spawns: z
    .array(z.strictObject({ tool: z.string().max(200), prompt: z.string().max(100) }))
    .max(20)
    .optional(),
});
