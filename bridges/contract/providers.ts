import { oc } from '@orpc/contract';
import { z } from 'zod';
import { WireFormat } from './schemas.ts';
import { baseUrl } from './urls.ts';

/** The upstreams that are always there. */
const BuiltIn = z.enum(['practice', 'anthropic', 'openai', 'chatgpt', 'gateway', 'codex', 'copilot', 'm365']);
const TAKEN: ReadonlySet<string> = new Set([...BuiltIn.options, 'none']);

export const ProviderName = z
  .string()
  .regex(/^[a-z0-9][a-z0-9-]{0,30}$/, 'must be small letters, digits and hyphens')
  .refine((name) => !TAKEN.has(name), 'is the name of something built in; take another, such as my-openai')
  .brand<'ProviderName'>();

/** Any upstream by its name. */
export const UpstreamName = z.union([BuiltIn, ProviderName], 'must be the name of an upstream');

/** `*` stands for any run of characters. */
export const pattern = z.string().min(1).max(200);

/** A provider of the owner's own: an API in the public wire formats, which `NAME/MODEL` leads to. */
export const Provider = z
  .strictObject({
    name: ProviderName,
    label: z.string().trim().min(1).max(100).optional(),
    /** As its vendor gives it to OpenAI's libraries, or to Anthropic's where it speaks Messages alone. */
    baseUrl,
    /** As its vendor gives it to Anthropic's libraries, where that is another. */
    messagesUrl: baseUrl.nullable().default(null),
    /** What it speaks; calls in another wire format are translated to the first. */
    wires: z.array(WireFormat).min(1).default(['chat']),
    /** Whose credential calls carry: a key of the keychain, the client's own, or none. */
    credential: z.enum(['key', 'client', 'none']).default('key'),
    /** The header that key goes in. */
    keyHeader: z.enum(['authorization', 'x-api-key', 'api-key']).default('authorization'),
    /** Models that it serves under their bare names, too. */
    models: z.array(pattern).max(200).default([]),
    /** Where several serve a model: the highest first, then the pattern that says most, then the order. */
    priority: z.number().int().min(-1000).max(1000).default(0),
  })
  // A key is for one origin.
  .refine(({ baseUrl: base, messagesUrl }) => messagesUrl === null || new URL(messagesUrl).origin === new URL(base).origin, {
    path: ['messagesUrl'],
    error: 'must be at the same host as baseUrl',
  });

/** What is known of a provider before its owner says anything. */
export const ProviderPreset = Provider.safeExtend({
  label: z.string(),
  /** `built-in`, or the adapter that proposes it. */
  from: z.string(),
});

export const ProviderStatus = Provider.safeExtend({
  label: z.string(),
  /** True where a key is kept that may go there. */
  hasKey: z.boolean(),
  /** Why calls can't go there; null where they can. */
  problem: z.string().nullable(),
});

export const ProvidersStatus = z.object({
  providers: z.array(ProviderStatus),
  /** Models that more than one claims with the same right, in words. */
  overlaps: z.array(z.string()),
  /** False where the keychain is this session's alone. */
  lasting: z.boolean(),
});

export const ProviderTrial = z.object({
  /** True where it answered as a provider does. */
  taken: z.boolean(),
  found: z.string(),
  models: z.array(z.string()),
});

const Name = z.object({ name: z.string() });
const Key = z.string().regex(/^[\x21-\x7e]{1,4000}$/, 'must be one word');

/** What is left out is taken from what is set under this name, else from the preset of this name. */
export const WantedProvider = z.object({
  name: z.string(),
  label: z.string().optional(),
  baseUrl: z.string().optional(),
  messagesUrl: z.string().nullable().optional(),
  wires: z.array(WireFormat).optional(),
  credential: z.enum(['key', 'client', 'none']).optional(),
  keyHeader: z.enum(['authorization', 'x-api-key', 'api-key']).optional(),
  models: z.array(z.string()).optional(),
  priority: z.number().optional(),
});

export const providers = {
  list: oc.input(z.object({}).default({})).output(ProvidersStatus),
  /** What can be set by its name alone: built in, and what adapters propose. */
  presets: oc.input(z.object({}).default({})).output(z.array(ProviderPreset)),
  /** Adds one, or changes it. Its key goes to the keychain; without one, the key that is held stays. Throws bad_input, settings_invalid; may throw keychain. */
  set: oc.input(z.object({ provider: WantedProvider, key: Key.optional() })).output(ProvidersStatus),
  /** Takes one away, with its key. Throws not_found; settings_invalid where a rule names it. */
  remove: oc.input(Name).output(ProvidersStatus),
  /** Asks one for its models, as `set` would leave it; nothing is kept. Throws bad_input. */
  try: oc.input(z.object({ provider: WantedProvider, key: Key.optional() })).output(ProviderTrial),
};
