import path from 'node:path';
import { bridgeUpstream } from '../accounts/call.ts';
import { examineBridge } from '../accounts/doctor.ts';
import { createBridgeDoor } from '../accounts/door.ts';
import { createGovernor } from '../accounts/governor.ts';
import { createAccountHolder } from '../accounts/holder.ts';
import type { Ticker } from '../accounts/keeper.ts';
import { listenFor } from '../accounts/listening.ts';
import { errorSentence, noteErrors } from '../accounts/note-errors.ts';
import { bridgeNotices } from '../accounts/notices.ts';
import type { AccountRecord } from '../accounts/registry.ts';
import type { AccountEvent } from '../accounts/state.ts';
import type { BridgeOptions, BridgeService } from '../accounts/service.ts';
import type { OfferedModel } from '../companion/models.ts';
import type { BridgeDetail, Settings } from '../contract/index.ts';
import { httpUpstream } from '../upstreams/http.ts';
import type { Upstream } from '../upstreams/upstream.ts';
import type { KnownUpstream } from '../upstreams/upstreams.ts';
import type { TurnError } from '../wire/turn.ts';
import { apiKeySession } from './api-key.ts';
import { chatgptSession, type ChatgptSession } from './chatgpt.ts';
import { cliSession } from './codex-cli.ts';
import { readCodexLogin } from './codex-login.ts';
import { accountRouting } from './routing.ts';
import type { Grant, Lane, Session } from './lane.ts';
import { listModels } from './models.ts';
import { quotaOfHeaders, quotaOfUsage, type Quota } from './quota.ts';
import { CODEX_ROUTES } from './routes.ts';
import { createSignIns, secretOf } from './sign-in.ts';
import { revoke } from './siwc.ts';
import { prepare, TURN_STATE } from './prepare.ts';
import { PlanReply } from './reply.ts';

export type CodexBridgeOptions = BridgeOptions & {
  /** Folder of the Codex CLI. */
  codexHome: string;
  every?: Ticker;
};

const LABEL = 'Codex';
const MANAGE_USAGE = 'https://chatgpt.com/settings/usage';
const MODELS_KEPT_MS = 10 * 60_000;
const MODELS_RETRY_MS = 30_000;
const KEPT = new Set([TURN_STATE]);
const UNCONFIRMED = 'OpenAI did not confirm that it ended the sign-in. Disconnect Drawbridge in ChatGPT’s settings to be sure.';

