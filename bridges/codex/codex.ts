import { createHash, randomUUID } from 'node:crypto';
import path from 'node:path';
import { examineBridge } from '../accounts/doctor.ts';
import { createGovernor } from '../accounts/governor.ts';
import { Tokens, type Ticker } from '../accounts/keeper.ts';
import type { Net } from '../accounts/net.ts';
import type { AccountRecord, Registry } from '../accounts/registry.ts';
import { outOfScope } from '../accounts/scope.ts';
import { nextAccount, SIGNED_OUT, type AccountEvent, type AccountView } from '../accounts/state.ts';
import type { Recorder } from '../capture/recorder.ts';
import { createDoor } from '../companion/companion.ts';
import type { KeyRing } from '../companion/keys.ts';
import type { OfferedModel } from '../companion/models.ts';
import { DrawbridgeError } from '../contract/errors.ts';
import type { Bridge, BridgeDetail, DoctorCheck, Notice, RouteName, Settings, Use } from '../contract/index.ts';
import type { Clock } from '../engine/clock.ts';
import type { Logger } from '../engine/log.ts';
import { plainText, redactText } from '../engine/redact.ts';
import { SecretError, type SecretStore } from '../engine/secrets.ts';
import type { Listener } from '../http/listener.ts';
import { httpUpstream } from '../upstreams/http.ts';
import type { Upstream } from '../upstreams/upstream.ts';
import type { KnownUpstream } from '../upstreams/upstreams.ts';
import type { TurnError } from '../wire/turn.ts';
import { apiKeySession } from './api-key.ts';
import { beginSignIn, chatgptSession, type ChatgptSession, type SignIn, type SignInResult } from './chatgpt.ts';
import { cliSession } from './codex-cli.ts';
import type { Lane, Session } from './lane.ts';
import { listModels } from './models.ts';
import { quotaOfHeaders, quotaOfUsage, type Quota } from './quota.ts';
import { CODEX_ROUTES } from './routes.ts';
import { revoke } from './siwc.ts';
import { codexUpstream } from './upstream.ts';

export type CodexBridgeOptions = {
  /** The state folder. */
  home: string;
  /** Folder of the Codex CLI. */
  codexHome: string;
  /** Instead of the settings' port; 0 takes any. */
  port?: number | undefined;
  settings: () => Settings;
  registry: Registry;
  secrets: SecretStore;
  net: Net;
  keys: KeyRing;
  recorder: Recorder;
  clock: Clock;
  log: Logger;
  version: string;
  /** Something in the status changed. */
  onChange: () => void;
  every?: Ticker;
};

export type CodexBridge = {
  start(): Promise<void>;
  stop(graceMs: number): Promise<void>;
  /** Takes over changed settings. */
  apply(): void;
  known(): KnownUpstream;
  models(): Promise<readonly OfferedModel[]>;
  status(): Bridge;
  detail(): BridgeDetail;
  notices(): Notice[];
  signIn(input: { route: RouteName; agree: boolean; key?: string | undefined }): Promise<{ url: string | null; bridge: BridgeDetail }>;
  cancelSignIn(): BridgeDetail;
  signOut(): Promise<BridgeDetail>;
  useAccount(id: string): Promise<BridgeDetail>;
  setScope(route: RouteName, scope: readonly Use[]): BridgeDetail;
  retry(): Promise<BridgeDetail>;
  examine(): Promise<DoctorCheck[]>;
};

const LABEL = 'Codex';
const MANAGE_USAGE = 'https://chatgpt.com/settings/usage';
const MODELS_KEPT_MS = 10 * 60_000;

