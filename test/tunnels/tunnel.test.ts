import { afterEach, expect, it } from 'vitest';
import { TunnelDefinition } from '../../bridges/contract/tunnels.ts';
import { silentLogger } from '../../bridges/engine/log.ts';
import { SecretError, type SecretProblem } from '../../bridges/engine/secrets.ts';
import type { Cause } from '../../bridges/tunnels/causes.ts';
import { createTunnelLog } from '../../bridges/tunnels/log.ts';
import { NO_TRAFFIC, type Relay } from '../../bridges/tunnels/relay.ts';
import type { Connector, Transport } from '../../bridges/tunnels/transport.ts';
import { createTunnel, TIMINGS, type Observed, type RunningTunnel } from '../../bridges/tunnels/tunnel.ts';
import { testClock } from '../accounts/keeper.support.ts';

/** One tunnel without ssh, relay or edge: each of them is a stand-in, and fails where it is told to. */

let tunnel: RunningTunnel;
afterEach(() => tunnel.stop());

const RELAY: Relay = { address: { socket: '/x' }, traffic: () => NO_TRAFFIC, stop: async () => {} };
const CONNECTOR: Connector = {
  prepare: async () => ({ route: { port: 22, proxyCommand: undefined, proxied: false, env: {}, secrets: [] } }),
  ask: async () => ({ code: 'exited' }),
  version: () => null,
};
/** A session that is up at once, until it is stopped. */
const open: Transport['open'] = (_route, farPort, _address, on) => {
  const end = Promise.withResolvers<Cause>();
  queueMicrotask(() => on.progress({ step: 'up', farPort }));
  return { ended: end.promise, stop: async () => end.resolve({ code: 'dropped' }) };
};

/** Starts the tunnel; resolves once it is as `fits` wants it, as often as it is asked. */
function started(change: { openRelay?: () => Promise<Relay>; connector?: Partial<Connector>; open?: Transport['open'] }) {
  const waiting = new Set<() => void>();
  const clock = testClock();
  tunnel = createTunnel({
    definition: TunnelDefinition.parse({
      name: 'lab',
      host: 'ssh.example.com',
      user: 'tunnel',
      farPorts: [3353, 3354],
      check: false,
    }),
    lines: createTunnelLog(clock),
    transport: {
      open: change.open ?? open,
      hostKey: async () => ({ problem: { code: 'exited' } }),
      check: async () => ({ kind: 'not-permitted' }),
    },
    connector: { ...CONNECTOR, ...change.connector },
    openRelay: change.openRelay ?? (async () => RELAY),
    pinned: () => ({ type: 'ssh-ed25519', fingerprint: 'SHA256:x', line: '' }),
    keyFault: () => undefined,
    canInstall: false,
    online: () => true,
    clock,
    random: () => 0.999_999,
    timings: TIMINGS,
    log: silentLogger,
    onChange: () => waiting.forEach((look) => look()),
  });
  tunnel.happen({ type: 'start' });
  return {
    clock,
    until: (fits: (seen: Observed) => boolean) =>
      new Promise<Observed>((resolve) => {
        const look = (): void => {
          const seen = tunnel.observe();
          if (!fits(seen)) return;
          waiting.delete(look);
          resolve(seen);
        };
        waiting.add(look);
        look();
      }),
  };
}

it('a relay that could not be opened once is opened when a person tries again', async () => {
  let tries = 0;
  const { until } = started({
    openRelay: async () => {
      tries += 1;
      if (tries === 1) throw new Error('EMFILE');
      return RELAY;
    },
  });
  expect(await until(({ state }) => state === 'blocked')).toMatchObject({ cause: 'relay-failed' });
  tunnel.happen({ type: 'reconnect' });
  await until(({ state }) => state === 'connected');
  expect(tries).toBe(2);
});

const refused = (kind: SecretProblem) => async () => {
  throw new SecretError(kind, 'not now');
};

it.each<[SecretProblem, Partial<Observed>]>([
  ['locked', { state: 'backoff', cause: 'keychain-locked' }],
  ['denied', { state: 'blocked', cause: 'keychain-refused' }],
  ['unavailable', { state: 'blocked', cause: 'keychain-refused' }],
])('a keychain that is %s is told as such', async (kind, expected) => {
  const { until, clock } = started({ connector: { prepare: refused(kind) } });
  const seen = await until(({ cause }) => cause !== null);
  expect(seen).toMatchObject(expected);
  // Each try may ask its owner to unlock it.
  if (seen.retryAt !== null) expect(Date.parse(seen.retryAt) - clock.now()).toBe(60_000);
});

it('a keychain that is locked while the edge is asked is not taken for an odd edge', async () => {
  const { until } = started({
    connector: { ask: refused('locked') },
    open: () => ({ ended: Promise.resolve({ code: 'edge-refused' }), stop: async () => {} }),
  });
  expect(await until(({ state }) => state === 'backoff')).toMatchObject({ cause: 'keychain-locked' });
});

it('a session that the system has no process for is tried again', async () => {
  const { until } = started({
    open: () => {
      throw new Error('spawn ENOMEM');
    },
  });
  expect(await until(({ state }) => state === 'backoff')).toMatchObject({ cause: 'exited' });
});

it('is stopped only when its relay is, too', async () => {
  const closed = Promise.withResolvers<void>();
  const seen: string[] = [];
  const closing = Promise.withResolvers<void>();
  const { until } = started({
    openRelay: async () => ({
      ...RELAY,
      stop: async () => {
        closing.resolve();
        await closed.promise;
        seen.push('relay');
      },
    }),
  });
  await until(({ state }) => state === 'connected');
  const stopped = tunnel.stop().then(() => seen.push('tunnel'));
  await closing.promise;
  // All that could end by now has its turn first.
  setImmediate(closed.resolve);
  await stopped;
  expect(seen).toEqual(['relay', 'tunnel']);
});
