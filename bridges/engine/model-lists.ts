import { z } from 'zod';
import type { Net } from '../accounts/net.ts';
import { whyUnanswered } from '../accounts/unanswered.ts';
import type { OfferedModel } from '../companion/models.ts';
import type { Provider, ProviderTrial } from '../contract/index.ts';
import { keyHeader, targetAt, type ProviderKey } from '../upstreams/providers/provider.ts';

/** What models the owner's providers have, as they told last. */
export type ModelLists = {
  /** By the names that they are called here. Waits for no provider longer than PATIENCE_MS: what it tells later is there the next time. */
  offered(providers: readonly Provider[]): Promise<OfferedModel[]>;
  forget(provider: string): void;
};

export type ModelListsPorts = {
  net: Net;
  keyOf: (provider: Provider) => ProviderKey;
  /** Milliseconds of a clock that never jumps. */
  now: () => number;
};

/** A list is asked for again this much later; one that could not be had, sooner. Milliseconds. */
const KEPT_MS = 300_000;
const AGAIN_MS = 30_000;
const PATIENCE_MS = 2_000;
/** The largest vendors list hundreds of models, with all there is to say of each. */
const MOST_BYTES = 16 * 1024 * 1024;
/** Models of one provider that are offered. */
const MOST_MODELS = 2_000;

export function createModelLists({ net, keyOf, now }: ModelListsPorts): ModelLists {
  const lists = new Map<string, { of: string; until: number; ids: readonly string[] }>();
  const asking = new Map<string, Promise<void>>();

  const askAnew = async (provider: Provider): Promise<void> => {
    const { name, baseUrl } = provider;
    const key = provider.credential === 'key' ? keyOf(provider) : undefined;
    await key?.pending();
    const value = key?.value();
    // Without its key nothing is asked for.
    const answer = key !== undefined && value === undefined ? undefined : await ask(net, provider, value).catch(() => undefined);
    const ids = answer?.ids;
    const known = lists.get(name);
    lists.set(name, {
      of: baseUrl,
      until: now() + (ids === undefined ? AGAIN_MS : KEPT_MS),
      // What it told before is better than nothing.
      ids: ids ?? (known?.of === baseUrl ? known.ids : []),
    });
  };

  /** Undefined where what is known is new enough, or nobody may ask. */
  const refresh = (provider: Provider): Promise<void> | undefined => {
    const { name, baseUrl, credential } = provider;
    const known = lists.get(name);
    if (credential === 'client' || (known?.of === baseUrl && now() < known.until)) return undefined;
    const asked = asking.get(name) ?? askAnew(provider).finally(() => asking.delete(name));
    asking.set(name, asked);
    return asked;
  };

  return {
    async offered(providers) {
      const asked = providers.flatMap((provider) => refresh(provider) ?? []);
      if (asked.length > 0) await withPatience(Promise.all(asked), PATIENCE_MS);
      return providers.flatMap(({ name, label = name, baseUrl }) => {
        const known = lists.get(name);
        const ids = known?.of === baseUrl ? known.ids : [];
        return ids.map((id) => ({ id: `${name}/${id}`, title: `${id} (${label})`, owner: name }));
      });
    },
    forget: (provider) => void lists.delete(provider),
  };
}

/** Asks a provider for its models, and says what came of it. */
export async function tryModels(net: Net, provider: Provider, key: string | undefined): Promise<ProviderTrial> {
  const { host } = new URL(provider.baseUrl);
  const failed = (found: string): ProviderTrial => ({ taken: false, found, models: [] });
  try {
    const { status, ids } = await ask(net, provider, key);
    if (ids !== undefined && ids.length > 0) {
      const models = ids.length === 1 ? 'one model' : `${ids.length} models`;
      return { taken: true, found: `${host} answered, and lists ${models}.`, models: [...ids] };
    }
    if (status === 200) return { taken: true, found: `${host} answered, but lists no models. Calls may work all the same.`, models: [] };
    return failed(
      status === 401 || status === 403
        ? `${host} refused the question with status ${status}: the key is missing, wrong, or may not be used for this.`
        : `${host} answered with status ${status} where its models should be. Check the address; one that lists no models may work all the same.`,
    );
  } catch (error) {
    return failed(whyUnanswered(error, host) ?? `${host} could not be reached. Check that it runs, and the address.`);
  }
}

/** `ids` is undefined where there is no list. Rejects where there is no answer. */
async function ask(net: Net, provider: Provider, key: string | undefined): Promise<{ status: number; ids: readonly string[] | undefined }> {
  const { status, body } = await net({
    method: 'GET',
    url: new URL(provider.baseUrl).origin + targetAt(provider, '/v1/models'),
    headers: {
      ...(provider.wires.every((wire) => wire === 'messages') ? { 'anthropic-version': '2023-06-01' } : {}),
      ...(key === undefined ? {} : Object.fromEntries([keyHeader(provider, key)])),
    },
    maxBytes: MOST_BYTES,
  });
  return { status, ids: status === 200 ? ModelList.safeParse(body).data?.slice(0, MOST_MODELS) : undefined };
}

const Model = z.object({ id: z.string().regex(/^[\x21-\x7e]{1,200}$/) });

/** Of OpenAI's and Anthropic's lists, and of one without a frame. */
const ModelList = z
  .union([
    z.object({ data: z.array(z.unknown()) }).transform(({ data }) => data),
    z.object({ models: z.array(z.unknown()) }).transform(({ models }) => models),
    z.array(z.unknown()),
  ])
  .transform((models) => models.flatMap((model) => Model.safeParse(model).data?.id ?? []));

async function withPatience(work: Promise<unknown>, milliseconds: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const over = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, milliseconds);
  });
  await Promise.race([work, over]);
  clearTimeout(timer);
}
