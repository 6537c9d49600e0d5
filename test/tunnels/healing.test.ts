import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { descendants, killHard } from '../fakes/sshd.ts';
import { cloudflared, hasCheckTools, hasOpenssl, hasSsh } from '../support/programs.ts';
import { call, NAME, practice, startRig, type ConnectorKind, type Rig } from './rig.ts';

/** What can go wrong while a tunnel is up, and how long it takes to answer again. */

const missing = !hasSsh || !hasOpenssl || !hasCheckTools;
const kind: ConnectorKind = cloudflared === undefined ? 'direct' : 'cloudflared';
const connectorName = kind === 'cloudflared' ? 'cloudflared' : 'node';

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

/** Process ids below this one whose program has this name. */
function processes(name: string): number[] {
  const all = execFileSync('ps', ['-eo', 'pid=,comm='], { encoding: 'utf8' }).trim().split('\n');
  const mine = new Set(descendants(process.pid));
  return all
    .map((line) => line.trim().split(/\s+/))
    .flatMap(([pid, comm]) => (comm === name && mine.has(Number(pid)) ? [Number(pid)] : []));
}

/** Waits for a fresh session that answers, and a call that goes through it; resolves with the milliseconds it took. */
async function answersAgain(made: Rig, before: string | null, what: string): Promise<number> {
  const begun = performance.now();
  await made.until((one) => one.state === 'up' && one.marks.connected?.at !== before, `${what}: up again`);
  const answer = await call(await made.far(), '/v1/chat/completions', { key: made.key, body: practice('back') });
  expect(answer.status).toBe(200);
  const took = Math.round(performance.now() - begun);
  console.log(`${what}: answers again after ${took} ms`);
  return took;
}
const session = async (made: Rig): Promise<string | null> => (await made.status()).marks.connected?.at ?? null;

