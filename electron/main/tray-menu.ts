import type { BridgeDetail, BridgeName, Call, Notice, QuotaWindow, TunnelStatus } from '../../bridges/contract/index.ts';
import { PAGES } from './addresses.ts';
import type { Facts, Snapshot } from './snapshot.ts';

/** What a click in the menu asks for. */
export type TrayAction =
  | { kind: 'show'; page: string }
  | { kind: 'sign-out'; bridge: BridgeName }
  | { kind: 'cancel-sign-in'; bridge: BridgeName }
  | { kind: 'enable-bridge'; bridge: BridgeName; enabled: boolean }
  | { kind: 'tunnel'; name: string; start: boolean }
  | { kind: 'pause-capture'; paused: boolean }
  | { kind: 'login-item'; enabled: boolean }
  | { kind: 'retry-engine' }
  | { kind: 'quit' };

export type TrayEntry =
  | { type: 'separator' }
  /** Without an action it only tells; with `checked` it has a tick. */
  | { type: 'item'; id: string; label: string; action: TrayAction | null; checked?: boolean }
  | { type: 'menu'; id: string; label: string; entries: TrayEntry[] };

export type TrayState = 'ready' | 'active' | 'paused' | 'attention' | 'off';

/** The icon, its tooltip and the menu. */
export type TrayView = { state: TrayState; tooltip: string; entries: TrayEntry[] };

/** What the tray shows of the engine. Pure. */
export function trayView(snapshot: Snapshot, now: number): TrayView {
  const { facts, engine } = snapshot;
  const state = stateOf(snapshot);
  const news = newsEntries(snapshot);
  const body: TrayEntry[][] =
    engine.phase === 'running' && facts !== null
      ? [
          facts.bridges.map(bridgeMenu),
          facts.tunnels.map(tunnelMenu),
          [callsMenu(facts.calls, now), usageMenu(facts)],
          [
            tick('capture', 'Pause capture', facts.status.capture.state === 'paused', {
              kind: 'pause-capture',
              paused: facts.status.capture.state !== 'paused',
            }),
            ...loginEntries(facts),
          ],
        ]
      : [[]];
  const groups: TrayEntry[][] = [
    [item('state', headline(snapshot), engine.phase === 'failed' ? { kind: 'retry-engine' } : null), ...news],
    ...body,
    [item('open', 'Open Drawbridge', show(PAGES.overview)), item('quit', 'Quit Drawbridge', { kind: 'quit' })],
  ];
  return {
    state,
    tooltip: `Drawbridge: ${headline(snapshot)}`,
    entries: groups
      .filter((group) => group.length > 0)
      .flatMap((group, i): TrayEntry[] => (i === 0 ? group : [{ type: 'separator' }, ...group])),
  };
}

function stateOf({ engine, facts, untold }: Snapshot): TrayState {
  if (engine.phase === 'failed') return 'attention';
  if (engine.phase !== 'running' || facts === null) return 'off';
  if (untold.length > 0 || facts.status.notices.some(needsSomeone)) return 'attention';
  if (facts.status.capture.state === 'paused') return 'paused';
  return facts.status.activity.open > 0 ? 'active' : 'ready';
}

function headline({ engine, facts }: Snapshot): string {
  switch (engine.phase) {
    case 'starting':
      return 'starting…';
    case 'waiting':
      return 'the engine stopped and is started again';
    case 'failed':
      return 'the engine can’t be started. Try again';
    case 'stopped':
      return 'stopped';
    case 'running': {
      const companion = facts?.status.listeners.find(({ name }) => name === 'companion');
      if (companion === undefined) return 'starting…';
      return companion.state === 'listening' ? `listening on ${companion.address}` : 'the companion is not listening';
    }
  }
}

const needsSomeone = (notice: Notice): boolean => notice.level !== 'info';

/** What needs its owner, worst first, and what the system could not show. At most a few: the window shows all. */
function newsEntries({ facts, untold }: Snapshot): TrayEntry[] {
  const notices = [...untold, ...(facts?.status.notices ?? []).filter(needsSomeone)];
  const once = notices.filter((notice, i) => notices.findIndex(({ id }) => id === notice.id) === i);
  return once.slice(0, 3).map((notice) => item(`notice:${notice.id}`, short(notice.title), show(PAGES.overview)));
}

const STATES = {
  signed_out: 'signed out',
  signing_in: 'signing in…',
  ready: 'ready',
  auth_required: 'sign in again',
  denied: 'denied',
} as const;

function bridgeMenu(bridge: BridgeDetail): TrayEntry {
  const { name, label, state, enabled } = bridge;
  const id = `bridge:${name}`;
  const signedIn = state === 'ready' || state === 'auth_required' || state === 'denied';
  const entries: TrayEntry[] = [];
  const account = bridge.accounts.find(({ active }) => active);
  if (account !== undefined) entries.push(item(`${id}:account`, short(account.label), null));
  if (bridge.reason !== null) entries.push(item(`${id}:reason`, short(bridge.reason), null));
  if (state === 'signing_in') {
    entries.push(item(`${id}:sign-in`, 'Continue signing in…', show(PAGES.bridge(name))));
    entries.push(item(`${id}:cancel`, 'Cancel signing in', { kind: 'cancel-sign-in', bridge: name }));
  } else if (state !== 'ready') {
    entries.push(item(`${id}:sign-in`, state === 'signed_out' ? 'Sign in…' : 'Sign in again…', show(PAGES.bridge(name))));
  }
  if (signedIn) entries.push(item(`${id}:sign-out`, 'Sign out', { kind: 'sign-out', bridge: name }));
  entries.push(tick(`${id}:pause`, 'Pause', !enabled, { kind: 'enable-bridge', bridge: name, enabled: !enabled }));
  return { type: 'menu', id, label: `${label}: ${enabled ? STATES[state] : 'paused'}`, entries };
}

