import type { Bridge, BridgeDetail, LogLine, ServerKit, TunnelSample, TunnelStatus } from '../../bridges/contract/index.ts';

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

/** All about a made bridge, as its page shows it. The one that serves has an account, a quota and credits. */
export function madeBridge({ name, label, state, reason, address }: Bridge, now: number): BridgeDetail {
  const held = state === 'ready' || state === 'auth_required';
  const route =
    name === 'copilot'
      ? ({ name: 'device', label: 'GitHub, by your own OAuth app', standing: 'unofficial' } as const)
      : ({ name: 'chatgpt', label: 'Sign in with ChatGPT', standing: 'preview' } as const);
  return {
    name: name === 'copilot' ? 'copilot' : 'codex',
    label,
    state,
    reason,
    mend: held && state !== 'ready' ? { label: 'Sign in again', action: { kind: 'sign_in' } } : null,
    address,
    listenerProblem: null,
    enabled: true,
    offer: null,
    route: held ? route.name : null,
    accounts: held
      ? [{ id: 'a1', route: route.name, label: 'you@example.org', plan: 'pro', addedAt: '2026-10-02T09:00:00.000Z', active: true }]
      : [],
    routes: [
      {
        ...route,
        terms: 'The plan’s terms allow use by its owner.',
        termsUrl: 'https://example.org/terms',
        needs: 'browser',
        agreedAt: '2026-10-02T09:00:00.000Z',
        scope: ['app', 'clients'],
        defaultScope: ['app', 'clients'],
      },
    ],
    quota: held
      ? {
          plan: 'pro',
          windows:
            name === 'copilot'
              ? [
                  {
                    name: 'premium_requests',
                    usedPercent: 72.5,
                    minutes: null,
                    resetsAt: new Date(now + 864_000_000).toISOString(),
                    credits: { included: 1500, left: 412.5, overage: 0, overageAllowed: true },
                  },
                ]
              : [
                  { name: 'primary', usedPercent: 38.5, minutes: 300, resetsAt: new Date(now + 5_400_000).toISOString() },
                  { name: 'secondary', usedPercent: 61, minutes: 10_080, resetsAt: new Date(now + 345_600_000).toISOString() },
                ],
          asOf: new Date(now - 120_000).toISOString(),
        }
      : null,
    today: { calls: 214, ceiling: 2000 },
    lastError: null,
  };
}

export const MADE_LOG: LogLine[] = [
  'ssh: connected to gateway.example.org, host key as pinned',
  'ssh: remote forward success for 127.0.0.1:21435',
  'check: the far port answered with this engine’s signature',
  'check: 127.0.0.1:21435 is on the gateway’s loopback, and nowhere else',
].map((line, at) => ({ at: `2026-11-21T09:00:0${at}.000Z`, line }));

export const MADE_KIT: ServerKit = {
  sshdConfig: 'Match User drawbridge\n  AllowTcpForwarding remote\n  PermitListen 127.0.0.1:21435 127.0.0.1:21436\n',
  sshdFile: '/etc/ssh/sshd_config.d/drawbridge-drawbridge.conf',
  authorizedKeys: 'restrict,port-forwarding,permitlisten="127.0.0.1:21435" ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIExampleExampleExample home',
  check: null,
  steps: ['sudo useradd --system --create-home drawbridge'],
};

/** The last half hour of a busy tunnel. */
export function madeSamples(now: number): TunnelSample[] {
  return Array.from({ length: 60 }, (_, at) => ({
    at: new Date(now - (60 - at) * 30_000).toISOString(),
    bytesIn: 20_000 + ((at * 7919) % 30_000),
    bytesOut: 90_000 + ((at * 104_729) % 200_000),
    open: at % 4,
    latencyMs: 18 + ((at * 31) % 9),
  }));
}
