import { beforeEach, expect, it } from 'vitest';
import { DrawbridgeError } from '../../../bridges/contract/errors.ts';
import { listenForCompanion, type CompanionListening } from '../../../bridges/engine/companion-listening.ts';
import { silentLogger } from '../../../bridges/engine/log.ts';

let taken: Set<number>;
/** What happened to ports, in order. */
let seen: string[];
let listening: CompanionListening;
const open = (port = 1): void => {
  listening = listenForCompanion({
    port,
    graceMs: 0,
    log: silentLogger,
    onChange: () => {},
    async bind(wanted) {
      if (taken.has(wanted)) throw new Error('EADDRINUSE');
      taken.add(wanted);
      seen.push(`open ${wanted}`);
      return {
        port: wanted,
        address: `127.0.0.1:${wanted}`,
        async stop() {
          taken.delete(wanted);
          seen.push(`leave ${wanted}`);
        },
      };
    },
    explain: async (_error, wanted) => new DrawbridgeError('port_taken', `Port ${wanted} is taken.`, { next: wanted + 1 }),
  });
};
beforeEach(() => {
  taken = new Set();
  seen = [];
  open();
});

it('opens the new port before it leaves the old one', async () => {
  await listening.start();
  expect(await listening.move(2)).toMatchObject({ state: 'listening', address: '127.0.0.1:2' });
  expect(seen).toEqual(['open 1', 'open 2', 'leave 1']);
});

it('stays where it is where the new port is taken, and says so until a port is had', async () => {
  await listening.start();
  taken.add(2);
  const mend = { label: 'Use port 3', action: { kind: 'companion.usePort', port: 3 } };
  expect(await listening.move(2)).toEqual({ name: 'companion', state: 'failed', address: null, reason: 'Port 2 is taken.', mend });
  expect(listening.status()).toMatchObject({ state: 'listening', address: '127.0.0.1:1', mend });
  expect(listening.status().reason).toBe('Port 2 is taken. The companion stays on 1 until then.');
  expect(listening.problem()).toBeNull();
  await listening.move(1);
  expect(listening.status()).toMatchObject({ state: 'listening', address: '127.0.0.1:1', reason: null, mend: null });
  expect(seen).toEqual(['open 1']);
});

it('tells what keeps it from listening at all, and tries again', async () => {
  taken.add(1);
  expect(await listening.start()).toMatchObject({ state: 'failed', address: null });
  expect(listening.problem()?.details['next']).toBe(2);
  taken.delete(1);
  expect(await listening.retry()).toMatchObject({ state: 'listening', address: '127.0.0.1:1', reason: null });
  expect(listening.problem()).toBeNull();
});

it('tries the port again that it could not move to', async () => {
  await listening.start();
  taken.add(2);
  await listening.move(2);
  taken.delete(2);
  expect(await listening.retry()).toMatchObject({ state: 'listening', address: '127.0.0.1:2', reason: null });
  expect(await listening.retry()).toMatchObject({ address: '127.0.0.1:2' });
  expect(seen).toEqual(['open 1', 'open 2', 'leave 1']);
});

it('makes moves that come at once one after the other', async () => {
  await listening.start();
  const came = await Promise.all([listening.move(2), listening.move(3), listening.retry()]);
  expect(came.map(({ state }) => state)).toEqual(['listening', 'listening', 'listening']);
  expect(listening.status().address).toBe('127.0.0.1:3');
  expect([...taken]).toEqual([3]);
});

it('stays where it is where the new port can not be written down', async () => {
  await listening.start();
  const full = (): void => {
    throw new Error('The disk is full.');
  };
  await expect(listening.move(2, full)).rejects.toThrow('The disk is full.');
  expect(listening.status().address).toBe('127.0.0.1:1');
  expect(listening.wanted()).toBe(1);
  expect([...taken]).toEqual([1]);
});

it('opens nothing any more once it has stopped', async () => {
  await listening.start();
  await Promise.all([listening.stop(0), listening.move(2)]);
  expect(listening.status()).toMatchObject({ state: 'stopped', address: null });
  expect(taken.size).toBe(0);
});

it('stops beside the port that it leaves, not after it', async () => {
  const asked: number[] = [];
  const over = Promise.withResolvers<void>();
  const stop = (port: number) => (): Promise<void> => {
    asked.push(port);
    return over.promise;
  };
  listening = listenForCompanion({
    port: 1,
    graceMs: 0,
    log: silentLogger,
    onChange: () => {},
    bind: async (port) => ({ port, address: `127.0.0.1:${port}`, stop: stop(port) }),
    explain: async () => new DrawbridgeError('failed', ''),
  });
  await listening.start();
  const moved = listening.move(2);
  await expect.poll(() => asked).toEqual([1]);
  const stopped = listening.stop(0);
  expect(asked).toEqual([1, 2]);
  over.resolve();
  await Promise.all([moved, stopped]);
  expect(listening.status().state).toBe('stopped');
});
