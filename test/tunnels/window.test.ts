import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { hasCheckTools, hasOpenssl, hasSsh } from '../support/programs.ts';
import { call, NAME, practice, startRig, type Rig } from './rig.ts';

/** What a window asks of a tunnel besides starting and stopping it. */

describe.skipIf(!hasSsh || !hasOpenssl || !hasCheckTools)('a window', () => {
  let rig: Rig;
  beforeAll(async () => {
    rig = await startRig({ timings: { sampleEveryMs: 100 } });
    await rig.up();
  });
  afterAll(() => rig.stop());
  const tunnels = () => rig.engine.control.tunnels;

  it('sees how much passes, how many requests are under way, and how long an answer takes', async () => {
    expect((await rig.status()).latencyMs).toBeGreaterThan(0);
    const { bytesIn } = (await rig.status()).traffic;
    await call(await rig.far(), '/v1/chat/completions', { key: rig.key, body: practice('over the bridge') });
    const passed = (await rig.status()).traffic.bytesIn;
    expect(passed).toBeGreaterThan(bytesIn);
    await vi.waitFor(async () => {
      const { everyMs, samples } = await tunnels().numbers({ name: NAME });
      expect(everyMs).toBe(100);
      expect(samples.reduce((sum, sample) => sum + sample.bytesIn, 0)).toBeGreaterThanOrEqual(passed);
      expect(samples.at(-1)?.latencyMs).toBeGreaterThan(0);
    }, 20_000);
  });

  it('checks a form against the tunnels there are', async () => {
    const { definition } = await rig.status();
    expect(await tunnels().validate({ draft: { ...definition } })).toMatchObject({
      definition: null,
      problems: [{ field: 'name' }, { field: 'farPorts' }],
    });
    expect(await tunnels().validate({ draft: { ...definition }, editing: NAME })).toEqual({ definition, problems: [] });
    expect((await tunnels().validate({ draft: { ...definition, identityFile: '/nowhere' }, editing: NAME })).problems).toEqual([
      { field: 'identityFile', message: 'must name a file that is there' },
    ]);
  });

  it('follows the lines through a stop and a start, without a gap, until the tunnel is removed', async () => {
    const lines = await tunnels().follow({ name: NAME });
    const seen: string[] = [];
    const until = async (wanted: string): Promise<void> => {
      for (;;) {
        const next = await lines.next();
        if (next.done === true) throw new Error(`the lines ended before "${wanted}"`);
        seen.push(next.value.line);
        if (next.value.line.includes(wanted)) return;
      }
    };
    await until('-> up');
    await tunnels().stop({ name: NAME });
    await until('up -> off');
    await tunnels().start({ name: NAME });
    await until('-> up');
    const all = (await tunnels().logs({ name: NAME })).map(({ line }) => line);
    expect(seen).toEqual(all.slice(0, seen.length));
    await lines.return();
  });

  it('changes a tunnel: it comes up anew, and another host has to be compared anew', async () => {
    const { definition } = await rig.status();
    const [a, b] = definition.farPorts;
    await tunnels().edit({ definition: { ...definition, farPorts: [b, a] } });
    expect((await rig.until((one) => one.state === 'up', 'up by the other port')).farPort).toBe(b);
    expect((await rig.status()).fingerprint).not.toBeNull();
    await expect(tunnels().edit({ definition: { ...definition, name: 'another' } })).rejects.toThrow(/There is no tunnel/);
    await tunnels().edit({ definition: { ...definition, host: '127.0.0.1' } });
    const status = await rig.until((one) => one.state === 'blocked', 'not compared');
    expect(status).toMatchObject({ cause: 'host-key-unknown', fingerprint: null, mend: { action: { kind: 'trust' } } });
    const { fingerprint } = await tunnels().hostKey({ name: NAME });
    await tunnels().trust({ name: NAME, fingerprint });
    await rig.until((one) => one.state === 'up', 'up again');
  });

  it('is told why a session is being replaced', async () => {
    const { since } = await rig.status();
    await tunnels().reconnect({ name: NAME });
    await rig.until((one) => one.state === 'up' && one.since !== since, 'up again');
    const lines = (await tunnels().logs({ name: NAME })).map(({ line }) => line);
    expect(lines).toContain('drawbridge: up -> silent (replaced)');
  });

  it('is told no more lines, once it is down, of a tunnel that was taken out of the settings', async () => {
    const lines = await tunnels().follow({ name: NAME });
    await rig.engine.control.settings.update({ patch: { tunnels: { list: [] } } });
    const told: string[] = [];
    for await (const { line } of lines) told.push(line);
    expect(told).toContain('drawbridge: up -> off');
    expect(await tunnels().list({})).toEqual([]);
  });
});
