import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { afterEach, describe, expect, it, vi } from 'vitest';
import type { TunnelStatus } from '../../bridges/contract/index.ts';
import { killHard } from '../fakes/sshd.ts';
import { cloudflared, hasCheckTools, hasOpenssl, hasSsh } from '../support/programs.ts';
import { call, NAME, practice, startRig, type ConnectorKind, type Rig } from './rig.ts';

/** What can go wrong while a tunnel is up, and whether it answers again. What takes its time is in outages.test.ts. */

const missing = !hasSsh || !hasOpenssl || !hasCheckTools;
const kind: ConnectorKind = cloudflared === undefined ? 'direct' : 'cloudflared';

let rig: Rig | undefined;
afterEach(async () => {
  await rig?.stop();
  rig = undefined;
});
async function up(options: Parameters<typeof startRig>[0] = {}): Promise<Rig> {
  const made = await startRig({ connector: kind, ...options });
  rig = made;
  await made.up();
  return made;
}

describe.skipIf(missing)('a tunnel that was up', () => {
  it.each<[string, (made: Rig) => void]>([
    ['ssh killed (-9)', (made) => made.processes('ssh').forEach((pid) => killHard(pid))],
    [
      `${kind === 'cloudflared' ? 'cloudflared' : 'the connector'} killed (-9)`,
      (made) => made.processes('connector').forEach((pid) => killHard(pid)),
    ],
    ['the leash killed (-9)', (made) => made.processes('leash').forEach((pid) => killHard(pid))],
    ['the sshd session killed (-9)', (made) => made.sshd.sessions().forEach((pid) => killHard(pid))],
    ['the edge closing the connection', (made) => made.edge.cut('close')],
    ['the edge resetting the connection', (made) => made.edge.cut('reset')],
  ])('%s', async (what, harm) => {
    const made = await up();
    expect(await made.heals(what, () => harm(made))).toBeLessThan(10_000);
    await vi.waitFor(() => expect(made.processes('ssh')).toHaveLength(1), 10_000);
  });

  it('sshd killed with its sessions, and back', async () => {
    const made = await up({ timings: { noticeAfterMs: 200 } });
    const notices = async () => (await made.engine.control.status.get({})).notices.filter(({ id }) => id === `tunnel-${NAME}`);
    expect(await notices()).toEqual([]);
    const took = await made.heals('sshd killed (-9), and back', async () => {
      await made.sshd.kill();
      await made.until((one) => one.state === 'backoff', 'noticed');
      await vi.waitFor(async () => expect(await notices()).toMatchObject([{ level: 'warning', title: 'The tunnel lab is down' }]), 5_000);
      await made.sshd.start();
    });
    expect(took).toBeLessThan(10_000);
    expect(await notices()).toMatchObject([{ level: 'info', title: 'The tunnel lab is back up' }]);
  }, 40_000);

  it('ssh stopped for a moment: works on once it goes on', async () => {
    const made = await up();
    const [pid] = made.processes('ssh');
    process.kill(pid ?? 0, 'SIGSTOP');
    await expect(call(await made.far(), '/health', { timeoutMs: 3_000 })).rejects.toThrow('no answer');
    process.kill(pid ?? 0, 'SIGCONT');
    expect((await call(await made.far(), '/health')).status).toBe(200);
    expect(made.processes('ssh')).toEqual([pid]);
  }, 40_000);

  it('ssh stopped for good: replaced, because the far port does not lead here any more', async () => {
    const made = await up({ timings: { checkEveryMs: 300, checkAgainMs: 300 } });
    const [pid] = made.processes('ssh');
    await made.heals('ssh stopped for good', () => process.kill(pid ?? 0, 'SIGSTOP'));
    expect(made.processes('ssh')).not.toContain(pid);
  }, 60_000);

  it('the machine waking: the session is replaced', async () => {
    const made = await up();
    const disturb = async (): Promise<void> => {
      await made.engine.control.tunnels.disturb({ why: 'wake' });
      await made.engine.control.tunnels.disturb({ why: 'network' });
    };
    expect(await made.heals('the machine woke, the network changed', disturb)).toBeLessThan(10_000);
  });

  it('leaves nothing behind when stopped, and no token anywhere', async () => {
    const made = await up();
    const { token } = made.edge;
    const seen = execFileSync('ps', ['-eo', 'args='], { encoding: 'utf8' });
    expect(seen).toContain('ServerAliveInterval');
    for (const secret of [token.id, token.secret, made.key]) expect(seen).not.toContain(secret);
    const lines = JSON.stringify([
      await made.engine.control.tunnels.logs({ name: NAME }),
      await made.status(),
      await made.engine.control.status.get({}),
    ]);
    for (const secret of [token.id, token.secret, made.key]) expect(lines).not.toContain(secret);
    await made.engine.control.tunnels.stop({ name: NAME });
    for (const part of ['ssh', 'connector', 'leash'] as const) expect(made.processes(part)).toEqual([]);
    expect(sockets(made)).toEqual(['control.sock']);
    expect(existsSync(path.join(made.engine.home, 'tunnels', 'children.json'))).toBe(false);
    for (const file of filesBelow(made.engine.home)) {
      const content = readFileSync(file, 'latin1');
      for (const secret of [token.id, token.secret, made.key]) expect(content).not.toContain(secret);
      if (file.includes('/tunnels/') && !file.endsWith('.pub')) expect(statSync(file).mode & 0o077).toBe(0);
    }
    await made.engine.control.tunnels.remove({ name: NAME });
    expect(readdirSync(path.join(made.engine.home, 'tunnels')).sort()).toEqual(['bin', 'gateway-keys.json']);
  });

  it('leaves nothing behind when the engine ends, and no token in anything it wrote', async () => {
    const made = await up();
    const answer = await call(await made.far(), '/v1/chat/completions', { key: made.key, body: practice('a call that is kept') });
    expect(answer.status).toBe(200);
    await made.engine.call((row) => row.caller === `tunnel ${NAME}`);
    await made.engine.headless.stop();
    for (const part of ['ssh', 'connector', 'leash'] as const) expect(made.processes(part)).toEqual([]);
    expect(existsSync(path.join(made.engine.home, 'tunnels', 'children.json'))).toBe(false);
    await expect(call(`http://127.0.0.1:${made.farPorts[0]}`, '/health')).rejects.toThrow('ECONNREFUSED');
    const { token } = made.edge;
    const files = filesBelow(made.engine.home, 'with the history');
    expect(files.some((file) => file.includes('/capture/'))).toBe(true);
    for (const file of files) {
      const content = readFileSync(file, 'latin1');
      for (const secret of [token.id, token.secret, made.key]) expect([file, content.includes(secret)]).toEqual([file, false]);
    }
  });
});

