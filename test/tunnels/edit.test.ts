import { writeFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { tunnels, type TunnelFlags } from '../../bridges/hosts/cli/tunnels.ts';
import { startTestEngine, type TestEngine } from '../support/engine.ts';
import { hasSsh } from '../support/programs.ts';

/** What the command line changes of a tunnel, and takes back. */

let engine: TestEngine;
beforeEach(async () => {
  engine = await startTestEngine();
});
afterEach(() => engine.stop());

const run = (action: 'add' | 'edit', flags: TunnelFlags): Promise<number> =>
  tunnels(engine.control, [action, 'lab'], {
    json: false,
    output: { out: () => {}, err: () => {}, interactive: false, confirm: async () => false, secret: async () => '' },
    flags,
    env: {},
    signal: new AbortController().signal,
  });
const add = async (name: string, user: string, farPorts: [number, number]) => {
  const { tunnel, publicKey } = await engine.control.tunnels.add({ definition: { name, user, farPorts, host: 'ssh.example.com' } });
  return { definition: tunnel.definition, publicKey };
};
const definition = async () => (await engine.control.tunnels.list({}))[0]?.definition;
const LAB: TunnelFlags = { host: 'ssh.example.com', user: 'tunnel', 'far-ports': '3353,3354' };

it.skipIf(!hasSsh)('a host key is pinned for its host alone, also where the settings file leads the tunnel elsewhere', async () => {
  const { tunnels: ask, settings } = engine.control;
  const pinned = async () => (await ask.list({})).map(({ fingerprint }) => fingerprint);
  await run('add', LAB);
  writeFileSync(`${engine.home}/tunnels/lab.known_hosts`, 'ssh.example.com ssh-ed25519 AAAA\n', { mode: 0o600 });
  expect(await pinned()).toEqual([expect.stringMatching(/^SHA256:/)]);
  await settings.update({ patch: { tunnels: { list: [{ ...(await definition()), host: 'ssh.example.org' }] } } });
  expect(await pinned()).toEqual([null]);
});

it.skipIf(!hasSsh)('the server kit has the ports and keys of all tunnels of the account, and of no others', async () => {
  const { tunnels: ask } = engine.control;
  const { definition: lab, publicKey } = await add('lab', 'tunnel', [3353, 3354]);
  const { publicKey: second } = await add('second', 'tunnel', [4000, 4001]);
  await add('other', 'another', [5000, 5001]);
  const { sshdConfig, authorizedKeys } = await ask.serverKit({ name: lab.name });
  expect(sshdConfig).toContain('PermitListen 127.0.0.1:3353 127.0.0.1:3354 127.0.0.1:4000 127.0.0.1:4001\n');
  expect(authorizedKeys.match(/ssh-ed25519 .*/g)).toEqual([publicKey, second]);
});

describe.skipIf(!hasSsh)('a change by the command line', () => {
  it('takes a port, a key file and a switched-off check back', async () => {
    await run('add', { ...LAB, port: '2222', 'no-check': true });
    expect(await definition()).toMatchObject({ port: 2222, check: false });
    await run('edit', { identity: `${engine.home}/tunnels/lab.key` });
    expect(await definition()).toMatchObject({ port: 2222, identityFile: `${engine.home}/tunnels/lab.key`, check: false });
    await run('edit', { port: 'auto', identity: 'auto', check: true });
    expect(await definition()).toMatchObject({ port: null, identityFile: null, check: true });
  });
  it('leaves the way of signing in as it is where the connector is only named again', async () => {
    await run('add', { ...LAB, connector: 'cloudflared', login: 'browser' });
    await run('edit', { connector: 'cloudflared' });
    expect(await definition()).toMatchObject({ connector: { kind: 'cloudflared', login: 'browser' } });
    await run('edit', { connector: 'direct' });
    expect(await definition()).toMatchObject({ connector: { kind: 'direct' } });
  });
  it.each<[TunnelFlags, string]>([
    [{ check: true, 'no-check': true }, 'Give --check or --no-check, not both.'],
    [{ port: '' }, 'port is wrong: it must be a number from 1 to 65535.'],
  ])('with %j is refused', async (flags, words) => {
    await expect(run('add', { ...LAB, ...flags })).rejects.toThrow(words);
  });
});
