import path from 'node:path';
import { createBridge } from '../accounts/bridge.ts';
import { createAccountHolder } from '../accounts/holder.ts';
import type { Ticker } from '../accounts/keeper.ts';
import { noteErrors } from '../accounts/note-errors.ts';
import { createPools } from '../accounts/pools.ts';
import type { AccountRecord } from '../accounts/registry.ts';
import type { AccountEvent } from '../accounts/state.ts';
import type { BridgeOptions, BridgeService } from '../accounts/service.ts';
import type { Settings } from '../contract/index.ts';
import { inTime, systemPause, type Pause } from '../engine/clock.ts';
import type { ChildRunner } from '../engine/child.ts';
import { proxyVariables } from '../upstreams/proxy.ts';
import { directSource } from './github.ts';
import { plainModel, prepare } from './prepare.ts';
import { quotaOfHeaders, type Quota } from './quota.ts';
import { COPILOT_ROUTES, type CopilotRoute } from './routes.ts';
import { findSdk, installSdk, loadSdk, type SdkPlace } from './sdk-module.ts';
import { sdkSource } from './sdk.ts';
import { copilotSession, type CopilotSession } from './session.ts';
import { createSignIns, secretOf } from './sign-in.ts';
import type { CopilotModel, CopilotSource, Grant } from './source.ts';

export type CopilotBridgeOptions = BridgeOptions & { run: ChildRunner; pause?: Pause | undefined; every?: Ticker };

const LABEL = 'GitHub Copilot';
const KEPT_MS = 10 * 60_000;
/** Calls and lists wait this long for the first list of models, and then go on without it. Milliseconds. */
const FIRST_LIST_MS = 10_000;
const NOT_ENDED = 'To end it at GitHub too, revoke your app at https://github.com/settings/applications';

