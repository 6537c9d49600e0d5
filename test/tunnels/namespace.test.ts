import { execFile, execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { TunnelStatus } from '../../bridges/contract/index.ts';
import { CHECK_PATH, CHECK_SCRIPT } from '../../bridges/tunnels/kit.ts';
import { startSshd, writeScript, type Sshd } from '../fakes/sshd.ts';
import { startTestEngine, type TestEngine } from '../support/engine.ts';
import { cloudflared, hasCheckTools, hasNamespaces, hasOpenssl, hasSsh } from '../support/programs.ts';
import { call, NAME } from './rig.ts';

/**
 * A gateway that is another machine, as far as the network goes: sshd and the edge before it in a namespace, behind a
 * cable that can be pulled.
 */

const id = process.pid % 10_000;
const space = `dbt${id}`;
const [here, there] = [`dba${id}`, `dbb${id}`];
const net = `10.231.${id % 250}`;
const FAR = 3353;
// Not in step: the engine that answers runs in this very process.
const run = promisify(execFile);
const ip = (...args: string[]): void => void execFileSync('ip', args, { stdio: 'ignore' });

describe.skipIf(!hasSsh || !hasOpenssl || !hasCheckTools || !hasNamespaces)('a gateway that is another machine', () => {
  let folder: string;
  let engine: TestEngine;
  let sshd: Sshd;
  let edge: ChildProcess;
  const status = async (): Promise<TunnelStatus | undefined> => (await engine.control.tunnels.list({}))[0];
  const until = async (fits: (one: TunnelStatus) => boolean): Promise<void> => {
    for await (const event of engine.headless.engine.events.subscribe(AbortSignal.timeout(50_000))) {
      const one = event.type === 'status' ? await status() : undefined;
      if (one !== undefined && fits(one)) return;
    }
    throw new Error(`waited in vain: ${JSON.stringify(await engine.control.tunnels.logs({ name: NAME }))}`);
  };
  /** What a program on the gateway gets from an address of its own. */
  const fromThere = async (url: string): Promise<string> =>
    (await run('ip', ['netns', 'exec', space, 'curl', '-s', '-m', '3', url])).stdout;

  beforeAll(async () => {
    folder = mkdtempSync(path.join(os.tmpdir(), 'drawbridge-space-'));
    ip('netns', 'add', space);
    ip('link', 'add', here, 'type', 'veth', 'peer', 'name', there, 'netns', space);
    ip('addr', 'add', `${net}.1/30`, 'dev', here);
    ip('link', 'set', here, 'up');
    ip('-n', space, 'addr', 'add', `${net}.2/30`, 'dev', there);
    ip('-n', space, 'link', 'set', there, 'up');
    ip('-n', space, 'link', 'set', 'lo', 'up');

    const program = [process.execPath, path.join(import.meta.dirname, 'edge.probe.ts'), folder, '22', `${net}.2`];
    edge = spawn('ip', ['netns', 'exec', space, ...program], { stdio: ['ignore', 'pipe', 'inherit'] });
    if (edge.stdout === null) throw new Error('the edge has no output');
    const [line]: string[] = await once(createInterface({ input: edge.stdout }), 'line');
    const { port, ca, token } = JSON.parse(line ?? '');

    engine = await startTestEngine({
      settings: { tunnels: { cloudflared: cloudflared ?? null } },
      headless: { tunnels: { env: { ...process.env, SSL_CERT_FILE: ca } } },
    });
    const { control } = engine;
    const definition = {
      name: NAME,
      host: `${net}.2`,
      port,
      user: os.userInfo().username,
      farPorts: [FAR, FAR + 1] as [number, number],
      connector:
        cloudflared === undefined ? { kind: 'direct' as const } : { kind: 'cloudflared' as const, login: 'service-token' as const },
    };
    await control.tunnels.add({ definition, token });
    const kit = await control.tunnels.serverKit({ name: NAME });
    const check = path.join(folder, 'drawbridge-check');
    writeScript(check, CHECK_SCRIPT);
    sshd = await startSshd(path.join(folder, 'sshd'), {
      port: 22,
      command: ['ip', 'netns', 'exec', space],
      authorizedKeys: kit.authorizedKeys,
      config: kit.sshdConfig.replace(/^PerSourcePenaltyExemptList.*$/m, '').replace(CHECK_PATH, check),
    });
    const { fingerprint } = await control.tunnels.hostKey({ name: NAME });
    await control.tunnels.trust({ name: NAME, fingerprint });
    await control.tunnels.start({ name: NAME });
  });
  afterAll(async () => {
    await engine.stop();
    await sshd.stop();
    const gone = once(edge, 'exit');
    edge.kill();
    await gone;
    ip('link', 'del', here);
    ip('netns', 'del', space);
    rmSync(folder, { recursive: true, force: true });
  });

  it('reaches the companion by its own loopback, and nobody else does', async () => {
    await until((one) => one.state === 'up' && one.marks.private !== null);
    expect(await fromThere(`http://127.0.0.1:${FAR}/health`)).toContain('"status":"ok"');
    expect((await status())?.listens).toEqual([`127.0.0.1:${FAR}`]);
    await expect(call(`http://${net}.2:${FAR}`, '/health')).rejects.toThrow('ECONNREFUSED');
    await expect(call(`http://127.0.0.1:${FAR}`, '/health')).rejects.toThrow('ECONNREFUSED');
  });

  it('keeps its session while another network comes to this machine, and goes', async () => {
    const before = (await status())?.marks.connected?.at;
    const lines = await engine.control.tunnels.follow({ name: NAME });
    const unmoved = async (): Promise<void> => {
      for (;;) {
        const next = await lines.next();
        if (next.done === true) throw new Error('the lines ended');
        if (next.value.line.includes('not the way to the gateway')) return;
      }
    };
    const [card, other] = [`dbc${id}`, `dbd${id}`];
    ip('link', 'add', card, 'type', 'veth', 'peer', 'name', other);
    try {
      ip('addr', 'add', `10.232.${id % 250}.1/30`, 'dev', card);
      for (const end of [card, other]) ip('link', 'set', end, 'up');
      await unmoved();
    } finally {
      ip('link', 'del', card);
    }
    await unmoved();
    await lines.return();
    expect((await status())?.marks.connected?.at).toBe(before);
  });

  it('is answered again soon after the cable was pulled and put back', async () => {
    const before = (await status())?.marks.connected?.at;
    ip('-n', space, 'link', 'set', there, 'down');
    await until((one) => one.state !== 'up' && one.state !== 'connected');
    ip('-n', space, 'link', 'set', there, 'up');
    const begun = performance.now();
    await until((one) => one.state === 'up' && one.marks.connected?.at !== before);
    const took = Math.round(performance.now() - begun);
    console.log(`| the cable pulled, and put back | – | – | ${(took / 1000).toFixed(1)} s |`);
    expect(await fromThere(`http://127.0.0.1:${(await status())?.farPort}/health`)).toContain('"status":"ok"');
    // One attempt may be waiting for an answer that never comes, for as long as ssh is told to.
    expect(took).toBeLessThan(25_000);
  }, 80_000);
});
