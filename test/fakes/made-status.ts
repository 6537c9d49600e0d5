import type { Bridge, TunnelStatus } from '../../bridges/contract/index.ts';

/** Bridges as a status tells them: one that serves, one that wants its owner, one not signed in. */
export const MADE_BRIDGES: Bridge[] = [
  {
    name: 'codex',
    label: 'Codex',
    standing: 'preview',
    state: 'ready',
    address: '127.0.0.1:3253',
    reason: null,
    mend: null,
  },
  {
    name: 'copilot',
    label: 'GitHub Copilot',
    standing: 'official',
    state: 'auth_required',
    address: null,
    reason: 'GitHub has ended this sign-in.',
    mend: null,
  },
];

const mark = { at: '2026-11-21T12:00:00.000Z', by: 'a signed answer' };

/** One tunnel that is up and proved. */
export const MADE_TUNNELS: TunnelStatus[] = [
  {
    definition: {
      name: 'home',
      offer: 'companion',
      host: 'gateway.example.org',
      port: null,
      user: 'drawbridge',
      farPorts: [21_435, 21_436],
      connector: { kind: 'direct' },
      identityFile: null,
      check: true,
      enabled: true,
    },
    state: 'up',
    since: '2026-11-21T09:00:00.000Z',
    cause: null,
    reason: null,
    mend: null,
    retryAt: null,
    farPort: 21_435,
    marks: { connected: mark, answering: mark, private: mark },
    unproven: null,
    listens: ['127.0.0.1'],
    traffic: { open: 0, peak: 3, total: 214, bytesIn: 1_200_000, bytesOut: 8_400_000, lastAt: '2026-11-21T12:00:00.000Z' },
    latencyMs: 21,
    fingerprint: null,
    connectorVersion: null,
    loginUntil: null,
    secretsLast: true,
  },
];
