import path from 'node:path';
import { createBridge } from '../accounts/bridge.ts';
import { createAccountHolder, type Witness } from '../accounts/holder.ts';
import type { Ticker } from '../accounts/keeper.ts';
import { errorSentence, noteErrors } from '../accounts/note-errors.ts';
import { createPools } from '../accounts/pools.ts';
import type { AccountRecord } from '../accounts/registry.ts';
import type { AccountEvent } from '../accounts/state.ts';
import type { BridgeOptions, BridgeService } from '../accounts/service.ts';
import type { OfferedModel } from '../companion/models.ts';
import type { Settings } from '../contract/index.ts';
import type { TurnError } from '../wire/turn.ts';
import { apiKeySession, lacksScope } from './api-key.ts';
import { chatgptSession } from './chatgpt.ts';
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
  const lockFile = path.join(options.home, 'codex-renewal.lock');
  const kept = (id: string, tell: (event: AccountEvent) => void): Session =>
    chatgptSession({
      secret: secretOf(id),
      secrets,
      lockFile,
      clock,
      tell,
      net,
      issuer: () => own().issuer,
      onUnknown(clientId) {
        if (holder.fact('clientId') === clientId) holder.setFact('clientId', null);
      },
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
    lockFile,
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
    // By the keeper at work: it may hold what could not be kept, and would keep it later.
    const tokens = await holder.session()?.keeper?.forget();
    // What was revoked may be all that OpenAI knew the registration by.
    holder.setFact('clientId', null);
    return tokens !== undefined && (await revoke(net, own().issuer, tokens)) ? null : UNCONFIRMED;
  };

  // ------------------------------------------------------------------------------------------ calls

  const pools = createPools('codex', () => settings().limits.upstreamMs, options.proxies);
  const setLastError = (sentence: string): void => {
    lastError = sentence;
    onChange();
  };
  const noteError = (error: TurnError, lane: Lane, { tell }: Witness): void => {
    lastError = errorSentence(error.message);
    // Only what is about the account itself moves its state; a used-up plan stays signed in.
    if (error.kind === 'sign_in_needed') tell({ type: 'rejected', reason: 'OpenAI does not accept this sign-in any more.' });
    else if (error.kind === 'not_entitled' && lane === 'plan') {
      tell({ type: 'not_entitled', reason: 'This ChatGPT account may not be used this way.', href: MANAGE_USAGE });
    } else onChange();
  };

  // ------------------------------------------------------------------------------------ what is told

  const refreshQuota = async (): Promise<void> => {
    const session = holder.session();
    const grant = await session?.grant();
    if (grant === undefined || 'error' in grant || grant.lane !== 'backend') return;
    const headers: Record<string, string> = { authorization: `Bearer ${grant.token}`, originator: 'drawbridge' };
    if (grant.accountId !== null) headers['chatgpt-account-id'] = grant.accountId;
    const reply = await net({ method: 'GET', url: `${baseOf('backend')}/backend-api/wham/usage`, headers }).catch(() => undefined);
    if (session !== holder.session()) return;
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
    if (session === holder.session()) listed = { of: session, names: new Set(list.map(({ id }) => id)) };
    return list.map(({ id, title }) => ({ id, title, owner: 'openai' }));
  };
  const notFetched = (error: unknown): readonly OfferedModel[] => {
    log.warn('codex.ask_failed', { error });
    return askSoon();
  };
  const offered = (): Promise<readonly OfferedModel[]> => {
    const session = holder.session();
    if (models === undefined || models.of !== session || clock.now() >= models.until)
      models = { of: session, until: clock.now() + MODELS_KEPT_MS, list: fetchModels().catch(notFetched) };
    return models.list;
  };

  return createBridge<Session, Grant>(options, {
    name: 'codex',
    label: LABEL,
    standing: 'preview',
    own,
    holder,
    signIns,
    pools,
    calls: {
      prepare: (request, grant) => prepare(request, grant, `Drawbridge/${options.version}`),
      upstreamOf: ({ lane }) => pools.to(baseOf(lane)),
      sparesSignIn: (body, { lane }) => lane === 'platform' && lacksScope(body),
      replyTo: (sink, { lane }, stream, witness) =>
        lane === 'platform'
          ? noteErrors(sink, setLastError, witness.answered)
          : new PlanReply(sink, stream, (error) => noteError(error, lane, witness), witness.answered),
      onHeaders(headers) {
        quota = quotaOfHeaders(headers, clock.now(), holder.active()?.plan ?? null) ?? quota;
      },
    },
    speaks: () => ({
      wires: holder.active()?.route === 'api-key' ? ['responses', 'chat'] : ['responses'],
      keeps: KEPT,
      offers(model) {
        if (holder.session() === undefined) return false;
        void offered();
        return listed.of === holder.session() && listed.names.has(model);
      },
    }),
    models: offered,
    told: () => ({ quota, lastError }),
    warmUp: offered,
    async signIn({ route, agree, key }) {
      holder.agreeTo(route, agree);
      let url: string | null = null;
      if (route === 'api-key') await signIns.withKey(key);
      else if (route === 'chatgpt') url = await signIns.withBrowser();
      else {
        await signIns.withCli();
        void refreshQuota();
      }
      return { url, code: null };
    },
    async end(account) {
      const unconfirmed = await endAt(account);
      quota = null;
      return unconfirmed;
    },
    async askAnew() {
      models = undefined;
      await refreshQuota();
    },
  });
}
