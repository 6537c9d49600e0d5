import { createReadStream, existsSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { extname, join, resolve } from 'node:path';
import { implement, ORPCError } from '@orpc/server';
import { RPCHandler } from '@orpc/server/node';
import { contract } from '../../bridges/contract/contract.ts';
import { plainMend } from '../../bridges/tunnels/causes.ts';
import { ProviderPreset } from '../../bridges/contract/providers.ts';
import { Settings } from '../../bridges/contract/settings.ts';
import { PRESETS } from '../../bridges/upstreams/providers/presets.ts';
import type {
  Attachment,
  Bridge,
  Call,
  CallDetail,
  CallFilter,
  CaptureStatus,
  StoreSizes,
  ClientEnv,
  DiagnosticsBundle,
  DoctorCheck,
  EngineEvent,
  Key,
  Listener,
  LogLine,
  Notice,
  Price,
  Status,
  TunnelStatus,
} from '../../bridges/contract/index.ts';
import { listOf, type Found } from '../../bridges/clients/known.ts';
import { parseQuery } from '../../bridges/contract/query.ts';
import { fits } from '../../renderer/src/lib/query-match.ts';
import { madeCall, madeDetail, madeIdentity, madeTree, madeWhy } from './made-calls.ts';
import { MADE_KIT, MADE_LOG, madeBridge, madeSamples } from './made-status.ts';
import { madeConversations, madeNodes, madeQuotas, madeUsage, madeWindow } from './made-meaning.ts';

/** The policy every host serves the window under. */
export const WINDOW_CSP =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; font-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

const PRICE_FILE = '/home/you/.config/drawbridge/prices.json';
const RENDERER = resolve(import.meta.dirname, '../../dist/renderer');
const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
};

/** An engine that makes everything up, always in the same way, and serves the built window. */
export type EngineStub = {
  url: string;
  /** Makes a call appear, or replaces the one with its id. Returns the row. */
  push: (part?: Partial<Call>) => Call;
  /** Makes so many calls appear, told in one event. */
  pushMany: (count: number) => void;
  /** Changes what the status says. */
  set: (part: {
    listeners?: Listener[];
    notices?: Notice[];
    capture?: Partial<CaptureStatus>;
    bridges?: Bridge[];
    tunnels?: TunnelStatus[];
  }) => void;
  /** Answers 401 to everything from now on, as a host does whose session is gone. */
  endSession: () => void;
  /** Cuts every event stream, as an engine that restarts does. */
  dropEvents: () => void;
  /** How many windows listen to events now. */
  listeners: () => number;
  stop: () => Promise<void>;
};