describe.skipIf(missing)('starting and stopping', () => {
  it('while ssh hangs: the next session waits for the old one to be gone', async () => {
    const made = await up({ connector: 'none' });
    const { tunnels } = made.engine.control;
    const [pid] = made.processes('ssh');
    process.kill(pid ?? 0, 'SIGSTOP');
    const off = tunnels.stop({ name: NAME });
    await expect.poll(async () => (await made.status()).definition.enabled).toBe(false);
    await tunnels.start({ name: NAME });
    // Once more, by somebody who sees nothing happen.
    await tunnels.start({ name: NAME });
    expect((await made.status()).state).toBe('off');
    await tunnels.stop({ name: NAME });
    expect(made.processes('ssh')).toEqual([]);
    await off;
    await tunnels.start({ name: NAME });
    await made.until(({ state }) => state === 'up', 'up again');
    const begun = (await tunnels.logs({ name: NAME })).filter(({ line }) => line === 'drawbridge: off -> connecting');
    expect(begun).toHaveLength(2);
  });

  // By the vendor's client, and with the gateway asked each time, it takes minutes: DRAWBRIDGE_LONG=1.
  const ways: ConnectorKind[] = process.env['DRAWBRIDGE_LONG'] === '1' ? ['none', kind] : ['none'];
  it.each(ways)(
    '100 times by %s leaves no process, port or file behind',
    async (connector) => {
      const made = await startRig({ connector, definition: { check: connector !== 'none' } });
      rig = made;
      await made.trust();
      const { control } = made.engine;
      const before = { files: filesBelow(made.engine.home), sockets: sockets(made) };
      const begun = performance.now();
      for (let i = 0; i < 100; i++) {
        await control.tunnels.start({ name: NAME });
        // Half of them are stopped while they are still on their way.
        const wanted = connector === 'none' ? (one: TunnelStatus) => one.farPort !== null : (one: TunnelStatus) => one.state === 'up';
        if (i % 2 === 0) await made.until(wanted, `up, round ${i}`);
        await control.tunnels.stop({ name: NAME });
      }
      console.log(`100 cycles by ${connector}: ${Math.round(performance.now() - begun)} ms`);
      for (const part of ['ssh', 'connector', 'leash'] as const) expect(made.processes(part)).toEqual([]);
      expect({ files: filesBelow(made.engine.home), sockets: sockets(made) }).toEqual(before);
      await vi.waitFor(() => expect(made.sshd.sessions()).toEqual([]), 10_000);
      for (const port of made.farPorts) await expect(call(`http://127.0.0.1:${port}`, '/health')).rejects.toThrow('ECONNREFUSED');
    },
    400_000,
  );
});

const sockets = (made: Rig): string[] => readdirSync(path.join(made.engine.home, 'run')).sort();

/** All files of a state folder; but for those of the call history, which come and go by themselves, unless asked for. */
function filesBelow(folder: string, which: 'with the history' | 'without the history' = 'without the history'): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && (which === 'with the history' || entry.parentPath !== path.join(folder, 'capture')))
    .map((entry) => path.join(entry.parentPath, entry.name))
    .sort();
}
