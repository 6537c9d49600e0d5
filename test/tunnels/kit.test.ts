import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { TunnelDefinition } from '../../bridges/contract/index.ts';
import { TunnelDefinition as Definition } from '../../bridges/contract/tunnels.ts';
import { CHECK_SCRIPT, serverKit } from '../../bridges/tunnels/kit.ts';
import { freePort } from '../fakes/sshd.ts';
import { hasCheckTools, hasOpenssl, hasSsh } from '../support/programs.ts';
import { call, NAME, startRig, type Rig } from './rig.ts';

/** What the account the kit sets up can do on the gateway, tried with its own key. */

describe.skipIf(!hasSsh || !hasOpenssl || !hasCheckTools)('the account of the server kit', () => {
  let rig: Rig;
  let other: net.Server;
  let folder: string;
  beforeAll(async () => {
    rig = await startRig();
    folder = mkdtempSync(path.join(os.tmpdir(), 'drawbridge-kit-'));
    other = net.createServer((socket) => socket.end('secret of another service'));
    await new Promise<void>((resolve) => {
      other.listen(0, '127.0.0.1', resolve);
    });
  });
  afterAll(async () => {
    other.close();
    await rig.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  /** ssh with the tunnel's key and these arguments, ended after two seconds. */
  const ssh = (before: string[], command: string[] = []): Promise<{ code: number; out: string; err: string }> =>
    new Promise((resolve) => {
      const key = path.join(rig.engine.home, 'tunnels', `${NAME}.key`);
      const options = [
        'BatchMode=yes',
        'StrictHostKeyChecking=no',
        'UserKnownHostsFile=/dev/null',
        'IdentityAgent=none',
        'ExitOnForwardFailure=yes',
      ];
      const args = [
        '-F',
        'none',
        ...options.flatMap((option) => ['-o', option]),
        '-i',
        key,
        '-p',
        String(rig.sshd.port),
        '-l',
        rig.sshd.user,
      ];
      execFile('ssh', [...args, ...before, '--', '127.0.0.1', ...command], { timeout: 2_000 }, (error, out, err) =>
        resolve({ code: error === null ? 0 : typeof error.code === 'number' ? error.code : -1, out, err }),
      );
    });
  const port = (): number => {
    const address = other.address();
    return typeof address === 'object' && address !== null ? address.port : 0;
  };

  it('may bind its two far ports', async () => {
    const [a, b] = rig.farPorts;
    for (const far of [a, b]) expect((await ssh(['-N', '-R', `127.0.0.1:${far}:127.0.0.1:9`])).code).toBe(0);
  });
  it.each([
    ['another port', (far: number) => `127.0.0.1:${far + 1}:127.0.0.1:9`],
    ['every address', (far: number) => `0.0.0.0:${far}:127.0.0.1:9`],
    ['any address', (far: number) => `*:${far}:127.0.0.1:9`],
    ['a port of the server’s choice', () => '127.0.0.1:0:127.0.0.1:9'],
    ['a socket', () => `${os.tmpdir()}/drawbridge-evil.sock:127.0.0.1:9`],
  ])('may not bind %s', async (_what, forward) => {
    const { code, err } = await ssh(['-N', '-R', forward(Math.max(...rig.farPorts))]);
    expect(code).toBe(255);
    expect(err).toMatch(/remote port forwarding failed|remote forward failure/);
  });
  it('may not reach the gateway’s other services', async () => {
    const here = await freePort();
    const tunnel = ssh(['-v', '-N', '-L', `127.0.0.1:${here}:127.0.0.1:${port()}`]);
    // ssh listens here as soon as it was let in.
    const got = await vi.waitFor(() => read(here), 20_000);
    expect(got).toBe('');
    expect((await tunnel).err).toContain('open failed: administratively prohibited');
  });
  it('may run nothing but the check, whatever it asks for', async () => {
    for (const command of [
      [],
      ['id'],
      ['drawbridge-check', 'x;id', '22'],
      ['drawbridge-check', '$(id)', '22'],
      ['drawbridge-check', 'nonce', '22', '80'],
      ['-s', 'sftp'],
    ]) {
      const { code, out } = await ssh(['-T'], command);
      expect(out).not.toContain('uid=');
      expect(code).toBe(64);
    }
    const checked = await ssh(['-T'], ['drawbridge-check', 'n'.repeat(32), String(rig.sshd.port)]);
    expect(checked.code).toBe(0);
    expect(checked.out).toMatch(new RegExp(`^listens 127\\.0\\.0\\.1:${rig.sshd.port}\\nstatus 000 \\d+\\.\\d+\\n$`));
  });
  it('gets no terminal', async () => {
    expect((await ssh(['-tt'])).err).toContain('PTY allocation request failed');
  });
  it('proves nothing to somebody who merely asks', async () => {
    await expect(call(`http://127.0.0.1:${rig.farPorts[0]}`, '/health')).rejects.toThrow('ECONNREFUSED');
  });
});

describe('the server kit', () => {
  const lab = (change: object = {}): TunnelDefinition =>
    Definition.parse({
      name: 'lab',
      host: 'ssh.example.com',
      user: 'tunnel',
      farPorts: [3353, 3354],
      connector: { kind: 'none' },
      ...change,
    });
  it('keeps the ports and keys of the tunnels that share the account', () => {
    const one = { definition: lab({ check: false }), publicKey: 'ssh-ed25519 AAAA one\n' };
    const two = { definition: lab({ name: 'two', farPorts: [4000, 4001] }), publicKey: 'ssh-ed25519 BBBB two\n' };
    const three = { definition: lab({ name: 'three', farPorts: [5000, 5001] }), publicKey: 'ssh-ed25519 AAAA one\n' };
    const kit = serverKit(one, [two, three]);
    expect(kit.sshdConfig).toContain(
      '  PermitListen 127.0.0.1:3353 127.0.0.1:3354 127.0.0.1:4000 127.0.0.1:4001 127.0.0.1:5000 127.0.0.1:5001\n',
    );
    expect(kit.sshdConfig).toContain('  MaxSessions 1\n');
    expect(kit.authorizedKeys.split('\n')).toEqual([
      expect.stringMatching(/3353",.*3354",.*5000",.*5001" ssh-ed25519 AAAA one$/),
      expect.stringMatching(/4000",.*4001" ssh-ed25519 BBBB two$/),
      '',
    ]);
    // Another account of the same gateway has a file of its own.
    expect(kit.sshdFile).toBe('/etc/ssh/sshd_config.d/drawbridge-tunnel.conf');
  });
  it('permits no session at all where the far side is not to be asked', () => {
    const kit = serverKit({ definition: lab({ check: false }), publicKey: 'ssh-ed25519 AAAA drawbridge lab\n' });
    expect(kit.check).toBeNull();
    expect(kit.sshdConfig).toContain('  PermitListen 127.0.0.1:3353 127.0.0.1:3354\n');
    expect(kit.sshdConfig).toContain('  MaxSessions 0\n  ForceCommand /usr/sbin/nologin\n');
    expect(kit.authorizedKeys).toBe(
      'restrict,port-forwarding,permitlisten="127.0.0.1:3353",permitlisten="127.0.0.1:3354" ssh-ed25519 AAAA drawbridge lab\n',
    );
  });
  it('is what the guide explains, line by line', () => {
    const guide = readFileSync(path.resolve(import.meta.dirname, '../../docs/tunnels.md'), 'utf8');
    for (const word of [
      'AllowTcpForwarding remote',
      'PermitListen',
      'PermitOpen none',
      'GatewayPorts no',
      'AllowStreamLocalForwarding no',
      'MaxSessions',
      'ForceCommand',
      'ClientAliveInterval',
      'PerSourcePenaltyExemptList',
      'restrict',
    ])
      expect(guide).toContain(word);
    expect(CHECK_SCRIPT).toContain('set -f');
  });
});

/** All that somebody who listens on a port sends before they hang up. */
function read(from: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = net.connect(from, '127.0.0.1');
    let got = '';
    socket.on('data', (chunk) => (got += chunk.toString()));
    socket.once('error', reject);
    socket.once('close', () => resolve(got));
  });
}
