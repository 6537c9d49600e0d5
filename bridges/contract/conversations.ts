import { oc } from '@orpc/contract';
import { z } from 'zod';
import { Cost } from './usage.ts';

/**
 * Conversations: calls linked by their history. A conversation goes by the id of its first call, so its id may change
 * to an earlier one when a call that was missing is stored late.
 */

const none = z.object({}).default({});

/**
 * What a call is to the one before it.
 * `turn` goes on, `branch` goes on from where another call already did, `retry` sends the same again, `compaction` goes
 * on with a rewritten history, `summary` asks for one, `subtask` was spawned by its parent, `side` is about the
 * conversation but no part of it (a title, a quota check).
 */
export const NodeKind = z.enum(['turn', 'branch', 'retry', 'compaction', 'summary', 'subtask', 'side']);

/** Where a call's identity was read; `hash` where nothing named it and its history alone links it. */
export const IdentitySource = z.enum(['header', 'body', 'hook', 'transcript', 'rollout', 'hash']);

/** Who a call belongs to, in the client's own words. Null where the client does not say. */
export const CallIdentity = z.object({
  /** The adapter that read it; null where none did. */
  adapter: z.string().nullable(),
  source: IdentitySource,
  session: z.string().nullable(),
  /** A sub-agent or a thread inside the session. */
  thread: z.string().nullable(),
  parentThread: z.string().nullable(),
  cwd: z.string().nullable(),
  gitBranch: z.string().nullable(),
  gitOrigin: z.string().nullable(),
  gitCommit: z.string().nullable(),
  /** Anything else the adapter knows: sandbox, originator, window, turn, prompt, the client's own message id. */
  facts: z.record(z.string(), z.string()),
});

/** Tokens of a conversation or a call; null where no reply said. */
export const Tokens = z.object({
  /** The whole prompt, cached tokens included. */
  inputGross: z.number().int().nullable(),
  /** What was not read from a cache. */
  inputNet: z.number().int().nullable(),
  cached: z.number().int().nullable(),
  cacheWrite: z.number().int().nullable(),
  output: z.number().int().nullable(),
  reasoning: z.number().int().nullable(),
});

/** What a request's bytes are made of. */
export const ContextParts = z.object({
  system: z.number().int(),
  tools: z.number().int(),
  /** What was said, without tool results. */
  history: z.number().int(),
  results: z.number().int(),
});

export const Conversation = z.object({
  /** Id of its first call. */
  id: z.number().int(),
  /** The first thing the user said, shortened; null where nothing can be read. */
  title: z.string().nullable(),
  client: z.string(),
  caller: z.string().nullable(),
  session: z.string().nullable(),
  cwd: z.string().nullable(),
  gitBranch: z.string().nullable(),
  /** Of its newest call. */
  model: z.string().nullable(),
  startedAt: z.string(),
  /** When its newest call began. */
  lastAt: z.string(),
  /** All calls, sub-tasks and side requests included. */
  calls: z.number().int(),
  failed: z.number().int(),
  subtasks: z.number().int(),
  tokens: Tokens,
  cost: Cost,
});

export const ConversationNode = z.object({
  call: z.number().int(),
  /** The call it follows; null for the first. */
  parent: z.number().int().nullable(),
  kind: NodeKind,
  /** `branch_2`, `compact_142501`, `subtask_1`, `main`: the line of calls it stands on. */
  line: z.string(),
  startedAt: z.string(),
  /** What is new in this request, shortened. */
  title: z.string().nullable(),
  model: z.string().nullable(),
  upstream: z.string().nullable(),
  status: z.number().int().nullable(),
  state: z.enum(['open', 'done', 'cut']),
  durationMs: z.number().nullable(),
  tokens: Tokens,
  cost: Cost,
  /** Bytes; null where the request could not be read. */
  context: ContextParts.nullable(),
  /** Messages and tool traffic in the request. */
  messages: z.number().int(),
});

/** One element of a prompt, in the order in which providers cache it: tools, system, then what was said. */
export const PromptElement = z.object({
  section: z.enum(['tools', 'system', 'history']),
  /** Counted from 0 within its section. */
  index: z.number().int(),
  label: z.string(),
  bytes: z.number().int(),
});

/** Why a call's prompt could or could not be read from the provider's cache. */
export const Why = z.object({
  call: z.number().int(),
  /** The request it is compared with: its parent's; null for the first of a conversation. */
  previous: z.number().int().nullable(),
  /** What both begin with. */
  shared: z.object({ elements: z.number().int(), bytes: z.number().int() }),
  /** The first difference; null where this request merely adds to the other. */
  broke: PromptElement.extend({ before: z.string().nullable(), after: z.string().nullable(), reason: z.string() }).nullable(),
  /** What this request has after the shared part. */
  added: z.array(PromptElement),
  /** Tokens the reply said were read from the cache; null where it did not say. */
  cached: z.number().int().nullable(),
});

export const Adapter = z.object({
  name: z.string(),
  from: z.enum(['built-in', 'folder']),
  /** The file it was loaded from. */
  file: z.string().nullable(),
  priority: z.number(),
  /** `failed` is not used any more in this run: `reason` says why. */
  state: z.enum(['ready', 'failed']),
  reason: z.string().nullable(),
  client: z.object({ name: z.string(), label: z.string(), url: z.string().nullable() }).nullable(),
  /** Upstreams it proposes; what can be set up of them is among the presets of providers. */
  upstreams: z.array(z.looseObject({ name: z.string(), label: z.string(), baseUrl: z.string() })),
  /** Calls of this run it has read, and calls it warned about. */
  projected: z.number().int(),
  warnings: z.number().int(),
});

export const conversations = {
  /** Newest first, by their newest call. `before` is `next` of the page before. */
  list: oc
    .input(
      z
        .object({
          limit: z.number().int().min(1).max(500).default(50),
          before: z.object({ last: z.number().int(), id: z.number().int() }).optional(),
          client: z.string().optional(),
          caller: z.string().optional(),
          /** Asked for or used by the newest call. */
          model: z.string().optional(),
          /** Where its client works: this folder or one below it. */
          folder: z.string().max(4096).optional(),
          /** Substring of the title, whatever its case. */
          text: z.string().max(200).optional(),
        })
        .default({ limit: 50 }),
    )
    .output(
      z.object({
        conversations: z.array(Conversation),
        next: z.object({ last: z.number().int(), id: z.number().int() }).nullable(),
      }),
    ),
  /** The conversation a call belongs to, whichever of its calls `id` names, as a tree in the order of its calls. Throws not_found. */
  tree: oc
    .input(z.object({ id: z.number().int(), limit: z.number().int().min(1).max(20_000).default(5_000) }))
    .output(z.object({ conversation: Conversation, nodes: z.array(ConversationNode), more: z.boolean() })),
  /** Throws not_found. */
  identity: oc.input(z.object({ call: z.number().int() })).output(CallIdentity),
  /** Throws not_found. */
  why: oc.input(z.object({ call: z.number().int() })).output(Why),
};

export const adapters = {
  list: oc.input(none).output(z.object({ adapters: z.array(Adapter), problems: z.array(z.string()), unread: z.number().int() })),
};
