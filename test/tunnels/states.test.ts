import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync } from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { tunnels } from '../../bridges/hosts/cli/tunnels.ts';
import type { EdgeMode } from '../fakes/access-edge.ts';
import { writeScript } from '../fakes/sshd.ts';
import { cloudflared, hasCheckTools, hasOpenssl, hasSsh } from '../support/programs.ts';
import { NAME, startRig, type ConnectorKind, type Rig, type RigOptions } from './rig.ts';

/** Each state a tunnel can end in, brought about with the real programs. */

const missing = !hasSsh || !hasOpenssl || !hasCheckTools;
const KINDS = (cloudflared === undefined ? ['direct'] : ['direct', 'cloudflared']) satisfies ConnectorKind[];
const QUIET = {
  json: false,
  output: { out: () => {}, err: () => {}, interactive: false, confirm: async () => false, secret: async () => '' },
  flags: {},
  env: {},
  signal: new AbortController().signal,
};
/** A silent edge is noticed sooner than the 15 s a person's tunnel waits. */
const QUICK = { intervalS: 1, count: 1, connectTimeoutS: 2 };

let rig: Rig | undefined;
afterEach(async () => {
  await rig?.stop();
  rig = undefined;
});
async function started(options: RigOptions, before?: (rig: Rig) => void | Promise<void>): Promise<Rig> {
  const made = await startRig({ keepAlive: QUICK, timings: { checkAgainMs: 300 }, ...options });
  rig = made;
  await made.trust();
  made.edge.seen.length = 0;
  await before?.(made);
  await made.engine.control.tunnels.start({ name: NAME });
  return made;
}
const ended = (made: Rig, cause: string) => made.until((one) => one.cause === cause && ['blocked', 'backoff'].includes(one.state), cause);
/** Waits for the cause, prints its row, lets `mend` mend it, and waits until the tunnel is up; in milliseconds. */
async function mends(made: Rig, scenario: string, cause: string, mend: () => unknown): Promise<number> {
  const status = await ended(made, cause);
  await mend();
  const begun = performance.now();
  await made.until((one) => one.state === 'up', `${scenario}: up`);
  const took = performance.now() - begun;
  made.tell(scenario, status, `${(took / 1000).toFixed(1)} s after it was mended`);
  return took;
}