function tunnelMenu(tunnel: TunnelStatus): TrayEntry {
  const { name } = tunnel.definition;
  const id = `tunnel:${name}`;
  const entries: TrayEntry[] = [];
  if (tunnel.reason !== null) entries.push(item(`${id}:reason`, short(tunnel.reason), show(PAGES.tunnels)));
  entries.push(
    tunnel.state === 'off'
      ? item(`${id}:start`, 'Start', { kind: 'tunnel', name, start: true })
      : item(`${id}:stop`, 'Stop', { kind: 'tunnel', name, start: false }),
  );
  entries.push(item(`${id}:open`, 'Details…', show(PAGES.tunnels)));
  return { type: 'menu', id, label: `Tunnel ${name}: ${tunnel.state.replaceAll('-', ' ')}`, entries };
}

function callsMenu(calls: readonly Call[], now: number): TrayEntry {
  const entries =
    calls.length === 0
      ? [item('calls:none', 'No call yet', null)]
      : calls.map((call) => item(`call:${call.id}`, callLabel(call, now), show(PAGES.call(call.id))));
  return {
    type: 'menu',
    id: 'calls',
    label: 'Last calls',
    entries: [...entries, { type: 'separator' }, item('calls:all', 'All calls…', show(PAGES.calls))],
  };
}

function callLabel(call: Call, now: number): string {
  const outcome = call.state === 'open' ? 'running' : call.cut ? 'cut' : String(call.status ?? '');
  const model = call.modelUsed ?? call.modelRequested ?? call.path;
  return short(`${model} · ${call.client} · ${outcome} · ${ago(now - Date.parse(call.startedAt))}`);
}

function usageMenu({ status, bridges }: Facts): TrayEntry {
  const { activity } = status;
  const hour = `${count(activity.calls, 'call')}${activity.failed > 0 ? `, ${activity.failed} failed` : ''}`;
  const tokens = `Tokens in: ${thousands(activity.inputTokens)}, out: ${thousands(activity.outputTokens)}`;
  const quotas = bridges.flatMap((bridge) =>
    (bridge.quota?.windows ?? []).flatMap((window) => (window.usedPercent === null ? [] : [{ bridge, window, used: window.usedPercent }])),
  );
  return {
    type: 'menu',
    id: 'usage',
    label: `Usage: ${hour} in the last hour`,
    entries: [
      item('usage:tokens', tokens, null),
      ...quotas.map(({ bridge, window, used }) =>
        item(`usage:${bridge.name}:${window.name}`, quotaLabel(bridge.label, window, used), null),
      ),
      ...bridges
        .filter(({ route }) => route !== null)
        .map(({ name, label, today }) => item(`usage:${name}:today`, `${label}: ${today.calls} of ${today.ceiling} calls today`, null)),
      { type: 'separator' },
      item('usage:open', 'Details…', show(PAGES.usage)),
    ],
  };
}

function quotaLabel(label: string, window: QuotaWindow, used: number): string {
  return `${label}, ${window.name}: ${Math.round(used)} % used`;
}

function loginEntries({ loginItem }: Facts): TrayEntry[] {
  if (loginItem.state === 'unsupported') return [];
  const on = loginItem.state !== 'off';
  return [
    tick('login', 'Launch at login', on, { kind: 'login-item', enabled: !on }),
    ...(loginItem.reason === null ? [] : [item('login:reason', short(loginItem.reason), null)]),
  ];
}

const item = (id: string, label: string, action: TrayAction | null): TrayEntry => ({ type: 'item', id, label, action });
const tick = (id: string, label: string, checked: boolean, action: TrayAction): TrayEntry => ({ type: 'item', id, label, action, checked });
const show = (page: string): TrayAction => ({ kind: 'show', page });

/** A menu is no place for long texts; some systems cut them without a sign. */
const LONGEST = 72;
const short = (text: string): string => (text.length > LONGEST ? `${text.slice(0, LONGEST - 1)}…` : text);
const count = (n: number, what: string): string => `${n} ${what}${n === 1 ? '' : 's'}`;
const thousands = (n: number | null): string => (n === null ? 'not stated' : n < 10_000 ? String(n) : `${Math.round(n / 1000)}k`);

function ago(ms: number): string {
  const minutes = Math.floor(ms / 60_000);
  if (minutes < 1) return 'just now';
  return minutes < 60
    ? `${minutes} min ago`
    : minutes < 48 * 60
      ? `${Math.floor(minutes / 60)} h ago`
      : `${Math.floor(minutes / 1440)} d ago`;
}
