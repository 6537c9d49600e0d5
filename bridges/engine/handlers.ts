import { ValidationError } from '@orpc/contract';
import { implement, ORPCError } from '@orpc/server';
import { callDetail } from '../capture/detail.ts';
import { exportCalls } from '../capture/export/export.ts';
import { compareCalls } from '../capture/replay/compare.ts';
import { replayOffline } from '../capture/replay/offline.ts';
import { writePrices } from '../capture/usage/price-file.ts';
import type { StoredCall } from '../capture/worker.ts';
import { clientEnvs } from '../clients/env.ts';
import { listOf } from '../clients/known.ts';
import { contract } from '../contract/contract.ts';
import { DrawbridgeError, type ErrorCode } from '../contract/errors.ts';
import type { Call, ClientEnv, DoctorCheck, LoginItem } from '../contract/index.ts';
import type { Engine } from './engine.ts';
import { systemFault } from './files.ts';
import { SecretError } from './secrets.ts';

/** What a host adds to the contract's handlers. */
export type HostHandlers = {
  /** A fresh one-time link to the window; undefined where the host serves none. */
  link(): string | undefined;
  /** Asks the host to stop the engine and itself. */
  stop(): void;
  doctor(): Promise<DoctorCheck[]>;
  /** Makes one practice call as a client would; returns the call's row. */
  practise(model: string): Promise<Call>;
  loginItem: { get(): Promise<LoginItem>; set(enabled: boolean): Promise<LoginItem> };
};

