import { setImmediate } from 'node:timers/promises';
import { beforeEach, expect, it } from 'vitest';
import { listenFor, type BridgeListening } from '../../bridges/accounts/listening.ts';
import { silentLogger } from '../../bridges/engine/log.ts';

/** Ports that are held, by us too. */
let taken: Set<number>;
/** Of the settings. */
let port: number;
/** Lets go of the ports that are being left. */
let leave: () => void;
let listening: BridgeListening;
let changed: PromiseWithResolvers<void>;
beforeEach(async () => {
  taken = new Set();
  port = 1;
  changed = Promise.withResolvers();
  const ended = Promise.withResolvers<void>();
  leave = ended.resolve;
  listening = listenFor({
    bridge: 'codex',
    port: () => port,
    fixedPort: undefined,
    log: silentLogger,
    onChange: () => changed.resolve(),
    door: {
      async start(wanted) {
        if (taken.has(wanted)) throw Object.assign(new Error('taken'), { code: 'EADDRINUSE' });
        taken.add(wanted);
        return {
          port: wanted,
          address: `127.0.0.1:${wanted}`,
          async stop() {
            await ended.promise;
            taken.delete(wanted);
          },
        };
      },
    },
  });
  await listening.start();
  changed = Promise.withResolvers();
});

it('a bridge that is still leaving its port when other settings change does not find the new one taken by itself', async () => {
  port = 2;
  listening.apply();
  listening.apply();
  leave();
  await changed.promise;
  await listening.stop(0);
  expect(listening.problem()).toBeNull();
});

it('a bridge that is stopped while it leaves its port opens no other', async () => {
  port = 2;
  listening.apply();
  const stopped = listening.stop(0);
  leave();
  await stopped;
  await setImmediate();
  expect([...taken]).toEqual([]);
});

it('a bridge whose new port is taken says so, stays where it is, and goes where there is room', async () => {
  leave();
  taken.add(2);
  port = 2;
  listening.apply();
  await changed.promise;
  expect(listening.problem()).toMatch(/^Port 2 is in use by another program.* stays on port 1/);
  expect(listening.address()).toBe('127.0.0.1:1');
  changed = Promise.withResolvers();
  port = 3;
  listening.apply();
  await changed.promise;
  expect(listening.problem()).toBeNull();
  expect(listening.address()).toBe('127.0.0.1:3');
});

it('a bridge that is told to go back to the port it stayed on has no problem any more', async () => {
  taken.add(2);
  port = 2;
  listening.apply();
  await changed.promise;
  changed = Promise.withResolvers();
  port = 1;
  listening.apply();
  await changed.promise;
  expect(listening.problem()).toBeNull();
  expect(listening.address()).toBe('127.0.0.1:1');
});

it('a bridge that never had a port says why', async () => {
  const refused = listenFor({
    bridge: 'codex',
    port: () => 9,
    fixedPort: undefined,
    log: silentLogger,
    onChange: () => undefined,
    door: { start: () => Promise.reject(Object.assign(new Error('no'), { code: 'EACCES' })) },
  });
  await refused.start();
  expect(refused.address()).toBeNull();
  expect(refused.problem()).toMatch(/^Port 9 can’t be opened \(EACCES\)\. Choose another/);
});
