import { oc } from '@orpc/contract';
import { z } from 'zod';

const none = z.object({}).default({});

/** Notices as messages, by an incoming webhook of Slack's form: a POST of `{"text": "…"}` to an address that is a secret. */
export const WebhookStatus = z.object({
  /** True where an address is set, even one that the keychain does not give now. */
  isSet: z.boolean(),
  /** The host it leads to; its path is the secret, and is never told. Null where none is set, or it is not known. */
  host: z.string().nullable(),
  /** When the last message was taken in this run. */
  sentAt: z.string().nullable(),
  /** Why the address is not known, or the last message was not taken; null where neither is so. */
  problem: z.string().nullable(),
  /** False where the keychain is this session's alone. */
  lasting: z.boolean(),
});

export const WebhookTrial = z.object({ taken: z.boolean(), found: z.string() });

const Address = z.string().max(2000);

export const webhook = {
  status: oc.input(none).output(WebhookStatus),
  /** Sets the address, which goes to the keychain; null takes it away. Throws bad_input where it can't be one; may throw keychain. */
  set: oc.input(z.object({ url: Address.nullable() })).output(WebhookStatus),
  /** Sends a message that says what it is; without an address to the one that is set. Throws bad_input. */
  try: oc.input(z.object({ url: Address.optional() })).output(WebhookTrial),
};