describe.skipIf(missing)('a tunnel that was up', () => {
  it.each<[string, (made: Rig) => void]>([
    ['ssh killed', () => processes('ssh').forEach((pid) => killHard(pid))],
    ['the connector killed', () => processes(connectorName).forEach((pid) => killHard(pid))],
    ['the leash killed', () => leashes().forEach((pid) => killHard(pid))],
    ['the sshd session killed', (made) => made.sshd.sessions().forEach((pid) => killHard(pid))],
    ['the edge closing the connection', (made) => made.edge.cut('close')],
    ['the edge resetting the connection', (made) => made.edge.cut('reset')],
  ])('%s', async (what, harm) => {
    const made = await up();
    const before = await session(made);
    harm(made);
    expect(await answersAgain(made, before, what)).toBeLessThan(10_000);
    await vi.waitFor(() => expect(processes('ssh')).toHaveLength(1), 10_000);
  });

  it('sshd gone, and back', async () => {
    const made = await up({ timings: { noticeAfterMs: 200 } });
    const before = await session(made);
    const notices = async () => (await made.engine.control.status.get({})).notices.filter(({ id }) => id === `tunnel-${NAME}`);
    expect(await notices()).toEqual([]);
    await made.sshd.kill();
    await made.until((one) => one.state === 'backoff', 'noticed');
    await vi.waitFor(async () => expect(await notices()).toMatchObject([{ level: 'warning', title: 'The tunnel lab is down' }]), 5_000);
    await made.sshd.start();
    expect(await answersAgain(made, before, 'sshd back')).toBeLessThan(10_000);
    expect(await notices()).toMatchObject([{ level: 'info', title: 'The tunnel lab is back up' }]);
  }, 40_000);

  it('the edge gone for a while, and back', async () => {
    const made = await up();
    const before = await session(made);
    await made.edge.stop();
    // Long enough for several attempts: the longest wait after a good session is what is held to 10 s here.
    const attempts = 4;
    let tried = 0;
    let last = '';
    await made.until((one) => {
      if (one.state === 'backoff' && one.retryAt !== last) tried += 1;
      last = one.retryAt ?? last;
      return tried >= attempts;
    }, 'several attempts');
    expect(await made.status()).toMatchObject({ cause: 'edge-unreachable' });
    await made.edge.start();
    expect(await answersAgain(made, before, 'edge back')).toBeLessThan(10_000);
  }, 60_000);

  it('a path that went silent: the other far port is taken', async () => {
    const made = await up();
    const before = await session(made);
    const { farPort } = await made.status();
    made.edge.silence();
    expect(await answersAgain(made, before, 'silent path (5 x 2)')).toBeLessThan(25_000);
    expect((await made.status()).farPort).not.toBe(farPort);
  }, 60_000);

  it('ssh stopped for a while: works on once it goes on', async () => {
    const made = await up();
    const [pid] = processes('ssh');
    process.kill(pid ?? 0, 'SIGSTOP');
    await expect(call(await made.far(), '/health', { timeoutMs: 3_000 })).rejects.toThrow('no answer');
    process.kill(pid ?? 0, 'SIGCONT');
    expect((await call(await made.far(), '/health')).status).toBe(200);
    expect(processes('ssh')).toEqual([pid]);
  }, 40_000);

  it('ssh stopped for good: replaced, because the far port does not lead here any more', async () => {
    const made = await up({ timings: { checkEveryMs: 300, checkAgainMs: 300 } });
    const before = await session(made);
    const [pid] = processes('ssh');
    process.kill(pid ?? 0, 'SIGSTOP');
    await answersAgain(made, before, 'ssh stopped for good');
    expect(processes('ssh')).not.toContain(pid);
  }, 60_000);

  it('the machine waking: the session is replaced', async () => {
    const made = await up();
    const before = await session(made);
    await made.engine.control.tunnels.disturb({ why: 'wake' });
    await made.engine.control.tunnels.disturb({ why: 'network' });
    expect(await answersAgain(made, before, 'woken')).toBeLessThan(10_000);
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
    expect(processes('ssh')).toEqual([]);
    expect(processes(connectorName)).toEqual([]);
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
});

describe.skipIf(missing)('starting and stopping', () => {
  it('100 times leaves no process, port or file behind', async () => {
    const made = await startRig({ connector: 'none', definition: { check: false } });
    rig = made;
    await made.trust();
    const { control } = made.engine;
    const before = { files: filesBelow(made.engine.home).length, sockets: sockets(made) };
    const begun = performance.now();
    for (let i = 0; i < 100; i++) {
      await control.tunnels.start({ name: NAME });
      // Half of them are stopped while they are still on their way.
      if (i % 2 === 0) await made.until((one) => one.farPort !== null, `up, round ${i}`);
      await control.tunnels.stop({ name: NAME });
    }
    console.log(`100 cycles: ${Math.round(performance.now() - begun)} ms`);
    expect(processes('ssh')).toEqual([]);
    expect(leashes()).toEqual([]);
    expect({ files: filesBelow(made.engine.home).length, sockets: sockets(made) }).toEqual(before);
    await vi.waitFor(() => expect(made.sshd.sessions()).toEqual([]), 10_000);
    for (const port of made.farPorts) await expect(call(`http://127.0.0.1:${port}`, '/health')).rejects.toThrow('ECONNREFUSED');
  }, 180_000);
});

function leashes(): number[] {
  const all = execFileSync('ps', ['-eo', 'pid=,args='], { encoding: 'utf8' }).trim().split('\n');
  const mine = new Set(descendants(process.pid));
  return all
    .filter((line) => /\/leash\.ts |tunnel-leash\.mjs /.test(line))
    .map((line) => Number(line.trim().split(/\s+/)[0]))
    .filter((pid) => mine.has(pid));
}

const sockets = (made: Rig): string[] => readdirSync(path.join(made.engine.home, 'run')).sort();

function filesBelow(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => path.join(entry.parentPath, entry.name));
}
