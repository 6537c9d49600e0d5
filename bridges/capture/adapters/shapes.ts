import { z } from 'zod';
import { ADAPTER_API } from './adapter.ts';

/**
 * The shapes that adapters from a folder must have. Loaded with the first of those: the schema library costs the
 * capture worker ten megabytes, and ours are checked by the compiler.
 */

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

/** A provider that its owner may set up by its name (docs/providers.md). */
export const UpstreamPreset = z.strictObject({
  name: z.string().regex(/^[a-z0-9][a-z0-9-]{0,30}$/),
  label: z.string().max(100),
  baseUrl: z.string().max(2048),
  messagesUrl: z.string().max(2048).optional(),
  wires: z
    .array(z.enum(['chat', 'responses', 'messages']))
    .min(1)
    .optional(),
  credential: z.enum(['key', 'client', 'none']).optional(),
  keyHeader: z.enum(['authorization', 'x-api-key', 'api-key']).optional(),
  models: z.array(z.string().min(1).max(200)).max(200).optional(),
  priority: z.number().int().min(-1000).max(1000).optional(),
});

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