/** The codex bridge: one OpenAI account, offered on loopback in the public wire formats. */
export function createCodexBridge(options: CodexBridgeOptions): CodexBridge {
  const { settings, registry, secrets, net, clock, log } = options;
  const own = (): Settings['bridges']['codex'] => settings().bridges.codex;
  const userAgent = `Drawbridge/${options.version}`;
  let view: AccountView = SIGNED_OUT;
  let session: Session | undefined;
  let signingIn: SignIn | undefined;
  /** What a sign-in that comes to nothing falls back to. */
  let before: AccountView = SIGNED_OUT;
  let quota: Quota | null = null;
  let lastError: string | null = null;
  let models: { until: number; list: Promise<readonly OfferedModel[]> } | undefined;
  let listener: Listener | undefined;
  let listenerProblem: string | null = null;
  let boundPort: number | undefined;

  const record = () => registry.get('codex');
  const active = (): AccountRecord | undefined => record().accounts.find((account) => account.id === record().active);
  const scopeOf = (route: RouteName): readonly Use[] => record().routes[route]?.scope ?? CODEX_ROUTES[route].defaultScope;

  const tell = (event: AccountEvent): void => {
    const next = nextAccount(view, event);
    if (next.state === view.state && next.reason === view.reason) return;
    log.info('codex.account', { state: next.state, reason: next.reason });
    view = next;
    options.onChange();
  };

  // ------------------------------------------------------------------------------------------ calls

  const pools = new Map<Lane, { baseUrl: string; timeoutMs: number; upstream: Upstream }>();
  const baseOf = (lane: Lane): string => {
    const { openai, chatgpt } = settings().upstreams;
    return (lane === 'backend' ? chatgpt : openai).baseUrl.replace(/\/v1\/?$/, '').replace(/\/+$/, '');
  };
  const upstreamOf = (lane: Lane): Upstream => {
    const baseUrl = baseOf(lane);
    const timeoutMs = settings().limits.upstreamMs;
    const kept = pools.get(lane);
    if (kept?.baseUrl === baseUrl && kept.timeoutMs === timeoutMs) return kept.upstream;
    const upstream = httpUpstream({ id: 'codex', baseUrl, timeoutMs, publicOnly: true });
    pools.set(lane, { baseUrl, timeoutMs, upstream });
    return upstream;
  };
  const governor = createGovernor({ limits: own, clock, file: path.join(options.home, 'codex-count.json') });
  const upstream = codexUpstream({
    session: () => session,
    enabled: () => own().enabled,
    dailyCalls: () => own().dailyCalls,
    governor,
    upstreamOf,
    userAgent,
    onHeaders(headers) {
      quota = quotaOfHeaders(headers, clock.now(), active()?.plan ?? null) ?? quota;
    },
    onError: (error, lane) => noteError(error, lane),
  });

  const noteError = (error: TurnError, lane: Lane): void => {
    lastError = plainText(redactText(error.message)).slice(0, 300);
    // Only what is about the account itself moves its state; a used-up plan stays signed in.
    if (error.kind === 'sign_in_needed') tell({ type: 'rejected', reason: 'OpenAI does not accept this sign-in any more.' });
    else if (error.kind === 'not_entitled' && lane === 'plan') {
      tell({ type: 'not_entitled', reason: 'This ChatGPT account may not be used this way.', href: MANAGE_USAGE });
    } else options.onChange();
  };

  const known = (): KnownUpstream => {
    const route = active()?.route;
    return {
      upstream,
      wires: route === 'api-key' ? ['responses', 'chat'] : ['responses'],
      credential: 'none',
      readsBody: true,
      rewrites: true,
      admits: (use) => (route === undefined ? undefined : outOfScope('codex', CODEX_ROUTES[route], scopeOf(route), use)),
    };
  };

  // ---------------------------------------------------------------------------------------- accounts

  const secretOf = (id: string): string => `codex/${id}`;
  const sessionOf = (account: AccountRecord): Session => {
    switch (account.route) {
      case 'api-key':
        return apiKeySession(secretOf(account.id), secrets, tell);
      case 'codex-cli':
        return cliSession({ home: options.codexHome, clock, tell });
      case 'chatgpt':
        return keptSession(account.id);
    }
  };
  const keptSession = (id: string): ChatgptSession =>
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

  const activate = (account: AccountRecord | undefined): void => {
    session?.stop();
    models = undefined;
    quota = null;
    session = account === undefined ? undefined : sessionOf(account);
    // Held to be usable until it is found not to be: asking the keychain may put up a prompt.
    view = account === undefined ? SIGNED_OUT : nextAccount(SIGNED_OUT, { type: 'usable' });
    options.onChange();
  };

  const add = (account: AccountRecord): void => {
    registry.update('codex', (held) => ({
      ...held,
      active: account.id,
      accounts: [...held.accounts.filter((other) => other.id !== account.id), account],
    }));
    activate(account);
  };

  const remove = (id: string): void => {
    registry.update('codex', (held) => ({ ...held, active: null, accounts: held.accounts.filter((account) => account.id !== id) }));
    activate(undefined);
  };

  const dropSignIn = (): void => {
    const attempt = signingIn;
    signingIn = undefined;
    attempt?.cancel();
  };

  const begun = (waitingFor: string): void => {
    dropSignIn();
    if (view.state !== 'signing_in') before = view;
    tell({ type: 'sign_in_started', waitingFor });
  };

  /** A sign-in that failed leaves an account that worked before as it was. */
  const fallBack = (event: AccountEvent): void => {
    tell(event);
    if (session === undefined || before.state !== 'ready') return;
    view = { ...before, reason: view.reason };
    options.onChange();
  };

  const newAccount = (route: RouteName, id: string, label: string, plan: string | null): AccountRecord => ({
    id,
    route,
    label,
    plan,
    addedAt: new Date(clock.now()).toISOString(),
  });

  const signInWithKey = async (key: string | undefined): Promise<void> => {
    if (key === undefined)
      throw new DrawbridgeError('bad_input', 'This sign-in needs an OpenAI key. Make one at https://platform.openai.com/api-keys');
    begun('The key is being checked.');
    const checked = await net({ method: 'GET', url: `${baseOf('platform')}/v1/models`, headers: { authorization: `Bearer ${key}` } }).then(
      ({ status }) => status,
      () => 0,
    );
    if (checked === 401) return fallBack({ type: 'sign_in_failed', reason: 'OpenAI does not accept this key.' });
    if (checked === 0 || checked >= 500)
      return fallBack({
        type: 'sign_in_failed',
        reason: 'OpenAI could not be reached to check the key. Check the network, then try again.',
      });
    const id = `api-key-${createHash('sha256').update(key).digest('hex').slice(0, 12)}`;
    await secrets.set(secretOf(id), key).catch((error: unknown) => {
      fallBack({ type: 'sign_in_failed', reason: 'The keychain did not take the key.' });
      throw error;
    });
    add(newAccount('api-key', id, `key ending in ${key.slice(-4)}`, null));
  };

  const signInWithCli = (): void => {
    begun('The Codex CLI’s login is being read.');
    const login = cliSession({ home: options.codexHome, clock, tell: () => {} }).read();
    if ('problem' in login) return fallBack({ type: 'sign_in_failed', reason: login.problem });
    add(newAccount('codex-cli', `codex-cli-${login.mark}`, 'The Codex CLI’s login', login.plan));
    void refreshQuota();
  };

  const setFact = (name: string, value: string | null): void =>
    void registry.update('codex', (held) => {
      const { [name]: _old, ...facts } = held.facts;
      return { ...held, facts: value === null ? facts : { ...facts, [name]: value } };
    });

  const signInWithBrowser = async (): Promise<string> => {
    const { facts } = record();
    if (facts['hostId'] === undefined) setFact('hostId', `urn:uuid:${randomUUID()}`);
    begun('Continue with ChatGPT in your browser.');
    const attempt = await beginSignIn({
      issuer: own().issuer,
      net,
      clock,
      log,
      hostId: record().facts['hostId'] ?? '',
      clientId: facts['clientId'] ?? null,
      reconsent: facts['reconsent'] === 'yes',
      onClient: (clientId) => setFact('clientId', clientId),
    });
    signingIn = attempt;
    void conclude(attempt);
    return attempt.url;
  };

  const conclude = async (attempt: SignIn): Promise<void> => {
    try {
      const result = await attempt.done;
      if (signingIn !== attempt) return;
      signingIn = undefined;
      await finish(result);
    } catch (error) {
      log.error('codex.sign_in_failed', { error });
      fallBack({ type: 'sign_in_failed', reason: 'The sign-in could not be kept. The log says why; try again.' });
    }
  };

  const finish = async (result: SignInResult): Promise<void> => {
    switch (result.kind) {
      case 'cancelled':
        return fallBack({ type: 'sign_in_cancelled' });
      case 'declined':
        return fallBack({ type: 'declined' });
      case 'failed':
        return fallBack({ type: 'sign_in_failed', reason: result.reason });
      case 'unknown_client':
        setFact('clientId', null);
        return fallBack({ type: 'sign_in_failed', reason: 'OpenAI did not know this app’s registration. Try again: it registers anew.' });
      case 'identity_only':
        setFact('reconsent', 'yes');
        return fallBack({
          type: 'not_entitled',
          reason: 'You signed in, but did not share your ChatGPT plan. Sign in again and allow it.',
          href: null,
        });
      case 'signed_in':
        return signedIn(result);
    }
  };

  const signedIn = async ({ tokens, subject, email }: { tokens: Tokens; subject: string; email: string | null }): Promise<void> => {
    setFact('reconsent', null);
    const id = `chatgpt-${subject}`;
    try {
      await secrets.set(secretOf(id), JSON.stringify(tokens));
    } catch (error) {
      if (!(error instanceof SecretError)) throw error;
      return fallBack({ type: 'keychain', problem: error.kind });
    }
    add(newAccount('chatgpt', id, email ?? 'ChatGPT account', null));
  };

  const signOut = async (): Promise<BridgeDetail> => {
    dropSignIn();
    const account = active();
    if (account === undefined) {
      activate(undefined);
      return detail();
    }
    let unconfirmed: string | null = null;
    if (account.route === 'chatgpt') {
      const kept = keptSession(account.id);
      const tokens = await kept.keeper.forget();
      kept.stop();
      if (tokens === undefined || !(await revoke(net, own().issuer, tokens)))
        unconfirmed = 'OpenAI did not confirm that it ended the sign-in. Disconnect Drawbridge in ChatGPT’s settings to be sure.';
    } else if (account.route === 'api-key') await secrets.delete(secretOf(account.id));
    remove(account.id);
    tell({ type: 'signed_out', unconfirmed });
    return detail();
  };

  const refreshQuota = async (): Promise<void> => {
    const grant = await session?.grant();
    if (grant === undefined || 'error' in grant || grant.lane !== 'backend') return;
    const headers: Record<string, string> = { authorization: `Bearer ${grant.token}`, originator: 'drawbridge' };
    if (grant.accountId !== null) headers['chatgpt-account-id'] = grant.accountId;
    const reply = await net({ method: 'GET', url: `${baseOf('backend')}/backend-api/wham/usage`, headers }).catch(() => undefined);
    quota = reply?.status === 200 ? (quotaOfUsage(reply.body, clock.now()) ?? quota) : quota;
    options.onChange();
  };

  // ------------------------------------------------------------------------------------ what is told

  const fetchModels = async (): Promise<readonly OfferedModel[]> => {
    const grant = await session?.grant();
    if (grant === undefined || 'error' in grant) return [];
    const bases = { openai: baseOf('platform'), chatgpt: baseOf('backend') };
    const list = await listModels(net, grant, bases, options.version).catch(() => []);
    return list.map(({ id, title }) => ({ id, title, owner: 'openai' }));
  };
  const offered = (): Promise<readonly OfferedModel[]> => {
    if (models === undefined || clock.now() >= models.until) models = { until: clock.now() + MODELS_KEPT_MS, list: fetchModels() };
    return models.list;
  };

  const address = (): string | null => listener?.address ?? null;
  const detail = (): BridgeDetail => {
    const held = record();
    return {
      name: 'codex',
      label: LABEL,
      ...view,
      address: address(),
      listenerProblem,
      enabled: own().enabled,
      route: active()?.route ?? null,
      accounts: held.accounts.map((account) => ({ ...account, active: account.id === held.active })),
      routes: ROUTES.map((name) => ({
        name,
        ...CODEX_ROUTES[name],
        defaultScope: [...CODEX_ROUTES[name].defaultScope],
        agreedAt: held.routes[name]?.agreedAt ?? null,
        scope: [...scopeOf(name)],
      })),
      quota,
      today: { calls: governor.today(), ceiling: own().dailyCalls },
      lastError,
    };
  };

  const door = createDoor({
    name: 'codex',
    settings,
    keys: options.keys,
    upstreams: { get: (id) => (id === 'codex' ? known() : undefined) },
    recorder: options.recorder,
    clock,
    log,
    version: options.version,
    gatewayKey: () => undefined,
    decide: () => ({ upstream: 'codex', rule: 'codex bridge' }),
    ownProviders: false,
    models: offered,
    health: (caller) => ({
      bridge: 'codex',
      state: view.state,
      route: active()?.route ?? null,
      enabled: own().enabled,
      ...(caller ? { reason: view.reason, lastError, quota } : {}),
    }),
  });

  const bind = async (): Promise<void> => {
    boundPort = options.port ?? own().port;
    try {
      listener = await door.start(boundPort);
      listenerProblem = null;
    } catch (error) {
      const code = error instanceof Error && 'code' in error ? String(error.code) : String(error);
      listenerProblem =
        code === 'EADDRINUSE'
          ? `Port ${boundPort} is in use by another program. Choose another: bridges.codex.port in the settings. Calls through the companion are served all the same.`
          : `Port ${boundPort} can’t be opened (${code}). Choose another: bridges.codex.port in the settings.`;
      log.warn('codex.not_listening', { error });
    }
    options.onChange();
  };

  return {
    async start() {
      activate(active());
      await bind();
      // Not waited for: a locked keychain may keep its owner busy for a while.
      void session?.grant().catch((error: unknown) => log.error('codex.start_failed', { error }));
    },
    async stop(graceMs) {
      dropSignIn();
      session?.stop();
      await listener?.stop(graceMs);
      await upstream.stop();
      governor.stop();
      await Promise.all([...pools.values()].map((pool) => pool.upstream.stop()));
    },
    apply() {
      if (!own().enabled) upstream.endAll('The codex bridge was switched off.');
      if (options.port !== undefined || boundPort === undefined || own().port === boundPort) return;
      const old = listener;
      listener = undefined;
      void (old?.stop(2_000) ?? Promise.resolve()).then(bind);
    },
    known,
    models: async () => (session === undefined ? [] : (await offered()).map((model) => ({ ...model, id: `codex/${model.id}` }))),
    status: () => ({
      name: 'codex',
      label: LABEL,
      standing: CODEX_ROUTES[active()?.route ?? 'chatgpt'].standing,
      state: view.state,
      address: address(),
      reason: view.reason ?? listenerProblem,
      mend: view.mend === null ? null : { label: view.mend.label, action: view.mend.action?.kind === 'link' ? view.mend.action : null },
    }),
    detail,
    notices: () => noticesOf(detail()),
    async signIn({ route, agree, key }) {
      const facts = CODEX_ROUTES[route];
      if ((record().routes[route]?.agreedAt ?? null) === null) {
        if (!agree) {
          const message = `${facts.label} (${facts.standing}). ${facts.terms} Read them at ${facts.termsUrl}, then agree to go on.`;
          throw new DrawbridgeError('terms_not_agreed', message, {
            route,
            standing: facts.standing,
            terms: facts.terms,
            termsUrl: facts.termsUrl,
          });
        }
        setRoute(route, (held) => ({ ...held, agreedAt: new Date(clock.now()).toISOString() }));
      }
      let url: string | null = null;
      if (route === 'api-key') await signInWithKey(key);
      else if (route === 'codex-cli') signInWithCli();
      else url = await signInWithBrowser();
      return { url, bridge: detail() };
    },
    cancelSignIn() {
      dropSignIn();
      fallBack({ type: 'sign_in_cancelled' });
      return detail();
    },
    signOut,
    async useAccount(id) {
      const account = record().accounts.find((one) => one.id === id);
      if (account === undefined) throw new DrawbridgeError('not_found', 'There is no such account. It may have been signed out.', { id });
      registry.update('codex', (held) => ({ ...held, active: id }));
      activate(account);
      await session?.grant();
      return detail();
    },
    setScope(route, scope) {
      setRoute(route, (held) => ({ ...held, scope: [...new Set(scope)], scopeSetAt: new Date(clock.now()).toISOString() }));
      options.onChange();
      return detail();
    },
    async examine() {
      models = undefined;
      const listed = await offered();
      return examineBridge({ bridge: detail(), secretsLast: secrets.lasting, models: listed.length });
    },
    async retry() {
      models = undefined;
      await session?.retry();
      await refreshQuota();
      return detail();
    },
  };

  type RouteRecord = NonNullable<ReturnType<Registry['get']>['routes'][RouteName]>;
  function setRoute(route: RouteName, change: (held: RouteRecord) => RouteRecord): void {
    registry.update('codex', (held) => ({
      ...held,
      routes: { ...held.routes, [route]: change(held.routes[route] ?? { agreedAt: null, scope: null, scopeSetAt: null }) },
    }));
  }
}