/** The contract over an engine. The same router serves the window, the CLI and the tray. */
export function createRouter(engine: Engine, host: HostHandlers) {
  const os = implement(contract).use(telling);
  return os.router({
    status: { get: os.status.get.handler(() => engine.status()) },
    calls: {
      list: os.calls.list.handler(async ({ input }) => {
        // One more than asked for tells whether there are more.
        const calls = await engine.capture.list(input.limit + 1, input.before, input.filter, input.query);
        return { calls: calls.slice(0, input.limit), more: calls.length > input.limit };
      }),
      get: os.calls.get.handler(async ({ input }) => callDetail(await storedCall(engine, input.id), input.limit)),
      facets: os.calls.facets.handler(() => engine.capture.facets()),
    },
    keys: {
      list: os.keys.list.handler(() => engine.keys.list()),
      create: os.keys.create.handler(({ input }) => engine.keys.create(input.name, input.use)),
      revoke: os.keys.revoke.handler(({ input }) => {
        engine.keys.revoke(input.id);
        return { revoked: true as const };
      }),
      restore: os.keys.restore.handler(({ input }) => engine.keys.restore(input.id)),
    },
    settings: {
      get: os.settings.get.handler(() => ({
        settings: engine.settings.current(),
        path: engine.settings.file,
        problem: engine.settings.problem(),
      })),
      update: os.settings.update.handler(({ input }) => ({ settings: engine.settings.update(input.patch) })),
      replace: os.settings.replace.handler(({ input }) => ({ settings: engine.settings.replace(input.settings) })),
    },
    companion: {
      usePort: os.companion.usePort.handler(({ input }) => engine.usePort(input.port)),
      retry: os.companion.retry.handler(() => engine.retryCompanion()),
    },
    capture: {
      pause: os.capture.pause.handler(({ input }) => {
        engine.capture.pause(input.paused);
        return engine.capture.status();
      }),
      sizes: os.capture.sizes.handler(() => engine.capture.sizes()),
      purge: os.capture.purge.handler(({ input }) => engine.capture.purge(input.scope, input.dryRun)),
      retain: os.capture.retain.handler(() => engine.capture.retain()),
      check: os.capture.check.handler(async () => ({ ...(await engine.capture.check()), movedAside: engine.capture.movedAside() })),
    },
    clients: {
      list: os.clients.list.handler(async () => {
        const envs = envsOf(engine);
        const [found, recent, facets] = await Promise.all([
          Promise.all(envs.map(async ({ client }) => [client, await engine.clients.find(client)] as const)),
          engine.capture.list(RECENT_CALLS, undefined, {}),
          engine.capture.facets(),
        ]);
        // Who has not called lately is looked up alone.
        const quiet = facets.clients.filter((client) => !recent.some((call) => call.client === client));
        const older = await Promise.all(quiet.map((client) => engine.capture.list(1, undefined, { client })));
        return listOf(envs, new Map(found), [...recent, ...older.flat()], (client) => engine.attachments.of(client));
      }),
      models: os.clients.models.handler(() => engine.models()),
      attach: os.clients.attach.handler(({ input }) => engine.attachments.attach(input.client, input.model)),
      detach: os.clients.detach.handler(({ input }) => engine.attachments.detach(input.client)),
      env: os.clients.env.handler(({ input }) => {
        const all = envsOf(engine);
        if (input.client === undefined) return all;
        const one = all.filter((entry) => entry.client === input.client);
        if (one.length === 0) {
          throw new DrawbridgeError(
            'not_found',
            `The client "${input.client}" is not known. Known are: ${all.map((entry) => entry.client).join(', ')}.`,
            { client: input.client },
          );
        }
        return one;
      }),
    },
    bridges: {
      list: os.bridges.list.handler(() => Object.values(engine.bridges).map((bridge) => bridge.detail())),
      signIn: os.bridges.signIn.handler(({ input }) => engine.bridges[input.bridge].signIn(input)),
      cancelSignIn: os.bridges.cancelSignIn.handler(({ input }) => engine.bridges[input.bridge].cancelSignIn()),
      signOut: os.bridges.signOut.handler(({ input }) => engine.bridges[input.bridge].signOut()),
      useAccount: os.bridges.useAccount.handler(({ input }) => engine.bridges[input.bridge].useAccount(input.account)),
      setScope: os.bridges.setScope.handler(({ input }) => engine.bridges[input.bridge].setScope(input.route, input.scope)),
      enable: os.bridges.enable.handler(({ input }) => {
        engine.settings.update({ bridges: { [input.bridge]: { enabled: input.enabled } } });
        return engine.bridges[input.bridge].detail();
      }),
      retry: os.bridges.retry.handler(({ input }) => engine.bridges[input.bridge].retry()),
      models: os.bridges.models.handler(async ({ input }) => [...(await engine.bridges[input.bridge].models())]),
    },
    gateway: {
      set: os.gateway.set.handler(async ({ input }) => {
        await engine.setGateway(input);
        return { baseUrl: engine.settings.current().upstreams.gateway.baseUrl, lasting: engine.secretsLast };
      }),
    },
    practice: { call: os.practice.call.handler(({ input }) => host.practise(input.model)) },
    doctor: {
      run: os.doctor.run.handler(({ input }) => (input.bridge === undefined ? host.doctor() : engine.bridges[input.bridge].examine())),
    },
    engine: {
      link: os.engine.link.handler(() => {
        const url = host.link();
        if (url === undefined)
          throw new DrawbridgeError('not_found', 'This host serves no window in a browser. Open it from the menu bar.');
        return { url };
      }),
      stop: os.engine.stop.handler(() => {
        host.stop();
        return { stopping: true as const };
      }),
    },
    tunnels: {
      list: os.tunnels.list.handler(() => engine.tunnels.list()),
      offers: os.tunnels.offers.handler(() => engine.tunnels.offers()),
      validate: os.tunnels.validate.handler(({ input }) => engine.tunnels.validate(input.draft, input.editing)),
      add: os.tunnels.add.handler(({ input }) => engine.tunnels.add(input.definition, input.token)),
      edit: os.tunnels.edit.handler(({ input }) => engine.tunnels.edit(input.definition)),
      token: os.tunnels.token.handler(({ input }) => engine.tunnels.token(input.name, input.token)),
      key: os.tunnels.key.handler(({ input }) => engine.tunnels.key(input.name)),
      start: os.tunnels.start.handler(({ input }) => engine.tunnels.startOne(input.name)),
      stop: os.tunnels.stop.handler(({ input }) => engine.tunnels.stopOne(input.name)),
      reconnect: os.tunnels.reconnect.handler(({ input }) => engine.tunnels.reconnect(input.name)),
      remove: os.tunnels.remove.handler(async ({ input }) => {
        await engine.tunnels.remove(input.name);
        return { removed: true as const };
      }),
      hostKey: os.tunnels.hostKey.handler(({ input }) => engine.tunnels.hostKey(input.name)),
      trust: os.tunnels.trust.handler(({ input }) => engine.tunnels.trust(input.name, input.fingerprint)),
      check: os.tunnels.check.handler(({ input }) => engine.tunnels.check(input.name)),
      logs: os.tunnels.logs.handler(({ input }) => engine.tunnels.logs(input.name)),
      follow: os.tunnels.follow.handler(({ input, signal }) => toldOf(engine.tunnels.follow(input.name, signal))),
      numbers: os.tunnels.numbers.handler(({ input }) => engine.tunnels.numbers(input.name)),
      serverKit: os.tunnels.serverKit.handler(({ input }) => engine.tunnels.serverKit(input.name)),
      login: os.tunnels.login.handler(({ input }) => engine.tunnels.login(input.name)),
      installCloudflared: os.tunnels.installCloudflared.handler(({ signal }) => toldOf(engine.tunnels.install(signal))),
      disturb: os.tunnels.disturb.handler(({ input }) => ({ disturbed: engine.tunnels.disturb(input.why) })),
    },
    loginItem: {
      get: os.loginItem.get.handler(() => host.loginItem.get()),
      set: os.loginItem.set.handler(({ input }) => host.loginItem.set(input.enabled)),
    },
    diagnostics: { bundle: os.diagnostics.bundle.handler(async () => engine.diagnostics(await host.doctor())) },
    conversations: {
      list: os.conversations.list.handler(async ({ input }) => (await engine.capture.ask({ kind: 'conversations', filter: input })).page),
      tree: os.conversations.tree.handler(async ({ input }) =>
        found((await engine.capture.ask({ kind: 'tree', call: input.id, limit: input.limit })).tree, input.id),
      ),
      identity: os.conversations.identity.handler(async ({ input }) =>
        found((await engine.capture.ask({ kind: 'identity', call: input.call })).identity, input.call),
      ),
      why: os.conversations.why.handler(async ({ input }) =>
        found((await engine.capture.ask({ kind: 'why', call: input.call })).why, input.call),
      ),
    },
    adapters: { list: os.adapters.list.handler(() => engine.capture.ask({ kind: 'adapters' })) },
    usage: {
      series: os.usage.series.handler(async ({ input: { from, to, by, ...input } }) => {
        const span = spanOf(from, to, engine.clock.now());
        return (await engine.capture.ask({ kind: 'series', input: { ...input, ...span, by } })).series;
      }),
      window5h: os.usage.window5h.handler(
        async ({ input }) => (await engine.capture.ask({ kind: 'window5h', by: input.by, nowMs: engine.clock.now() })).windows,
      ),
      cost: os.usage.cost.handler(async ({ input }) =>
        found((await engine.capture.ask({ kind: 'cost', call: input.call })).cost, input.call),
      ),
      quotas: os.usage.quotas.handler(
        async ({ input }) =>
          (await engine.capture.ask({ kind: 'quotas', bridge: input.bridge, ...spanOf(input.from, input.to, engine.clock.now()) })).points,
      ),
      prices: os.usage.prices.handler(() => engine.capture.ask({ kind: 'prices' })),
      setPrices: os.usage.setPrices.handler(async ({ input }) => {
        const { file } = await engine.capture.ask({ kind: 'prices' });
        writePrices(file, input.prices, engine.clock.now());
        return { file };
      }),
    },
    exchange: {
      export: os.exchange.export.handler(({ input }) =>
        toldOf(exportCalls(engine.capture, { ...input, version: engine.version, now: engine.clock.now() })),
      ),
      import: os.exchange.import.handler(({ input }) => engine.capture.import(input.lines, input.firstLine)),
    },
    replay: {
      run: os.replay.run.handler(async ({ input, signal }) => {
        const row = await engine.replay(input, signal);
        return compareCalls(await storedCall(engine, input.id), await storedCall(engine, row.id));
      }),
      compare: os.replay.compare.handler(async ({ input }) =>
        compareCalls(await storedCall(engine, input.original), await storedCall(engine, input.other)),
      ),
      offline: os.replay.offline.handler(async ({ input }) => replayOffline(await storedCall(engine, input.id))),
    },
    readKeys: {
      list: os.readKeys.list.handler(() => engine.readKeys.list()),
      create: os.readKeys.create.handler(({ input }) => engine.readKeys.create(input.name)),
      revoke: os.readKeys.revoke.handler(({ input }) => {
        engine.readKeys.revoke(input.id);
        return { revoked: true as const };
      }),
      restore: os.readKeys.restore.handler(({ input }) => engine.readKeys.restore(input.id)),
    },
    network: {
      status: os.network.status.handler(() => engine.network.status()),
      set: os.network.set.handler(({ input }) => engine.network.set(input)),
    },
    providers: {
      list: os.providers.list.handler(() => engine.providers.list()),
      presets: os.providers.presets.handler(() => engine.providers.presets()),
      set: os.providers.set.handler(({ input }) => engine.providers.set(input.provider, input.key)),
      remove: os.providers.remove.handler(({ input }) => engine.providers.remove(input.name)),
      try: os.providers.try.handler(({ input }) => engine.providers.try(input.provider, input.key)),
    },
    telemetry: {
      status: os.telemetry.status.handler(() => engine.telemetry()),
      set: os.telemetry.set.handler(({ input }) => engine.setTelemetry(input)),
      try: os.telemetry.try.handler(({ input }) => engine.tryTelemetry(input)),
    },
    webhook: {
      status: os.webhook.status.handler(() => engine.webhook.status()),
      set: os.webhook.set.handler(({ input }) => engine.webhook.set(input.url)),
      try: os.webhook.try.handler(({ input }) => engine.webhook.try(input.url)),
    },
    events: os.events.handler(({ signal }) => toldOf(engine.events.subscribe(signal))),
  });
}

