import { oc } from '@orpc/contract';
import { z } from 'zod';

/**
 * What helps someone else to find a fault, as texts that a person reads before giving them away. Secrets, account names,
 * gateways, the user's name and the home folder are taken out; no call's content is in it.
 */
export const DiagnosticsBundle = z.object({
  /** A name for the file. */
  name: z.string(),
  createdAt: z.string(),
  parts: z.array(z.object({ title: z.string(), text: z.string() })),
});

export const diagnostics = { bundle: oc.input(z.object({}).default({})).output(DiagnosticsBundle) };
