import type { Notice, TunnelDefinition, TunnelSample, TunnelStatus } from '../contract/index.ts';
import type { Clock } from '../engine/clock.ts';
import type { Logger } from '../engine/log.ts';
import { causeOfKeychain, meaningOf, retryOf, type Cause } from './causes.ts';
import type { Progress } from './classify.ts';
import { causeOfKey, type KeyFault } from './key-file.ts';
import type { TunnelLog } from './log.ts';
import { createProof, type ProofTimings } from './proof.ts';
import { NO_TRAFFIC, type Relay } from './relay.ts';
import { createSamples } from './samples.ts';
import { initial, step, type Deed, type Happening, type Supervised } from './supervisor.ts';
import type { Connector, HostKey, Route, Session, Transport } from './transport.ts';
import { createTrouble } from './trouble.ts';

export type TunnelTimings = ProofTimings & {
  /** Down for longer than this is worth a notice. Milliseconds. */
  noticeAfterMs: number;
  /** Milliseconds between two of the numbers a window draws. */
  sampleEveryMs: number;
};
export const TIMINGS: TunnelTimings = {
  checkEveryMs: 60_000,
  checkAgainMs: 3_000,
  freshMs: 180_000,
  noticeAfterMs: 60_000,
  sampleEveryMs: 5_000,
};

export type TunnelParts = {
  definition: TunnelDefinition;
  lines: TunnelLog;
  transport: Transport;
  connector: Connector;
  /** Opens the private end; undefined where nothing of that name is offered. */
  openRelay: (on: { live(): number | null; onRequest(farPort: number, nonce: string | null): void }) => Promise<Relay> | undefined;
  /** What is pinned, if anything is. */
  pinned: () => HostKey | undefined;
  /** Why the ssh key can't be used, where it can't. */
  keyFault: () => KeyFault | undefined;
  /** A cloudflared for this machine is known here. */
  canInstall: boolean;
  online: () => boolean;
  clock: Clock;
  random: () => number;
  timings: TunnelTimings;
  log: Logger;
  /** Something in the status is different. */
  onChange: () => void;
};

/** What is told of a tunnel besides its definition and what the machine keeps for it. */
export type Observed = Omit<TunnelStatus, 'definition' | 'fingerprint' | 'loginUntil' | 'secretsLast'>;

export type RunningTunnel = {
  readonly definition: TunnelDefinition;
  happen(happening: Happening): void;
  /** The session may be dead without a sign of it: the far side is asked. */
  doubt(): void;
  observe(): Observed;
  notices(): Notice[];
  /** Adds how things stand to the numbers, where the tunnel is on. */
  sample(): void;
  samples(): TunnelSample[];
  hostKey(): Promise<HostKey | { problem: Cause }>;
  /** Asks the far side now. */
  check(): Promise<void>;
  /** Ends the session and the relay; nothing is left of either. */
  stop(): Promise<void>;
};

const RELAY_GRACE_MS = 500;

/** All that a session needs. */
type Ready = { route: Route; relay: Relay };

