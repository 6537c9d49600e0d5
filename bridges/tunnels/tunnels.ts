import { DrawbridgeError } from '../contract/errors.ts';
import type { Notice, ServerKit, Settings, Tunnel, TunnelDefinition, TunnelStatus } from '../contract/index.ts';
import { startChild, type ChildRunner } from '../engine/child.ts';
import type { Clock } from '../engine/clock.ts';
import type { Logger } from '../engine/log.ts';
import { findProgram } from '../engine/files.ts';
import type { Paths } from '../engine/paths.ts';
import type { SecretStore } from '../engine/secrets.ts';
import { meaningOf } from './causes.ts';
import { candidates, findCloudflared } from './cloudflared.ts';
import { connectorOf } from './connectors.ts';
import type { ServiceToken } from './edge.ts';
import { ensureTunnelFolders, makeIdentity, publicKeyOf, readPin, removeFiles, tunnelFiles, writePin } from './files.ts';
import { installCloudflared, type InstallProgress } from './install.ts';
import { openTunnelKeys } from './keys.ts';
import { serverKit } from './kit.ts';
import { leasher } from './leashed.ts';
import { bornOn, killGroup, openLedger } from './ledger.ts';
import { loginUntil, logIn } from './login.ts';
import { watchMachine, type Disturbance } from './machine.ts';
import { openssh } from './openssh.ts';
import { startRelay, type Offer } from './relay.ts';
import { KEEP_ALIVE, type KeepAlive } from './ssh.ts';
import type { HostKey } from './transport.ts';
import { createTunnel, TIMINGS, type LogLine, type RunningTunnel, type TunnelTimings } from './tunnel.ts';

export type TunnelsParts = {
  settings: { current(): Settings; update(patch: Record<string, unknown>): Settings };
  paths: Paths;
  platform: NodeJS.Platform;
  env: Readonly<Record<string, string | undefined>>;
  clock: Clock;
  log: Logger;
  keychain: SecretStore;
  run: ChildRunner;
  /** What may be lent. */
  offers: readonly Offer[];
  interfaces: () => NodeJS.Dict<import('node:os').NetworkInterfaceInfo[]>;
  onChange: () => void;
  keepAlive?: KeepAlive | undefined;
  timings?: Partial<TunnelTimings> | undefined;
};

/** All tunnels of an engine. What there are stands in the settings; `apply` makes it so. */
export type Tunnels = {
  /** Ends what an earlier engine left behind, and brings up what is enabled. */
  start(): Promise<void>;
  stop(): Promise<void>;
  apply(): void;
  summaries(): Tunnel[];
  notices(): Notice[];
  list(): Promise<TunnelStatus[]>;
  add(definition: TunnelDefinition, token: ServiceToken | undefined): Promise<{ tunnel: TunnelStatus; key: string; publicKey: string }>;
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
  serverKit(name: string): Promise<ServerKit>;
  login(name: string): Promise<{ until: string | null }>;
  install(signal: AbortSignal | undefined): AsyncGenerator<InstallProgress, void, void>;
  disturb(why: 'wake' | 'network'): number;
};

/** For how long it is said that a tunnel came back. */
const BACK_MS = 300_000;