describe.skipIf(missing)('what ends a tunnel', () => {
  describe.each(KINDS)('by %s', (connector) => {
    it.each<[EdgeMode, string, string]>([
      ['login', 'login-needed', 'blocked'],
      [401, 'token-refused', 'blocked'],
      [403, 'token-refused', 'blocked'],
      [429, 'rate-limited', 'backoff'],
      [502, 'origin-down', 'backoff'],
      [530, 'edge-disconnected', 'backoff'],
      [200, 'edge-odd', 'backoff'],
      ['mute', 'no-banner', 'backoff'],
    ])('an edge that answers %s', async (mode, cause, state) => {
      const made = await started({ connector }, ({ edge }) => edge.mode(mode));
      const status = await ended(made, cause);
      expect(status).toMatchObject({ state, cause });
      expect(status.reason).toBeTruthy();
      if (state === 'blocked')
        expect(status.mend).toMatchObject({ action: { kind: 'token' }, command: `drawbridge tunnels token ${NAME}` });
      made.tell(`the edge answers ${mode}, by ${connector}`, status, '');
      if (mode === 429) expect(Date.parse(status.retryAt ?? '') - Date.parse(status.since)).toBeGreaterThan(6_000);
      const upgrades = made.edge.seen.filter((one) => one.startsWith('upgrade')).length;
      // The genuine client asks a second time where it is sent to a login page.
      if (state === 'blocked') expect(upgrades).toBeLessThanOrEqual(mode === 'login' ? 2 : 1);
    });

    it.each<[EdgeMode, string, string]>([
      ['ok', 'login-needed', '302 to a login'],
      ['service-auth', 'token-refused', '403'],
    ])('a wrong service token, which an edge in mode %s refuses, until the right one is set', async (mode, cause, answer) => {
      const { tunnels } = (rig = await startRig({ connector })).engine.control;
      const made = rig;
      made.edge.mode(mode);
      await made.trust();
      await tunnels.token({ name: NAME, token: { ...made.edge.token, secret: 'canary-secret-of-last-year' } });
      await tunnels.start({ name: NAME });
      const took = await mends(made, `wrong service token (${answer}), by ${connector}`, cause, () =>
        tunnels.token({ name: NAME, token: made.edge.token }),
      );
      expect(took).toBeLessThan(10_000);
      expect(JSON.stringify(await tunnels.logs({ name: NAME }))).not.toContain('canary-secret');
    });

    it('an edge that is not there, until it is', async () => {
      const made = await started({ connector }, ({ edge }) => edge.stop());
      expect(await mends(made, `no edge, by ${connector}`, 'edge-unreachable', () => made.edge.start())).toBeLessThan(10_000);
      expect(await made.status()).toMatchObject({ cause: null });
    });

    it('an edge nobody vouches for', async () => {
      const made = await started({ connector }, (fresh) => fresh.untrustEdge());
      const status = await ended(made, 'tls-untrusted');
      expect(status).toMatchObject({ state: 'blocked' });
      made.tell(`edge’s certificate not trusted, by ${connector}`, status, '');
    });

    it('no service token', async () => {
      rig = await startRig({ connector, withToken: false });
      await rig.engine.control.tunnels.start({ name: NAME });
      expect(await ended(rig, 'token-missing')).toMatchObject({ state: 'blocked' });
      expect(rig.edge.seen).toEqual([]);
      await rig.engine.control.tunnels.token({ name: NAME, token: rig.edge.token });
      expect(await ended(rig, 'host-key-unknown')).toMatchObject({ state: 'blocked' });
    });
  });

  it('a name that can’t be looked up', async () => {
    rig = await startRig({ connector: 'cloudflared', definition: { host: 'nowhere.invalid' } });
    await rig.engine.control.tunnels.start({ name: NAME });
    // Without a pinned key nothing is tried; asking for one tells what is wrong.
    await expect(rig.engine.control.tunnels.hostKey({ name: NAME })).rejects.toThrow(/can’t be looked up/);
  });

  it('a host key that was never compared, and one that changed', async () => {
    const made = await startRig({ keepAlive: QUICK });
    rig = made;
    const { control } = made.engine;
    await control.tunnels.start({ name: NAME });
    expect((await ended(made, 'host-key-unknown')).mend).toMatchObject({
      action: { kind: 'trust' },
      command: `drawbridge tunnels trust ${NAME}`,
    });
    await expect(control.tunnels.trust({ name: NAME, fingerprint: `SHA256:${'A'.repeat(43)}` })).rejects.toThrow(/Nothing was pinned/);
    expect(await mends(made, 'host key never compared', 'host-key-unknown', () => made.trust())).toBeLessThan(10_000);
    expect((await made.status()).fingerprint).toMatch(/^SHA256:/);

    await made.sshd.kill();
    made.sshd.changeHostKey();
    await made.sshd.start();
    expect(await ended(made, 'host-key-changed')).toMatchObject({ state: 'blocked' });
    expect(await mends(made, 'host key changed', 'host-key-changed', () => made.trust())).toBeLessThan(10_000);
  });

  it('an ssh key that is refused, tried once', async () => {
    const made = await started({ authorizedKeys: () => '' });
    expect(await ended(made, 'key-refused')).toMatchObject({ state: 'blocked' });
    expect((await made.engine.control.status.get({})).notices).toContainEqual(
      expect.objectContaining({ id: `tunnel-${NAME}`, level: 'error', title: 'The tunnel lab needs you' }),
    );
    // Asking for the host key, before and at pinning, are the other two.
    expect(made.sshd.log().match(/Connection from /g)).toHaveLength(3);
    const { control } = made.engine;
    const took = await mends(made, 'ssh key refused', 'key-refused', async () => {
      made.sshd.authorize((await control.tunnels.serverKit({ name: NAME })).authorizedKeys);
      await control.tunnels.reconnect({ name: NAME });
    });
    expect(took).toBeLessThan(10_000);
  });

  it('an ssh key others may read', async () => {
    const file = ({ engine }: Rig): string => path.join(engine.home, 'tunnels', `${NAME}.key`);
    const made = await started({}, (fresh) => chmodSync(file(fresh), 0o644));
    expect(await ended(made, 'key-unusable')).toMatchObject({ state: 'blocked' });
    await mends(made, 'ssh key others may read', 'key-unusable', async () => {
      chmodSync(file(made), 0o600);
      await made.engine.control.tunnels.reconnect({ name: NAME });
    });
  });

  it.each<[string, (socket: net.Socket) => unknown]>([
    ['a web server', (socket) => socket.once('data', () => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'))],
    ['whoever hangs up at once', (socket) => socket.end()],
    ['whoever speaks no text', (socket) => socket.end(Buffer.from([0x15, 0x03, 0x01, 0x00, 0x02, 0x0a]))],
  ])('%s where sshd was looked for, until the port is the right one', async (who, answer) => {
    const stranger = net.createServer((socket) => void answer(socket.on('error', () => {})));
    await new Promise<void>((resolve) => {
      stranger.listen(0, '127.0.0.1', resolve);
    });
    const address = stranger.address();
    if (address === null || typeof address === 'string') throw new Error('no port');
    const made = await started({}, async (fresh) => {
      const { definition } = await fresh.status();
      await fresh.engine.control.tunnels.edit({ definition: { ...definition, port: address.port } });
    });
    try {
      const status = await ended(made, 'not-ssh');
      expect(status).toMatchObject({ state: 'backoff', mend: { action: { kind: 'edit', field: 'port' } } });
      await mends(made, `${who} at the gateway’s port`, 'not-ssh', () =>
        made.engine.control.tunnels.edit({ definition: { ...status.definition, port: made.sshd.port } }),
      );
    } finally {
      stranger.close();
    }
  });

  it('an ssh key that was given a passphrase: it is not the gateway that refuses it', async () => {
    const file = ({ engine }: Rig): string => path.join(engine.home, 'tunnels', `${NAME}.key`);
    const rekey = (made: Rig, from: string, to: string): void =>
      void execFileSync('ssh-keygen', ['-q', '-p', '-P', from, '-N', to, '-f', file(made)]);
    const made = await started({}, (fresh) => rekey(fresh, '', 'a passphrase'));
    const status = await ended(made, 'key-encrypted');
    expect(status).toMatchObject({ state: 'blocked', mend: { action: { kind: 'edit', field: 'identityFile' } } });
    const { problems } = await made.engine.control.tunnels.validate({
      draft: { ...status.definition, identityFile: file(made) },
      editing: NAME,
    });
    expect(problems).toEqual([{ field: 'identityFile', message: 'must name a key without a passphrase: nobody is there to type it' }]);
    await mends(made, 'ssh key with a passphrase', 'key-encrypted', async () => {
      rekey(made, 'a passphrase', '');
      await made.engine.control.tunnels.reconnect({ name: NAME });
    });
  });

  it('a far port that is held: the other is taken', async () => {
    const held = net.createServer();
    const made = await started({}, async ({ farPorts }) => {
      await new Promise<void>((resolve) => {
        held.listen(farPorts[0], '127.0.0.1', resolve);
      });
    });
    const status = await made.until((one) => one.state === 'up', 'up');
    expect(status.farPort).toBe(made.farPorts[1]);
    held.close();
  });

  it('far ports that are not permitted', async () => {
    const made = await started({ config: (kit) => kit.replace(/^ *PermitListen .*$/m, '  PermitListen none') });
    const status = await ended(made, 'bind-forbidden');
    expect(status).toMatchObject({ state: 'backoff', mend: { action: { kind: 'serverKit' } } });
    made.tell('far ports not permitted', status, '');
  });

  it('an account that may forward nothing', async () => {
    const made = await started({ config: (kit) => kit.replace(/^ *AllowTcpForwarding .*$/m, '  AllowTcpForwarding no') });
    const status = await ended(made, 'bind-forbidden');
    expect(status).toMatchObject({ state: 'backoff', mend: { action: { kind: 'serverKit' } } });
  });

  it('far ports that are both held', async () => {
    const held = [net.createServer(), net.createServer()];
    const made = await started({}, async ({ farPorts }) => {
      for (const [at, server] of held.entries()) {
        server.listen(farPorts[at], '127.0.0.1');
        await once(server, 'listening');
      }
    });
    const status = await ended(made, 'bind-refused');
    expect(status).toMatchObject({ state: 'backoff', mend: { action: { kind: 'serverKit' } } });
    for (const server of held) server.close();
  });

  it('a gateway that binds to every address: the tunnel is ended', async () => {
    const made = await started({ config: (kit) => kit.replace('GatewayPorts no', 'GatewayPorts yes') });
    const status = await ended(made, 'exposed');
    expect(status).toMatchObject({ state: 'blocked', farPort: null });
    made.tell('far port bound to every address', status, '');
    await vi.waitFor(() => expect(made.sshd.sessions()).toEqual([]), 20_000);
  });

  it('a gateway that lets no command run: connected, and what is unproven is said', async () => {
    const made = await started({ config: (kit) => kit.replace('MaxSessions 1', 'MaxSessions 0') });
    const status = await made.until((one) => one.unproven?.includes('check script') === true, 'unproven');
    expect(status).toMatchObject({ state: 'connected', marks: { answering: null, private: null } });
  });

  it('a browser login that has to be made, and when it ends', async () => {
    const made = await startRig({ connector: 'cloudflared', definition: { connector: { kind: 'cloudflared', login: 'browser' } } });
    rig = made;
    const { control } = made.engine;
    // A stand-in for the vendor's program: it can't be signed in to anything here.
    const fake = path.join(made.folder, 'cloudflared');
    const token = `e30.${Buffer.from('{"exp":1900000000}').toString('base64url')}.x`;
    writeScript(
      fake,
      `#!/bin/sh
case "$*" in
  --version) echo "cloudflared version 2026.7.2 (built today)" ;;
  "access login https://localhost") touch "${made.folder}/login" ;;
  "access token --app=https://localhost") [ -f "${made.folder}/login" ] && echo ${token} ;;
  *) echo "Please open the following URL and log in with your Cloudflare account:" >&2; exec sleep 100 ;;
esac
`,
    );
    await control.settings.update({ patch: { tunnels: { cloudflared: fake } } });
    await expect(control.tunnels.hostKey({ name: NAME })).rejects.toThrow();
    expect((await made.status()).loginUntil).toBeNull();
    expect(await control.tunnels.login({ name: NAME })).toEqual({ until: new Date(1_900_000_000_000).toISOString() });
    expect((await made.status()).loginUntil).toBe(new Date(1_900_000_000_000).toISOString());
  }, 60_000);

  it.skipIf(cloudflared === undefined)('cloudflared missing, too old, or known to ignore service tokens', async () => {
    const made = await startRig({ connector: 'cloudflared' });
    rig = made;
    const { control } = made.engine;
    const fake = path.join(made.folder, 'cloudflared');
    await control.settings.update({ patch: { tunnels: { cloudflared: fake } } });
    await control.tunnels.start({ name: NAME });
    const none = await ended(made, 'connector-missing');
    expect(none).toMatchObject({ state: 'blocked', mend: { action: { kind: 'installCloudflared' } } });
    made.tell('cloudflared missing', none, '');
    for (const version of ['2024.12.2', '2026.6.0']) {
      writeScript(fake, `#!/bin/sh\necho "cloudflared version ${version} (built today)"\n`);
      await control.tunnels.reconnect({ name: NAME });
      const status = await ended(made, 'connector-unfit');
      expect(status).toMatchObject({ state: 'blocked', connectorVersion: version });
      made.tell(`cloudflared ${version}`, status, '');
    }
    expect(made.edge.seen).toEqual([]);
    const use = async (file: string): Promise<number> => tunnels(control, ['use-cloudflared', file], QUIET);
    for (const wrong of [path.join(made.folder, 'none'), made.folder]) await expect(use(wrong)).rejects.toThrow(/There is no file/);
    const took = await mends(made, 'cloudflared unfit, then a fit one named and the host key pinned', 'connector-unfit', async () => {
      expect(await use(cloudflared ?? '')).toBe(0);
      await made.trust();
    });
    expect(took).toBeLessThan(10_000);
    await use('auto');
    expect((await control.settings.get({})).settings.tunnels.cloudflared).toBeNull();
  });
});
