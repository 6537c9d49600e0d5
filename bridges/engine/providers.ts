import { z } from 'zod';
import type { Net } from '../accounts/net.ts';
import { whyUnanswered } from '../accounts/unanswered.ts';
import type { OfferedModel } from '../companion/models.ts';
import { DrawbridgeError } from '../contract/errors.ts';
import type { Provider, ProviderPreset, ProviderStatus, ProviderTrial, ProvidersStatus, Settings } from '../contract/index.ts';
import { Provider as ProviderSchema, ProviderPreset as PresetSchema } from '../contract/providers.ts';
import { overlapsOf } from '../upstreams/providers/claims.ts';
import { PRESETS, type Given, type Preset } from '../upstreams/providers/presets.ts';
import { keyHeader, targetAt, type ProviderKey } from '../upstreams/providers/provider.ts';
import { holdSecret, type HeldSecret } from './held-secret.ts';
import type { Logger } from './log.ts';
import { SECRET_PROBLEMS, type SecretProblem, type SecretStore } from './secrets.ts';
import type { SettingsStore } from './settings.ts';

/** The owner's own providers: their keys, and what models they have. */
export type Providers = {
  list(): ProvidersStatus;
  presets(): Promise<ProviderPreset[]>;
  /** Throws bad_input, settings_invalid. May throw SecretError. */
  set(given: Given, key: string | undefined): Promise<ProvidersStatus>;
  /** Throws not_found, settings_invalid. */
  remove(name: string): Promise<ProvidersStatus>;
  /** Throws bad_input. May throw SecretError. */
  try(given: Given, key: string | undefined): Promise<ProviderTrial>;
  /** What they offer, as they told last. Waits for none of them longer than LIST_PATIENCE_MS. */
  models(): Promise<OfferedModel[]>;
  keyOf(provider: Provider): ProviderKey;
  /** Reads the keys anew. Never rejects. */
  read(): Promise<void>;
  /** Why the keychain would not give one of them; null where it gave all. */
  problem(): SecretProblem | null;
};

export type ProvidersPorts = {
  settings: Pick<SettingsStore, 'current' | 'update'>;
  keychain: SecretStore;
  net: Net;
  log: Logger;
  /** Milliseconds of a clock that never jumps. */
  now: () => number;
  /** Upstreams that adapters propose, with the adapter's name. */
  proposed: () => Promise<readonly (Preset & { from: string })[]>;
  /** `127.0.0.1:PORT` of the companion; null where it does not listen. */
  companion: () => string | null;
  /** A call wants a key. */
  onWanted: () => void;
  onChange: () => void;
};

/** A list is asked for again this much later; one that could not be had, sooner. Milliseconds. */
const LIST_MS = 300_000;
const AGAIN_MS = 30_000;
const LIST_PATIENCE_MS = 2_000;
/** The largest vendors list hundreds of models, with all there is to say of each. */
const LIST_BYTES = 16 * 1024 * 1024;
/** Models of one provider that are offered. */
const MOST_MODELS = 2_000;

/** As it is kept. `origin`: of the provider it was given for; it must never go to another. */
const Kept = z.object({ origin: z.string(), key: z.string() });
type Key = z.infer<typeof Kept>;