/** The codex bridge: one OpenAI account, offered on loopback in the public wire formats. */
export function createCodexBridge(options: CodexBridgeOptions): BridgeService {
  const { settings, registry, secrets, net, clock, log, onChange } = options;
  const own = (): Settings['bridges']['codex'] => settings().bridges.codex;
  let quota: Quota | null = null;
  let lastError: string | null = null;
  let models: { of: Session | undefined; until: number; list: Promise<readonly OfferedModel[]> } | undefined;
  /** The names that were listed last. */
  let listed: { of: Session | undefined; names: ReadonlySet<string> } = { of: undefined, names: new Set() };

  // ---------------------------------------------------------------------------------------- accounts

  const routes = accountRouting(net, () => baseOf('backend'));
  const cli = (tell: (event: AccountEvent) => void) =>
    cliSession({ readText: () => readCodexLogin(options.codexHome), routingOf: routes, clock, tell });
  const kept = (id: string, tell: (event: AccountEvent) => void): ChatgptSession =>
    chatgptSession({
      secret: secretOf(id),
      secrets,
      lockFile: path.join(options.home, 'codex-renewal.lock'),
      clock,
      tell,
      net,
      issuer: () => own().issuer,
      ...(options.every === undefined ? {} : { every: options.every }),
    });
  const sessionOf = ({ id, route }: AccountRecord, tell: (event: AccountEvent) => void): Session => {
    quota = null;
    if (route === 'api-key') return apiKeySession(secretOf(id), secrets, tell);
    return route === 'codex-cli' ? cli(tell) : kept(id, tell);
  };
  const holder = createAccountHolder<Session>({ bridge: 'codex', routes: CODEX_ROUTES, registry, clock, log, onChange, sessionOf });

  const baseOf = (lane: Lane): string => {
    const { openai, chatgpt } = settings().upstreams;
    return (lane === 'backend' ? chatgpt : openai).baseUrl.replace(/\/v1\/?$/, '').replace(/\/+$/, '');
  };
  const signIns = createSignIns({
    holder,
    secrets,
    net,
    clock,
    log,
    issuer: () => own().issuer,
    platform: () => baseOf('platform'),
    readLogin: () => cli(() => {}).read(),
  });

  /** Returns what a person should know of it, where the provider did not confirm. */
  const endAt = async ({ id, route }: AccountRecord): Promise<string | null> => {
    if (route === 'api-key') await secrets.delete(secretOf(id));
    if (route !== 'chatgpt') return null;
    const session = kept(id, () => {});
    const tokens = await session.keeper.forget();
    await session.stop();
    return tokens !== undefined && (await revoke(net, own().issuer, tokens)) ? null : UNCONFIRMED;
  };

  // ------------------------------------------------------------------------------------------ calls

  const pools = new Map<Lane, { baseUrl: string; timeoutMs: number; upstream: Upstream }>();
  const upstreamOf = (lane: Lane): Upstream => {
    const baseUrl = baseOf(lane);
    const timeoutMs = settings().limits.upstreamMs;
    const pool = pools.get(lane);
    if (pool?.baseUrl === baseUrl && pool.timeoutMs === timeoutMs) return pool.upstream;
    const upstream = httpUpstream({ id: 'codex', baseUrl, timeoutMs, publicOnly: true });
    pools.set(lane, { baseUrl, timeoutMs, upstream });
    return upstream;
  };
  const setLastError = (sentence: string): void => {
    lastError = sentence;
    onChange();
  };
  const noteError = (error: TurnError, lane: Lane): void => {
    lastError = errorSentence(error.message);
    // Only what is about the account itself moves its state; a used-up plan stays signed in.
    if (error.kind === 'sign_in_needed') holder.tell({ type: 'rejected', reason: 'OpenAI does not accept this sign-in any more.' });
    else if (error.kind === 'not_entitled' && lane === 'plan') {
      holder.tell({ type: 'not_entitled', reason: 'This ChatGPT account may not be used this way.', href: MANAGE_USAGE });
    } else onChange();
  };
  const governor = createGovernor({ limits: own, clock, file: path.join(options.home, 'codex-count.json') });
  const upstream = bridgeUpstream<Grant>({
    bridge: 'codex',
    session: holder.session,
    enabled: () => own().enabled,
    dailyCalls: () => own().dailyCalls,
    governor,
    prepare: (request, grant) => prepare(request, grant, `Drawbridge/${options.version}`),
    upstreamOf: ({ lane }) => upstreamOf(lane),
    replyTo: (sink, { lane }, stream) =>
      lane === 'platform' ? noteErrors(sink, setLastError) : new PlanReply(sink, stream, (error) => noteError(error, lane)),
    onHeaders(headers) {
      quota = quotaOfHeaders(headers, clock.now(), holder.active()?.plan ?? null) ?? quota;
    },
  });
  const known = (): KnownUpstream => ({
    upstream,
    wires: holder.active()?.route === 'api-key' ? ['responses', 'chat'] : ['responses'],
    credential: 'none',
    readsBody: true,
    rewrites: true,
    keeps: KEPT,
    admits: holder.admits,
    offers(model) {
      if (holder.session() === undefined) return false;
      void offered().catch((error: unknown) => log.warn('codex.ask_failed', { error }));
      return listed.of === holder.session() && listed.names.has(model);
    },
  });

  // ------------------------------------------------------------------------------------ what is told

  const refreshQuota = async (): Promise<void> => {
    const grant = await holder.session()?.grant();
    if (grant === undefined || 'error' in grant || grant.lane !== 'backend') return;
    const headers: Record<string, string> = { authorization: `Bearer ${grant.token}`, originator: 'drawbridge' };
    if (grant.accountId !== null) headers['chatgpt-account-id'] = grant.accountId;
    const reply = await net({ method: 'GET', url: `${baseOf('backend')}/backend-api/wham/usage`, headers }).catch(() => undefined);
    quota = reply?.status === 200 ? (quotaOfUsage(reply.body, clock.now()) ?? quota) : quota;
    onChange();
  };
  /** An answer that did not come is asked for again soon. */
  const askSoon = (): readonly OfferedModel[] => {
    if (models !== undefined) models.until = Math.min(models.until, clock.now() + MODELS_RETRY_MS);
    return [];
  };
  const fetchModels = async (): Promise<readonly OfferedModel[]> => {
    const session = holder.session();
    const grant = await session?.grant();
    if (grant === undefined || 'error' in grant) return askSoon();
    const bases = { openai: baseOf('platform'), chatgpt: baseOf('backend') };
    const list = await listModels(net, grant, bases).catch(() => []);
    if (list.length === 0) return askSoon();
    listed = { of: session, names: new Set(list.map(({ id }) => id)) };
    return list.map(({ id, title }) => ({ id, title, owner: 'openai' }));
  };
  const offered = (): Promise<readonly OfferedModel[]> => {
    const session = holder.session();
    if (models === undefined || models.of !== session || clock.now() >= models.until)
      models = { of: session, until: clock.now() + MODELS_KEPT_MS, list: fetchModels() };
    return models.list;
  };

  const door = createBridgeDoor('codex', {
    options,
    account: holder,
    enabled: () => own().enabled,
    known,
    models: offered,
    more: () => ({ lastError, quota }),
  });
  const listening = listenFor({ bridge: 'codex', door, port: () => own().port, fixedPort: options.port, log, onChange });

  const detail = (): BridgeDetail => ({
    name: 'codex',
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
      // Not waited for: a locked keychain may keep its owner busy for a while.
      void offered().catch((error: unknown) => log.error('codex.start_failed', { error }));
    },
    async stop(graceMs) {
      signIns.drop();
      await holder.stop();
      await listening.stop(graceMs);
      await upstream.stop();
      governor.stop();
      await Promise.all([...pools.values()].map((pool) => pool.upstream.stop()));
    },
    apply() {
      if (!own().enabled) upstream.endAll('The codex bridge was switched off.');
      listening.apply();
    },
    known,
    door,
    models: async () => (holder.session() === undefined ? [] : (await offered()).map((model) => ({ ...model, id: `codex/${model.id}` }))),
    status() {
      const { state, reason, mend } = holder.view();
      return {
        name: 'codex',
        label: LABEL,
        standing: holder.describe().routes.find(({ name }) => name === holder.active()?.route)?.standing ?? 'preview',
        state,
        address: listening.address(),
        reason: reason ?? listening.problem(),
        mend: mend === null ? null : { label: mend.label, action: mend.action?.kind === 'link' ? mend.action : null },
      };
    },
    detail,
    notices: () => bridgeNotices(detail()),
    async signIn({ route, agree, key }) {
      holder.agreeTo(route, agree);
      let url: string | null = null;
      if (route === 'api-key') await signIns.withKey(key);
      else if (route === 'chatgpt') url = await signIns.withBrowser();
      else {
        await signIns.withCli();
        void refreshQuota();
      }
      return { url, code: null, bridge: detail() };
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
      const unconfirmed = await endAt(account);
      holder.remove(account.id);
      holder.tell({ type: 'signed_out', unconfirmed });
      return detail();
    },
    async useAccount(id) {
      holder.use(id);
      await holder.session()?.grant();
      return detail();
    },
    setScope(route, scope) {
      holder.setScope(route, scope);
      return detail();
    },
    async retry() {
      models = undefined;
      await holder.session()?.retry();
      await refreshQuota();
      return detail();
    },
    async examine() {
      models = undefined;
      const listed = await offered();
      return examineBridge({ bridge: detail(), secretsLast: secrets.lasting, models: listed.length });
    },
  };
}
