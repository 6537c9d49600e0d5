import { oc } from '@orpc/contract';
import { z } from 'zod';

export const NetworkStatus = z.object({
  /** The proxy that the settings name; null where they name none. */
  proxy: z.string().nullable(),
  /** What the settings say is reached without it; null where NO_PROXY says it. */
  noProxy: z.array(z.string()).nullable(),
  /** The user name that is kept for that proxy; its password is in the keychain, and never shown. Null where none is kept. */
  user: z.string().nullable(),
  /** Host and port of the proxy in force, and what names it; null where connections go straight out. */
  inForce: z.object({ name: z.string(), from: z.string() }).nullable(),
  /** What names something that is no proxy; null where nothing does. */
  unusable: z.string().nullable(),
  /** Why the keychain could not be read, so that a login is not known; null where it could. */
  problem: z.string().nullable(),
  /** What the proxy in force said the last time, where it wants a login, or another one. */
  refusal: z.string().nullable(),
  /** False where the keychain is this session's alone. */
  lasting: z.boolean(),
});

/** RFC 7617: the first colon ends the user name. */
const ProxyLogin = z.object({
  user: z.string().regex(/^[^:\p{Cc}]{1,255}$/u, 'must have no colon in it'),
  password: z.string().regex(/^\P{Cc}{0,1000}$/u, 'must have no line break in it'),
});

/** How connections leave this machine. */
export const network = {
  status: oc.input(z.object({}).default({})).output(NetworkStatus),
  /**
   * Sets the proxy, and what is reached without it; null leaves that to the environment. The login goes to the keychain and to
   * that proxy alone: one that is not given stays for the proxy it was given for, null takes it away, and so does no proxy.
   * Throws settings_invalid naming the key; may throw keychain.
   */
  set: oc
    .input(
      z.object({
        proxy: z.string().max(2048).nullable(),
        noProxy: z.array(z.string()).nullable().optional(),
        login: ProxyLogin.nullable().optional(),
      }),
    )
    .output(NetworkStatus),
};
