import { existsSync } from 'node:fs';
import type { NetworkInterfaceInfo } from 'node:os';
import type { Fetch } from '../accounts/net.ts';
import { DrawbridgeError } from '../contract/errors.ts';
import type {
  LogLine,
  Notice,
  ServerKit,
  Settings,
  Tunnel,
  TunnelDefinition,
  TunnelProblem,
  TunnelSample,
  TunnelStatus,
} from '../contract/index.ts';
import { startChild, type ChildRunner } from '../engine/child.ts';
import type { Clock } from '../engine/clock.ts';
import type { Logger } from '../engine/log.ts';
import { findProgram } from '../engine/files.ts';
import type { Paths } from '../engine/paths.ts';
import type { SecretStore } from '../engine/secrets.ts';
import { proxyVariables, type ProxySources } from '../upstreams/proxy.ts';
import { inWords, meaningOf, plainMend } from './causes.ts';
import { candidates, findCloudflared } from './cloudflared.ts';
import { checkDraft, type Surroundings } from './drafts.ts';
import { isLocal, type ServiceToken } from './edge.ts';
import { ensureTunnelFolders, forgetPin, makeIdentity, publicKeyOf, readPin, removeFiles, tunnelFiles, writePin } from './files.ts';
import { canInstall, installCloudflared, type InstallProgress } from './install.ts';
import { keyFault } from './key-file.ts';
import { openTunnelKeys } from './keys.ts';
import { serverKit } from './kit.ts';
import { leasher } from './leashed.ts';
import { bornOn, killGroup, openLedger } from './ledger.ts';
import { createTunnelLog, type TunnelLog } from './log.ts';
import { createLogins, signsIn } from './login.ts';
import { watchMachine, type Disturbance } from './machine.ts';
import { tunnelMaker } from './make.ts';
import type { Offer } from './relay.ts';
import type { KeepAlive } from './ssh.ts';
import { createTokens } from './tokens.ts';
import type { HostKey } from './transport.ts';
import { TIMINGS, type RunningTunnel, type TunnelTimings } from './tunnel.ts';
import { createWays, type WayTo } from './ways.ts';

export type TunnelsParts = {
  settings: { current(): Settings; update(patch: Record<string, unknown>): Settings };
  paths: Paths;
  platform: NodeJS.Platform;
  env: Readonly<Record<string, string | undefined>>;
  clock: Clock;
  log: Logger;
  keychain: SecretStore;
  run: ChildRunner;
  /** What names the proxy on the way out. */
  proxies: () => ProxySources;
  fetch: Fetch;
  /** What may be lent. */
  offers: readonly Offer[];
  interfaces: () => NodeJS.Dict<NetworkInterfaceInfo[]>;
  wayTo: WayTo;
  /** From 0 up to 1. */
  random: () => number;
  onChange: () => void;
  keepAlive?: KeepAlive | undefined;
  timings?: Partial<TunnelTimings> | undefined;
};

/** What tests and measurements set otherwise. */
export type TunnelsTuning = Partial<Pick<TunnelsParts, 'env' | 'fetch' | 'random' | 'keepAlive' | 'timings'>>;

/** All tunnels of an engine. What there are stands in the settings; `apply` makes it so. */
export type Tunnels = {
  /** Ends what an earlier engine left behind, and brings up what is enabled. */
  start(): Promise<void>;
  stop(): Promise<void>;
  apply(): void;
  summaries(): Tunnel[];
  notices(): Notice[];
  list(): Promise<TunnelStatus[]>;
  offers(): { name: string; label: string }[];
  validate(draft: Readonly<Record<string, unknown>>, editing: string | null): Draft;
  add(definition: TunnelDefinition, token: ServiceToken | undefined): Promise<{ tunnel: TunnelStatus; key: string; publicKey: string }>;
  edit(definition: TunnelDefinition): Promise<TunnelStatus>;
  token(name: string, token: ServiceToken): Promise<TunnelStatus>;
  key(name: string): { key: string };
  startOne(name: string): Promise<TunnelStatus>;
  stopOne(name: string): Promise<TunnelStatus>;
  reconnect(name: string): Promise<TunnelStatus>;
  remove(name: string): Promise<void>;
  hostKey(name: string): Promise<{ fingerprint: string; type: string; pinned: string | null }>;
  trust(name: string, fingerprint: string): Promise<TunnelStatus>;
  check(name: string): Promise<TunnelStatus>;
  logs(name: string): LogLine[];
  follow(name: string, signal: AbortSignal | undefined): AsyncGenerator<LogLine, void, void>;
  numbers(name: string): { everyMs: number; samples: TunnelSample[] };
  serverKit(name: string): Promise<ServerKit>;
  login(name: string): Promise<{ until: string | null }>;
  install(signal: AbortSignal | undefined): AsyncGenerator<InstallProgress, void, void>;
  disturb(why: 'wake' | 'network'): number;
  /** The way out is another one: whoever has no session tries again at once. */
  wayChanged(): void;
};