/** See docs/decisions/0045. */
export function createProviders(ports: ProvidersPorts): Providers {
  const { settings, keychain, net, log, now } = ports;
  const all = (): readonly Provider[] => settings.current().upstreams.providers;
  const withKeys = (): readonly Provider[] => all().filter(({ credential }) => credential === 'key');
  const keys = new Map<string, HeldSecret>();
  const heldFor = (name: string): HeldSecret => {
    const known = keys.get(name);
    if (known !== undefined) return known;
    const held = holdSecret(keychain, () => `provider-${name}`, log);
    keys.set(name, held);
    return held;
  };

  /** Read once for all the calls that want it. */
  const read = new Map<string, { secret: string; kept: Key | undefined }>();
  const keptOf = (name: string): Key | undefined => {
    const secret = heldFor(name).value();
    const known = read.get(name);
    if (secret === undefined || known?.secret === secret) return secret === undefined ? undefined : known?.kept;
    const kept = readKept(secret);
    read.set(name, { secret, kept });
    return kept;
  };

  const keyOf = (provider: Provider): ProviderKey => {
    const held = heldFor(provider.name);
    const { origin } = new URL(provider.baseUrl);
    return {
      wanted: ports.onWanted,
      value: () => {
        const kept = keptOf(provider.name);
        return kept?.origin === origin ? kept.key : undefined;
      },
      pending: () => (held.waiting() ? held.settled() : undefined),
      missing: () => whyMissing(provider, keptOf(provider.name), held),
    };
  };

  const statusOf = (provider: Provider): ProviderStatus => {
    const key = keyOf(provider);
    const hasKey = provider.credential === 'key' && key.value() !== undefined;
    const isMissing = provider.credential === 'key' && !hasKey && key.pending() === undefined;
    return { ...provider, label: provider.label ?? provider.name, hasKey, problem: isMissing ? key.missing() : null };
  };
  const list = (): ProvidersStatus => ({ providers: all().map(statusOf), overlaps: overlapsOf(all()), lasting: keychain.lasting });

  const presets = async (): Promise<ProviderPreset[]> => {
    const proposed = await ports.proposed();
    return [...PRESETS.map((preset) => ({ ...preset, from: 'built-in' })), ...proposed].flatMap((preset, index, every) => {
      const { success, data } = PresetSchema.safeParse(preset);
      // Ours come first: an adapter's does not take the place of one of the same name.
      return success && every.findIndex(({ name }) => name === preset.name) === index ? [data] : [];
    });
  };

  /** What is wanted, whole: with what is set under its name, else with the preset of that name. Throws bad_input. */
  const wholeOf = async (given: Given): Promise<Provider> => {
    const set = all().find(({ name }) => name === given.name);
    const known = set ?? (await presets()).find(({ name }) => name === given.name);
    if (known === undefined && given.baseUrl === undefined)
      throw new DrawbridgeError('bad_input', `"${given.name}" is none of the providers that are known, so it needs a base URL.`, {
        key: 'baseUrl',
      });
    // What its owner says is never replaced by a preset, and only what comes of both is checked.
    const wanted: Record<string, unknown> = { ...known, ...said(given) };
    delete wanted['from'];
    // At another host than the preset's, its second address is another's.
    if (set === undefined && given.baseUrl !== undefined && given.messagesUrl === undefined) delete wanted['messagesUrl'];
    const checked = ProviderSchema.safeParse(wanted);
    if (!checked.success) {
      const [issue] = checked.error.issues;
      const key = String(issue?.path[0] ?? 'provider');
      throw new DrawbridgeError('bad_input', `The provider's ${key} ${issue?.message ?? 'is wrong'}.`, { key });
    }
    if (isOwnDoor(checked.data.baseUrl, ports.companion()))
      throw new DrawbridgeError('bad_input', 'That is the companion itself: calls would go round in circles.', { key: 'baseUrl' });
    return checked.data;
  };

  const lists = new Map<string, { of: string; until: number; ids: readonly string[] }>();
  const asking = new Map<string, Promise<void>>();

  /** Asks for the models. Rejects where there is no answer. */
  const ask = async (provider: Provider, key: string | undefined): Promise<Answer> => {
    const { origin } = new URL(provider.baseUrl);
    const { status, body } = await net({
      method: 'GET',
      url: origin + targetAt(provider, '/v1/models'),
      headers: {
        ...(provider.wires.every((wire) => wire === 'messages') ? { 'anthropic-version': '2023-06-01' } : {}),
        ...(key === undefined ? {} : Object.fromEntries([keyHeader(provider, key)])),
      },
      maxBytes: LIST_BYTES,
    });
    return { status, ids: status === 200 ? idsOf(body) : undefined };
  };

  const refresh = (provider: Provider): Promise<void> | undefined => {
    const { name, baseUrl } = provider;
    const known = lists.get(name);
    if (provider.credential === 'client' || (known?.of === baseUrl && now() < known.until)) return undefined;
    const under = asking.get(name);
    if (under !== undefined) return under;
    const asked = (async () => {
      const key = provider.credential === 'key' ? keyOf(provider) : undefined;
      await key?.pending();
      const value = key?.value();
      // Without its key nothing is asked for.
      const answer = key !== undefined && value === undefined ? undefined : await ask(provider, value).catch(() => undefined);
      const ids = answer?.ids;
      lists.set(name, {
        of: baseUrl,
        until: now() + (ids === undefined ? AGAIN_MS : LIST_MS),
        // What it told before is better than nothing.
        ids: ids ?? (known?.of === baseUrl ? known.ids : []),
      });
    })().finally(() => asking.delete(name));
    asking.set(name, asked);
    return asked;
  };

  const put = (providers: readonly Provider[]): Settings => settings.update({ upstreams: { providers: providers.map(plain) } });
  const forget = async (name: string): Promise<void> => {
    lists.delete(name);
    await heldFor(name)
      .replace(undefined, () => {})
      .catch((error: unknown) => log.warn('keychain.problem', { error }));
  };

  return {
    list,
    presets,
    async set(given, key) {
      const wanted = await wholeOf(given);
      const change = (): void => {
        const there = all();
        const at = there.findIndex(({ name }) => name === wanted.name);
        put(at < 0 ? [...there, wanted] : there.with(at, wanted));
      };
      lists.delete(wanted.name);
      if (wanted.credential !== 'key') {
        change();
        await forget(wanted.name);
      } else if (key === undefined) change();
      else await heldFor(wanted.name).replace(JSON.stringify({ origin: new URL(wanted.baseUrl).origin, key }), change);
      ports.onChange();
      return list();
    },
    async remove(name) {
      if (!all().some((one) => one.name === name)) throw new DrawbridgeError('not_found', `There is no provider "${name}".`, { name });
      put(all().filter((one) => one.name !== name));
      await forget(name);
      ports.onChange();
      return list();
    },
    async try(given, key) {
      const provider = await wholeOf(given);
      const { host, origin } = new URL(provider.baseUrl);
      const kept = readKept(
        provider.credential === 'key' && key === undefined ? await keychain.get(`provider-${provider.name}`) : undefined,
      );
      const value = key ?? (kept?.origin === origin ? kept.key : undefined);
      if (provider.credential === 'key' && value === undefined)
        return { taken: false, found: `Nothing was asked: ${provider.name} wants a key, and none is held for ${origin}.`, models: [] };
      try {
        const answer = await ask(provider, provider.credential === 'key' ? value : undefined);
        return trialOf(answer, host);
      } catch (error) {
        return {
          taken: false,
          found: whyUnanswered(error, host) ?? `${host} could not be reached. Check that it runs, and the address.`,
          models: [],
        };
      }
    },
    async models() {
      const asked = all().flatMap((provider) => refresh(provider) ?? []);
      if (asked.length > 0) await withPatience(Promise.all(asked), LIST_PATIENCE_MS);
      return all().flatMap(({ name, label = name, baseUrl }) => {
        const known = lists.get(name);
        const ids = known?.of === baseUrl ? known.ids : [];
        return ids.map((id) => ({ id: `${name}/${id}`, title: `${id} (${label})`, owner: name }));
      });
    },
    keyOf,
    async read() {
      await Promise.all(withKeys().map(({ name }) => heldFor(name).read()));
    },
    problem: () => withKeys().reduce<SecretProblem | null>((found, { name }) => found ?? heldFor(name).problem(), null),
  };
}

