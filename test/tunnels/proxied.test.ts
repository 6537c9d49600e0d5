import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { TunnelDefinition } from '../../bridges/contract/tunnels.ts';
import { runChild } from '../../bridges/engine/child.ts';
import type { Cause } from '../../bridges/tunnels/causes.ts';
import { causeOf } from '../../bridges/tunnels/classify.ts';
import { connectorOf } from '../../bridges/tunnels/connectors.ts';
import type { Connector } from '../../bridges/tunnels/transport.ts';
import type { ProxySources } from '../../bridges/upstreams/proxy.ts';
import { EDGE_NAME, startAccessEdge, type AccessEdge } from '../fakes/access-edge.ts';
import { startConnectProxy, type ConnectProxy } from '../fakes/connect-proxy.ts';
import { makeAuthority } from '../support/authority.ts';
import { cloudflared, hasOpenssl } from '../support/programs.ts';

const LOGIN = 'canary-user:p%40 ss@w:rd/';
const BANNER = 'SSH-2.0-stand-in';
const KINDS = cloudflared === undefined ? (['direct'] as const) : (['direct', 'cloudflared'] as const);

describe.skipIf(!hasOpenssl)('a tunnel in a network that nothing leaves but through a proxy', () => {
  let folder: string;
  let sshd: net.Server;
  let edge: AccessEdge;
  let proxy: ConnectProxy;
  beforeAll(async () => {
    folder = mkdtempSync(path.join(os.tmpdir(), 'drawbridge-proxied-'));
    sshd = net.createServer((socket) => void socket.on('error', () => {}).write(`${BANNER}\r\n`)).listen(0, '127.0.0.1');
    await once(sshd, 'listening');
    const address = sshd.address();
    edge = await startAccessEdge(folder, typeof address === 'object' ? (address?.port ?? 0) : 0);
    proxy = await startConnectProxy({ to: edge.port, login: LOGIN });
  });
  afterAll(async () => {
    await proxy.stop();
    await edge.stop();
    sshd.close();
    rmSync(folder, { recursive: true });
  });
  beforeEach(() => {
    proxy.asked.length = 0;
    edge.mode('ok');
  });

  const connector = (kind: (typeof KINDS)[number], sources: Partial<ProxySources>, trusted = edge.ca): Connector =>
    connectorOf({
      definition: TunnelDefinition.parse({
        name: 'lab',
        offer: 'companion',
        host: EDGE_NAME,
        user: 'somebody',
        farPorts: [20001, 20002],
        connector: kind === 'direct' ? { kind } : { kind, login: 'service-token' },
      }),
      platform: process.platform,
      env: { PATH: process.env['PATH'], SSL_CERT_FILE: trusted },
      proxies: () => ({ setting: null, env: {}, ...sources }),
      run: runChild,
      cloudflared: () => cloudflared ?? null,
      ownPrograms: folder,
      token: async () => edge.token,
    });

  /** Runs what ssh would run, as ssh runs it, until the gateway's sshd has said who it is. */
  const banner = async (made: Connector): Promise<string> => {
    const prepared = await made.prepare();
    if ('problem' in prepared) return prepared.problem.code;
    const { proxyCommand = '', env } = prepared.route;
    const child = spawn('/bin/sh', ['-c', `exec ${proxyCommand}`], { env: { ...env, HOME: folder }, stdio: ['pipe', 'pipe', 'ignore'] });
    const ended = once(child, 'close');
    let said = '';
    for await (const line of createInterface({ input: child.stdout })) {
      said = line;
      break;
    }
    child.kill();
    await ended;
    return said;
  };

  /** What ssh's words and its carrier's come to where no session begins. */
  const failureOf = async (made: Connector): Promise<Cause> => {
    const prepared = await made.prepare();
    if ('problem' in prepared) return prepared.problem;
    const { proxyCommand = '', env, proxied } = prepared.route;
    const { stderr } = await runChild('/bin/sh', ['-c', `exec ${proxyCommand}`], { env: { ...env, HOME: folder }, timeoutMs: 20_000 });
    return causeOf([...stderr.split('\n'), 'kex_exchange_identification: Connection closed by remote host'], {
      sshd: false,
      up: false,
      edge: true,
      proxied,
    });
  };

  describe.each(KINDS)('by %s', (kind) => {
    const setting = (): string => `http://127.0.0.1:${proxy.port}`;

    it('reaches its gateway through the one of the settings, with the password of the keychain', async () => {
      expect(await banner(connector(kind, { setting: setting(), login: LOGIN }))).toBe(BANNER);
      expect(proxy.asked[0]).toMatch(new RegExp(`^CONNECT ${EDGE_NAME}:443 `));
      expect(proxy.asked[0]).not.toContain(edge.token.secret);
    });

    it('reaches it through the one of the environment', async () => {
      const url = new URL(setting());
      const [user = '', ...password] = LOGIN.split(':');
      url.username = encodeURIComponent(user);
      url.password = encodeURIComponent(password.join(':'));
      expect(await banner(connector(kind, { env: { https_proxy: url.href } }))).toBe(BANNER);
      expect(proxy.asked).toHaveLength(1);
    });

    // Cloudflared speaks to no proxy over TLS.
    it.runIf(kind === 'direct')('reaches it through one that is spoken to over TLS', async () => {
      const authority = makeAuthority('localhost');
      const trusted = path.join(folder, `trusted-${kind}.pem`);
      writeFileSync(trusted, readFileSync(edge.ca, 'utf8') + authority.ca);
      const secured = await startConnectProxy({ to: edge.port, login: LOGIN, certificate: authority });
      const sources = { setting: `https://localhost:${secured.port}`, login: LOGIN };
      expect(await banner(connector(kind, sources, trusted))).toBe(BANNER);
      expect(secured.asked).toHaveLength(1);
      await secured.stop();
    });

    it('goes straight out where the settings except the gateway', async () => {
      expect(await banner(connector(kind, { setting: setting(), login: LOGIN, except: ['.test'] }))).toBe('');
      expect(proxy.asked).toEqual([]);
    });

    it('tells of a proxy that does not take its login, asks nobody anew for a minute, and of one that is not there', async () => {
      const wrong = { setting: setting(), login: 'somebody:else' };
      expect(await failureOf(connector(kind, wrong))).toEqual({ code: 'proxy-login', retryAfterMs: 60_000 });
      expect(await connector(kind, wrong).ask()).toEqual({ code: 'proxy-login', retryAfterMs: 60_000 });
      const gone = await startConnectProxy({ to: edge.port });
      await gone.stop();
      const none = { setting: `http://127.0.0.1:${gone.port}` };
      expect(await failureOf(connector(kind, none))).toEqual({ code: 'proxy-unreachable' });
      expect(await connector(kind, none).ask()).toEqual({ code: 'proxy-unreachable' });
    });

    it('hears of a proxy that lets nobody through to its gateway', async () => {
      const strict = await startConnectProxy({ to: edge.port, answer: (socket) => socket.end('HTTP/1.1 403 Forbidden\r\n\r\n') });
      const made = connector(kind, { setting: `http://127.0.0.1:${strict.port}` });
      // Cloudflared's own words do not tell whose refusal it is; asked ourselves, the proxy does.
      expect(await failureOf(made)).toEqual({ code: kind === 'direct' ? 'proxy-refused' : 'edge-refused' });
      expect(await made.ask()).toEqual({ code: 'proxy-refused' });
      await strict.stop();
    });

    it('hears through it why the edge refused', async () => {
      edge.mode(403);
      expect(await connector(kind, { setting: setting(), login: LOGIN }).ask()).toEqual({ code: 'token-refused' });
      expect(proxy.asked).toHaveLength(1);
    });
  });
});
