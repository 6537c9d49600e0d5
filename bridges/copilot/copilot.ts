import path from 'node:path';
import { bridgeUpstream } from '../accounts/call.ts';
import { examineBridge } from '../accounts/doctor.ts';
import { createBridgeDoor } from '../accounts/door.ts';
import { createGovernor } from '../accounts/governor.ts';
import { createAccountHolder } from '../accounts/holder.ts';
import type { Ticker } from '../accounts/keeper.ts';
import { listenFor } from '../accounts/listening.ts';
import { noteErrors } from '../accounts/note-errors.ts';
import { bridgeNotices } from '../accounts/notices.ts';
import type { AccountRecord } from '../accounts/registry.ts';
import type { AccountEvent } from '../accounts/state.ts';
import type { BridgeOptions, BridgeService } from '../accounts/service.ts';
import type { BridgeDetail, Settings } from '../contract/index.ts';
import { systemPause, type Pause } from '../engine/clock.ts';
import type { ChildRunner } from '../engine/child.ts';
import { httpUpstream } from '../upstreams/http.ts';
import type { Upstream } from '../upstreams/upstream.ts';
import type { KnownUpstream } from '../upstreams/upstreams.ts';
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
const NOT_ENDED = 'To end it at GitHub too, revoke your app at https://github.com/settings/applications';

