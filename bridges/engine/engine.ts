import { randomBytes } from 'node:crypto';
import { homedir, hostname, networkInterfaces } from 'node:os';
import { z } from 'zod';
import type {
  BridgeDetail,
  BridgeName,
  Call,
  DiagnosticsBundle,
  DoctorCheck,
  HostKind,
  Listener as ListenerStatus,
  Notice,
  Provider,
  Settings,
  Status,
  TelemetryStatus,
  TelemetryTrial,
} from '../contract/index.ts';
import { DrawbridgeError } from '../contract/errors.ts';
import { baseUrl } from '../contract/urls.ts';
import { createCapture, type Capture } from '../capture/capture.ts';
import { sealKey } from '../capture/seal-key.ts';
import { createTelemetry, tryCollector } from '../capture/export/otlp.ts';
import { replayCall, type ReplayRequest } from '../capture/replay/replay.ts';
import { createTickets } from '../capture/replay/tickets.ts';
import type { BridgeReport } from '../capture/usage/quotas.ts';
import { fetchOf, netOf, type Net } from '../accounts/net.ts';
import { openRegistry } from '../accounts/registry.ts';
import type { BridgeOptions, BridgeService } from '../accounts/service.ts';
import { createCopilotBridge } from '../copilot/copilot.ts';
import { createCodexBridge } from '../codex/codex.ts';
import { createM365Bridge } from '../m365/m365.ts';
import { createAttachments, type Attachments } from '../clients/attach/attach.ts';
import { createClientFinder } from '../clients/known.ts';
import { createCompanion } from '../companion/companion.ts';
import { lastingHandles } from '../companion/handles.ts';
import { offeredModels, type OfferedModel } from '../companion/models.ts';
import { openKeys, READ_PREFIX, type KeyRing } from '../companion/keys.ts';
import { createTokenCounter } from '../companion/token-counter.ts';
import type { Offer } from '../tunnels/relay.ts';
import { createTunnels, type Tunnels, type TunnelsTuning } from '../tunnels/tunnels.ts';
import { systemWay } from '../tunnels/ways.ts';
import type { ProxySources } from '../upstreams/proxy.ts';
import { createUpstreams, type KnownUpstream, type Upstreams } from '../upstreams/upstreams.ts';
import type { ChildRunner } from './child.ts';
import { createCallLog } from './call-log.ts';
import type { Clock, Pause } from './clock.ts';
import { listenForCompanion } from './companion-listening.ts';
import { bundleOf, readLogEnd, thisPerson } from './diagnostics.ts';
import { EventBus } from './events.ts';
import { keepLean } from './give-back.ts';
import { holdSecret, readsAgain } from './held-secret.ts';
import { createNetwork, type Network } from './network.ts';
import { newId } from './ids.ts';
import type { Logger } from './log.ts';
import type { Paths } from './paths.ts';
import { onceKnown } from './once-known.ts';
import { findPortHolder, nextFreePort } from './port-holder.ts';
import type { SecretProblem, SecretStore } from './secrets.ts';
import { createProviders, type Providers } from './providers.ts';
import type { SettingsStore } from './settings.ts';
import { createRooms } from './rooms.ts';
import { stepBack } from './step-back.ts';
import { createWebhook, type Webhook } from './webhook.ts';

/** What the engine needs of the world. Tests give other ones. */
export type EnginePorts = {
  clock: Clock;
  keychain: SecretStore;
  run: ChildRunner;
  paths: Paths;
  log: Logger;
  platform: NodeJS.Platform;
  /** How providers' sign-in services are reached. */
  net?: Net | undefined;
  /** The variables that may name a proxy on the way to providers. */
  proxyEnv: ProxySources['env'];
  /** How long a sign-in waits between two questions. */
  pause?: Pause | undefined;
  /** Folder of the Codex CLI. */
  codexHome: string;
  /** Where the other clients keep their settings and records. */
  clientHomes: { claude: string; copilot: string };
};