/** What a handler throws is thrown on as it crosses the border. */
export async function telling<Answer>({ next }: { next: () => Answer | PromiseLike<Answer> }): Promise<Answer> {
  try {
    return await next();
  } catch (error) {
    throw told(error);
  }
}

/** An error as it crosses the border. */
function told(error: unknown): unknown {
  if (error instanceof DrawbridgeError)
    return new ORPCError(error.code, { message: error.message, status: STATUS[error.code], data: error.details, cause: error });
  if (error instanceof SecretError)
    return new ORPCError('keychain', {
      message: `${error.message} Unlock or start it, then try again.`,
      status: STATUS.keychain,
      cause: error,
    });
  if (error instanceof ORPCError && error.code === 'BAD_REQUEST' && error.cause instanceof ValidationError)
    return new ORPCError('bad_input', { message: wrongOf(error.cause), status: STATUS.bad_input, cause: error });
  const fault = systemFault(error);
  if (fault === undefined) return error;
  const where = error instanceof Error && 'path' in error && typeof error.path === 'string' ? `${error.path}: ` : '';
  return new ORPCError('failed', { message: `The system refused this. ${where}${fault}.`, status: STATUS.failed, cause: error });
}

/** The first thing that is wrong with what was asked. */
function wrongOf({ issues: [issue] }: ValidationError): string {
  const key = (issue?.path ?? []).map((part) => String(typeof part === 'object' ? part.key : part)).join('.');
  return `${key === '' ? 'What was asked' : `"${key}"`} is wrong: ${issue?.message ?? 'it could not be understood'}.`;
}

