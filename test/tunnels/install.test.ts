import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { candidates } from '../../bridges/tunnels/cloudflared.ts';
import { installCloudflared, type InstallProgress } from '../../bridges/tunnels/install.ts';
import { startFakeUpstream, type FakeUpstream } from '../fakes/upstream.ts';
import { startTestEngine } from '../support/engine.ts';
import { cloudflared, hasSsh } from '../support/programs.ts';

const PROGRAM = Buffer.alloc(300_000, 'a program');
let folder: string;
let vendor: FakeUpstream;
let answer: (status: number) => { status: number; body: Buffer };

beforeEach(async () => {
  folder = mkdtempSync(path.join(os.tmpdir(), 'drawbridge-install-'));
  answer = (status) => ({ status, body: PROGRAM });
  vendor = await startFakeUpstream((req, res) => {
    const { status, body } = answer((req.url ?? '').startsWith('/2026.7.2/cloudflared-here') ? 200 : 404);
    res.writeHead(status, { 'content-length': body.length }).end(body);
  });
});
afterEach(async () => {
  await vendor.stop();
  rmSync(folder, { recursive: true, force: true });
});

async function install(target: string): Promise<InstallProgress[]> {
  const sha256 = createHash('sha256').update(PROGRAM).digest('hex');
  const told: InstallProgress[] = [];
  const here = { version: '2026.7.2', asset: 'cloudflared-here', sha256 };
  const releases = { here, 'win32-x64': { ...here, asset: 'cloudflared-here.exe' }, gone: { version: '1.0.0', asset: 'x', sha256 } };
  for await (const progress of installCloudflared({ folder, target, fetch, releases, source: vendor.baseUrl })) told.push(progress);
  return told;
}

it('puts what it knows in place, for its owner to run', async () => {
  const told = await install('here');
  const file = path.join(folder, 'cloudflared');
  expect(told.at(-1)).toEqual({ received: PROGRAM.length, total: PROGRAM.length, file, version: '2026.7.2' });
  expect(told[0]).toMatchObject({ file: null });
  expect(readFileSync(file).equals(PROGRAM)).toBe(true);
  expect(statSync(file).mode & 0o777).toBe(0o700);
});
it('gives it the name by which it is looked for on Windows', async () => {
  await install('win32-x64');
  expect(candidates(null, '', folder, 'win32')).toEqual([path.join(folder, 'cloudflared.exe')]);
  expect(existsSync(path.join(folder, 'cloudflared.exe'))).toBe(true);
});
it('throws away what it does not know', async () => {
  answer = (status) => ({ status, body: Buffer.from('something else') });
  await expect(install('here')).rejects.toThrow(/thrown away/);
  expect(readdirSync(folder)).toEqual([]);
});
it('keeps two that are asked for at once apart', async () => {
  const bytes = [Buffer.alloc(65_536, 'one'), Buffer.alloc(65_536, 'two')];
  const sha256 = createHash('sha256').update(Buffer.concat(bytes)).digest('hex');
  /** The second half comes when it is let through. */
  const download = (gate: Promise<void>): AsyncGenerator<InstallProgress> => {
    const body = new ReadableStream<Uint8Array>({
      async start(controller) {
        controller.enqueue(Uint8Array.from(bytes[0] ?? []));
        await gate;
        controller.enqueue(Uint8Array.from(bytes[1] ?? []));
        controller.close();
      },
    });
    const releases = { here: { version: '1', asset: 'x', sha256 } };
    return installCloudflared({ folder, target: 'here', releases, fetch: async () => new Response(body) });
  };
  const drained = async (one: AsyncGenerator<InstallProgress> | undefined): Promise<void> => {
    while ((await one?.next())?.done === false);
  };
  const gates = [Promise.withResolvers<void>(), Promise.withResolvers<void>()] as const;
  const both = gates.map(({ promise }) => download(promise));
  for (const one of both) {
    let received = 0;
    while (received < 65_536) received = (await one.next()).value?.received ?? 0;
  }
  gates[0].resolve();
  await drained(both[0]);
  expect(
    createHash('sha256')
      .update(readFileSync(path.join(folder, 'cloudflared')))
      .digest('hex'),
  ).toBe(sha256);
  gates[1].resolve();
  await drained(both[1]);
  expect(readdirSync(folder)).toEqual(['cloudflared']);
});
it('says so where there is nothing to be had', async () => {
  await expect(install('gone')).rejects.toThrow(/status 404/);
  await expect(install('amiga')).rejects.toThrow(/No cloudflared is known/);
  await vendor.stop();
  await expect(install('here')).rejects.toThrow(/Check the network/);
  vendor = await startFakeUpstream((_req, res) => void res.end());
  expect(existsSync(path.join(folder, 'cloudflared'))).toBe(false);
});
it('says so where the connection is cut in the middle, and leaves nothing', async () => {
  vendor.answer = (_req, res) => {
    res.writeHead(200, { 'content-length': PROGRAM.length });
    res.write(PROGRAM.subarray(0, 1_000), () => res.destroy());
  };
  await expect(install('here')).rejects.toThrow(/could not be downloaded. Check the network/);
  expect(readdirSync(folder)).toEqual([]);
});
it.skipIf(cloudflared === undefined || !hasSsh).each([
  ['there was none', null],
  ['the one that was named is gone', '/none/cloudflared'],
])('brings up the tunnels that waited for it, where %s', async (_why, named) => {
  const bytes = Uint8Array.from(readFileSync(cloudflared ?? ''));
  const engine = await startTestEngine({
    settings: { tunnels: { cloudflared: named } },
    headless: { tunnels: { env: { PATH: '' }, fetch: async () => new Response(bytes) } },
  });
  try {
    const { tunnels } = engine.control;
    const cause = async () => (await tunnels.list({}))[0]?.cause;
    await tunnels.add({
      definition: { name: 'lab', host: 'ssh.example.com', user: 'tunnel', farPorts: [3353, 3354], enabled: true },
      token: { id: 'id.access', secret: 'secret' },
    });
    await expect.poll(cause).toBe('connector-missing');
    let last: InstallProgress | undefined;
    for await (const progress of await tunnels.installCloudflared({})) last = progress;
    expect(last).toMatchObject({ version: '2026.7.2', file: path.join(engine.home, 'tunnels', 'bin', 'cloudflared') });
    // It is there, and the next thing is missing.
    await expect.poll(cause).toBe('host-key-unknown');
  } finally {
    await engine.stop();
  }
});
it('tells a person in words why it came to nothing', async () => {
  const engine = await startTestEngine({
    headless: { tunnels: { fetch: async () => Promise.reject(new TypeError('fetch failed')) } },
  });
  try {
    const download = await engine.control.tunnels.installCloudflared({});
    await expect(download.next()).rejects.toThrow(/^(?:cloudflared could not be downloaded|No cloudflared is known here)/);
  } finally {
    await engine.stop();
  }
});
