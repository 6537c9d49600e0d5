import { z } from 'zod';
import type { Net } from '../accounts/net.ts';
import type { OfferedModel } from '../companion/models.ts';
import { DrawbridgeError } from '../contract/errors.ts';
import type { Provider, ProviderPreset, ProviderStatus, ProviderTrial, ProvidersStatus, Settings } from '../contract/index.ts';
import { Provider as ProviderSchema, ProviderPreset as PresetSchema } from '../contract/providers.ts';
import { overlapsOf } from '../upstreams/providers/claims.ts';
import { PRESETS, type Given, type Preset } from '../upstreams/providers/presets.ts';
import type { ProviderKey } from '../upstreams/providers/provider.ts';
import { holdSecret, type HeldSecret } from './held-secret.ts';
import type { Logger } from './log.ts';
import { createModelLists, tryModels } from './model-lists.ts';
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
  /** What they offer, as they told last. */
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

  const lists = createModelLists({ net, keyOf, now });

  const put = (providers: readonly Provider[]): Settings => settings.update({ upstreams: { providers: providers.map(plain) } });
  const forget = async (name: string): Promise<void> => {
    lists.forget(name);
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
      lists.forget(wanted.name);
      if (wanted.credential !== 'key') {
        change();
        await forget(wanted.name);
      } else if (key === undefined) {
        change();
        // Whether one is held is told with the answer.
        await heldFor(wanted.name).read();
      } else await heldFor(wanted.name).replace(JSON.stringify({ origin: new URL(wanted.baseUrl).origin, key }), change);
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
      const { origin } = new URL(provider.baseUrl);
      const kept = readKept(
        provider.credential === 'key' && key === undefined ? await keychain.get(`provider-${provider.name}`) : undefined,
      );
      const value = key ?? (kept?.origin === origin ? kept.key : undefined);
      if (provider.credential !== 'key') return tryModels(net, provider, undefined);
      if (value !== undefined) return tryModels(net, provider, value);
      return { taken: false, found: `Nothing was asked: ${provider.name} wants a key, and none is held for ${origin}.`, models: [] };
    },
    models: () => lists.offered(all()),
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