/** What goes wrong while a stream is read comes after its handler has ended. */
async function* toldOf<Value>(values: AsyncIterable<Value>): AsyncGenerator<Value, void> {
  try {
    yield* values;
  } catch (error) {
    throw told(error);
  }
}

const RECENT_CALLS = 500;

/** The settings of every client, for the companion as it listens now, or will. */
function envsOf(engine: Engine): ClientEnv[] {
  return clientEnvs(`http://${engine.companionAddress() ?? `127.0.0.1:${engine.settings.current().companion.port}`}`);
}

/** A call with everything that was kept of it. Throws not_found. */
async function storedCall(engine: Engine, id: number): Promise<StoredCall> {
  const stored = await engine.capture.get(id);
  if (stored === null) throw new DrawbridgeError('not_found', `There is no call ${id}. It may have been removed.`, { id });
  return stored;
}

/** An answer about one call. Throws not_found where there is none. */
function found<Value>(value: Value | null, call: number): Value {
  if (value !== null) return value;
  throw new DrawbridgeError('not_found', `Call ${call} is in no conversation: it was removed, or its request could not be read.`, { call });
}

const MONTH_MS = 30 * 24 * 3_600_000;

/** A span of time in Unix milliseconds: the last 30 days where nothing is said. */
function spanOf(from: string | undefined, to: string | undefined, now: number): { fromMs: number; toMs: number } {
  const toMs = to === undefined ? now : Date.parse(to);
  return { fromMs: from === undefined ? toMs - MONTH_MS : Date.parse(from), toMs };
}

export type Router = ReturnType<typeof createRouter>;

const STATUS: Record<ErrorCode, number> = {
  bad_input: 400,
  settings_invalid: 400,
  not_found: 404,
  port_taken: 409,
  already_running: 409,
  not_running: 409,
  store_unavailable: 503,
  terms_not_agreed: 409,
  keychain: 503,
  shutting_down: 503,
  unsupported_node: 500,
  failed: 500,
};