export function createTunnels(parts: TunnelsParts): Tunnels {
  const { settings, keychain, run, platform, log, clock } = parts;
  const files = tunnelFiles(parts.paths, platform);
  ensureTunnelFolders(files);
  const keys = openTunnelKeys(files.keys);
  const ledger = openLedger(files.ledger, bornOn(platform, run), killGroup);
  const leashed = leasher(startChild, ledger);
  const running = new Map<string, RunningTunnel>();
  /** Tunnels that are on their way out; their sockets and ports are theirs until they are gone. */
  const leaving = new Map<string, Promise<void>>();
  const logins = new Map<string, number | null>();
  let machine: ReturnType<typeof watchMachine> | undefined;
  let started = false;

  const searchPath = parts.env['PATH'] ?? '';
  const ssh = findProgram('ssh', searchPath, platform) ?? 'ssh';
  const keygen = findProgram('ssh-keygen', searchPath, platform) ?? 'ssh-keygen';
  const identityOf = (definition: TunnelDefinition): string => definition.identityFile ?? files.identity(definition.name);
  const tokenName = (name: string): string => `tunnel-token-${name}`;

  const tokenOf = async (name: string): Promise<ServiceToken | undefined> => {
    const text = await keychain.get(tokenName(name));
    const [id, secret] = text?.split('\n') ?? [];
    return id === undefined || secret === undefined ? undefined : { id, secret };
  };

  const make = (definition: TunnelDefinition): RunningTunnel => {
    const { name, host, user } = definition;
    const offer = parts.offers.find((one) => one.name === definition.offer);
    return createTunnel({
      definition,
      transport: openssh({
        ssh,
        host,
        user,
        knownHosts: files.knownHosts(name),
        identityFile: identityOf(definition),
        keepAlive: parts.keepAlive ?? KEEP_ALIVE,
        leashed,
        run,
      }),
      connector: connectorOf({
        definition,
        platform,
        env: parts.env,
        run,
        cloudflared: () => settings.current().tunnels.cloudflared,
        ownPrograms: files.programs,
        token: () => tokenOf(name),
      }),
      openRelay: (on) =>
        offer &&
        startRelay({
          tunnel: name,
          offer,
          farPorts: definition.farPorts,
          socket: files.socket(name),
          limits: settings.current().limits,
          log,
          now: () => clock.now(),
          check: (key) => keys.check(name, key),
          prove: (text) => keys.prove(name, text),
          ...on,
        }),
      pinned: () => readPin(files.knownHosts(name)),
      identityFile: identityOf(definition),
      // A stand-in on this very machine needs no network.
      online: () => isLocal(host) || (machine?.online() ?? true),
      clock,
      random: Math.random,
      timings: { ...TIMINGS, ...parts.timings },
      log,
      onChange: parts.onChange,
    });
  };

  const leave = (name: string, tunnel: RunningTunnel): Promise<void> => {
    running.delete(name);
    const gone = tunnel.stop().finally(() => leaving.delete(name));
    leaving.set(name, gone);
    return gone;
  };

  const enter = (definition: TunnelDefinition): void => {
    const tunnel = make(definition);
    running.set(definition.name, tunnel);
    if (signsIn(definition))
      void readLogin(definition).catch((error: unknown) => log.info('tunnel.login_unknown', { tunnel: definition.name, error }));
    if (!definition.enabled) return;
    const before = leaving.get(definition.name);
    if (before === undefined) tunnel.happen({ type: 'start' });
    else void before.then(() => running.get(definition.name) === tunnel && tunnel.happen({ type: 'start' }));
  };

  const apply = (): void => {
    if (!started) return;
    const wanted = new Map(settings.current().tunnels.list.map((definition) => [definition.name, definition]));
    for (const [name, tunnel] of running) {
      const next = wanted.get(name);
      if (next !== undefined && JSON.stringify(next) === JSON.stringify(tunnel.definition)) wanted.delete(name);
      else void leave(name, tunnel);
    }
    for (const definition of wanted.values()) enter(definition);
    parts.onChange();
  };

  const find = (name: string): RunningTunnel => {
    const tunnel = running.get(name);
    if (tunnel === undefined)
      throw new DrawbridgeError('not_found', `There is no tunnel "${name}". Run "drawbridge tunnels" for those there are.`, { name });
    return tunnel;
  };

  const statusOf = async (tunnel: RunningTunnel): Promise<TunnelStatus> => {
    const { definition } = tunnel;
    const until = logins.get(definition.name) ?? null;
    return {
      definition,
      ...tunnel.observe(),
      fingerprint: readPin(files.knownHosts(definition.name))?.fingerprint ?? null,
      loginUntil: until === null ? null : new Date(until).toISOString(),
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

  const disturb = (disturbance: Disturbance): number => {
    for (const tunnel of running.values()) {
      if (disturbance.why === 'wake') tunnel.happen({ type: 'wake' });
      else tunnel.happen({ type: 'network', online: disturbance.online || isLocal(tunnel.definition.host) });
    }
    return running.size;
  };

  const cloudflaredForLogin = async (definition: TunnelDefinition): Promise<string> => {
    if (!signsIn(definition)) throw new DrawbridgeError('bad_input', `The tunnel "${definition.name}" does not sign in with a browser.`);
    const places = candidates(settings.current().tunnels.cloudflared, searchPath, files.programs, platform);
    const found = await findCloudflared(places, false, run);
    if ('problem' in found) {
      const { sentence, mend } = meaningOf(found.problem);
      throw new DrawbridgeError('failed', `${sentence} ${mend ?? ''}`.trim());
    }
    return found.file;
  };

  /** Asks cloudflared until when its login holds. */
  async function readLogin(definition: TunnelDefinition): Promise<number | null> {
    const until = await loginUntil(await cloudflaredForLogin(definition), definition.host, run);
    logins.set(definition.name, until);
    parts.onChange();
    return until;
  }

  return {
    apply,
    async start() {
      const reaped = await ledger.reap();
      if (reaped > 0) log.warn('tunnels.reaped', { processes: reaped });
      machine = watchMachine({ now: () => clock.now(), interfaces: parts.interfaces }, (disturbance) => void disturb(disturbance));
      started = true;
      apply();
    },
    async stop() {
      started = false;
      machine?.stop();
      for (const [name, tunnel] of running) void leave(name, tunnel);
      await Promise.all(leaving.values());
    },
    summaries: () =>
      [...running.values()].map((tunnel) => {
        const { state, reason, unproven, mend } = tunnel.observe();
        return { name: tunnel.definition.name, state, reason: reason ?? unproven, mend };
      }),
    notices: () => [...running.values()].flatMap((tunnel) => noticesOf(tunnel, clock.now())),
    list: () => Promise.all([...running.values()].map(statusOf)),
    async add(definition, token) {
      const { name } = definition;
      if (running.has(name))
        throw new DrawbridgeError('bad_input', `There is a tunnel named "${name}" already. Choose another name.`, { name });
      if (!parts.offers.some((offer) => offer.name === definition.offer)) {
        throw new DrawbridgeError(
          'bad_input',
          `"${definition.offer}" can't be lent. There is: ${parts.offers.map((offer) => offer.name).join(', ')}.`,
        );
      }
      if (definition.identityFile === null) await makeIdentity(files.identity(name), name, keygen, run);
      const publicKey = await publicKeyOf(identityOf(definition), keygen, run);
      if (token !== undefined) await keychain.set(tokenName(name), `${token.id}\n${token.secret}`);
      keep((list) => [...list, definition]);
      return { tunnel: await statusOf(find(name)), key: keys.create(name), publicKey };
    },
    async token(name, token) {
      const tunnel = find(name);
      await keychain.set(tokenName(name), `${token.id}\n${token.secret}`);
      if (tunnel.definition.enabled) tunnel.happen({ type: 'reconnect' });
      return statusOf(tunnel);
    },
    key: (name) => ({ key: keys.create(find(name).definition.name) }),
    async startOne(name) {
      if (find(name).definition.enabled) find(name).happen({ type: 'start' });
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
      keep((list) => list.filter((one) => one.name !== name));
      await leaving.get(name);
      keys.remove(name);
      await keychain.delete(tokenName(name));
      removeFiles(files, name);
    },
    async hostKey(name) {
      const { fingerprint, type } = await shownKey(find(name));
      return { fingerprint, type, pinned: readPin(files.knownHosts(name))?.fingerprint ?? null };
    },
    async trust(name, fingerprint) {
      const tunnel = find(name);
      const key = await shownKey(tunnel);
      if (key.fingerprint !== fingerprint) {
        throw new DrawbridgeError('bad_input', `The gateway shows ${key.fingerprint}, not ${fingerprint}. Nothing was pinned.`, {
          shown: key.fingerprint,
        });
      }
      writePin(files.knownHosts(name), key);
      if (tunnel.definition.enabled) tunnel.happen({ type: 'reconnect' });
      return statusOf(tunnel);
    },
    async check(name) {
      await find(name).check();
      return statusOf(find(name));
    },
    logs: (name) => find(name).logs(),
    async serverKit(name) {
      const { definition } = find(name);
      return serverKit(definition, await publicKeyOf(identityOf(definition), keygen, run));
    },
    async login(name) {
      const tunnel = find(name);
      const file = await cloudflaredForLogin(tunnel.definition);
      if (!(await logIn(file, tunnel.definition.host, run))) throw new DrawbridgeError('failed', 'The login was not finished. Try again.');
      const until = await readLogin(tunnel.definition);
      if (tunnel.definition.enabled) tunnel.happen({ type: 'reconnect' });
      return { until: until === null ? null : new Date(until).toISOString() };
    },
    install: (signal) => installCloudflared({ folder: files.programs, target: `${platform}-${process.arch}`, fetch, signal }),
    disturb: (why) => disturb(why === 'wake' ? { why } : { why, online: machine?.online() ?? true }),
  };
}

async function shownKey(tunnel: RunningTunnel): Promise<HostKey> {
  const key = await tunnel.hostKey();
  if (!('problem' in key)) return key;
  const { sentence, mend } = meaningOf(key.problem.code, tunnel.definition.name);
  throw new DrawbridgeError('failed', `The gateway’s host key could not be had. ${sentence} ${mend ?? ''}`.trim(), {
    cause: key.problem.code,
  });
}

/** What a person should hear of a tunnel: down for long, blocked, back up. */
function noticesOf(tunnel: RunningTunnel, now: number): Notice[] {
  const { name } = tunnel.definition;
  const trouble = tunnel.troubled();
  const { reason, mend } = tunnel.observe();
  if (trouble !== null) {
    return [
      {
        id: `tunnel-${name}`,
        level: trouble.blocked ? 'error' : 'warning',
        title: trouble.blocked ? `The tunnel ${name} needs you` : `The tunnel ${name} is down`,
        cause: `${reason ?? 'It is not connected.'} Down since ${new Date(trouble.since).toISOString().slice(11, 16)} UTC.`,
        mend,
      },
    ];
  }
  const backAt = tunnel.backAt();
  if (backAt === null || now - backAt > BACK_MS) return [];
  return [
    {
      id: `tunnel-${name}`,
      level: 'info',
      title: `The tunnel ${name} is back up`,
      cause: 'It had been down for more than a minute.',
      mend: null,
    },
  ];
}

function signsIn({ connector }: TunnelDefinition): boolean {
  return connector.kind === 'cloudflared' && connector.login === 'browser';
}

function isLocal(host: string): boolean {
  return host === 'localhost' || /^127\.\d+\.\d+\.\d+$/.test(host);
}