export type EngineOptions = {
  host: HostKind;
  version: string;
  companionPort?: number | undefined;
  /** Of every bridge, instead of the settings' ports: 0 takes any. */
  bridgePorts?: number | undefined;
  tunnels?: TunnelsTuning | undefined;
};

/** Everything Drawbridge does, without a window: started once, stopped once. */
export type Engine = {
  /** Starts the companion. A port that is taken is told in the status (and by `companionProblem`), it does not throw. */
  start(): Promise<void>;
  /** Ends in order: no new calls, running ones for a while, then the store. Never longer than STOP_DEADLINE_MS. */
  stop(): Promise<void>;
  status(): Promise<Status>;
  /** What keeps the companion from listening, with its port and the next free one in `details`. */
  companionProblem(): DrawbridgeError | null;
  usePort(port: number): Promise<ListenerStatus>;
  retryCompanion(): Promise<ListenerStatus>;
  /** A listener of the host's own (window, control socket), to be told in the status. */
  report(listener: ListenerStatus): void;
  clock: Clock;
  events: EventBus;
  capture: Capture;
  keys: KeyRing;
  /** Keys that may read over HTTP and nothing else. */
  readKeys: KeyRing;
  settings: SettingsStore;
  tunnels: Tunnels;
  companionAddress(): string | null;
  /** The proxy on the way out. */
  network: Omit<Network, 'read' | 'failed'>;
  /** The owner's own providers. */
  providers: Pick<Providers, 'list' | 'presets' | 'set' | 'remove' | 'try'>;
  /** Sets the gateway up, its key in the keychain; a base URL of null takes both away. May throw SecretError. */
  setGateway(gateway: { baseUrl: string | null; key?: string | undefined }): Promise<void>;
  /** Sends a kept call again; resolves with the row it became. */
  replay(request: ReplayRequest, signal: AbortSignal | undefined): Promise<Call>;
  telemetry(): TelemetryStatus;
  /** Where spans go, their headers in the keychain; an endpoint of null takes both away. May throw SecretError. */
  setTelemetry(target: { endpoint: string | null; headers?: Record<string, string> | undefined }): Promise<TelemetryStatus>;
  /** Sends an empty batch there. Throws `bad_input` where the endpoint can't be one. May throw SecretError. */
  tryTelemetry(target: { endpoint: string; headers?: Record<string, string> | undefined }): Promise<TelemetryTrial>;
  /** Tells notices elsewhere. */
  webhook: Pick<Webhook, 'status' | 'set' | 'try' | 'look'>;
  version: string;
  readonly secretsLast: boolean;
  bridges: Readonly<Record<BridgeName, BridgeService>>;
  /** What can be asked for at the companion. */
  models(): Promise<OfferedModel[]>;
  /** Clients whose settings we write. */
  attachments: Pick<Attachments, 'attach' | 'detach' | 'of'>;
  /** Looks for known clients on this machine. */
  clients: ReturnType<typeof createClientFinder>;
  /** What helps to find a fault, with everything personal taken out. */
  diagnostics(doctor: readonly DoctorCheck[]): Promise<DiagnosticsBundle>;
};

/** Calls under way get this long to end when the engine stops. Milliseconds. */
const GRACE_MS = 2_000;
const STOP_DEADLINE_MS = 5_000;

