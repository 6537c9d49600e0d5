import { expect, test } from 'vitest';
import type { BridgeDetail, Call, Notice, Status, TunnelStatus } from '../../../bridges/contract/index.ts';
import type { Facts, Snapshot } from '../../../electron/main/snapshot.ts';
import { trayView, type TrayEntry, type TrayView } from '../../../electron/main/tray-menu.ts';
import { madeCall } from '../../fakes/made-calls.ts';

const NOW = Date.parse('2026-05-01T12:00:00Z');

const bridge: BridgeDetail = {
  name: 'codex',
  label: 'Codex',
  state: 'signed_out',
  reason: null,
  mend: null,
  address: '127.0.0.1:3253',
  listenerProblem: null,
  enabled: true,
  offer: null,
  route: null,
  accounts: [],
  routes: [],
  quota: null,
  today: { calls: 0, ceiling: 2000 },
  lastError: null,
};

const tunnel: TunnelStatus = {
  definition: {
    name: 'office',
    offer: 'companion',
    host: 'gateway.example.com',
    port: null,
    user: 'drawbridge',
    farPorts: [20_001, 20_002],
    connector: { kind: 'none' },
    identityFile: null,
    check: true,
    enabled: false,
  },
  state: 'off',
  since: '2026-05-01T11:00:00.000Z',
  cause: null,
  reason: null,
  mend: null,
  retryAt: null,
  farPort: null,
  marks: { connected: null, answering: null, private: null },
  unproven: null,
  listens: [],
  traffic: { open: 0, peak: 0, total: 0, bytesIn: 0, bytesOut: 0, lastAt: null },
  fingerprint: null,
  latencyMs: null,
  connectorVersion: null,
  loginUntil: null,
  secretsLast: true,
};

const status = (notices: Notice[] = [], part: Partial<Status> = {}): Status => ({
  version: '1',
  host: 'desktop',
  pid: 1,
  node: '24',
  startedAt: '2026-05-01T10:00:00.000Z',
  home: '/home/u/drawbridge',
  listeners: [{ name: 'companion', state: 'listening', address: '127.0.0.1:11435', reason: null, mend: null }],
  bridges: [],
  tunnels: [],
  upstreams: [],
  capture: { state: 'recording', reason: null, calls: 0, dropped: 0, pendingBytes: 0, storeBytes: 0 },
  activity: { calls: 0, failed: 0, open: 0, ttfbP50Ms: null, inputTokens: null, outputTokens: null },
  notices,
  ...part,
});

const view = (facts: Partial<Facts> = {}, part: Partial<Snapshot> = {}): TrayView =>
  trayView(
    {
      engine: { phase: 'running' },
      facts: {
        status: status(),
        bridges: [bridge],
        tunnels: [tunnel],
        calls: [],
        loginItem: { state: 'off', reason: null },
        notifications: { tunnels: true, signIns: true, ceilings: true },
        ...facts,
      },
      untold: [],
      ...part,
    },
    NOW,
  );

/** The menu as a person reads it: one line each, deeper ones indented, `*` for what can be clicked, `[x]` for a tick. */
function read(entries: readonly TrayEntry[], indent = ''): string[] {
  return entries.flatMap((entry) => {
    if (entry.type === 'separator') return [`${indent}--`];
    if (entry.type === 'menu') return [`${indent}${entry.label}`, ...read(entry.entries, `${indent}  `)];
    const tick = entry.checked === undefined ? '' : entry.checked ? '[x] ' : '[ ] ';
    return [`${indent}${tick}${entry.label}${entry.action === null ? '' : ' *'}`];
  });
}

const itemOf = (entries: readonly TrayEntry[], id: string): TrayEntry | undefined => {
  for (const entry of entries) {
    if (entry.type === 'separator') continue;
    const found = entry.id === id ? entry : entry.type === 'menu' ? itemOf(entry.entries, id) : undefined;
    if (found !== undefined) return found;
  }
  return undefined;
};

test('a fresh start, from top to bottom', () => {
  expect(read(view().entries)).toEqual([
    'listening on 127.0.0.1:11435',
    '--',
    'Codex: signed out',
    '  Sign in… *',
    '  [ ] Pause *',
    '--',
    'Tunnel office: off',
    '  Start *',
    '  Details… *',
    '--',
    'Last calls',
    '  No call yet',
    '  --',
    '  All calls… *',
    'Usage: 0 calls in the last hour',
    '  Tokens in: not stated, out: not stated',
    '  --',
    '  Details… *',
    '--',
    '[ ] Pause capture *',
    '[ ] Launch at login *',
    '--',
    'Open Drawbridge *',
    'Quit Drawbridge *',
  ]);
});