/** Starts the stub on a port of its own, with `calls` rows of history. */
export async function startEngineStub(options: { calls?: number; welcomed?: boolean } = {}): Promise<EngineStub> {
  const count = options.calls ?? 60;
  const startedAt = Date.now();
  const pushed = new Map<number, Call>();
  let newestId = count;
  let sessionEnded = false;
  const keys: Key[] = [
    { id: 'k1', name: 'claude-code on laptop', hint: 'db_7fQ2…', createdAt: at(-86_400_000 * 6), lastUsedAt: at(-120_000), use: 'clients' },
    { id: 'k2', name: 'codex', hint: 'db_Lp0x…', createdAt: at(-86_400_000 * 2), lastUsedAt: at(-3_600_000 * 5), use: 'clients' },
    { id: 'k3', name: 'nightly script', hint: 'db_m9Wc…', createdAt: at(-3_600_000), lastUsedAt: null, use: 'clients' },
  ];
  const sizes = (): StoreSizes => ({
    path: '/home/u/.local/share/drawbridge/capture/captures.db',
    calls: capture.calls,
    oldest: at(-86_400_000 * 31),
    newest: at(-15_000),
    diskBytes: capture.storeBytes,
    freeBytes: 0,
    wireBytes: capture.storeBytes * 60,
    parts: [
      { part: 'messages', bytes: Math.round(capture.storeBytes * 0.61) },
      { part: 'search', bytes: Math.round(capture.storeBytes * 0.17) },
      { part: 'bodies', bytes: Math.round(capture.storeBytes * 0.12) },
      { part: 'rows', bytes: Math.round(capture.storeBytes * 0.08) },
      { part: 'other', bytes: Math.round(capture.storeBytes * 0.02) },
    ],
    encrypted: false,
  });
  const revoked = new Map<string, Key>();
  let capture: CaptureStatus = {
    state: 'recording',
    reason: null,
    calls: count,
    dropped: 0,
    pendingBytes: 0,
    storeBytes: 48_300_000,
  };
  let notices: Notice[] = [];
  let prices: (Price & { from: 'user' })[] = [];
  let bridges: Bridge[] = [];
  let tunnels: TunnelStatus[] = [];
  let settings = Settings.parse({
    ui: { welcomed: options.welcomed ?? true },
    upstreams: {
      providers: PRESETS.filter(({ name }) => name === 'openrouter' || name === 'ollama').map((preset) => ({
        ...preset,
        models: preset.name === 'ollama' ? ['qwen*'] : [],
      })),
    },
  });
  let listeners: Listener[] = [
    { name: 'companion', state: 'listening', address: '127.0.0.1:11435', reason: null, mend: null },
    { name: 'ui', state: 'listening', address: '127.0.0.1:52110', reason: null, mend: null },
    { name: 'control', state: 'listening', address: '/run/user/1000/drawbridge/control.sock', reason: null, mend: null },
  ];

  function at(offsetMs: number): string {
    return new Date(startedAt + offsetMs).toISOString();
  }
  function call(id: number): Call | undefined {
    return pushed.get(id) ?? (id >= 1 && id <= count ? madeCall(id, startedAt - (count - id) * 37_000 - 15_000) : undefined);
  }
  function* newestFirst(before = Infinity): Generator<Call> {
    for (let id = Math.min(before - 1, newestId); id >= 1; id -= 1) {
      const found = call(id);
      if (found) yield found;
    }
  }

  const streams = new Set<{ send: (event: EngineEvent) => void; end: () => void }>();
  function emit(event: EngineEvent): void {
    for (const stream of streams) stream.send(event);
  }
  async function* events(signal: AbortSignal | undefined): AsyncGenerator<EngineEvent> {
    const queue: EngineEvent[] = [];
    let wake = (): void => {};
    const stream = {
      ended: false,
      send: (event: EngineEvent): void => {
        queue.push(event);
        wake();
      },
      end: (): void => {
        stream.ended = true;
        wake();
      },
    };
    streams.add(stream);
    signal?.addEventListener('abort', stream.end);
    try {
      // As the engine does: who has been heard only now asks again for what happened before.
      yield { type: 'status' };
      while (!stream.ended) {
        const event = queue.shift();
        if (event) yield event;
        else await new Promise<void>((done) => (wake = done));
      }
    } finally {
      streams.delete(stream);
    }
  }

  function place(part: Partial<Call>): Call {
    const id = part.id ?? newestId + 1;
    newestId = Math.max(newestId, id);
    const row = { ...(pushed.get(id) ?? madeCall(id, Date.now())), ...part, id };
    pushed.set(id, row);
    return row;
  }
  function push(part: Partial<Call> = {}): Call {
    const row = place(part);
    emit({ type: 'calls', calls: [row] });
    return row;
  }
  function setCompanion(address: string): Listener {
    const companion: Listener = { name: 'companion', state: 'listening', address, reason: null, mend: null };
    listeners = [companion, ...listeners.filter(({ name }) => name !== 'companion')];
    notices = [];
    emit({ type: 'status' });
    return companion;
  }
  function status(): Status {
    return {
      version: '0.1.0',
      host: 'headless',
      pid: 4242,
      node: 'v24.21.0',
      startedAt: at(-7_200_000),
      home: '/home/you/.local/state/drawbridge',
      listeners,
      bridges,
      tunnels: tunnels.map(({ definition: { name }, state, reason, mend }) => ({ name, state, reason, mend: plainMend(mend) })),
      upstreams: UPSTREAMS,
      capture: { ...capture, calls: count + pushed.size },
      activity:
        count === 0
          ? { calls: 0, failed: 0, open: 0, ttfbP50Ms: null, inputTokens: null, outputTokens: null }
          : { calls: 97, failed: 6, open: 1, ttfbP50Ms: 412, inputTokens: 1_284_300, outputTokens: 48_210 },
      notices,
    };
  }

  const noTunnels = (): never => {
    throw new ORPCError('not_found', { status: 404, message: 'There are no tunnels here.' });
  };
  const notKept = (): never => {
    throw new ORPCError('store_unavailable', { status: 503, message: 'This engine keeps no conversations.' });
  };
  const attachments = new Map<string, Attachment>();
  const providersStatus = () => ({
    providers: settings.upstreams.providers.map((provider) => ({
      ...provider,
      label: provider.label ?? provider.name,
      hasKey: provider.credential === 'key',
      problem: null,
    })),
    overlaps: [],
    lasting: true,
  });
  const os = implement(contract);
  const router = os.router({
    status: { get: os.status.get.handler(() => status()) },
    calls: {
      list: os.calls.list.handler(({ input }) => {
        const calls: Call[] = [];
        const query = parseQuery(input.query ?? '');
        const [problem] = query.problems;
        if (problem !== undefined) throw new ORPCError('bad_input', { status: 400, message: problem.message });
        const words = query.terms.flatMap((term) => (term.type === 'text' ? [term.text.toLowerCase()] : []));
        for (const row of newestFirst(input.before)) {
          if (!passes(row, input.filter) || fits(row, query, Date.now()) === 'no') continue;
          if (words.length > 0 && !words.every((word) => JSON.stringify(row).toLowerCase().includes(word))) continue;
          if (calls.length === input.limit) return { calls, more: true };
          calls.push(row);
        }
        return { calls, more: false };
      }),
      get: os.calls.get.handler(({ input }): CallDetail => {
        const row = call(input.id);
        if (!row) throw new ORPCError('not_found', { status: 404, message: `No call has the number ${input.id}.` });
        return madeDetail(row, input.limit);
      }),
      facets: os.calls.facets.handler(() => {
        const rows = [...newestFirst()].slice(0, 400);
        const distinct = (values: (string | null)[]): string[] => [...new Set(values.filter((value) => value !== null))].sort();
        return {
          clients: distinct(rows.map((row) => row.client)),
          callers: distinct(rows.map((row) => row.caller)),
          upstreams: distinct(rows.map((row) => row.upstream)),
          models: distinct(rows.map((row) => row.modelRequested)),
        };
      }),
    },
    keys: {
      list: os.keys.list.handler(() => keys),
      create: os.keys.create.handler(({ input }) => {
        if (keys.some(({ name }) => name === input.name)) {
          throw new ORPCError('bad_input', { status: 400, message: `A key named "${input.name}" exists already. Choose another name.` });
        }
        const id = `k${keys.length + 1}`;
        const key = `db_${Buffer.from(input.name.repeat(8)).toString('base64url').slice(0, 40)}`;
        keys.unshift({
          id,
          name: input.name,
          hint: `${key.slice(0, 7)}…`,
          createdAt: new Date().toISOString(),
          lastUsedAt: null,
          use: input.use,
        });
        emit({ type: 'keys' });
        return { name: input.name, key, id };
      }),
      revoke: os.keys.revoke.handler(({ input }) => {
        const index = keys.findIndex(({ id }) => id === input.id);
        if (index < 0) throw new ORPCError('not_found', { status: 404, message: 'This key is gone already.' });
        for (const key of keys.splice(index, 1)) revoked.set(key.id, key);
        emit({ type: 'keys' });
        return { revoked: true };
      }),
      restore: os.keys.restore.handler(({ input }) => {
        const key = revoked.get(input.id);
        if (!key) throw new ORPCError('not_found', { status: 404, message: 'This key is gone for good.' });
        keys.push(key);
        emit({ type: 'keys' });
        return key;
      }),
    },
    settings: {
      get: os.settings.get.handler(() => ({
        settings,
        path: '/home/you/.config/drawbridge/settings.json',
        problem: null,
      })),
      update: os.settings.update.handler(({ input }) => {
        settings = Settings.parse(merged(settings, input.patch));
        emit({ type: 'settings' });
        return { settings };
      }),
      replace: os.settings.replace.handler(({ input }) => {
        settings = Settings.parse(input.settings);
        emit({ type: 'settings' });
        return { settings };
      }),
    },
    companion: {
      usePort: os.companion.usePort.handler(({ input }) => setCompanion(`127.0.0.1:${input.port}`)),
      retry: os.companion.retry.handler(() => setCompanion('127.0.0.1:11435')),
    },
    capture: {
      pause: os.capture.pause.handler(({ input }) => {
        capture = { ...capture, state: input.paused ? 'paused' : 'recording' };
        emit({ type: 'status' });
        return capture;
      }),
      sizes: os.capture.sizes.handler(sizes),
      purge: os.capture.purge.handler(() => ({ calls: 0, bytesBefore: capture.storeBytes, bytesAfter: capture.storeBytes, damaged: [] })),
      retain: os.capture.retain.handler(() => ({ calls: 0, bytesBefore: capture.storeBytes, bytesAfter: capture.storeBytes, damaged: [] })),
      check: os.capture.check.handler(() => ({
        ok: true,
        problems: [],
        checkedAt: '2026-01-02T03:04:05.678Z',
        bodiesRead: 0,
        movedAside: null,
      })),
    },
    clients: {
      list: os.clients.list.handler(() =>
        listOf(CLIENTS, FOUND, [...newestFirst()].slice(0, 400), (client) => attachments.get(client) ?? null),
      ),
      models: os.clients.models.handler(() => [{ id: 'practice/echo', title: 'Practice: echo', owner: 'drawbridge-practice' }]),
      attach: os.clients.attach.handler(({ input: { client, model = null } }) => {
        const attachment = {
          since: new Date().toISOString(),
          model,
          file: client === 'codex' ? '/home/you/.codex/drawbridge.config.toml' : '/home/you/.claude/settings.json',
          caller: `${client} (attached)`,
          problem: null,
        };
        attachments.set(client, attachment);
        return { ...attachment, change: 'attached' as const };
      }),
      detach: os.clients.detach.handler(({ input }) => {
        const file = attachments.get(input.client)?.file ?? '';
        return { change: attachments.delete(input.client) ? ('detached' as const) : ('none' as const), file, left: [] };
      }),
      env: os.clients.env.handler(({ input }) => CLIENTS.filter(({ client }) => input.client === undefined || client === input.client)),
    },
    bridges: {
      list: os.bridges.list.handler(() => bridges.map((bridge) => madeBridge(bridge, startedAt))),
      signIn: os.bridges.signIn.handler(unserved),
      cancelSignIn: os.bridges.cancelSignIn.handler(unserved),
      signOut: os.bridges.signOut.handler(unserved),
      useAccount: os.bridges.useAccount.handler(unserved),
      setScope: os.bridges.setScope.handler(unserved),
      enable: os.bridges.enable.handler(unserved),
      retry: os.bridges.retry.handler(unserved),
      models: os.bridges.models.handler(() => []),
    },
    gateway: { set: os.gateway.set.handler(({ input }) => ({ baseUrl: input.baseUrl, lasting: false })) },
    practice: {
      call: os.practice.call.handler(({ input }) =>
        push({
          client: 'drawbridge',
          clientVersion: '0.1.0',
          caller: null,
          path: '/v1/chat/completions',
          route: 'practice model',
          upstream: 'practice',
          wireIn: 'chat',
          wireOut: 'chat',
          modelRequested: input.model,
          modelUsed: input.model,
          status: 200,
          state: 'done',
          cut: false,
          lost: [],
          error: null,
        }),
      ),
    },
    doctor: { run: os.doctor.run.handler(() => CHECKS) },
    diagnostics: { bundle: os.diagnostics.bundle.handler(() => BUNDLE) },
    engine: {
      link: os.engine.link.handler(() => {
        throw new ORPCError('not_found', { status: 404, message: 'This host serves no window.' });
      }),
      stop: os.engine.stop.handler(() => ({ stopping: true })),
    },
    conversations: {
      list: os.conversations.list.handler(({ input }) => ({
        conversations: madeConversations(startedAt).filter(({ client }) => input.client === undefined || client === input.client),
        next: null,
      })),
      tree: os.conversations.tree.handler(({ input }) => {
        const made = call(input.id);
        if (made !== undefined) return madeTree(made);
        const [conversation] = madeConversations(startedAt);
        if (!conversation) return notKept();
        return { conversation, nodes: madeNodes(startedAt), more: false };
      }),
      identity: os.conversations.identity.handler(({ input }) => madeIdentity(call(input.call) ?? notKept())),
      why: os.conversations.why.handler(({ input }) => madeWhy(call(input.call) ?? notKept())),
    },
    adapters: { list: os.adapters.list.handler(notKept) },
    exchange: { export: os.exchange.export.handler(notKept), import: os.exchange.import.handler(notKept) },
    replay: {
      run: os.replay.run.handler(notKept),
      compare: os.replay.compare.handler(notKept),
      offline: os.replay.offline.handler(notKept),
    },
    readKeys: {
      list: os.readKeys.list.handler(() => [
        { id: 'r1', name: 'the dashboard', hint: 'db_read_4hTq…', createdAt: at(-86_400_000 * 3), lastUsedAt: at(-60_000), use: 'clients' },
      ]),
      create: os.readKeys.create.handler(notKept),
      revoke: os.readKeys.revoke.handler(notKept),
      restore: os.readKeys.restore.handler(notKept),
    },
    network: {
      status: os.network.status.handler(() => ({
        proxy: 'http://proxy.example.com:8080',
        noProxy: ['git.example.com', '10.0.0.0/8'],
        user: 'sam',
        inForce: { name: 'proxy.example.com:8080', from: 'network.proxy' },
        unusable: null,
        problem: null,
        refusal: null,
        lasting: true,
      })),
      set: os.network.set.handler(notKept),
    },
    providers: {
      list: os.providers.list.handler(() => providersStatus()),
      presets: os.providers.presets.handler(() => PRESETS.map((preset) => ProviderPreset.parse({ ...preset, from: 'built-in' }))),
      set: os.providers.set.handler(notKept),
      remove: os.providers.remove.handler(notKept),
      try: os.providers.try.handler(({ input }) => ({
        taken: true,
        found: `${input.provider.name} answered, and lists 3 models.`,
        models: ['large', 'small', 'tiny'],
      })),
    },
    telemetry: {
      status: os.telemetry.status.handler(() => ({
        endpoint: 'http://127.0.0.1:4318',
        headers: ['authorization'],
        sent: 214,
        dropped: 0,
        waiting: 0,
        problem: null,
      })),
      set: os.telemetry.set.handler(notKept),
      try: os.telemetry.try.handler(() => ({ taken: true, found: 'The collector took an empty batch.' })),
    },
    webhook: {
      status: os.webhook.status.handler(() => ({ isSet: false, host: null, sentAt: null, problem: null, lasting: true })),
      set: os.webhook.set.handler(notKept),
      try: os.webhook.try.handler(() => ({ taken: true, found: 'hooks.slack.com took a message.' })),
    },
    usage: {
      series: os.usage.series.handler(({ input }) => {
        const step = input.bucket === 'hour' ? 3_600_000 : 86_400_000;
        const times: number[] = [];
        for (let time = Date.parse(input.from ?? at(-30 * step)); time <= startedAt; time += step) times.push(time);
        return madeUsage(times);
      }),
      window5h: os.usage.window5h.handler(() => madeWindow(startedAt)),
      cost: os.usage.cost.handler(
        ({ input }) => madeTree(call(input.call) ?? notKept()).nodes.find((node) => node.call === input.call)?.cost ?? notKept(),
      ),
      quotas: os.usage.quotas.handler(() => madeQuotas(startedAt)),
      prices: os.usage.prices.handler(() => ({ prices, file: PRICE_FILE, problem: null })),
      setPrices: os.usage.setPrices.handler(({ input }) => {
        prices = input.prices.map((price) => ({ ...price, from: 'user' as const }));
        return { file: PRICE_FILE };
      }),
    },
    loginItem: {
      get: os.loginItem.get.handler(() => ({ state: 'off', reason: null })),
      set: os.loginItem.set.handler(({ input }) => ({ state: input.enabled ? 'on' : 'off', reason: null })),
    },
    tunnels: {
      list: os.tunnels.list.handler(() => tunnels),
      offers: os.tunnels.offers.handler(() => []),
      validate: os.tunnels.validate.handler(noTunnels),
      add: os.tunnels.add.handler(noTunnels),
      edit: os.tunnels.edit.handler(noTunnels),
      token: os.tunnels.token.handler(noTunnels),
      key: os.tunnels.key.handler(noTunnels),
      start: os.tunnels.start.handler(noTunnels),
      stop: os.tunnels.stop.handler(noTunnels),
      reconnect: os.tunnels.reconnect.handler(noTunnels),
      remove: os.tunnels.remove.handler(noTunnels),
      hostKey: os.tunnels.hostKey.handler(noTunnels),
      trust: os.tunnels.trust.handler(noTunnels),
      check: os.tunnels.check.handler(noTunnels),
      logs: os.tunnels.logs.handler(() => MADE_LOG),
      follow: os.tunnels.follow.handler(({ signal }) => madeLog(signal)),
      numbers: os.tunnels.numbers.handler(() => ({ everyMs: 30_000, samples: madeSamples(startedAt) })),
      serverKit: os.tunnels.serverKit.handler(() => MADE_KIT),
      login: os.tunnels.login.handler(noTunnels),
      installCloudflared: os.tunnels.installCloudflared.handler(noTunnels),
      disturb: os.tunnels.disturb.handler(() => ({ disturbed: 0 })),
    },
    events: os.events.handler(({ signal }) => events(signal)),
  });

  const rpc = new RPCHandler(router);
  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { matched } = await rpc.handle(request, response, { prefix: '/rpc', context: {} });
    if (!matched) response.writeHead(404).end();
  }
  const server = createServer((request, response) => {
    const path = new URL(request.url ?? '/', 'http://stub').pathname;
    if (!path.startsWith('/rpc/')) {
      serveWindow(path, response);
      return;
    }
    if (sessionEnded) {
      response.writeHead(401).end();
      return;
    }
    void answer(request, response);
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the stub has no port');

  return {
    url: `http://127.0.0.1:${address.port}`,
    push,
    pushMany: (count) => emit({ type: 'calls', calls: Array.from({ length: count }, () => place({})) }),
    set: (part) => {
      listeners = part.listeners ?? listeners;
      notices = part.notices ?? notices;
      bridges = part.bridges ?? bridges;
      tunnels = part.tunnels ?? tunnels;
      capture = { ...capture, ...part.capture };
      emit({ type: 'status' });
    },
    endSession: () => {
      sessionEnded = true;
    },
    dropEvents: () => {
      for (const stream of streams) stream.end();
    },
    listeners: () => streams.size,
    stop: () =>
      new Promise((done) => {
        server.close(() => done());
        for (const stream of streams) stream.end();
        server.closeAllConnections();
      }),
  };
}

/** The made log, then silence until whoever follows it leaves. */
async function* madeLog(signal: AbortSignal | undefined): AsyncGenerator<LogLine> {
  yield* MADE_LOG;
  await new Promise((done) => signal?.addEventListener('abort', done));
}

/** The built files; every path without a dot is the window itself, which finds its page alone. */
function serveWindow(path: string, response: ServerResponse): void {
  const file = extname(path) === '' ? join(RENDERER, 'index.html') : join(RENDERER, path);
  if (!file.startsWith(RENDERER) || !existsSync(file)) {
    response.writeHead(404).end();
    return;
  }
  response.writeHead(200, { 'content-type': TYPES[extname(file)] ?? 'application/octet-stream', 'content-security-policy': WINDOW_CSP });
  createReadStream(file).pipe(response);
}

function passes(call: Call, filter: CallFilter): boolean {
  const outcome = call.state === 'open' ? 'open' : call.cut || (call.status ?? 500) >= 400 ? 'failed' : 'ok';
  const text = filter.text?.toLowerCase();
  return (
    (filter.client === undefined || call.client === filter.client) &&
    (filter.caller === undefined || call.caller === filter.caller) &&
    (filter.upstream === undefined || call.upstream === filter.upstream) &&
    (filter.model === undefined || call.modelRequested === filter.model || call.modelUsed === filter.model) &&
    (filter.outcome === undefined || outcome === filter.outcome) &&
    (text === undefined ||
      [call.modelRequested, call.modelUsed, call.path, call.caller, call.client, call.upstream].some((v) =>
        v?.toLowerCase().includes(text),
      ))
  );
}

const UPSTREAMS: Status['upstreams'] = [
  {
    id: 'practice',
    label: 'Practice model',
    kind: 'practice',
    baseUrl: null,
    credential: 'none',
    wires: ['chat', 'responses', 'messages'],
    state: 'ready',
    reason: null,
  },
  {
    id: 'anthropic',
    label: 'Anthropic',
    kind: 'provider',
    baseUrl: 'https://api.anthropic.com',
    credential: 'client',
    wires: ['messages'],
    state: 'ready',
    reason: null,
  },
  {
    id: 'openai',
    label: 'OpenAI',
    kind: 'provider',
    baseUrl: 'https://api.openai.com',
    credential: 'client',
    wires: ['chat', 'responses'],
    state: 'ready',
    reason: null,
  },
  {
    id: 'gateway',
    label: 'Gateway',
    kind: 'gateway',
    baseUrl: null,
    credential: 'ours',
    wires: ['chat', 'responses', 'messages'],
    state: 'not_configured',
    reason: 'Set its address in the settings to send calls there.',
  },
];

const CLIENTS: ClientEnv[] = [
  {
    client: 'claude-code',
    label: 'Claude Code',
    variables: [
      { name: 'ANTHROPIC_BASE_URL', value: 'http://127.0.0.1:11435/k/<key>', secret: true },
      { name: 'CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC', value: '1', secret: false },
    ],
    files: [],
    command: "claude -p 'Say hello'",
    notes: ['Your own sign-in stays in Claude Code: it is sent on as it is and never kept.'],
  },
  {
    client: 'codex',
    label: 'Codex CLI',
    variables: [{ name: 'DRAWBRIDGE_KEY', value: '<key>', secret: true }],
    files: [
      {
        path: '~/.codex/config.toml',
        content:
          'model_provider = "drawbridge"\n\n[model_providers.drawbridge]\nname = "Drawbridge"\nbase_url = "http://127.0.0.1:11435/v1"\nenv_key = "DRAWBRIDGE_KEY"\nwire_api = "responses"',
      },
    ],
    command: "codex exec 'Say hello'",
    notes: [],
  },
  {
    client: 'copilot-cli',
    label: 'Copilot CLI',
    variables: [
      { name: 'COPILOT_PROVIDER_BASE_URL', value: 'http://127.0.0.1:11435/v1', secret: false },
      { name: 'COPILOT_PROVIDER_API_KEY', value: '<key>', secret: true },
    ],
    files: [],
    command: "copilot -p 'Say hello'",
    notes: [],
  },
  {
    client: 'openai-sdk',
    label: 'OpenAI SDK',
    variables: [
      { name: 'OPENAI_BASE_URL', value: 'http://127.0.0.1:11435/v1', secret: false },
      { name: 'OPENAI_API_KEY', value: '<key>', secret: true },
    ],
    files: [],
    command: `curl http://127.0.0.1:11435/v1/models -H 'authorization: Bearer <key>'`,
    notes: ['Works for every program that is built on the SDK and reads its variables.'],
  },
];

const FOUND = new Map<string, Found>([
  [
    'claude-code',
    {
      found: [
        { kind: 'program', path: '/home/you/.local/bin/claude' },
        { kind: 'settings', path: '/home/you/.claude' },
      ],
      version: '2.1.34',
    },
  ],
  ['codex', { found: [{ kind: 'program', path: '/usr/local/bin/codex' }], version: '0.140.0' }],
]);

const CHECKS: DoctorCheck[] = [
  { id: 'node', title: 'Node.js', state: 'ok', found: 'Version v24.21.0.', mend: null },
  {
    id: 'home',
    title: 'State folder',
    state: 'warning',
    found: '/home/you/.local/state/drawbridge, mode 755.',
    mend: 'Other users can see file names here, though not inside the files. Run: chmod 700 /home/you/.local/state/drawbridge',
  },
  { id: 'companion', title: 'Companion', state: 'ok', found: 'Listening on 127.0.0.1:11435.', mend: null },
  { id: 'store', title: 'Call history', state: 'ok', found: '60 calls, 47168 KiB.', mend: null },
  { id: 'keys', title: 'Client keys', state: 'ok', found: '3 made.', mend: null },
  {
    id: 'copilot-account',
    title: 'GitHub Copilot',
    state: 'warning',
    found: 'GitHub has ended this sign-in.',
    mend: 'Sign in: drawbridge signin copilot',
  },
];

const BUNDLE: DiagnosticsBundle = {
  name: 'drawbridge-diagnostics-2026-11-21-12-00-00.txt',
  createdAt: '2026-11-21T12:00:00.000Z',
  parts: [
    { title: 'About', text: '{\n  "version": "0.1.0",\n  "host": "headless",\n  "platform": "linux"\n}' },
    { title: 'Checks', text: 'ok      Companion: Listening on 127.0.0.1:11435.\nok      Call history: 60 calls, 47168 KiB.' },
    { title: 'Log', text: '{"time":"2026-11-21T12:00:00.000Z","level":"info","event":"companion.listening","address":"127.0.0.1:11435"}' },
  ],
};

/** Objects key by key, all else replaced, as the engine's own settings do. */
function merged(base: unknown, patch: unknown): unknown {
  if (typeof base !== 'object' || base === null || typeof patch !== 'object' || patch === null || Array.isArray(patch)) return patch;
  const held = new Map<string, unknown>(Object.entries(base));
  for (const [key, value] of Object.entries(patch)) held.set(key, held.has(key) ? merged(held.get(key), value) : value);
  return Object.fromEntries(held);
}

/** The stub has no bridge to sign in to. */
function unserved(): never {
  throw new Error('the stub has no bridges');
}