export function createEngine(settings: SettingsStore, ports: EnginePorts, options: EngineOptions): Engine {
  const { clock, log, paths } = ports;
  // Rows are told only where somebody reads them: telling costs every call.
  const events = new EventBus(() => capture.onCalls((calls) => events.emit({ type: 'calls', calls: [...calls] })));
  const keys = openKeys(paths.keys, clock);
  const readKeys = openKeys(paths.readKeys, clock, READ_PREFIX);
  const tickets = createTickets();
  const rooms = createRooms(clock);
  const capture = createCapture({
    file: paths.store,
    formerFile: paths.formerStore,
    clock,
    log,
    settings: () => settings.current().capture,
    sealKey: () => sealKey(ports.keychain),
    places: {
      adapters: paths.adapters,
      contexts: paths.contexts,
      prices: paths.prices,
      homes: { codex: ports.codexHome, claude: ports.clientHomes.claude, copilot: ports.clientHomes.copilot },
    },
    traced: () => settings.current().log.level === 'debug',
    stepBack: (thread) => stepBack(thread, ports.run),
    rooms,
  });
  const tokens = createTokenCounter({ log });
  const handles = lastingHandles({
    home: paths.home,
    keychain: ports.keychain,
    clock,
    log,
    random: () => randomBytes(16).toString('base64url'),
  });
  const bridgesChanged = (): void => {
    capture.bridges([
      ...Object.values(bridges).map((bridge) => reportOf(bridge.detail())),
      ...settings.current().upstreams.providers.filter(isOwnMachine).map(reportOfOwn),
    ]);
    events.emit({ type: 'status' });
  };
  const gatewayKey = holdSecret(ports.keychain, () => settings.current().upstreams.gateway.keySecret, log);
  const headers = holdSecret(ports.keychain, () => settings.current().telemetry.headersSecret, log);
  const network = createNetwork({
    settings,
    keychain: ports.keychain,
    env: ports.proxyEnv,
    log,
    now: () => clock.monotonic(),
    onChange: () => events.emit({ type: 'status' }),
  });
  const needSecrets = readsAgain(
    () => {
      const { upstreams, telemetry } = settings.current();
      return [
        ...(upstreams.gateway.baseUrl !== null && gatewayKey.problem() !== null ? [readGatewayKey] : []),
        ...(telemetry.endpoint !== null && headers.problem() !== null ? [applyTelemetry] : []),
        ...(network.failed() ? [readProxyLogin] : []),
        ...(webhook.failed() ? [readWebhook] : []),
        ...(providers.problem() !== null ? [readProviderKeys] : []),
      ];
    },
    () => clock.monotonic(),
  );
  const proxies = (): ProxySources => {
    needSecrets();
    return network.proxies();
  };
  const forBridges: BridgeOptions = {
    home: paths.home,
    settings: () => settings.current(),
    registry: openRegistry(paths.home),
    secrets: ports.keychain,
    net: ports.net ?? netOf(`Drawbridge/${options.version}`, proxies),
    proxies,
    keys,
    recorder: capture.recorder,
    rooms,
    tokens,
    handles,
    clock,
    log,
    version: options.version,
    onChange: bridgesChanged,
  };
  const providers = createProviders({
    settings,
    keychain: ports.keychain,
    net: forBridges.net,
    log,
    now: () => clock.monotonic(),
    proposed: async () => {
      // Where the store is out of reach, so are the adapters; ours are known all the same.
      const { adapters } = await capture.ask({ kind: 'adapters' }).catch(() => ({ adapters: [] }));
      return adapters.flatMap(({ name: from, upstreams: proposed }) => proposed.map((preset) => ({ ...preset, from })));
    },
    companion: () => listening.status().address,
    onWanted: needSecrets,
    onChange: () => events.emit({ type: 'status' }),
  });
  const codex = createCodexBridge({ ...forBridges, codexHome: ports.codexHome, port: options.bridgePorts });
  const copilot = createCopilotBridge({ ...forBridges, run: ports.run, pause: ports.pause, port: options.bridgePorts });
  const m365 = createM365Bridge({ ...forBridges, port: options.bridgePorts });
  const bridges = { codex, copilot, m365 };
  const upstreams: Upstreams = createUpstreams(
    settings.current(),
    { newId: (prefix) => newId(prefix, 'practice'), now: () => clock.now() },
    { codex: () => codex.known(), copilot: () => copilot.known(), m365: () => m365.known() },
    proxies,
    (provider) => providers.keyOf(provider),
  );
  const gateway = (): KnownUpstream | undefined => {
    needSecrets();
    const known = upstreams.get('gateway');
    return known !== undefined && gatewayKey.waiting() ? onceKnown(known, gatewayKey, () => upstreams.get('gateway')) : known;
  };
  const models = async (): Promise<OfferedModel[]> => {
    const others = await Promise.all([...Object.values(bridges), providers].map((source) => source.models()));
    return offeredModels(settings.current().companion.aliases, others.flat());
  };
  const companion = createCompanion({
    settings: () => settings.current(),
    keys,
    upstreams: { get: (id) => (id === 'gateway' ? gateway() : upstreams.get(id)) },
    recorder: capture.recorder,
    rooms,
    tokens,
    handles,
    clock,
    log,
    version: options.version,
    gatewayKey: () => gatewayKey.value(),
    tickets,
    models,
  });

  const telemetry = createTelemetry({
    net: forBridges.net,
    onCalls: (listener) => capture.onCalls(listener),
    log,
    version: options.version,
    randomHex: (bytes) => randomBytes(bytes).toString('hex'),
  });

  const callLog = createCallLog({ onCalls: (listener) => capture.onCalls(listener), log });
  callLog.apply(settings.current().log.level);

  const tunnels = createTunnels({
    settings,
    paths,
    platform: ports.platform,
    env: process.env,
    clock,
    log,
    keychain: ports.keychain,
    run: ports.run,
    proxies,
    fetch: fetchOf(proxies),
    offers: [{ name: 'companion', label: 'Companion', ...companion }, ...Object.values(bridges).map(offerOf)],
    interfaces: networkInterfaces,
    wayTo: systemWay,
    random: Math.random,
    onChange: () => events.emit({ type: 'status' }),
    ...options.tunnels,
  });

  const notices = (): Notice[] => [
    ...tunnels.notices(),
    ...noticesOf({
      companion: listening.status(),
      capture: capture.status(),
      movedAside: capture.movedAside(),
      settingsProblem: settings.problem(),
      keys: keys.list().length,
      keychain: ports.keychain.lasting ? (gatewayKey.problem() ?? providers.problem()) : 'session_only',
      proxyRefusal: network.status().refusal,
    }),
    ...Object.values(bridges).flatMap((bridge) => bridge.notices()),
  ];
  const webhook = createWebhook({
    settings,
    keychain: ports.keychain,
    net: forBridges.net,
    notices,
    clock,
    log,
    machine: hostname(),
    onChange: () => events.emit({ type: 'status' }),
  });

  const startedAt = new Date(clock.now()).toISOString();
  const listening = listenForCompanion({
    bind: (port) => companion.start(port),
    explain: (error, port) => explainBindError(error, port, ports),
    port: options.companionPort ?? settings.current().companion.port,
    graceMs: GRACE_MS,
    log,
    onChange: () => {
      events.emit({ type: 'status' });
      attachments.follow();
    },
  });
  const attachments = createAttachments({
    ledger: paths.attached,
    homes: { claude: ports.clientHomes.claude, codex: ports.codexHome },
    keys,
    origin: () => {
      const { address } = listening.status();
      return address === null ? null : `http://${address}`;
    },
    clock,
    log,
  });
  const hostListeners = new Map<string, ListenerStatus>();
  let stopping: Promise<void> | undefined;

  const readProxyLogin = async (): Promise<void> => {
    await network.read();
    events.emit({ type: 'status' });
  };

  const readGatewayKey = async (): Promise<void> => {
    await gatewayKey.read();
    events.emit({ type: 'status' });
  };

  const applyTelemetry = async (): Promise<void> => {
    if (settings.current().telemetry.endpoint !== null) await headers.read();
    if (stopping !== undefined) return;
    const { endpoint } = settings.current().telemetry;
    // Without its headers a collector would refuse them; they are sent once the keychain can be read.
    const known = endpoint !== null && (headers.value() !== undefined || (headers.problem() === null && !headers.waiting()));
    telemetry.apply(known ? { endpoint, headers: readHeaders(headers.value()) } : null);
    events.emit({ type: 'status' });
  };

  const readProviderKeys = async (): Promise<void> => {
    await providers.read();
    events.emit({ type: 'status' });
  };

  const readWebhook = async (): Promise<void> => {
    await webhook.read();
    if (stopping !== undefined) webhook.stop();
    events.emit({ type: 'status' });
  };

  const onSettings = (next: Settings): void => {
    upstreams.apply(next);
    bridgesChanged();
    for (const bridge of Object.values(bridges)) bridge.apply();
    events.emit({ type: 'settings' });
    events.emit({ type: 'status' });
    void readProxyLogin();
    void readGatewayKey();
    void applyTelemetry();
    void readWebhook();
    void readProviderKeys();
    callLog.apply(next.log.level);
    tunnels.apply();
    if (options.companionPort === undefined && next.companion.port !== listening.wanted()) void listening.move(next.companion.port);
  };

  const offs = [
    settings.onChange(onSettings),
    keys.onChange(() => events.emit({ type: 'keys' })),
    readKeys.onChange(() => events.emit({ type: 'keys' })),
    capture.onStatus(() => events.emit({ type: 'status' })),
    // Spans would be made of them.
    capture.onCalls(needSecrets),
    capture.onRemoved(() => events.emit({ type: 'removed' })),
  ];

  let lean: ReturnType<typeof keepLean> | undefined;
  const stop = async (): Promise<void> => {
    log.info('engine.stopping');
    lean?.stop();
    for (const off of offs) off();
    // While a client that is started now would still be served.
    attachments.stop();
    await tunnels.stop();
    await Promise.all([listening.stop(GRACE_MS), ...Object.values(bridges).map((bridge) => bridge.stop(GRACE_MS))]);
    await upstreams.stop();
    await Promise.all([tokens.stop(), handles.stop()]);
    await capture.stop();
    // The last rows are told when the store closes.
    await telemetry.stop();
    callLog.stop();
    webhook.stop();
    rooms.stop();
    keys.stop();
    readKeys.stop();
    settings.stop();
    events.close();
    log.info('engine.stopped');
  };

  const engine: Engine = {
    clock,
    events,
    capture,
    keys,
    readKeys,
    version: options.version,
    settings,
    tunnels,
    async start() {
      // Not waited for: the keychain may ask its owner, for as long as that takes.
      void readProxyLogin();
      void readGatewayKey();
      void applyTelemetry();
      void readWebhook();
      void readProviderKeys();
      await listening.start();
      await Promise.all(Object.values(bridges).map((bridge) => bridge.start()));
      bridgesChanged();
      // The first answer does not wait for the store: it is opened once the companion listens.
      void capture.start();
      await tunnels.start();
      lean = keepLean(() => capture.recorder.begun());
    },
    stop: () => {
      stopping ??= withDeadline(stop(), STOP_DEADLINE_MS, () => log.warn('engine.stop_deadline'));
      return stopping;
    },
    async status() {
      return {
        version: options.version,
        host: options.host,
        pid: process.pid,
        node: process.versions.node,
        startedAt,
        home: paths.home,
        listeners: [listening.status(), ...hostListeners.values()],
        bridges: Object.values(bridges).map((bridge) => bridge.status()),
        tunnels: tunnels.summaries(),
        upstreams: upstreams.status(),
        capture: capture.status(),
        activity: await capture.activity().catch(() => NO_ACTIVITY),
        notices: notices(),
      };
    },
    companionProblem: () => listening.problem(),
    usePort: (port) => listening.move(port, () => settings.update({ companion: { port } })),
    retryCompanion: () => listening.retry(),
    report(listener) {
      hostListeners.set(listener.name, listener);
      events.emit({ type: 'status' });
    },
    companionAddress: () => listening.status().address,
    network: {
      ...network,
      async set(wanted) {
        const status = await network.set(wanted);
        tunnels.wayChanged();
        return status;
      },
    },
    bridges,
    models,
    attachments,
    clients: createClientFinder({ platform: ports.platform, env: process.env, homedir: homedir(), run: ports.run }),
    async diagnostics(doctor) {
      return bundleOf({
        now: clock.now(),
        platform: ports.platform,
        status: await engine.status(),
        settings: settings.current(),
        settingsProblem: settings.problem(),
        proxy: network.proxy(),
        webhook: webhook.status().host,
        doctor,
        bridges: Object.values(bridges).map((bridge) => bridge.detail()),
        tunnels: await tunnels.list(),
        log: readLogEnd(paths.logs),
        person: thisPerson(),
      });
    },
    replay: (request, signal) =>
      replayCall(
        request,
        { capture, tickets, companion: listening.status().address, upstreams: upstreams.status(), version: options.version },
        signal,
      ),
    webhook,
    providers,
    telemetry: () => telemetry.status(),
    async setTelemetry({ endpoint, headers: given }) {
      if (endpoint !== null) collectorUrl(endpoint);
      const change = (): void => void settings.update({ telemetry: { endpoint } });
      if (endpoint === null) await headers.replace(undefined, change);
      else if (given === undefined) change();
      else await headers.replace(JSON.stringify(given), change);
      await applyTelemetry();
      return telemetry.status();
    },
    async tryTelemetry({ endpoint, headers: given }) {
      const url = collectorUrl(endpoint);
      const held = given ?? readHeaders(await ports.keychain.get(settings.current().telemetry.headersSecret));
      return tryCollector(forBridges.net, { endpoint: url, headers: held });
    },
    get secretsLast() {
      return ports.keychain.lasting;
    },
    async setGateway({ baseUrl: url, key }) {
      if (url !== null) gatewayUrl(url);
      const change = (): void => void settings.update({ upstreams: { gateway: { baseUrl: url } } });
      if (url === null) await gatewayKey.replace(undefined, change);
      else if (key === undefined) change();
      else await gatewayKey.replace(key, change);
    },
  };
  return engine;
}