test.for([
  ['ready', ['Sign out *', '[ ] Pause *']],
  ['signing_in', ['Continue signing in… *', 'Cancel signing in *', '[ ] Pause *']],
  ['auth_required', ['Sign in again… *', 'Sign out *', '[ ] Pause *']],
  ['denied', ['Sign in again… *', 'Sign out *', '[ ] Pause *']],
] as const)('a bridge that is %s offers what helps', ([state, wanted]) => {
  const menu = itemOf(view({ bridges: [{ ...bridge, state }] }).entries, 'bridge:codex');
  expect(menu?.type === 'menu' ? read(menu.entries) : []).toEqual(wanted);
});

test('clicks ask for the opposite of what is', () => {
  const paused = view({
    bridges: [{ ...bridge, enabled: false }],
    tunnels: [{ ...tunnel, state: 'backoff' }],
    loginItem: { state: 'on', reason: null },
  });
  expect(itemOf(paused.entries, 'bridge:codex:pause')).toMatchObject({ checked: true, action: { kind: 'enable-bridge', enabled: true } });
  expect(itemOf(paused.entries, 'tunnel:office:stop')).toMatchObject({ action: { kind: 'tunnel', name: 'office', start: false } });
  expect(itemOf(paused.entries, 'login')).toMatchObject({ checked: true, action: { kind: 'login-item', enabled: false } });
});

test('quotas and the day’s ceiling stand under usage', () => {
  const used: BridgeDetail = {
    ...bridge,
    state: 'ready',
    route: 'chatgpt',
    quota: { plan: 'plus', asOf: '', windows: [{ name: '5 hours', usedPercent: 41.6, minutes: 300, resetsAt: null }] },
    today: { calls: 12, ceiling: 2000 },
  };
  const menu = itemOf(view({ bridges: [used] }).entries, 'usage');
  expect(menu?.type === 'menu' ? read(menu.entries) : []).toEqual([
    'Tokens in: not stated, out: not stated',
    'Codex, 5 hours: 42 % used',
    'Codex: 12 of 2000 calls today',
    '--',
    'Details… *',
  ]);
});

test.for([
  [0, 12_345, 'Tokens in: 0, out: 12k'],
  [null, 40, 'Tokens in: not stated, out: 40'],
] as const)('tokens in %s and out %s read as "%s"', ([inputTokens, outputTokens, wanted]) => {
  const activity = { calls: 1, failed: 0, open: 0, ttfbP50Ms: null, inputTokens, outputTokens };
  expect(itemOf(view({ status: status([], { activity }) }).entries, 'usage:tokens')).toMatchObject({ label: wanted });
});

test('a call says what, who, how and when, and opens', () => {
  const call: Call = {
    ...madeCall(7, NOW),
    state: 'done',
    cut: false,
    status: 429,
    modelUsed: 'm'.repeat(90),
    startedAt: '2026-05-01T11:57:30.000Z',
  };
  const found = itemOf(view({ calls: [call] }).entries, `call:${call.id}`);
  expect(found).toMatchObject({ action: { kind: 'show', page: `/calls/${call.id}` } });
  expect(found?.type === 'item' ? found.label.length : 0).toBeLessThanOrEqual(72);
});

test('the icon tells the worst of what is', () => {
  const warning: Notice = { id: 'tunnel-office', level: 'warning', title: 'The tunnel office is down', cause: '', mend: null };
  const open = { calls: 1, failed: 0, open: 1, ttfbP50Ms: null, inputTokens: null, outputTokens: null };
  const capture = { ...status().capture, state: 'paused' as const };
  expect(view().state).toBe('ready');
  expect(view({ status: status([], { activity: open }) }).state).toBe('active');
  expect(view({ status: status([], { activity: open, capture }) }).state).toBe('paused');
  expect(view({ status: status([warning], { activity: open, capture }) }).state).toBe('attention');
  expect(view({ status: status([{ ...warning, level: 'info' }]) }).state).toBe('ready');
  expect(view({}, { untold: [{ ...warning, level: 'info' }] }).state).toBe('attention');
  expect(view({}, { engine: { phase: 'starting' } }).state).toBe('off');
  expect(view({}, { engine: { phase: 'failed', message: '' } }).state).toBe('attention');
});

test('what needs someone stands on top, once', () => {
  const notice: Notice = { id: 'codex-account', level: 'warning', title: 'Codex needs you', cause: '', mend: null };
  expect(read(view({ status: status([notice]) }, { untold: [notice] }).entries).slice(0, 3)).toEqual([
    'listening on 127.0.0.1:11435',
    'Codex needs you *',
    '--',
  ]);
});

test('without an engine only the way out and another try are left', () => {
  expect(read(view({}, { engine: { phase: 'failed', message: '' }, facts: null }).entries)).toEqual([
    'the engine can’t be started. Try again *',
    '--',
    'Open Drawbridge *',
    'Quit Drawbridge *',
  ]);
});