type Draft = { definition: TunnelDefinition | null; problems: TunnelProblem[] };

export function createTunnels(parts: TunnelsParts): Tunnels {
  const { settings, keychain, run, platform, log, clock } = parts;
  const files = tunnelFiles(parts.paths, platform);
  ensureTunnelFolders(files);
  const keys = openTunnelKeys(files.keys);
  const ledger = openLedger(files.ledger, bornOn(platform, run), killGroup, log);
  const leashed = leasher(startChild, ledger);
  const running = new Map<string, RunningTunnel>();
  /** Tunnels that are on their way out; their sockets and ports are theirs until they are gone. */
  const leaving = new Map<string, Promise<unknown>>();
  /** Kept while a tunnel is stopped, changed and started again. */
  const logs = new Map<string, TunnelLog>();
  let machine: ReturnType<typeof watchMachine> | undefined;
  let sampling: NodeJS.Timeout | undefined;
  let started = false;

  const keygen = findProgram('ssh-keygen', parts.env['PATH'] ?? '', platform) ?? 'ssh-keygen';
  const tokens = createTokens(keychain);
  const ways = createWays(parts.wayTo);
  const identityOf = (definition: TunnelDefinition): string => definition.identityFile ?? files.identity(definition.name);
  const timings: TunnelTimings = { ...TIMINGS, ...parts.timings };
  const target = `${platform}-${process.arch}`;
  const make = tunnelMaker({
    ...parts,
    timings,
    files,
    keys,
    tokens,
    leashed,
    identityOf,
    canInstall: canInstall(target),
    // A stand-in on this very machine needs no network.
    online: (host) => isLocal(host) || (machine?.online() ?? true),
  });

  const surroundings = (): Surroundings => ({
    tunnels: settings.current().tunnels.list,
    offers: parts.offers.map(({ name }) => name),
    keyFault: (file) => keyFault(file, platform),
  });
  /** Throws `bad_input` with the first thing that is wrong. */
  const refuseWrong = (definition: TunnelDefinition, editing: string | null): void => {
    const [problem] = checkDraft(definition, editing, surroundings()).problems;
    if (problem === undefined) return;
    throw new DrawbridgeError('bad_input', `The tunnel’s ${problem.field} is wrong: it ${problem.message}.`, { key: problem.field });
  };

  const stopped = (tunnel: RunningTunnel): Promise<void> =>
    tunnel.stop().catch((error: unknown) => log.error('tunnel.not_stopped', { tunnel: tunnel.definition.name, error }));

  const leave = (name: string, tunnel: RunningTunnel): void => {
    running.delete(name);
    // One that is switched off again may have been waiting for another that is not gone yet.
    const gone = Promise.all([leaving.get(name), stopped(tunnel)]).finally(() => {
      if (leaving.get(name) === gone) leaving.delete(name);
      if (running.has(name)) return;
      logs.get(name)?.close();
      logs.delete(name);
    });
    leaving.set(name, gone);
  };

  /** Brings a tunnel up, once the one whose place it takes is gone. */
  const bringUp = (tunnel: RunningTunnel): void => {
    const { name } = tunnel.definition;
    const before = leaving.get(name);
    if (before === undefined) tunnel.happen({ type: 'start' });
    else void before.then(() => running.get(name) === tunnel && tunnel.happen({ type: 'start' }));
  };

  const enter = (definition: TunnelDefinition): void => {
    const lines = logs.get(definition.name) ?? createTunnelLog(clock);
    logs.set(definition.name, lines);
    const tunnel = make(definition, lines);
    running.set(definition.name, tunnel);
    if (signsIn(definition))
      void logins
        .read(definition)
        .then(parts.onChange, (error: unknown) => log.info('tunnel.login_unknown', { tunnel: definition.name, error }));
    if (!definition.enabled) return;
    void ways.moved(definition.name, definition.host);
    bringUp(tunnel);
  };

  let program = settings.current().tunnels.cloudflared;
  const apply = (): void => {
    if (!started) return;
    const { list, cloudflared } = settings.current().tunnels;
    const anotherProgram = cloudflared !== program;
    program = cloudflared;
    const wanted = new Map(list.map((definition) => [definition.name, definition]));
    for (const [name, tunnel] of running) {
      const next = wanted.get(name);
      if (next !== undefined && JSON.stringify(next) === JSON.stringify(tunnel.definition)) wanted.delete(name);
      else leave(name, tunnel);
    }
    for (const definition of wanted.values()) enter(definition);
    if (anotherProgram) tryPrograms();
    parts.onChange();
  };

  /** Who waited for a program that can be used need not be asked for it again. */
  const tryPrograms = (): void => {
    for (const tunnel of running.values()) if (waitsForProgram(tunnel)) tunnel.happen({ type: 'reconnect' });
  };

  const find = (name: string): RunningTunnel => {
    const tunnel = running.get(name);
    if (tunnel === undefined)
      throw new DrawbridgeError('not_found', `There is no tunnel "${name}". Run "drawbridge tunnels" for those there are.`, { name });
    return tunnel;
  };

  const logOf = (name: string): TunnelLog => logs.get(find(name).definition.name) ?? createTunnelLog(clock);

  const statusOf = async (tunnel: RunningTunnel): Promise<TunnelStatus> => {
    const { definition } = tunnel;
    return {
      definition,
      ...tunnel.observe(),
      fingerprint: readPin(files.knownHosts(definition.name), definition.host)?.fingerprint ?? null,
      loginUntil: isoOf(logins.until(definition)),
      secretsLast: keychain.lasting,
    };
  };

  /** Writes the list to the settings; `apply` follows from that. */
  const keep = (change: (list: readonly TunnelDefinition[]) => TunnelDefinition[]): void => {
    settings.update({ tunnels: { list: change(settings.current().tunnels.list) } });
    apply();
  };

  const setEnabled = (name: string, enabled: boolean): void => {
    if (find(name).definition.enabled === enabled) return;
    keep((list) => list.map((one) => (one.name === name ? { ...one, enabled } : one)));
  };

  const onDisturbance = (disturbance: Disturbance): void => {
    for (const tunnel of running.values()) {
      if (disturbance.why === 'wake') tunnel.happen({ type: 'wake' });
      else if (disturbance.why === 'late') tunnel.doubt();
      else void onNetwork(tunnel, disturbance.online);
    }
  };
  const onNetwork = async (tunnel: RunningTunnel, online: boolean): Promise<void> => {
    const { name, host } = tunnel.definition;
    if (!online && !isLocal(host)) {
      ways.forget(name);
      return tunnel.happen({ type: 'network', online: false, moved: true });
    }
    const moved = await ways.moved(name, host);
    if (!moved) logs.get(name)?.note('drawbridge: the network changed, but not the way to the gateway');
    tunnel.happen({ type: 'network', online: true, moved });
  };

  const tellWay = (moved: boolean): void => {
    const online = machine?.online() ?? true;
    for (const tunnel of running.values()) tunnel.happen({ type: 'network', online: online || isLocal(tunnel.definition.host), moved });
  };

  const cloudflaredFor = async (definition: TunnelDefinition): Promise<string> => {
    const places = candidates(settings.current().tunnels.cloudflared, parts.env['PATH'] ?? '', files.programs, platform);
    const found = await findCloudflared(places, false, run);
    if ('file' in found) return found.file;
    const { sentence, mend } = meaningOf(found.problem, definition, canInstall(target));
    throw new DrawbridgeError('failed', `${sentence} ${inWords(mend)}`);
  };
  const logins = createLogins(cloudflaredFor, async (program, args, options) =>
    run(program, args, { ...options, env: await proxyVariables(parts.proxies) }),
  );

  /** What was missing is there: by now the tunnel may be another one than it was asked for. */
  const tryAgain = (name: string): void => {
    const tunnel = running.get(name);
    if (tunnel?.definition.enabled === true) tunnel.happen({ type: 'reconnect' });
  };

  /** The host key the gateway shows. Throws `failed` where it can't be had. */
  async function shownKey(tunnel: RunningTunnel): Promise<HostKey> {
    const key = await tunnel.hostKey();
    if (!('problem' in key)) return key;
    const { sentence, mend } = meaningOf(key.problem.code, tunnel.definition, canInstall(target));
    throw new DrawbridgeError('failed', `The gateway’s host key could not be had. ${sentence} ${inWords(mend)}`, {
      cause: key.problem.code,
    });
  }

  return {
    apply,
    async start() {
      const reaped = await ledger.reap();
      if (reaped > 0) log.warn('tunnels.reaped', { processes: reaped });
      machine = watchMachine({ clock, interfaces: parts.interfaces }, onDisturbance);
      sampling = setInterval(() => {
        for (const tunnel of running.values()) tunnel.sample();
      }, timings.sampleEveryMs);
      sampling.unref();
      started = true;
      apply();
    },
    async stop() {
      started = false;
      machine?.stop();
      clearInterval(sampling);
      for (const [name, tunnel] of running) leave(name, tunnel);
      await Promise.all(leaving.values());
    },
    summaries: () =>
      [...running.values()].map((tunnel) => {
        const { state, reason, unproven, mend } = tunnel.observe();
        return { name: tunnel.definition.name, state, reason: reason ?? unproven, mend: plainMend(mend) };
      }),
    notices: () => [...running.values()].flatMap((tunnel) => tunnel.notices()),
    list: () => Promise.all([...running.values()].map(statusOf)),
    offers: () => parts.offers.map(({ name, label }) => ({ name, label })),
    validate: (draft, editing) => checkDraft(draft, editing, surroundings()),
    async add(definition, token) {
      const { name } = definition;
      // One of that name takes its key and its files with it when it is gone.
      await leaving.get(name);
      refuseWrong(definition, null);
      if (definition.identityFile === null) await makeIdentity(files.identity(name), name, keygen, run);
      const publicKey = await publicKeyOf(identityOf(definition), keygen, run);
      // A token that was left there belongs to another gateway.
      await (token === undefined ? tokens.remove(name) : tokens.set(definition, token));
      keep((list) => [...list, definition]);
      return { tunnel: await statusOf(find(name)), key: keys.create(name), publicKey };
    },
    async edit(definition) {
      const { name } = definition;
      const before = find(name).definition;
      refuseWrong(definition, name);
      if (definition.identityFile === null) await makeIdentity(files.identity(name), name, keygen, run);
      if (definition.host !== before.host) forgetPin(files.knownHosts(name));
      keep((list) => list.map((one) => (one.name === name ? definition : one)));
      return statusOf(find(name));
    },
    async token(name, token) {
      await tokens.set(find(name).definition, token);
      tryAgain(name);
      return statusOf(find(name));
    },
    key: (name) => ({ key: keys.create(find(name).definition.name) }),
    async startOne(name) {
      if (find(name).definition.enabled) bringUp(find(name));
      else setEnabled(name, true);
      return statusOf(find(name));
    },
    async stopOne(name) {
      setEnabled(name, false);
      await leaving.get(name);
      return statusOf(find(name));
    },
    async reconnect(name) {
      find(name).happen({ type: 'reconnect' });
      return statusOf(find(name));
    },
    async remove(name) {
      find(name);
      // First, as a keychain may refuse: a tunnel of that name to another gateway would take the token up.
      await tokens.remove(name);
      keep((list) => list.filter((one) => one.name !== name));
      await leaving.get(name);
      keys.remove(name);
      removeFiles(files, name);
    },
    async hostKey(name) {
      const tunnel = find(name);
      const { fingerprint, type } = await shownKey(tunnel);
      return { fingerprint, type, pinned: readPin(files.knownHosts(name), tunnel.definition.host)?.fingerprint ?? null };
    },
    async trust(name, fingerprint) {
      const key = await shownKey(find(name));
      if (key.fingerprint !== fingerprint) {
        throw new DrawbridgeError('bad_input', `The gateway shows ${key.fingerprint}, not ${fingerprint}. Nothing was pinned.`, {
          shown: key.fingerprint,
        });
      }
      writePin(files.knownHosts(name), key);
      tryAgain(name);
      return statusOf(find(name));
    },
    async check(name) {
      await find(name).check();
      return statusOf(find(name));
    },
    logs: (name) => logOf(name).all(),
    follow: (name, signal) => logOf(name).follow(signal),
    numbers: (name) => ({ everyMs: timings.sampleEveryMs, samples: find(name).samples() }),
    async serverKit(name) {
      const keyed = async (definition: TunnelDefinition) => ({
        definition,
        publicKey: await publicKeyOf(identityOf(definition), keygen, run),
      });
      const { definition } = find(name);
      const sharing = [...running.values()]
        .map((tunnel) => tunnel.definition)
        .filter(({ host, user, ...one }) => host === definition.host && user === definition.user && one.name !== name);
      return serverKit(await keyed(definition), await Promise.all(sharing.map(keyed)));
    },
    async login(name) {
      const until = await logins.signIn(find(name).definition);
      tryAgain(name);
      parts.onChange();
      return { until: isoOf(until) };
    },
    async *install(signal) {
      yield* installCloudflared({ folder: files.programs, target, fetch: parts.fetch, signal });
      const named = settings.current().tunnels.cloudflared;
      // A file that was named and is there no more would stand before the new one. `apply` follows from that.
      if (named !== null && !existsSync(named)) settings.update({ tunnels: { cloudflared: null } });
      else tryPrograms();
    },
    disturb(why) {
      if (why === 'network') tellWay(true);
      else for (const tunnel of running.values()) tunnel.happen({ type: 'wake' });
      return running.size;
    },
    wayChanged: () => tellWay(false),
  };
}

const isoOf = (time: number | null): string | null => (time === null ? null : new Date(time).toISOString());

function waitsForProgram(tunnel: RunningTunnel): boolean {
  const { cause } = tunnel.observe();
  return cause === 'connector-missing' || cause === 'connector-unfit' || cause === 'connector-slow';
}