/** What usage needs to know of a bridge. A key is billed by use; every other way to sign in is a plan. */
function reportOf({ name, route, accounts, quota }: BridgeDetail): BridgeReport {
  return {
    bridge: name,
    account: accounts.find((account) => account.active)?.id ?? null,
    billing: route === 'api-key' ? 'use' : 'plan',
    plan: quota?.plan ?? null,
    windows: quota?.windows ?? [],
    asOf: quota?.asOf ?? null,
  };
}

/** Models of one's own machine cost nothing, whatever they are called. */
function reportOfOwn({ name }: Provider): BridgeReport {
  return { bridge: name, account: null, billing: 'free', plan: null, windows: [], asOf: null };
}

/** True for a server on this machine that nobody pays: one with a key may lead anywhere. */
function isOwnMachine({ baseUrl: url, credential }: Provider): boolean {
  return credential === 'none' && new URL(url).protocol === 'http:';
}

/** Headers for a collector as they are kept; none where they can't be read. */
function readHeaders(secret: string | undefined): Record<string, string> {
  if (secret === undefined) return {};
  try {
    return z.record(z.string(), z.string()).parse(JSON.parse(secret));
  } catch {
    return {};
  }
}

/** A bridge as a tunnel lends it: the same door its own listener has. */
const offerOf = (bridge: BridgeService): Offer => {
  const { name, label } = bridge.status();
  return { name, label, ...bridge.door };
};

