import type { Bridge, Status, TunnelStatus, Upstream } from '../../../../bridges/contract/index.ts';
import type { DotTone } from '../../components/status-dot.tsx';
import { STILL, type Flow, type Hop } from './flow.ts';

/** One place on the way of a call. */
export type Node = {
  id: string;
  title: string;
  /** Its state in a word or two. */
  state: string;
  tone: DotTone;
  hop: Hop | null;
  /** Page of the window that tells more. */
  to: string;
  /** Nothing can pass here now. */
  shut: boolean;
};

/** A tunnel, as the way from a gateway to what is lent. */
export type Lent = {
  name: string;
  gateway: string;
  offer: string;
  state: string;
  tone: DotTone;
  live: boolean;
  open: number;
  total: number;
  reason: string | null;
};

const SHOWN_CLIENTS = 5;
const ACCOUNTS: Readonly<Record<Bridge['state'], { tone: DotTone; word: string }>> = {
  signed_out: { tone: 'idle', word: 'signed out' },
  signing_in: { tone: 'warn', word: 'signing in' },
  ready: { tone: 'ok', word: 'ready' },
  auth_required: { tone: 'bad', word: 'sign in again' },
  denied: { tone: 'bad', word: 'denied' },
};

/** Who called lately, the busiest first; the rest in one. Pure. */
export function clientNodes(flow: Flow, known: readonly string[]): Node[] {
  const names = [...flow.clients.keys(), ...known.filter((name) => !flow.clients.has(name))];
  const node = (name: string): Node => {
    const hop = flow.clients.get(name) ?? STILL;
    return {
      id: name,
      title: name,
      state: hop.open > 0 ? 'calling' : hop.calls > 0 ? 'called' : 'quiet',
      tone: hop.calls > 0 ? 'ok' : 'idle',
      hop,
      to: '/clients',
      shut: false,
    };
  };
  if (names.length <= SHOWN_CLIENTS) return names.map(node);
  const rest = names.slice(SHOWN_CLIENTS - 1).map((name) => flow.clients.get(name) ?? STILL);
  const more: Node = {
    ...node(''),
    id: 'more',
    title: `${rest.length} more`,
    hop: { ...STILL, calls: sum(rest, 'calls'), failed: sum(rest, 'failed'), open: sum(rest, 'open') },
  };
  return [...names.slice(0, SHOWN_CLIENTS - 1).map(node), { ...more, state: more.hop?.open ? 'calling' : 'quiet' }];
}

/** Where calls can go next: the bridges, then providers and the gateway where there is one, then practice. Pure. */
export function upstreamNodes(status: Status, flow: Flow): Node[] {
  const bridges = status.bridges.map((bridge): Node => {
    const { tone, word } = ACCOUNTS[bridge.state];
    return {
      id: bridge.name,
      title: bridge.label,
      state: word,
      tone,
      hop: flow.upstreams.get(bridge.name) ?? STILL,
      to: '/bridges',
      shut: bridge.state !== 'ready',
    };
  });
  const ready = status.upstreams.filter((upstream) => upstream.state === 'ready' && upstream.kind !== 'bridge');
  // Those that are built in are there for every client, and say nothing until one goes there.
  const busy = ready.filter(({ id, kind, credential }) => kind !== 'provider' || credential !== 'client' || flow.upstreams.has(id));
  const quiet = ready.filter((upstream) => !busy.includes(upstream));
  const node = (upstream: Upstream): Node => ({
    id: upstream.id,
    title: upstream.label,
    state: upstream.kind === 'practice' ? 'built in' : upstream.credential === 'client' ? 'by the client’s own sign-in' : 'ready',
    tone: 'ok',
    hop: flow.upstreams.get(upstream.id) ?? STILL,
    to: '/calls',
    shut: false,
  });
  const rest: Node[] =
    quiet.length === 0
      ? []
      : [
          {
            id: 'providers',
            title: quiet.map(({ label }) => label).join(', '),
            state: 'by the client’s own sign-in',
            tone: 'idle',
            hop: STILL,
            to: '/calls',
            shut: false,
          },
        ];
  return [...bridges, ...busy.map(node), ...rest];
}

const TUNNELS: Readonly<Record<TunnelStatus['state'], { tone: DotTone; word: string }>> = {
  off: { tone: 'idle', word: 'off' },
  'waiting-network': { tone: 'warn', word: 'waiting for the network' },
  connecting: { tone: 'warn', word: 'connecting' },
  'edge-open': { tone: 'warn', word: 'connecting' },
  authenticated: { tone: 'warn', word: 'connecting' },
  connected: { tone: 'ok', word: 'connected' },
  up: { tone: 'ok', word: 'up, proved' },
  silent: { tone: 'warn', word: 'silent' },
  backoff: { tone: 'warn', word: 'trying again' },
  blocked: { tone: 'bad', word: 'blocked' },
};

/** The tunnels, each with its gateway and what it lends. Pure. */
export function lentOf(tunnels: readonly TunnelStatus[]): Lent[] {
  return tunnels.map(({ definition, state, traffic, reason }) => ({
    name: definition.name,
    gateway: definition.host,
    offer: definition.offer,
    state: TUNNELS[state].word,
    tone: TUNNELS[state].tone,
    live: state === 'up' || state === 'connected',
    open: traffic.open,
    total: traffic.total,
    reason,
  }));
}

function sum(hops: readonly Hop[], key: 'calls' | 'failed' | 'open'): number {
  return hops.reduce((total, hop) => total + hop[key], 0);
}
