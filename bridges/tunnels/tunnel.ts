import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import type { TunnelDefinition, TunnelSample, TunnelStatus } from '../contract/index.ts';
import type { Clock } from '../engine/clock.ts';
import type { Logger } from '../engine/log.ts';
import { meaningOf, retryOf, type Cause } from './causes.ts';
import type { Progress } from './classify.ts';
import { createTunnelLog, type TunnelLog } from './log.ts';
import { NO_TRAFFIC, type Relay } from './relay.ts';
import { createSamples } from './samples.ts';
import { initial, step, type Deed, type Happening, type Supervised } from './supervisor.ts';
import type { Connector, HostKey, Route, Session, Transport } from './transport.ts';

export type TunnelTimings = {
  /** Milliseconds between questions to the far side while all is well, and while it is not. */
  checkEveryMs: number;
  checkAgainMs: number;
  /** For how long an answer counts. */
  freshMs: number;
  /** Down for longer than this is worth a notice. */
  noticeAfterMs: number;
};
export const TIMINGS: TunnelTimings = { checkEveryMs: 60_000, checkAgainMs: 3_000, freshMs: 180_000, noticeAfterMs: 60_000 };

export type TunnelParts = {
  definition: TunnelDefinition;
  transport: Transport;
  connector: Connector;
  /** Opens the private end; undefined where nothing of that name is offered. */
  openRelay: (on: { live(): number | null; onRequest(farPort: number, nonce: string | null): void }) => Promise<Relay> | undefined;
  /** What is pinned, if anything is. */
  pinned: () => HostKey | undefined;
  identityFile: string;
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
export type Observed = Pick<
  TunnelStatus,
  | 'state'
  | 'since'
  | 'cause'
  | 'reason'
  | 'mend'
  | 'retryAt'
  | 'farPort'
  | 'marks'
  | 'unproven'
  | 'listens'
  | 'traffic'
  | 'latencyMs'
  | 'connectorVersion'
>;

export type RunningTunnel = {
  readonly definition: TunnelDefinition;
  happen(happening: Happening): void;
  observe(): Observed;
  /** Down for long, or blocked: since when. Null where there is nothing to worry about. */
  troubled(): { since: number; blocked: boolean } | null;
  /** When it last came back after having been troubled. */
  backAt(): number | null;
  readonly log: TunnelLog;
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
/** Unanswered questions in a row after which the session is replaced. */
const MAX_UNANSWERED = 2;

type Seen = { at: number; by: string } | null;

/** Carries out what the supervisor decides for one tunnel. */
export function createTunnel(parts: TunnelParts): RunningTunnel {
  const { definition, clock, log, timings } = parts;
  let state: Supervised = initial(parts.online());
  let since = clock.now();
  let session: Session | undefined;
  /** Counts sessions, so that what comes late from an old one is known as such. */
  let round = 0;
  let relay: Promise<Relay> | undefined;
  let openRelay: Relay | undefined;
  let route: Route | undefined;
  let timer: NodeJS.Timeout | undefined;
  let checkTimer: NodeJS.Timeout | undefined;
  let noticeTimer: NodeJS.Timeout | undefined;
  let downSince: number | null = null;
  let wasUp = false;
  let backAt: number | null = null;
  let lastCause: Cause | null = null;
  let marks: { connected: Seen; answering: Seen; private: Seen } = { connected: null, answering: null, private: null };
  let listens: string[] = [];
  let notPermitted = false;
  let unanswered = 0;
  const awaited = new Map<string, () => void>();
  let latencyMs: number | null = null;
  let samples = createSamples();
  const lines = createTunnelLog(clock);
  const { note } = lines;

  const happen = (happening: Happening): void => {
    const before = state;
    const next = step(before, happening, { now: clock.now(), random: parts.random() });
    state = next.state;
    if (happening.type === 'ended' || happening.type === 'asked' || happening.type === 'condemn') lastCause = happening.cause;
    if (before.phase.name !== state.phase.name) onPhase(before.phase.name);
    for (const deed of next.deeds) perform(deed);
    parts.onChange();
  };

  const onPhase = (before: Supervised['phase']['name']): void => {
    const { phase } = state;
    since = clock.now();
    note(`drawbridge: ${before} -> ${phase.name}${'cause' in phase ? ` (${phase.cause.code})` : ''}`);
    log.info('tunnel.state', { tunnel: definition.name, state: phase.name, ...('cause' in phase ? { cause: phase.cause.code } : {}) });
    if (phase.name === 'up') {
      if (wasUp && downSince !== null && clock.now() - downSince >= timings.noticeAfterMs) backAt = clock.now();
      wasUp = true;
      downSince = null;
      lastCause = null;
      clearTimeout(noticeTimer);
    } else if (phase.name === 'off') {
      downSince = null;
      clearTimeout(noticeTimer);
      void closeRelay();
    } else if (downSince === null) {
      downSince = clock.now();
      noticeTimer = setTimeout(parts.onChange, timings.noticeAfterMs);
      noticeTimer.unref();
    }
    if (before === 'up') forgetProof();
  };

  const perform = (deed: Deed): void => {
    switch (deed.type) {
      case 'open':
        return void open(definition.farPorts[deed.far]);
      case 'close':
        return void close();
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
      log.error('tunnel.relay_failed', { tunnel: definition.name, error });
      return { problem: { code: 'relay-failed' } };
    });
    // It may have been told to close meanwhile.
    if (mine !== round || state.session !== 'running') return happen({ type: 'ended', cause: { code: 'disturbed' } });
    if ('problem' in ready) return happen({ type: 'ended', cause: ready.problem });
    const opened = parts.transport.open(ready.route, farPort, ready.relay.address, {
      line: note,
      progress: (progress) => mine === round && onProgress(progress, mine),
    });
    session = opened;
    const cause = await opened.ended;
    if (session === opened) session = undefined;
    note(`drawbridge: the session ended (${cause.code})`);
    happen({ type: 'ended', cause });
  };

  const prepare = async (): Promise<{ route: Route; relay: Relay } | { problem: Cause }> => {
    relay ??= parts.openRelay({ live, onRequest });
    if (relay === undefined) return { problem: { code: 'offer-missing' } };
    if (!existsSync(parts.identityFile)) return { problem: { code: 'key-unusable' } };
    openRelay = await relay;
    const prepared = await parts.connector.prepare();
    if ('problem' in prepared) return prepared;
    if (parts.pinned() === undefined) return { problem: { code: 'host-key-unknown' } };
    route = prepared.route;
    lines.hide(route.secrets);
    return { route, relay: openRelay };
  };

  const close = async (): Promise<void> => {
    // Without a session yet, `open` sees for itself that it is not wanted any more.
    await session?.stop();
  };

  const ask = async (): Promise<void> => {
    const cause = await parts.connector.ask().catch((error: unknown): Cause => {
      log.warn('tunnel.ask_failed', { tunnel: definition.name, error });
      return { code: 'edge-odd' };
    });
    note(`drawbridge: asked the edge: ${cause.code}`);
    happen({ type: 'asked', cause });
  };

  const onProgress = (progress: Progress, mine: number): void => {
    switch (progress.step) {
      case 'up':
        marks = { ...marks, connected: { at: clock.now(), by: 'ssh' } };
        happen({ type: 'progress', step: 'up' });
        if (definition.check) void checkOn(mine);
        return;
      case 'edge-open':
      case 'authenticated':
        return happen({ type: 'progress', step: progress.step });
      case 'connecting':
      case 'host-key-ok':
    }
  };

  const live = (): number | null => (state.phase.name === 'up' ? definition.farPorts[state.far] : null);

  const onRequest = (farPort: number, nonce: string | null): void => {
    if (farPort !== live()) return;
    const own = nonce === null ? undefined : awaited.get(nonce);
    const first = marks.answering === null;
    marks = { ...marks, answering: { at: clock.now(), by: own === undefined ? 'gateway' : 'check' } };
    unanswered = 0;
    own?.();
    if (first) parts.onChange();
  };

  const forgetProof = (): void => {
    marks = { connected: null, answering: null, private: null };
    listens = [];
    notPermitted = false;
    unanswered = 0;
    latencyMs = null;
    clearTimeout(checkTimer);
  };

  /** Asks the far side now, and again from time to time for as long as this session is up. */
  const checkOn = async (mine: number): Promise<void> => {
    const fine = await checkOnce();
    if (mine !== round || state.phase.name !== 'up' || notPermitted) return;
    clearTimeout(checkTimer);
    checkTimer = setTimeout(() => void checkOn(mine), fine ? timings.checkEveryMs : timings.checkAgainMs);
    checkTimer.unref();
  };

  /** True where the far side answered, and what it said was as it should be. */
  const checkOnce = async (): Promise<boolean> => {
    const farPort = live();
    if (farPort === null || route === undefined) return false;
    const mine = round;
    const nonce = randomBytes(24).toString('base64url');
    let reached = false;
    awaited.set(nonce, () => void (reached = true));
    const report = await parts.transport.check(route, farPort, nonce).finally(() => awaited.delete(nonce));
    if (mine !== round || live() !== farPort) return false;
    if (report.kind === 'not-permitted') notPermitted = true;
    if (report.kind !== 'report') {
      note(`drawbridge: the gateway could not be asked (${report.kind === 'failed' ? report.cause.code : report.kind})`);
      parts.onChange();
      return false;
    }
    ({ listens } = report);
    if (listens.some((address) => !isLoopback(address))) {
      note(`drawbridge: the far port is bound to ${listens.join(' ')}`);
      happen({ type: 'condemn', cause: { code: 'exposed' } });
      return false;
    }
    if (listens.length > 0) marks = { ...marks, private: { at: clock.now(), by: 'gateway' } };
    if (reached) ({ latencyMs } = report);
    else {
      unanswered += 1;
      note(`drawbridge: the far port did not lead here (status ${report.status})`);
      if (unanswered >= MAX_UNANSWERED) happen({ type: 'distrust' });
    }
    parts.onChange();
    return reached;
  };

  const closeRelay = async (): Promise<void> => {
    const old = relay;
    relay = undefined;
    openRelay = undefined;
    samples = createSamples();
    await (await old?.catch(() => undefined))?.stop(RELAY_GRACE_MS);
  };

  const answering = (): boolean => marks.answering !== null && clock.now() - marks.answering.at <= timings.freshMs;

  return {
    definition,
    happen,
    log: lines,
    sample: () => openRelay && samples.take(clock.now(), openRelay.traffic(), latencyMs),
    samples: () => samples.all(),
    backAt: () => backAt,
    troubled: () => {
      if (state.phase.name === 'blocked') return { since, blocked: true };
      return downSince !== null && clock.now() - downSince >= timings.noticeAfterMs ? { since: downSince, blocked: false } : null;
    },
    observe() {
      const { phase } = state;
      const cause = 'cause' in phase ? phase.cause : phase.name === 'up' || phase.name === 'off' ? null : lastCause;
      const meaning = cause === null ? null : meaningOf(cause.code, definition, parts.canInstall);
      return {
        state: phase.name === 'up' ? (answering() ? 'up' : 'connected') : phase.name,
        since: iso(since),
        cause: cause?.code ?? null,
        reason: meaning?.sentence ?? null,
        mend: meaning?.mend ?? null,
        retryAt: phase.name === 'backoff' ? iso(phase.until) : null,
        farPort: live(),
        marks: { connected: shown(marks.connected), answering: shown(marks.answering), private: shown(marks.private) },
        unproven: phase.name === 'up' ? unprovenOf(answering(), marks.private !== null, notPermitted, definition.check) : null,
        listens,
        traffic: trafficOf(openRelay),
        latencyMs,
        connectorVersion: parts.connector.version(),
      };
    },
    async hostKey() {
      const prepared = await parts.connector.prepare();
      if ('problem' in prepared) return prepared;
      const key = await parts.transport.hostKey(prepared.route);
      if (!('problem' in key) || retryOf(key.problem.code) !== 'ask') return key;
      return { problem: await parts.connector.ask() };
    },
    async check() {
      notPermitted = false;
      await checkOnce();
    },
    async stop() {
      happen({ type: 'stop' });
      for (const one of [timer, checkTimer, noticeTimer]) clearTimeout(one);
      await session?.stop();
      await closeRelay();
      lines.close();
    },
  };
}

/** What a person should not take for granted. */
function unprovenOf(answering: boolean, isPrivate: boolean, notPermitted: boolean, checks: boolean): string | null {
  if (answering && isPrivate) return null;
  if (!checks || notPermitted) {
    const why = checks ? 'the gateway does not let this account run the check script' : 'checks are switched off for this tunnel';
    if (!answering) return `ssh confirmed the far port, but nothing has come through it lately, and ${why}.`;
    return `Calls come through, but that only the gateway itself can reach the far port is not proven: ${why}.`;
  }
  return answering
    ? 'That only the gateway itself can reach the far port is not proven yet.'
    : 'ssh confirmed the far port; the gateway has not been asked yet, or did not answer.';
}

/** True for an address only its own machine can reach, as `ss` writes it. */
function isLoopback(address: string): boolean {
  return /^(?:127\.\d+\.\d+\.\d+|\[::1\]):\d+$/.test(address);
}

const iso = (time: number): string => new Date(time).toISOString();
const shown = (seen: Seen): { at: string; by: string } | null => seen && { at: iso(seen.at), by: seen.by };

function trafficOf(relay: Relay | undefined): TunnelStatus['traffic'] {
  const { lastAt, ...counts } = relay?.traffic() ?? NO_TRAFFIC;
  return { ...counts, lastAt: lastAt === null ? null : iso(lastAt) };
}