/** The copilot bridge: one GitHub account's Copilot, offered on loopback in the public wire formats. */
export function createCopilotBridge(options: CopilotBridgeOptions): BridgeService {
  const { settings, registry, secrets, net, clock, log, onChange } = options;
  const own = (): Settings['bridges']['copilot'] => settings().bridges.copilot;
  let quota: Quota | null = null;
  let lastError: string | null = null;
  let models: {
    of: CopilotSession | undefined;
    until: number;
    list: readonly CopilotModel[];
    /** The first list of this account is on its way. */
    first?: Promise<void> | undefined;
  } = { of: undefined, until: 0, list: [] };

  // ---------------------------------------------------------------------------------------- accounts

  const sdkPlace = (): SdkPlace => ({ folder: path.join(options.home, 'copilot-sdk'), named: own().sdkFolder });
  const ready = async (): Promise<string> =>
    findSdk(sdkPlace()) ??
    (await installSdk(sdkPlace(), {
      run: options.run,
      target: `${process.platform}-${process.arch}`,
      env: { ...process.env, ...(await proxyVariables(options.proxies)) },
    }));
  const sourceOf = (route: CopilotRoute): CopilotSource =>
    route === 'device'
      ? directSource({ net, clock, api: () => own().api, userAgent: `Drawbridge/${options.version}` })
      : sdkSource({
          load: async () => loadSdk(await ready()),
          home: path.join(options.home, 'copilot-sdk', 'home'),
          api: () => own().api,
          proxies: options.proxies,
          clock,
          log,
          version: options.version,
        });
  const lockFile = path.join(options.home, 'copilot-renewal.lock');
  const sessionOf = ({ id, route }: AccountRecord, tell: (event: AccountEvent) => void): CopilotSession => {
    quota = null;
    return copilotSession({
      secret: secretOf(id),
      secrets,
      lockFile,
      clock,
      tell,
      net,
      source: sourceOf(route === 'sdk' ? 'sdk' : 'device'),
      github: () => own().github,
      clientId: () => own().clientId,
      ...(options.every === undefined ? {} : { every: options.every }),
    });
  };
  const holder = createAccountHolder<CopilotSession>({
    bridge: 'copilot',
    routes: COPILOT_ROUTES,
    registry,
    clock,
    log,
    onChange: () => {
      // A new account's models and counts are asked for at once: which wire formats a model takes is known before the first call.
      if (holder.session() !== models.of) void warm();
      onChange();
    },
    sessionOf,
  });
  const signIns = createSignIns({
    holder,
    secrets,
    lockFile,
    net,
    clock,
    log,
    github: () => own().github,
    clientId: () => own().clientId,
    sourceOf,
    ready: async (route) => {
      if (route === 'sdk') await loadSdk(await ready());
    },
    onUser: (user) => {
      quota = user.quota;
    },
    pause: options.pause ?? systemPause,
  });

  // ------------------------------------------------------------------------------------ what is told

  const offered = async (): Promise<readonly CopilotModel[]> => {
    const session = holder.session();
    if (session === models.of && clock.now() < models.until) {
      await models.first;
      return models.list;
    }
    const asked = session?.models();
    const { list: known, first } = session === models.of ? models : { list: [], first: undefined };
    const isFirst = asked !== undefined && known.length === 0;
    models = { of: session, until: clock.now() + KEPT_MS, list: known, first: isFirst ? (first ?? settled(asked)) : undefined };
    const list = await asked?.catch((error: unknown) => {
      log.warn('copilot.ask_failed', { error });
      return undefined;
    });
    if (models.of !== session) return models.list;
    models = list === undefined ? { ...models, until: 0, first: undefined } : { ...models, list, first: undefined };
    return models.list;
  };
  const settled = async (asked: Promise<unknown>): Promise<void> => {
    await inTime(asked, FIRST_LIST_MS, 'GitHub takes its time.').catch(() => undefined);
  };
  const refreshQuota = async (): Promise<void> => {
    const session = holder.session();
    const user = await session?.user();
    if (user === undefined || session !== holder.session()) return;
    quota = user.quota;
    onChange();
  };
  const warm = async (): Promise<void> => {
    models = { ...models, until: 0 };
    await Promise.all([offered(), refreshQuota()]).catch((error: unknown) => log.warn('copilot.ask_failed', { error }));
  };

  const setLastError = (sentence: string): void => {
    lastError = sentence;
    onChange();
  };
  const pools = createPools('copilot', () => settings().limits.upstreamMs, options.proxies);
  return createBridge<CopilotSession, Grant>(options, {
    name: 'copilot',
    label: LABEL,
    standing: 'official',
    own,
    holder,
    signIns,
    pools,
    calls: {
      prepare,
      upstreamOf: ({ api }) => pools.to(api),
      replyTo: (sink, _grant, _stream, witness) => noteErrors(sink, setLastError, witness.answered),
      onHeaders(headers) {
        quota = quotaOfHeaders(headers, quota, clock.now()) ?? quota;
      },
    },
    speaks: () => ({
      wires: ['chat'],
      counts: false,
      learning: () => (holder.session() === models.of ? models.first : undefined),
      wiresOf: (model) => models.list.find(({ id }) => id === plainModel(model ?? ''))?.wires,
      offers(model) {
        if (holder.session() === undefined) return false;
        void offered().catch((error: unknown) => log.warn('copilot.ask_failed', { error }));
        return models.list.some(({ id }) => id === model);
      },
    }),
    models: offered,
    told: () => ({ quota, lastError }),
    async signIn({ route, agree }) {
      holder.agreeTo(route, agree);
      const begun = await signIns.withCode(route === 'sdk' ? 'sdk' : 'device');
      return { url: begun?.url ?? null, code: begun?.code ?? null };
    },
    async end() {
      await holder.session()?.keeper.forget();
      quota = null;
      // Ending it at GitHub takes the app's client secret, which is not kept here.
      return NOT_ENDED;
    },
    askAnew: warm,
  });
}