/** The copilot bridge: one GitHub account's Copilot, offered on loopback in the public wire formats. */
export function createCopilotBridge(options: CopilotBridgeOptions): BridgeService {
  const { settings, registry, secrets, net, clock, log, onChange } = options;
  const own = (): Settings['bridges']['copilot'] => settings().bridges.copilot;
  let quota: Quota | null = null;
  let lastError: string | null = null;
  let models: { of: CopilotSession | undefined; until: number; list: readonly CopilotModel[] } = { of: undefined, until: 0, list: [] };

  // ---------------------------------------------------------------------------------------- accounts

  const sdkPlace = (): SdkPlace => ({ folder: path.join(options.home, 'copilot-sdk'), named: own().sdkFolder });
  const ready = async (): Promise<string> =>
    findSdk(sdkPlace()) ??
    (await installSdk(sdkPlace(), { run: options.run, target: `${process.platform}-${process.arch}`, env: process.env }));
  const sourceOf = (route: CopilotRoute): CopilotSource =>
    route === 'device'
      ? directSource({ net, clock, api: () => own().api, userAgent: `Drawbridge/${options.version}` })
      : sdkSource({
          load: async () => loadSdk(await ready()),
          home: path.join(options.home, 'copilot-sdk', 'home'),
          api: () => own().api,
          clock,
          log,
          version: options.version,
        });
  const sessionOf = ({ id, route }: AccountRecord, tell: (event: AccountEvent) => void): CopilotSession => {
    quota = null;
    return copilotSession({
      secret: secretOf(id),
      secrets,
      lockFile: path.join(options.home, 'copilot-renewal.lock'),
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

  // ------------------------------------------------------------------------------------------- calls

  const pools = new Map<string, Upstream>();
  const upstreamOf = ({ api }: Grant): Upstream => {
    const kept = pools.get(api) ?? httpUpstream({ id: 'copilot', baseUrl: api, timeoutMs: settings().limits.upstreamMs, publicOnly: true });
    pools.set(api, kept);
    return kept;
  };
  const governor = createGovernor({ limits: own, clock, file: path.join(options.home, 'copilot-count.json') });
  const upstream = bridgeUpstream<Grant>({
    bridge: 'copilot',
    session: holder.session,
    enabled: () => own().enabled,
    dailyCalls: () => own().dailyCalls,
    governor,
    prepare,
    upstreamOf,
    replyTo: (sink) =>
      noteErrors(sink, (sentence) => {
        lastError = sentence;
        onChange();
      }),
    onHeaders(headers) {
      quota = quotaOfHeaders(headers, quota, clock.now()) ?? quota;
    },
  });
  const known = (): KnownUpstream => {
    const base: KnownUpstream = {
      upstream,
      wires: ['chat'],
      credential: 'none',
      readsBody: true,
      rewrites: true,
      counts: false,
      admits: holder.admits,
      offers(model) {
        if (holder.session() === undefined) return false;
        void offered().catch((error: unknown) => log.warn('copilot.ask_failed', { error }));
        return models.list.some(({ id }) => id === model);
      },
    };
    return {
      ...base,
      forModel: (model) => ({ ...base, wires: models.list.find(({ id }) => id === plainModel(model ?? ''))?.wires ?? base.wires }),
    };
  };

  // ------------------------------------------------------------------------------------ what is told

  const offered = async (): Promise<readonly CopilotModel[]> => {
    const session = holder.session();
    if (session === models.of && clock.now() < models.until) return models.list;
    models = { of: session, until: clock.now() + KEPT_MS, list: session === models.of ? models.list : [] };
    const list = await session?.models();
    if (models.of !== session) return models.list;
    models = list === undefined ? { ...models, until: 0 } : { ...models, list };
    return models.list;
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

  const door = createBridgeDoor('copilot', {
    options,
    account: holder,
    enabled: () => own().enabled,
    known,
    models: offered,
    more: () => ({ lastError, quota }),
  });
  const listening = listenFor({ bridge: 'copilot', door, port: () => own().port, fixedPort: options.port, log, onChange });
  const detail = (): BridgeDetail => ({
    name: 'copilot',
    label: LABEL,
    ...holder.describe(),
    address: listening.address(),
    listenerProblem: listening.problem(),
    enabled: own().enabled,
    quota,
    today: { calls: governor.today(), ceiling: own().dailyCalls },
    lastError,
  });

  return {
    async start() {
      holder.restore();
      await listening.start();
    },
    async stop(graceMs) {
      signIns.drop();
      await holder.stop();
      await listening.stop(graceMs);
      await upstream.stop();
      governor.stop();
      await Promise.all([...pools.values()].map((pool) => pool.stop()));
    },
    apply() {
      if (!own().enabled) upstream.endAll('The copilot bridge was switched off.');
      listening.apply();
    },
    known,
    door,
    models: async () =>
      holder.session() === undefined ? [] : (await offered()).map(({ id, title, owner }) => ({ id: `copilot/${id}`, title, owner })),
    status() {
      const { state, reason, mend } = holder.view();
      return {
        name: 'copilot',
        label: LABEL,
        standing: holder.describe().routes.find(({ name }) => name === holder.active()?.route)?.standing ?? 'official',
        state,
        address: listening.address(),
        reason: reason ?? listening.problem(),
        mend: mend === null ? null : { label: mend.label, action: mend.action?.kind === 'link' ? mend.action : null },
      };
    },
    detail,
    notices: () => bridgeNotices(detail()),
    async signIn({ route, agree }) {
      holder.agreeTo(route, agree);
      const begun = await signIns.withCode(route === 'sdk' ? 'sdk' : 'device');
      return { url: begun?.url ?? null, code: begun?.code ?? null, bridge: detail() };
    },
    cancelSignIn() {
      signIns.drop();
      holder.fallBack({ type: 'sign_in_cancelled' });
      return detail();
    },
    async signOut() {
      signIns.drop();
      const account = holder.active();
      if (account === undefined) {
        holder.restore();
        return detail();
      }
      await holder.session()?.keeper.forget();
      holder.remove(account.id);
      quota = null;
      // Ending it at GitHub takes the app's client secret, which is not kept here.
      holder.tell({ type: 'signed_out', unconfirmed: NOT_ENDED });
      return detail();
    },
    async useAccount(id) {
      holder.use(id);
      await warm();
      return detail();
    },
    setScope(route, scope) {
      holder.setScope(route, scope);
      return detail();
    },
    async retry() {
      await holder.session()?.retry();
      await warm();
      return detail();
    },
    async examine() {
      await warm();
      return examineBridge({ bridge: detail(), secretsLast: secrets.lasting, models: models.list.length });
    },
  };
}
