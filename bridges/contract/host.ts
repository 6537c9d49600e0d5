import { oc } from '@orpc/contract';
import { z } from 'zod';

/** Whether Drawbridge starts when its owner logs in. */
export const LoginItem = z.object({
  /** `needs_approval`: the system waits for its owner to allow it. `unsupported`: this host can't tell or do it. */
  state: z.enum(['on', 'off', 'needs_approval', 'unsupported']),
  /** Why it is not simply on or off, and what to do. */
  reason: z.string().nullable(),
});

/** What a host can do for its owner; another host may not be able to. */
export const loginItemContract = {
  get: oc.input(z.object({}).default({})).output(LoginItem),
  /** Starts hidden, with the engine running. Throws failed where the system refuses. */
  set: oc.input(z.object({ enabled: z.boolean() })).output(LoginItem),
};

/** What the shell tells the engine's process. A `connect` comes with a port that is to be served the contract. */
export const ToEngine = z.discriminatedUnion('type', [
  z.object({
    type: z.literal('start'),
    version: z.string(),
    /** The command that starts the app again, for the system's login items. */
    launch: z.array(z.string()).min(1),
    /** True where the shell itself keeps the login item (macOS, Windows). */
    shellKeepsLoginItem: z.boolean(),
  }),
  z.object({ type: z.literal('connect') }),
  z.object({ type: z.literal('stop') }),
  z.object({ type: z.literal('login-item'), id: z.number().int(), item: LoginItem }),
]);
export type ToEngine = z.infer<typeof ToEngine>;

/** What the engine's process tells the shell. */
export type FromEngine =
  | { type: 'ready' }
  | { type: 'failed'; code: string; message: string }
  /** A command asked for a stop: the engine ends, and is not to be started again. */
  | { type: 'stop-requested' }
  /** Asks the shell for the login item; sets it first where `enabled` is given. */
  | { type: 'login-item'; id: number; enabled?: boolean };