const NO_ACTIVITY = { calls: 0, failed: 0, open: 0, ttfbP50Ms: null, inputTokens: null, outputTokens: null };

/** Says who holds the port where that can be known, and which is free instead. */
async function explainBindError(error: unknown, port: number, ports: EnginePorts): Promise<DrawbridgeError> {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  if (code !== 'EADDRINUSE') {
    return new DrawbridgeError(
      'failed',
      `Port ${port} can't be opened (${code || String(error)}). Choose another with --companion-port.`,
      { port },
      { cause: error },
    );
  }
  const holder = await findPortHolder(port, ports.platform, ports.run);
  const next = await nextFreePort(port);
  const who = holder === undefined ? 'another program' : `${holder.command} (process ${holder.pid})`;
  const instead =
    next === undefined ? 'Choose another with --companion-port.' : `Stop it, or use ${next} instead: --companion-port ${next}.`;
  return new DrawbridgeError(
    'port_taken',
    `Port ${port} is in use by ${who}. ${instead}`,
    { port, next: next ?? null, holderPid: holder?.pid ?? null, holder: holder?.command ?? null },
    { cause: error },
  );
}

type NoticeFacts = {
  companion: ListenerStatus;
  capture: Status['capture'];
  movedAside: string | null;
  settingsProblem: string | null;
  keys: number;
  keychain: SecretProblem | 'session_only' | null;
  proxyRefusal: string | null;
};

