import { oc } from '@orpc/contract';
import { z } from 'zod';

/** The programs that call: which are on this machine, which have called, and by which keys. */

/** Where a client shows on this machine. */
export const ClientTrace = z.object({ kind: z.enum(['program', 'settings']), path: z.string() });

export const AttachableClient = z.enum(['claude-code', 'codex']);

/** What Drawbridge wrote into a client's settings. */
export const Attachment = z.object({
  /** ISO 8601, UTC. */
  since: z.string(),
  /** The model it was given; null where it keeps its own account and models. */
  model: z.string().nullable(),
  file: z.string(),
  /** The name of its key. */
  caller: z.string(),
  /** Why it does not hold any more, and what to do; null where it holds. */
  problem: z.string().nullable(),
});

export const KnownClient = z.object({
  /** The name that calls bear, and that `clients.env` takes. */
  client: z.string(),
  label: z.string(),
  /** Empty where nothing of it was found, and for libraries, which no one place shows. */
  found: z.array(ClientTrace),
  /** What the program says of itself; null where it was not found or did not say. */
  version: z.string().nullable(),
  /** Its newest call; null where none was recorded. */
  lastCall: z.object({ id: z.number().int(), at: z.string(), status: z.number().int().nullable() }).nullable(),
  /** Names of the keys its recent calls came with. */
  callers: z.array(z.string()),
  /** There are settings to copy for it. */
  guided: z.boolean(),
  /** How Drawbridge itself can write its settings: to watch the client's own account, or to give it a model. Empty where it can't. */
  attachable: z.array(z.enum(['own', 'model'])),
  attachment: Attachment.nullable(),
});

/** Known clients first, in the order of their guides, then whatever else has called. */
export const listClients = oc.input(z.object({}).default({})).output(z.array(KnownClient));

/**
 * Writes a client's settings so that it calls the companion, with a key of its own. Without a model its own account passes through.
 * What is so already is left. Throws bad_input where that can't be, `failed` where its settings hold what must not be
 * overwritten or can't be read, not_running where the companion does not listen.
 */
export const attachClient = oc
  .input(
    z.object({
      client: AttachableClient,
      model: z
        .string()
        .regex(/^[\x21-\x7e]{1,200}$/, 'must be one word')
        .optional(),
    }),
  )
  .output(Attachment.extend({ change: z.enum(['attached', 'changed', 'there']) }));

/** Takes out what `attach` wrote, and puts back what stood there; `left` names what was changed since, and stays. Its key is revoked. */
export const detachClient = oc
  .input(z.object({ client: AttachableClient }))
  .output(z.object({ change: z.enum(['detached', 'none']), file: z.string(), left: z.array(z.string()) }));

/** A model that clients can ask for at the companion, by this name. */
export const OfferedModel = z.object({ id: z.string(), title: z.string(), owner: z.string() });

/** What the companion lists at `GET /v1/models`. Waits a moment for providers that have not told theirs yet. */
export const listModels = oc.input(z.object({}).default({})).output(z.array(OfferedModel));
