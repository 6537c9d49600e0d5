import { execFile, execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { CHECK_PATH, CHECK_SCRIPT } from '../../bridges/tunnels/kit.ts';
import { freePort, killHard, startSshd, writeScript, type Sshd } from '../fakes/sshd.ts';
import { hasCheckTools, hasSsh } from '../support/programs.ts';
import { call, practice } from './rig.ts';

/** The built command and a whole engine in a process of its own, which can be killed. */

const COMMAND = path.resolve(import.meta.dirname, '../../scripts/drawbridge.mjs');
const missing = !hasSsh || !hasCheckTools || !existsSync(path.resolve(import.meta.dirname, '../../dist/cli.mjs'));

let folder: string;
let sshd: Sshd | undefined;
const engines = new Set<ChildProcess>();

beforeEach(() => {
  folder = mkdtempSync(path.join(os.tmpdir(), 'drawbridge-command-'));
});
afterEach(async () => {
  for (const engine of engines) {
    if (engine.exitCode !== null || engine.signalCode !== null) continue;
    const gone = once(engine, 'exit');
    engine.kill('SIGTERM');
    await gone;
  }
  engines.clear();
  await sshd?.stop();
  sshd = undefined;
  rmSync(folder, { recursive: true, force: true });
});

const env = (): NodeJS.ProcessEnv => ({ PATH: process.env['PATH'], HOME: folder, DRAWBRIDGE_HOME: path.join(folder, 'state'), CI: 'true' });
const drawbridge = (...args: string[]): Promise<{ code: number; out: string; err: string }> =>
  new Promise((resolve) => {
    execFile(process.execPath, [COMMAND, ...args], { env: env() }, (error, out, err) =>
      resolve({ code: error === null ? 0 : Number(error.code), out, err }),
    );
  });
async function startEngine(): Promise<ChildProcess> {
  const args = ['start', '--headless', '--no-open', '--json', '--companion-port', '0'];
  const engine = spawn(process.execPath, [COMMAND, ...args], { env: env(), stdio: ['ignore', 'pipe', 'inherit'] });
  engines.add(engine);
  await once(createInterface({ input: engine.stdout }), 'line');
  return engine;
}

/** Processes that were started with this state folder in their arguments. */
function ours(): { pid: number; args: string }[] {
  return execFileSync('ps', ['-eo', 'pid=,args='], { encoding: 'utf8' })
    .trim()
    .split('\n')
    .map((line) => ({ pid: Number.parseInt(line, 10), args: line.trim().replace(/^\d+ /, '') }))
    .filter(({ args }) => args.includes(path.join(folder, 'state')));
}
const sshOf = (): { pid: number; args: string }[] => ours().filter(({ args }) => /^\S*\/ssh -N /.test(args));

describe.skipIf(missing)('drawbridge tunnels', () => {
  it('sets a tunnel up from nothing, and an engine killed -9 leaves none of it running', async () => {
    const engine = await startEngine();
    const [sshPort, ...far] = [await freePort(), await freePort(), await freePort()];

    const wrong = await drawbridge('tunnels', 'add', 'lab', '--host', 'x$(touch y)', '--user', 'u', '--far-ports', '3353,3354');
    expect(wrong).toMatchObject({ code: 2, err: expect.stringContaining('host') });
    const where = ['--host', 'localhost', '--port', String(sshPort), '--user', os.userInfo().username, '--far-ports', far.join(',')];
    const added = await drawbridge('tunnels', 'add', 'lab', ...where, '--connector', 'none', '--json');
    expect(added).toMatchObject({ code: 0, err: '' });
    const { key } = JSON.parse(added.out);

    const kit = JSON.parse((await drawbridge('tunnels', 'server-kit', 'lab', '--json')).out);
    expect((await drawbridge('tunnels', 'server-kit', 'lab')).out).toContain('Match User');
    const check = path.join(folder, 'drawbridge-check');
    writeScript(check, CHECK_SCRIPT);
    const config: string = kit.sshdConfig.replace(/^PerSourcePenaltyExemptList.*$/m, '').replace(CHECK_PATH, check);
    sshd = await startSshd(path.join(folder, 'sshd'), { port: sshPort ?? 0, authorizedKeys: kit.authorizedKeys, config });

    expect(await drawbridge('tunnels', 'start', 'lab')).toMatchObject({ code: 1, out: expect.stringContaining('tunnels trust lab') });
    const shown = await drawbridge('tunnels', 'trust', 'lab', '--json');
    const { fingerprint } = JSON.parse(shown.out);
    expect(shown.code).toBe(1);
    expect((await drawbridge('tunnels', 'trust', 'lab', '--fingerprint', fingerprint)).code).toBe(0);
    const started = await drawbridge('tunnels', 'start', 'lab', '--json');
    expect(JSON.parse(started.out)).toMatchObject({ state: 'up', fingerprint });
    expect((await drawbridge('tunnels')).out).toMatch(/lab +up/);
    expect((await drawbridge('tunnels', 'logs', 'lab')).out).toContain('remote forward success');
    expect((await drawbridge('status')).out).toContain('Tunnel lab: up');
    const origin = `http://127.0.0.1:${far[0]}`;
    expect((await call(origin, '/v1/chat/completions', { key, body: practice('hello') })).status).toBe(200);

    // The engine dies; its leash lets go of ssh.
    expect(sshOf()).toHaveLength(1);
    let gone = once(engine, 'exit');
    engine.kill('SIGKILL');
    await gone;
    const killedAt = performance.now();
    await vi.waitFor(() => expect(ours()).toEqual([]), 5_000);
    console.log(`| the engine killed (-9): nothing of it is left | – | – | ${((performance.now() - killedAt) / 1000).toFixed(1)} s |`);
    await expect(call(origin, '/health')).rejects.toThrow();

    // The next one brings it up by itself.
    const second = await startEngine();
    const startedAt = performance.now();
    await vi.waitFor(async () => expect((await call(origin, '/health')).status).toBe(200), 10_000);
    console.log(`| the engine started again | connecting, up | – | ${((performance.now() - startedAt) / 1000).toFixed(1)} s |`);

    // Engine and leash die together: ssh lives on until the next engine ends it by its ledger.
    const [survivor] = sshOf();
    const leash = ours().find(({ args }) => args.includes('tunnel-leash'));
    gone = once(second, 'exit');
    process.kill(second.pid ?? 0, 'SIGSTOP');
    killHard(leash?.pid ?? 0);
    second.kill('SIGKILL');
    await gone;
    expect(sshOf()).toEqual([survivor]);
    await startEngine();
    await vi.waitFor(() => expect(sshOf().map(({ pid }) => pid)).not.toContain(survivor?.pid), 5_000);
    await vi.waitFor(async () => expect((await drawbridge('tunnels', 'status', 'lab', '--json')).out).toContain('"state":"up"'), 10_000);

    // What is wrong is refused by name; what is right is taken over, and the tunnel comes up anew.
    expect(await drawbridge('tunnels', 'edit', 'lab', '--user', 'a b')).toMatchObject({ code: 2, err: expect.stringContaining('user') });
    const edited = await drawbridge('tunnels', 'edit', 'lab', '--far-ports', far.toReversed().join(','), '--json');
    expect(JSON.parse(edited.out).definition).toMatchObject({ farPorts: far.toReversed(), host: 'localhost', offer: 'companion' });
    await vi.waitFor(async () => expect((await call(`http://127.0.0.1:${far[1]}`, '/health')).status).toBe(200), 10_000);

    // Its lines can be followed until it is removed.
    const following = spawn(process.execPath, [COMMAND, 'tunnels', 'logs', 'lab', '--follow'], {
      env: env(),
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const followed = once(following, 'exit');
    const lines: string[] = [];
    const told = new Promise<void>((resolve) => {
      createInterface({ input: following.stdout }).on('line', (line) => {
        lines.push(line);
        if (line.includes('up -> off')) resolve();
      });
    });
    await vi.waitFor(() => expect(lines.join('\n')).toContain('-> up'), 10_000);
    expect((await drawbridge('tunnels', 'stop', 'lab')).code).toBe(0);
    await told;
    expect(sshOf()).toEqual([]);
    expect((await drawbridge('tunnels', 'remove', 'lab')).code).toBe(0);
    expect(await followed).toEqual([0, null]);
    expect((await drawbridge('tunnels', 'status', 'lab')).code).toBe(1);
  }, 90_000);
});