/** Carries out what the supervisor decides for one tunnel. */
export function createTunnel(parts: TunnelParts): RunningTunnel {
  const { definition, lines, clock, log, timings, onChange } = parts;
  const { note } = lines;
  const trouble = createTrouble({ tunnel: definition.name, clock, noticeAfterMs: timings.noticeAfterMs, onChange });
  const proof = createProof({
    checks: definition.check,
    clock,
    timings,
    note,
    onChange,
    received: () => openRelay?.traffic().bytesIn ?? 0,
    onUnanswered: () => happen({ type: 'distrust' }),
    onExposed: () => happen({ type: 'condemn', cause: { code: 'exposed' } }),
  });
  let state: Supervised = initial(parts.online());
  let since = clock.now();
  /** Why the last session ended; told until the next is up. */
  let lastCause: Cause | null = null;
  let session: Session | undefined;
  /** Counts sessions, so that what comes late from an old one is known as such. */
  let round = 0;
  let relay: Promise<Relay> | undefined;
  let openRelay: Relay | undefined;
  let samples = createSamples();
  let timer: NodeJS.Timeout | undefined;

  const happen = (happening: Happening): void => {
    const before = state;
    const next = step(before, happening, { now: clock.now(), random: parts.random() });
    state = next.state;
    if ('cause' in happening) lastCause = happening.cause;
    if (before.phase.name !== state.phase.name) onPhase(before.phase.name);
    for (const deed of next.deeds) perform(deed);
    onChange();
  };

  const onPhase = (before: Supervised['phase']['name']): void => {
    const { phase } = state;
    since = clock.now();
    note(`drawbridge: ${before} -> ${phase.name}${'cause' in phase ? ` (${phase.cause.code})` : ''}`);
    log.info('tunnel.state', { tunnel: definition.name, state: phase.name, ...('cause' in phase ? { cause: phase.cause.code } : {}) });
    trouble.on(phase.name === 'up' || phase.name === 'off' || phase.name === 'blocked' ? phase.name : 'down');
    if (phase.name === 'up' || phase.name === 'off') lastCause = null;
    if (before === 'up') proof.end();
  };

  const perform = (deed: Deed): void => {
    switch (deed.type) {
      case 'open':
        return void open(definition.farPorts[deed.far]);
      case 'close':
        // Without a session yet, `open` sees for itself that it is not wanted any more.
        return void session?.stop();
      case 'ask':
        return void ask();
      case 'wait':
        clearTimeout(timer);
        timer = setTimeout(() => happen({ type: 'timer' }), Math.max(0, deed.until - clock.now()));
        return;
    }
  };

  const open = async (farPort: number): Promise<void> => {
    const mine = ++round;
    clearTimeout(timer);
    const ready = await prepare().catch((error: unknown): { problem: Cause } => {
      log.error('tunnel.not_prepared', { tunnel: definition.name, error });
      return { problem: causeOfKeychain(error) ?? { code: 'relay-failed' } };
    });
    // It may have been told to close meanwhile.
    if (mine !== round || state.session !== 'running') return happen({ type: 'ended', cause: { code: 'disturbed' } });
    if ('problem' in ready) return happen({ type: 'ended', cause: ready.problem });
    const cause = await carry(mine, farPort, ready).catch((error: unknown): Cause => {
      // The system may have no process or file to spare.
      log.error('tunnel.not_opened', { tunnel: definition.name, error });
      return { code: 'exited' };
    });
    note(`drawbridge: the session ended (${cause.code})`);
    happen({ type: 'ended', cause });
  };

  /** One session from its beginning to its end; resolves with why it ended. */
  const carry = async (mine: number, farPort: number, { route, relay: { address } }: Ready): Promise<Cause> => {
    const opened = parts.transport.open(route, farPort, address, {
      line: note,
      progress: (progress) => mine === round && onProgress(progress, route),
    });
    session = opened;
    const cause = await opened.ended;
    if (session === opened) session = undefined;
    return cause;
  };

  const prepare = async (): Promise<Ready | { problem: Cause }> => {
    relay ??= beginRelay();
    if (relay === undefined) return { problem: { code: 'offer-missing' } };
    const fault = parts.keyFault();
    if (fault !== undefined) return { problem: causeOfKey(fault) };
    openRelay = await relay;
    const prepared = await parts.connector.prepare();
    if ('problem' in prepared) return prepared;
    if (parts.pinned() === undefined) return { problem: { code: 'host-key-unknown' } };
    lines.hide(prepared.route.secrets);
    return { route: prepared.route, relay: openRelay };
  };

  /** One that can't be opened is not kept: the next attempt opens another. */
  const beginRelay = (): Promise<Relay> | undefined => {
    const begun = parts.openRelay({ live, onRequest: (farPort, nonce) => proof.seen(farPort, nonce) });
    begun?.catch(() => {
      if (relay === begun) relay = undefined;
    });
    return begun;
  };

  const ask = async (): Promise<void> => {
    const cause = await parts.connector.ask().catch((error: unknown): Cause => {
      log.warn('tunnel.ask_failed', { tunnel: definition.name, error });
      return causeOfKeychain(error) ?? { code: 'edge-odd' };
    });
    note(`drawbridge: asked the edge (${cause.code})`);
    happen({ type: 'asked', cause });
  };

  const onProgress = (progress: Progress, route: Route): void => {
    switch (progress.step) {
      case 'up': {
        happen({ type: 'progress', step: 'up' });
        const farPort = live();
        if (farPort !== null) proof.begin(farPort, (nonce) => parts.transport.check(route, farPort, nonce));
        return;
      }
      case 'edge-open':
      case 'authenticated':
        return happen({ type: 'progress', step: progress.step });
      case 'connecting':
      case 'host-key-ok':
    }
  };

  const live = (): number | null => (state.phase.name === 'up' ? definition.farPorts[state.far] : null);

  const closeRelay = async (): Promise<void> => {
    const old = relay;
    relay = undefined;
    openRelay = undefined;
    samples = createSamples();
    await (await old?.catch(() => undefined))?.stop(RELAY_GRACE_MS);
  };

  const observe = (): Observed => {
    const { phase } = state;
    const { answering, ...proven } = proof.view();
    const well = phase.name === 'up' || phase.name === 'off';
    const cause = 'cause' in phase ? phase.cause : well ? null : lastCause;
    const meaning = cause && meaningOf(cause.code, definition, parts.canInstall);
    return {
      state: phase.name === 'up' ? (answering ? 'up' : 'connected') : phase.name,
      since: iso(since),
      cause: cause?.code ?? null,
      reason: meaning?.sentence ?? null,
      mend: meaning?.mend ?? null,
      retryAt: phase.name === 'backoff' ? iso(phase.until) : null,
      farPort: live(),
      ...proven,
      traffic: trafficOf(openRelay),
      connectorVersion: parts.connector.version(),
    };
  };

  return {
    definition,
    happen,
    doubt: () => proof.doubt(),
    observe,
    notices: () => trouble.notices(observe()),
    sample() {
      if (openRelay !== undefined) samples.take(clock.now(), openRelay.traffic(), proof.view().latencyMs);
    },
    samples: () => samples.all(),
    async hostKey() {
      const prepared = await parts.connector.prepare();
      if ('problem' in prepared) return prepared;
      const key = await parts.transport.hostKey(prepared.route);
      if (!('problem' in key) || retryOf(key.problem.code) !== 'ask') return key;
      return { problem: await parts.connector.ask() };
    },
    check: () => proof.ask(),
    async stop() {
      happen({ type: 'stop' });
      clearTimeout(timer);
      trouble.stop();
      proof.end();
      await Promise.all([session?.stop(), closeRelay()]);
    },
  };
}

const iso = (time: number): string => new Date(time).toISOString();

function trafficOf(relay: Relay | undefined): TunnelStatus['traffic'] {
  const { lastAt, ...counts } = relay?.traffic() ?? NO_TRAFFIC;
  return { ...counts, lastAt: lastAt === null ? null : iso(lastAt) };
}
