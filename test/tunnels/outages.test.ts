import net from 'node:net';
import { setTimeout as pass } from 'node:timers/promises';
import { describe, it, type TestContext } from 'vitest';
import { RULES } from '../../bridges/tunnels/supervisor.ts';
import { cloudflared, hasCheckTools, hasOpenssl, hasSsh } from '../support/programs.ts';
import { NAME, startRig, type Rig, type RigOptions } from './rig.ts';

/**
 * What lasts: each outage at its full length, with the times a person's tunnel has. They run beside each other and
 * nearly all of their time is spent asleep. The timers here are the outages themselves: a process that is held for a
 * minute has to be held for a minute. Nothing is waited for by time.
 */

const missing = !hasSsh || !hasOpenssl || !hasCheckTools;
const MINUTES = 180_000;

async function up({ onTestFinished }: TestContext, options: RigOptions = {}): Promise<Rig> {
  const rig = await startRig({ connector: cloudflared === undefined ? 'direct' : 'cloudflared', ...options });
  onTestFinished(() => rig.stop());
  await rig.up();
  return rig;
}

describe.skipIf(missing).concurrent('a tunnel answers again', () => {
  it('within 10 s after ssh was stopped for 60 s', { timeout: MINUTES }, async (context) => {
    const rig = await up(context);
    const took = await rig.heals(
      'ssh stopped (SIGSTOP) for 60 s',
      async () => {
        const held = rig.processes('ssh');
        for (const pid of held) process.kill(pid, 'SIGSTOP');
        await pass(60_000);
        // It may have been replaced meanwhile.
        for (const pid of rig.processes('ssh').filter((one) => held.includes(one))) process.kill(pid, 'SIGCONT');
      },
      { sameSession: true },
    );
    context.expect(took).toBeLessThan(10_000);
    await context.expect.poll(() => rig.processes('ssh')).toHaveLength(1);
  });

  it('within 10 s after the edge was gone for 30 s', { timeout: MINUTES }, async (context) => {
    const rig = await up(context);
    const took = await rig.heals('the edge gone for 30 s', async () => {
      await rig.edge.stop();
      await pass(30_000);
      await rig.edge.start();
    });
    context.expect(took).toBeLessThan(10_000);
  });

  it(
    'within 10 s even where the edge comes back just after an attempt, and the wait is the longest',
    { timeout: MINUTES },
    async (context) => {
      const rig = await up(context, { random: () => 0.999_999 });
      const took = await rig.heals('the edge gone for 30 s, back at the worst moment', async () => {
        await rig.edge.stop();
        const gone = Date.now();
        const longest = RULES.longestWaitWhenRecentMs;
        await rig.until(({ state, since, retryAt }) => {
          const begun = Date.parse(since);
          return state === 'backoff' && begun - gone >= 30_000 && Date.parse(retryAt ?? '') - begun > longest - 100;
        }, 'a longest wait that begins after 30 s');
        await rig.edge.start();
      });
      context.expect(took).toBeLessThan(10_000);
    },
  );

  it(
    'within 25 s after the path went silent, on the other far port: the dead session holds the first',
    { timeout: MINUTES },
    async (context) => {
      const { expect } = context;
      const rig = await up(context);
      const { farPort } = await rig.status();
      expect(await rig.heals('the path silent, the first far port held by the dead session', () => rig.edge.silence())).toBeLessThan(
        25_000,
      );
      expect((await rig.status()).farPort).not.toBe(farPort);
      expect(JSON.stringify(await rig.engine.control.tunnels.logs({ name: NAME }))).toContain('(bind-refused)');
      await expect(accepts(farPort ?? 0)).resolves.toBe(true);
    },
  );
});

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = net.connect(port, '127.0.0.1');
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}