const ROUTES: readonly RouteName[] = ['api-key', 'chatgpt', 'codex-cli'];

/** What about a bridge needs attention. Pure. */
export function noticesOf(bridge: BridgeDetail): Notice[] {
  const notices: Notice[] = [];
  const add = (id: string, level: Notice['level'], title: string, cause: string): void =>
    void notices.push({ id: `${bridge.name}-${id}`, level, title, cause, mend: null });
  if (bridge.state === 'auth_required' || bridge.state === 'denied')
    add('account', 'warning', `${bridge.label} needs you`, `${bridge.reason ?? ''} ${bridge.mend?.label ?? ''}.`);
  if (bridge.listenerProblem !== null && bridge.route !== null)
    add('listener', 'warning', `The ${bridge.label} bridge is not listening`, bridge.listenerProblem);
  if (bridge.today.calls >= bridge.today.ceiling)
    add(
      'ceiling',
      'warning',
      `${bridge.label}: the day’s ceiling is reached`,
      `${bridge.today.calls} calls were made today, and no more are let through before 00:00 UTC. Raise bridges.${bridge.name}.dailyCalls in the settings to go on.`,
    );
  if (!bridge.enabled)
    add('off', 'info', `The ${bridge.label} bridge is switched off`, `Switch it on with: drawbridge bridges on ${bridge.name}`);
  return notices;
}