/** What needs attention, worst first. Pure. */
export function noticesOf(facts: NoticeFacts): Notice[] {
  const notices: Notice[] = [];
  if (facts.companion.state === 'failed') {
    notices.push({
      id: 'companion',
      level: 'error',
      title: 'The companion is not listening',
      cause: facts.companion.reason ?? '',
      mend: facts.companion.mend,
    });
  }
  if (facts.companion.state === 'listening' && facts.companion.reason !== null) {
    notices.push({
      id: 'companion',
      level: 'warning',
      title: 'The companion could not move to another port',
      cause: facts.companion.reason,
      mend: facts.companion.mend,
    });
  }
  if (facts.settingsProblem !== null) {
    notices.push({
      id: 'settings',
      level: 'warning',
      title: 'The settings file is not in force',
      cause: facts.settingsProblem,
      mend: null,
    });
  }
  if (facts.capture.state === 'failed') {
    notices.push({
      id: 'capture',
      level: 'warning',
      title: 'Calls are not being captured',
      cause: `${facts.capture.reason ?? 'The store failed.'} Calls themselves go on.`,
      mend: null,
    });
  }
  if (facts.capture.dropped > 0) {
    notices.push({
      id: 'dropped',
      level: 'warning',
      title: `${facts.capture.dropped} calls were not captured`,
      cause: 'The store could not keep up, or could not write them. The calls themselves were served.',
      mend: null,
    });
  }
  if (facts.movedAside !== null) {
    notices.push({
      id: 'moved-aside',
      level: 'warning',
      title: 'The call history was begun anew',
      cause: `The old database was damaged and is kept as ${facts.movedAside}.`,
      mend: null,
    });
  }
  if (facts.proxyRefusal !== null)
    notices.push({ id: 'proxy', level: 'warning', title: 'The proxy lets nothing through', cause: facts.proxyRefusal, mend: null });
  if (facts.keychain === 'session_only') {
    notices.push({
      id: 'keychain',
      level: 'info',
      title: 'Sign-ins last for this session only',
      cause:
        'This session has no keychain, and secrets are never written to a plain file. Start Drawbridge where a keychain runs (on Linux: a Secret Service such as gnome-keyring) to keep them.',
      mend: null,
    });
  } else if (facts.keychain !== null) {
    notices.push({
      id: 'keychain',
      level: 'warning',
      title: facts.keychain === 'locked' ? 'The keychain is locked' : 'The keychain can’t be read',
      cause:
        'Sign-ins and keys of providers and of the gateway are kept in it. Unlock it and allow Drawbridge there; the next call that needs it asks again.',
      mend: null,
    });
  }
  if (facts.keys === 0) {
    notices.push({
      id: 'no-keys',
      level: 'info',
      title: 'No client key yet',
      cause: 'Clients need a key to call. Make one on the Clients page, or with: drawbridge keys create NAME',
      mend: null,
    });
  }
  return notices;
}

async function withDeadline(work: Promise<void>, milliseconds: number, late: () => void): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const deadline = new Promise<void>((resolve) => {
    timer = setTimeout(() => {
      late();
      resolve();
    }, milliseconds);
  });
  await Promise.race([work, deadline]);
  clearTimeout(timer);
}

/** Throws bad_input. */
function collectorUrl(endpoint: string): string {
  const url = baseUrl.safeParse(endpoint);
  if (url.success) return url.data;
  throw new DrawbridgeError('bad_input', `The endpoint ${url.error.issues[0]?.message ?? 'is wrong'}.`, { key: 'endpoint' });
}

/** Before the keychain is asked to keep a key for it. Throws settings_invalid. */
function gatewayUrl(given: string): void {
  const url = baseUrl.safeParse(given);
  if (url.success) return;
  const key = 'upstreams.gateway.baseUrl';
  throw new DrawbridgeError('settings_invalid', `The setting "${key}" is wrong: ${url.error.issues[0]?.message ?? 'no URL'}.`, { key });
}
