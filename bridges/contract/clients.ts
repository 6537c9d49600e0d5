import { oc } from '@orpc/contract';
import { z } from 'zod';

/** The programs that call: which are on this machine, which have called, and by which keys. */

/** Where a client shows on this machine. */
export const ClientTrace = z.object({ kind: z.enum(['program', 'settings']), path: z.string() });

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
  /**
   * Since when Drawbridge itself has written the client's settings; null where it has not. Attaching and detaching are
   * to join this contract as `clients.attach` and `clients.detach`; until then every client is set up by hand.
   */
  attachedSince: z.string().nullable(),
});

/** Known clients first, in the order of their guides, then whatever else has called. */
export const listClients = oc.input(z.object({}).default({})).output(z.array(KnownClient));