/** Without what is not said. */
function said(given: Given): Partial<Given> {
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
}

type Answer = { status: number; ids: readonly string[] | undefined };

function trialOf({ status, ids }: Answer, host: string): ProviderTrial {
  if (ids !== undefined && ids.length > 0)
    return {
      taken: true,
      found: `${host} answered, and lists ${ids.length === 1 ? 'one model' : `${ids.length} models`}.`,
      models: [...ids],
    };
  if (status === 200) return { taken: true, found: `${host} answered, but lists no models. Calls may work all the same.`, models: [] };
  if (status === 401 || status === 403)
    return {
      taken: false,
      found: `${host} refused the question with status ${status}: the key is missing, wrong, or may not be used for this.`,
      models: [],
    };
  return {
    taken: false,
    found: `${host} answered with status ${status} where its models should be. Check the address; one that lists no models may work all the same.`,
    models: [],
  };
}

/** Of OpenAI's and Anthropic's lists, and of one without a frame. Undefined where it is none. */
const ModelList = z
  .union([
    z.object({ data: z.array(z.unknown()) }).transform(({ data }) => data),
    z.object({ models: z.array(z.unknown()) }).transform(({ models }) => models),
    z.array(z.unknown()),
  ])
  .transform((models) =>
    models.flatMap((model) => z.object({ id: z.string().regex(/^[\x21-\x7e]{1,200}$/) }).safeParse(model).data?.id ?? []),
  );

function idsOf(body: unknown): readonly string[] | undefined {
  return ModelList.safeParse(body).data?.slice(0, MOST_MODELS);
}

function whyMissing({ name, baseUrl }: Provider, kept: Key | undefined, held: HeldSecret): string {
  const problem = held.problem();
  const how = `Give it one in the settings, or with: drawbridge providers add ${name}`;
  if (problem !== null && kept === undefined) return `The key of ${name} is not known. ${SECRET_PROBLEMS[problem]}`;
  if (kept === undefined) return `${name} has no key. ${how}`;
  return `The key of ${name} was given for ${kept.origin}, and goes nowhere else. ${how.replace('one', `another for ${new URL(baseUrl).origin}`)}`;
}

/** As it stands in the settings file: without what is so by default. */
function plain(provider: Provider): Partial<Provider> {
  const usual: Partial<Provider> = ProviderSchema.parse({ name: provider.name, baseUrl: provider.baseUrl });
  const entries = Object.entries(provider).filter(
    ([key, value]) =>
      key === 'name' ||
      key === 'baseUrl' ||
      JSON.stringify(value) !== JSON.stringify(Object.entries(usual).find(([one]) => one === key)?.[1]),
  );
  return Object.fromEntries(entries);
}

function readKept(secret: string | undefined): Key | undefined {
  if (secret === undefined) return undefined;
  try {
    return Kept.parse(JSON.parse(secret));
  } catch {
    return undefined;
  }
}

function isOwnDoor(baseUrl: string, companion: string | null): boolean {
  const url = new URL(baseUrl);
  return (
    companion !== null && url.hostname !== '' && ['127.0.0.1', '[::1]'].includes(url.hostname) && companion.endsWith(`:${url.port || '80'}`)
  );
}

async function withPatience(work: Promise<unknown>, milliseconds: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const over = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, milliseconds);
  });
  await Promise.race([work, over]);
  clearTimeout(timer);
}
