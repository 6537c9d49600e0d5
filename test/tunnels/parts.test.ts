import fc from 'fast-check';
import { once } from 'node:events';
import { appendFileSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import os, { type NetworkInterfaceInfo } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { runChild, startChild } from '../../bridges/engine/child.ts';
import { Settings } from '../../bridges/contract/settings.ts';
import { TunnelAction, TunnelDefinition } from '../../bridges/contract/tunnels.ts';
import { CAUSE_CODES, inWords, meaningOf, retryOf } from '../../bridges/tunnels/causes.ts';
import { causeOf, progressOf } from '../../bridges/tunnels/classify.ts';
import { candidates, findCloudflared, isFit } from '../../bridges/tunnels/cloudflared.ts';
import { authorities, meaningOfAnswer, meaningOfError } from '../../bridges/tunnels/edge.ts';
import { connectorOf } from '../../bridges/tunnels/connectors.ts';
import { encodeFrame, frameReader, OPCODES } from '../../bridges/tunnels/frames.ts';
import { openTunnelKeys } from '../../bridges/tunnels/keys.ts';
import { leasher } from '../../bridges/tunnels/leashed.ts';
import { bornOn, killGroup, openLedger } from '../../bridges/tunnels/ledger.ts';
import { createLogins, expiryOf } from '../../bridges/tunnels/login.ts';
import { LOOK_EVERY_MS, networkFingerprint, pauseDetector, watcher, watchMachine } from '../../bridges/tunnels/machine.ts';
import { hostKeyOf, openssh, reportOf } from '../../bridges/tunnels/openssh.ts';
import { hostKeyArguments, KEEP_ALIVE, proxyCommand, tunnelArguments } from '../../bridges/tunnels/ssh.ts';
import { createWays, systemWay } from '../../bridges/tunnels/ways.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(path.join(os.tmpdir(), 'drawbridge-parts-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const DEFINITION = { name: 'lab', host: 'ssh.example.com', user: 'tunnel', farPorts: [3353, 3354] };
const fits = (change: object): boolean => TunnelDefinition.safeParse({ ...DEFINITION, ...change }).success;

describe('a definition', () => {
  it('takes what is plain', () => {
    expect(fits({})).toBe(true);
    expect(fits({ host: '127.0.0.1', connector: { kind: 'none' }, port: 2222, identityFile: '/home/a b/.ssh/id_ed25519' })).toBe(true);
  });
  it.each([
    { host: 'x$(touch /y)' },
    { host: '-oProxyCommand=x' },
    { host: 'a b' },
    { host: 'a\nb' },
    { host: 'Example.com' },
    { host: '.example.com' },
    { host: 'a..b' },
    { host: 'a.-b' },
    { host: 'a'.repeat(254) },
    { host: '[::1]' },
    { host: 'a@b' },
    { host: '' },
    { user: '-oProxyCommand=x' },
    { user: 'a b' },
    { user: 'root;x' },
    { user: '' },
    { farPorts: [3353, 3353] },
    { farPorts: [80, 3354] },
    { farPorts: [3353] },
    { farPorts: [3353, 70_000] },
    { farPorts: [3353.5, 3354] },
    { port: 0 },
    { name: '../x' },
    { name: 'A' },
    { identityFile: 'relative' },
    { identityFile: '/a"b' },
    { identityFile: "/a'b" },
    { identityFile: '/a$(x)' },
    { identityFile: '/a%h' },
    { identityFile: '/a\nb' },
    { connector: { kind: 'cloudflared', args: '--loglevel debug' } },
    { connector: { kind: 'proxy' } },
    { extra: true },
  ])('refuses %j', (change) => expect(fits(change)).toBe(false));
  it('is one of a list whose names and far ports differ', () => {
    const list = (...changes: object[]): boolean =>
      Settings.safeParse({ tunnels: { list: changes.map((change) => ({ ...DEFINITION, ...change })) } }).success;
    expect(list({}, { name: 'b', farPorts: [3355, 3356] })).toBe(true);
    expect(list({}, { name: 'b', host: 'other.example.com' })).toBe(true);
    expect(list({}, { farPorts: [3355, 3356] })).toBe(false);
    expect(list({}, { name: 'b', farPorts: [3354, 3355] })).toBe(false);
  });
});

describe('the command line of ssh', () => {
  const plan = {
    host: 'h.example',
    user: 'u',
    port: 22,
    knownHosts: '/a b/known',
    identityFile: '/k',
    keepAlive: KEEP_ALIVE,
    proxyCommand: undefined,
  };
  it('reads no settings of the user’s, pins the host, binds loopback and ends options before the host', () => {
    const args = tunnelArguments(plan, 3353, { socket: '/run/t.sock' });
    expect(args.slice(-2)).toEqual(['--', 'h.example']);
    expect(args.join(' ')).toContain('-F none');
    expect(args).toContain('127.0.0.1:3353:/run/t.sock');
    for (const option of [
      'StrictHostKeyChecking=yes',
      'UserKnownHostsFile="/a b/known"',
      'GlobalKnownHostsFile=/dev/null',
      'HostKeyAlias=h.example',
      'ExitOnForwardFailure=yes',
      'ServerAliveInterval=5',
      'ServerAliveCountMax=2',
      'IdentityAgent=none',
      'BatchMode=yes',
    ])
      expect(args).toContain(option);
  });
  it('tries no key where it only asks for the host key, and trusts nothing but for that', () => {
    const args = hostKeyArguments(plan);
    // ssh takes the first value it is given.
    expect(args.indexOf('PreferredAuthentications=none')).toBeLessThan(args.indexOf('PreferredAuthentications=publickey'));
    expect(args.indexOf('StrictHostKeyChecking=accept-new')).toBeLessThan(args.indexOf('StrictHostKeyChecking=yes'));
    expect(args.join(' ')).not.toContain('-R');
  });
  it('quotes a proxy command for the shell and for ssh', () => {
    expect(proxyCommand('/a b/c', ['x'], 'linux')).toBe("'/a b/c' x");
    expect(proxyCommand('C:\\a b\\c.exe', ['x'], 'win32')).toBe('"C:\\a b\\c.exe" x');
    expect(proxyCommand('/100%/c', ['/a b/s.ts', '--x', 'h:1'], 'linux')).toBe("'/100%%/c' '/a b/s.ts' --x h:1");
    expect(proxyCommand("/it's/c", ['$(x)'], 'linux')).toBe("'/it'\\''s/c' '$(x)'");
  });
  it('shows the fingerprint ssh-keygen shows', () => {
    const key = 'AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl';
    expect(hostKeyOf(`h ssh-ed25519 ${key}\n`).fingerprint).toBe('SHA256:+DiY3wvvV6TuJJhbpZisF/zLDA0zPMSvHdkr4UvCOqU');
    expect(() => hostKeyOf('')).toThrow();
  });
});

const CLOSED = 'kex_exchange_identification: Connection closed by remote host';
const VERIFY = 'Host key verification failed.';

describe('what ssh and cloudflared say', () => {
  const nothing = { sshd: true, up: false, edge: false, proxied: false };
  it.each([
    ['debug1: Executing proxy command: exec x', { step: 'connecting' }],
    ['debug1: Remote protocol version 2.0, remote software version OpenSSH_9.2p1', { step: 'edge-open' }],
    ["debug1: Host 'h' is known and matches the ED25519 host key.", { step: 'host-key-ok' }],
    ['Authenticated to h (via proxy) using "publickey".', { step: 'authenticated' }],
    ['debug1: remote forward success for: listen 127.0.0.1:3353, connect /x:-2', { step: 'up', farPort: 3353 }],
    ['debug1: remote forward success for: listen 0.0.0.0:3353, connect /x:-2', undefined],
    ['banner: debug1: remote forward success for: listen 127.0.0.1:3353, connect', undefined],
  ])('%s', (line, progress) => expect(progressOf(line)).toEqual(progress));
  it.each([
    ['@    WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED!     @', 'host-key-changed'],
    ['No ED25519 host key is known for h and you have requested strict checking.', 'host-key-unknown'],
    ['u@h: Permission denied (publickey).', 'key-refused'],
    ['Please open the following URL and log in with your Cloudflare account:', 'login-needed'],
    ['2026-01-01T00:00:00Z ERR failed to connect to origin error="websocket: bad handshake"', 'edge-refused'],
    ['error="tls: failed to verify certificate: x509: certificate signed by unknown authority"', 'tls-untrusted'],
    ['/bin/sh: 1: exec: /x/cloudflared: not found', 'connector-missing'],
    ['error="dial tcp: lookup h on 127.0.0.1:53: no such host"', 'dns-failed'],
    ['ssh: Could not resolve hostname h: Name or service not known', 'dns-failed'],
    ['error="dial tcp 127.0.0.1:9: connect: connection refused"', 'edge-unreachable'],
    ['ssh: connect to host h port 22: Network is unreachable', 'edge-unreachable'],
    ['Error: remote port forwarding failed for listen port 3353', 'bind-refused'],
    ['Connection timed out during banner exchange', 'no-banner'],
    ['Timeout, server h not responding.', 'dead-peer'],
    ['Connection to h closed by remote host.', 'closed-by-gateway'],
    ['kex_exchange_identification: Connection closed by remote host', 'not-ssh'],
    ['kex_exchange_identification: read: Connection reset by peer', 'not-ssh'],
    ['banner exchange: Connection to 127.0.0.1 port 22: invalid format', 'not-ssh'],
    ['Unable to negotiate with 127.0.0.1 port 22: no matching key exchange method found. Their offer: x', 'no-agreement'],
    ['client_loop: send disconnect: Broken pipe', 'dropped'],
    ['drawbridge: edge answered 302 login', 'login-needed'],
    ['drawbridge: edge answered 403', 'token-refused'],
    ['drawbridge: edge answered 502', 'origin-down'],
    ['drawbridge: edge answered 530', 'edge-disconnected'],
    ['drawbridge: edge went silent', 'dead-peer'],
    ['debug1: key_load_public: No such file or directory', 'exited'],
    ['something else', 'exited'],
  ])('%s', (line, code) => expect(causeOf(['debug1: x', line], nothing)).toEqual({ code }));
  it('heeds the edge’s wait, and knows a cut session from one that never was', () => {
    expect(causeOf(['drawbridge: edge answered 429 retry-after 7'], nothing)).toEqual({ code: 'rate-limited', retryAfterMs: 7_000 });
    expect(causeOf([], { sshd: true, up: true, edge: true, proxied: false })).toEqual({ code: 'dropped' });
    expect(causeOf(['Empty app domain'], { sshd: false, up: false, edge: true, proxied: false })).toEqual({ code: 'edge-refused' });
  });
  it('takes what can’t be reached behind a proxy for that proxy, until sshd was reached', () => {
    const proxied = { sshd: false, up: false, edge: true, proxied: true };
    for (const line of ['dial tcp: lookup proxy.corp on 127.0.0.1:53: no such host', 'drawbridge: edge not reached']) {
      expect(causeOf([line, CLOSED], proxied)).toEqual({ code: 'proxy-unreachable' });
      expect(causeOf([line], { ...proxied, sshd: true }).code).not.toBe('proxy-unreachable');
    }
    expect(causeOf(['drawbridge: edge is not trusted', CLOSED], proxied)).toEqual({ code: 'tls-untrusted' });
  });
  it.each(['Proxy Authentication Required', 'drawbridge: proxy wants a login'])('%s: does not try again at once', (line) =>
    expect(causeOf([line, CLOSED], { sshd: false, up: false, edge: true, proxied: true })).toEqual({
      code: 'proxy-login',
      retryAfterMs: 60_000,
    }),
  );
  it('means something to a person, each of it', () => {
    for (const code of CAUSE_CODES) {
      for (const canInstall of [true, false]) {
        const { sentence, mend } = meaningOf(code, { name: 'lab', connector: { kind: 'cloudflared', login: 'browser' } }, canInstall);
        expect(sentence).toMatch(/^[A-Z].*\.$|^ssh .*\.$|^cloudflared .*\.$/);
        // A button, a sentence, and a command wherever there is one.
        expect(mend.label).toMatch(/^[A-Z].{2,30}[^.]$/);
        expect(mend.advice).toMatch(/^[A-Z].*[.)]$/);
        expect(TunnelAction.safeParse(mend.action).success).toBe(true);
        expect(mend.command === null).toBe(mend.action.kind === 'link');
        expect(inWords(mend)).toContain(mend.command ?? mend.advice);
      }
    }
  });
});

describe('an ssh that can’t be started', () => {
  it.each([
    ['is missing where there is none', 'ENOENT', 'ssh-missing'],
    ['is tried again where the system has no process to spare', 'EAGAIN', 'exited'],
    ['is tried again where the system has no file for the leash', 'spawn /bin/node EMFILE', 'exited'],
  ])('%s', async (_what, failed, code) => {
    const ssh = openssh({
      ssh: '/usr/bin/ssh',
      host: 'h',
      user: 'u',
      knownHosts: '/k',
      identityFile: '/i',
      keepAlive: KEEP_ALIVE,
      run: runChild,
      leashed: () => ({ ended: Promise.resolve({ code: null, signal: null, failed }), stop: async () => {} }),
    });
    const route = { port: 22, proxyCommand: undefined, proxied: false, env: {}, secrets: [] };
    expect(await ssh.open(route, 3353, { socket: '/s' }, { progress: () => {}, line: () => {} }).ended).toEqual({ code });
  });
});

it('a file of authorities that is not there takes none of the system’s away', () => {
  expect(authorities('/nowhere/ca.pem')).toEqual(authorities(undefined));
});

it('two who ask for the host key at once are each shown the one their own session met', async () => {
  const bothMet = Promise.withResolvers<void>();
  let met = 0;
  const transport = (host: string, key: string) =>
    openssh({
      ssh: 'ssh',
      host,
      user: 'u',
      knownHosts: path.join(folder, 'lab.known_hosts'),
      identityFile: '/i',
      keepAlive: KEEP_ALIVE,
      leashed: () => ({ ended: new Promise(() => {}), stop: async () => {} }),
      async run(_command, args) {
        const file = /^UserKnownHostsFile="(.*)"$/.exec(args.find((arg) => arg.startsWith('UserKnownHostsFile')) ?? '')?.[1];
        appendFileSync(file ?? '', `${host} ssh-ed25519 ${key}\n`);
        met += 1;
        if (met === 2) bothMet.resolve();
        await bothMet.promise;
        return { code: 255, stdout: '', stderr: '' };
      },
    });
  const route = { port: 22, proxyCommand: undefined, proxied: false, env: {}, secrets: [] };
  const shown = await Promise.all([transport('one.example', 'AAAA').hostKey(route), transport('two.example', 'BBBB').hostKey(route)]);
  expect(shown).toMatchObject([{ line: 'one.example ssh-ed25519 AAAA\n' }, { line: 'two.example ssh-ed25519 BBBB\n' }]);
  expect(readdirSync(folder)).toEqual([]);
});

it('a cloudflared that is too slow to say its version is not taken for missing: it is tried again', async () => {
  const found = await findCloudflared([process.execPath], true, async () => ({ code: null, stdout: '', stderr: '' }));
  expect(found).toEqual({ problem: 'connector-slow', version: null });
  expect(retryOf('connector-slow')).toBe('again');
});

it('the edge is asked why it refused the way the connector went there: through the proxy that is set', async () => {
  const asked: string[] = [];
  const proxy = http.createServer();
  proxy.on('connect', (req, socket) => {
    asked.push(`${req.url} ${JSON.stringify(req.headers)}`);
    socket.end('HTTP/1.1 403 Forbidden\r\n\r\n');
  });
  proxy.listen(0, '127.0.0.1');
  await once(proxy, 'listening');
  const address = proxy.address();
  const HTTPS_PROXY = `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}`;
  const ask = (kind: 'cloudflared' | 'direct', host: string) =>
    connectorOf({
      definition: TunnelDefinition.parse({ ...DEFINITION, host, port: 1, connector: { kind } }),
      platform: process.platform,
      env: {},
      proxies: () => ({ setting: null, env: { HTTPS_PROXY } }),
      run: runChild,
      cloudflared: () => null,
      ownPrograms: folder,
      token: async () => ({ id: 'canary-id', secret: 'canary-secret' }),
    }).ask();
  try {
    expect(await ask('cloudflared', 'edge.invalid')).toEqual({ code: 'proxy-refused' });
    expect(asked).toHaveLength(1);
    expect(asked[0]).toMatch(/^edge\.invalid:1 /);
    expect(asked[0]).not.toContain('canary');
    expect(await ask('direct', 'edge.invalid')).toEqual({ code: 'proxy-refused' });
    expect(asked).toHaveLength(2);
    await ask('cloudflared', '127.0.0.1');
    await ask('direct', '127.0.0.1');
    expect(asked).toHaveLength(2);
  } finally {
    proxy.close();
  }
});

describe('each state that was measured on the real programs', () => {
  const edge = { sshd: false, up: false, edge: true, proxied: false };
  const sshd = { sshd: true, up: false, edge: true, proxied: false };
  const up = { sshd: true, up: true, edge: true, proxied: false };
  /** What a session says in each of the 19 states, and what it comes to: a step on the way, or a cause with its mend. */
  const STATES: [state: string, lines: string[], reached: typeof edge, comesTo: string][] = [
    ['connecting', ['debug1: Executing proxy command: exec cloudflared'], edge, 'connecting'],
    ['edge open', ['debug1: Remote protocol version 2.0, remote software version OpenSSH_9.2p1'], edge, 'edge-open'],
    ['host key ok', ["debug1: Host 'h' is known and matches the ED25519 host key."], sshd, 'host-key-ok'],
    ['authenticated', ['Authenticated to h (via proxy) using "publickey".'], sshd, 'authenticated'],
    ['up', ['debug1: remote forward success for: listen 127.0.0.1:3353, connect /x:-2'], sshd, 'up'],
    ['wrong token, edge 302', ['A browser window should have opened at the following URL:'], edge, 'login-needed'],
    ['edge 401, 403, 429, 502, 530, 200', ['ERR error="websocket: bad handshake"', CLOSED], edge, 'edge-refused'],
    ['edge takes the connection, says nothing', ['Connection timed out during banner exchange'], edge, 'no-banner'],
    ['edge port closed', ['dial tcp 10.0.0.1:443: connect: connection refused', CLOSED], edge, 'edge-unreachable'],
    ['TLS not trusted', ['x509: certificate signed by unknown authority', CLOSED], edge, 'tls-untrusted'],
    ['cloudflared missing', ['/bin/sh: 1: exec: /x/cloudflared: No such file or directory', CLOSED], edge, 'connector-missing'],
    ['host key changed', ['@    WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED!     @', VERIFY], sshd, 'host-key-changed'],
    ['ssh key refused', ['u@h: Permission denied (publickey).'], sshd, 'key-refused'],
    ['bind refused', ['Error: remote port forwarding failed for listen port 3353'], sshd, 'bind-refused'],
    [
      'bind forbidden',
      ['debug1: Remote: port forwarding refused', 'Error: remote port forwarding failed for listen'],
      sshd,
      'bind-forbidden',
    ],
    ['edge closes', ['client_loop: send disconnect: Broken pipe'], up, 'dropped'],
    ['sshd session killed', ['Connection to h closed by remote host.'], up, 'closed-by-gateway'],
    ['silent path', ['Timeout, server h not responding.'], up, 'dead-peer'],
    ['ended without a word', [], up, 'dropped'],
  ];
  it.each(STATES)('%s', (_state, lines, reached, comesTo) => {
    const step = lines.map((line) => progressOf(line)?.step).find((one) => one !== undefined);
    expect(step ?? causeOf(lines, reached).code).toBe(comesTo);
    if (step !== undefined) return;
    const { sentence, mend } = meaningOf(causeOf(lines, reached).code, { name: 'lab', connector: { kind: 'none' } }, true);
    expect([sentence, mend.label, mend.advice].every((text) => text.length > 5)).toBe(true);
  });
});

describe('the edge’s answers', () => {
  it.each([
    [302, 'https://team/cdn-cgi/access/login/h?kid=1', undefined, { code: 'login-needed' }],
    [301, 'https://elsewhere/', undefined, { code: 'edge-odd' }],
    [401, undefined, undefined, { code: 'token-refused' }],
    [403, undefined, undefined, { code: 'token-refused' }],
    [429, undefined, '30', { code: 'rate-limited', retryAfterMs: 30_000 }],
    [429, undefined, 'tomorrow', { code: 'rate-limited' }],
    [502, undefined, undefined, { code: 'origin-down' }],
    [530, undefined, undefined, { code: 'edge-disconnected' }],
    [200, undefined, undefined, { code: 'edge-odd' }],
  ])('%s %s', (status, location, wait, cause) => expect(meaningOfAnswer(status, location, wait)).toEqual(cause));
  it.each([
    ['ENOTFOUND', 'dns-failed'],
    ['ECONNREFUSED', 'edge-unreachable'],
    ['UNABLE_TO_VERIFY_LEAF_SIGNATURE', 'tls-untrusted'],
    ['ERR_TLS_CERT_ALTNAME_INVALID', 'tls-untrusted'],
    ['ECONNRESET', 'dropped'],
  ])('%s', (code, cause) => expect(meaningOfError(Object.assign(new Error('x'), { code }))).toEqual({ code: cause }));
});

describe('a check on the gateway', () => {
  const said = 'debug1: Authenticated to gateway ([10.0.0.1]:22) using "publickey".\n';
  const explain = (stderr: string) => causeOf(stderr.split('\n'), { sshd: true, up: false, edge: false, proxied: false });
  it.each([
    ['was killed for its slowness', null, said, { kind: 'failed', cause: { code: 'exited' } }],
    ['was cut', 255, `${said}Timeout, server gateway not responding.`, { kind: 'failed', cause: { code: 'dead-peer' } }],
    [
      'was ended by sshd',
      255,
      `${said}Connection to gateway closed by remote host.`,
      { kind: 'failed', cause: { code: 'closed-by-gateway' } },
    ],
    ['was not let in', 255, 'u@h: Permission denied (publickey).', { kind: 'failed', cause: { code: 'key-refused' } }],
    ['has no session to run in', 255, `${said}channel 0: open failed: administratively prohibited: open failed`, { kind: 'not-permitted' }],
    ['may run nothing', 1, `${said}This account is currently not available.`, { kind: 'not-permitted' }],
    ['has no script', 127, `${said}sh: 1: /usr/local/libexec/drawbridge-check: not found`, { kind: 'not-permitted' }],
  ])('that %s', (_what, code, stderr, report) => expect(reportOf(code, '', stderr, explain)).toEqual(report));
  it('that found no curl says where the far port is bound all the same', () => {
    const stderr = `${said}/usr/local/libexec/drawbridge-check: 12: curl: not found`;
    expect(reportOf(0, 'listens 0.0.0.0:3353\nstatus \n', stderr, explain)).toEqual({
      kind: 'report',
      listens: ['0.0.0.0:3353'],
      status: null,
      latencyMs: null,
    });
  });
});

describe('cloudflared', () => {
  it.each([
    ['2026.7.2', true, true],
    ['2025.1.0', true, true],
    ['2024.12.9', true, false],
    ['2026.6.1', true, false],
    ['2026.6.1', false, true],
    ['latest', true, false],
  ])('%s, with a service token %s: %s', (version, token, fit) => expect(isFit(version, token)).toBe(fit));
  it('is looked for at the named path alone, or in PATH and then among our own', () => {
    expect(candidates('/x/cloudflared', '/usr/bin', '/own', 'linux')).toEqual(['/x/cloudflared']);
    expect(candidates(null, '/usr/bin::relative:/bin', '/own', 'linux')).toEqual([
      '/usr/bin/cloudflared',
      '/bin/cloudflared',
      '/own/cloudflared',
    ]);
    expect(candidates(null, '/usr/bin', '/own', 'darwin')).toEqual([
      '/usr/bin/cloudflared',
      '/opt/homebrew/bin/cloudflared',
      '/usr/local/bin/cloudflared',
      '/own/cloudflared',
    ]);
  });
  it('tells when a login ends', () => {
    const token = `e30.${Buffer.from('{"exp":1800000000}').toString('base64url')}.x`;
    expect(expiryOf(token)).toBe(1_800_000_000_000);
    expect(expiryOf('Unable to find token')).toBeNull();
    expect(expiryOf('a.b.c')).toBeNull();
  });
  it('does not take an answer from before a login for one after it', async () => {
    const token = `e30.${Buffer.from('{"exp":1800000000}').toString('base64url')}.x`;
    const answers: ((stdout: string) => void)[] = [];
    const logins = createLogins(
      () => Promise.resolve('cloudflared'),
      () => new Promise((resolve) => answers.push((stdout) => resolve({ code: 0, stdout, stderr: '' }))),
    );
    const definition = TunnelDefinition.parse({ ...DEFINITION, connector: { kind: 'cloudflared', login: 'browser' } });
    const reads = [logins.read(definition), logins.read(definition)];
    await expect.poll(() => answers.length).toBe(2);
    answers[1]?.(token);
    await reads[1];
    answers[0]?.('');
    await reads[0];
    expect(logins.until(definition)).toBe(1_800_000_000_000);
  });
});

describe('WebSocket frames', () => {
  it('come out as they went in, however the bytes are cut', () => {
    const frame = fc.record({
      opcode: fc.constantFrom(OPCODES.binary, OPCODES.ping, OPCODES.close),
      payload: fc.oneof(fc.uint8Array({ maxLength: 200 }), fc.uint8Array({ minLength: 60_000, maxLength: 70_000 })),
      masked: fc.boolean(),
    });
    fc.assert(
      fc.property(
        fc.array(frame, { maxLength: 5 }),
        fc.array(fc.integer({ min: 1, max: 9_000 }), { minLength: 1, maxLength: 8 }),
        (frames, cuts) => {
          const bytes = Buffer.concat(frames.map(({ opcode, payload, masked }) => encodeFrame(opcode, payload, masked)));
          const read = frameReader();
          const got = [];
          for (let at = 0, i = 0; at < bytes.length; i++) {
            const size = cuts[i % cuts.length] ?? 1;
            got.push(...read(Buffer.from(bytes.subarray(at, at + size))));
            at += size;
          }
          expect(got.map(({ opcode, payload }) => [opcode, payload.toString('hex')])).toEqual(
            frames.map(({ opcode, payload }) => [opcode, Buffer.from(payload).toString('hex')]),
          );
        },
      ),
      { numRuns: 60 },
    );
  });
  it('of absurd size are refused', () => {
    const huge = Buffer.from([0x82, 127, 0, 0, 0, 1, 0, 0, 0, 0]);
    expect(() => frameReader()(huge)).toThrow(RangeError);
  });
});

describe('the machine', () => {
  it('is taken to have slept where the wall clock ran on without the monotonic one, and to be late where both did', () => {
    let at = { now: 0, monotonic: 0 };
    const paused = pauseDetector({ now: () => at.now, monotonic: () => at.monotonic }, LOOK_EVERY_MS);
    const after = (now: number, monotonic: number): string | undefined => {
      at = { now: at.now + now, monotonic: at.monotonic + monotonic };
      return paused();
    };
    expect(after(5_000, 5_000)).toBeUndefined();
    expect(after(19_000, 19_000)).toBeUndefined();
    expect(after(60_000, 5_000)).toBe('wake');
    expect(after(5_000, 5_000)).toBeUndefined();
    expect(after(60_000, 60_000)).toBe('late');
    // A clock that was set back.
    expect(after(-3_600_000, 5_000)).toBeUndefined();
  });
  it('is seen to change its network, lose it and wake', () => {
    let now = 0;
    let address: string | undefined = '10.0.0.2';
    const interfaces = () => ({
      lo: [{ address: '127.0.0.1', internal: true, family: 'IPv4' as const, netmask: '', mac: '', cidr: null }],
      eth0: address === undefined ? [] : [{ address, internal: false, family: 'IPv4' as const, netmask: '', mac: '', cidr: null }],
    });
    const look = watcher({ clock: { now: () => now, monotonic: () => 0 }, interfaces }, 5_000);
    expect(look()).toEqual([]);
    now += 5_000;
    address = '10.0.0.3';
    expect(look()).toEqual([{ why: 'network', online: true }]);
    now += 5_000;
    address = undefined;
    expect(look()).toEqual([{ why: 'network', online: false }]);
    now += 60_000;
    expect(look()).toEqual([{ why: 'wake' }]);
    expect(networkFingerprint(interfaces())).toBe('');
    // Woken elsewhere: the network may be another, and the session is dead either way.
    now += 60_000;
    address = '10.0.0.4';
    expect(look()).toEqual([{ why: 'wake' }, { why: 'network', online: true }]);
  });
  it('is taken to have the network it had where the system does not say', () => {
    const fails = () => {
      throw new Error('uv_interface_addresses returned EMFILE');
    };
    let interfaces: () => NodeJS.Dict<NetworkInterfaceInfo[]> = () => ({});
    const look = watcher({ clock: { now: () => 0, monotonic: () => 0 }, interfaces: () => interfaces() }, 5_000);
    interfaces = fails;
    expect(look()).toEqual([]);
    interfaces = () => ({});
    expect(look()).toEqual([]);
    const machine = watchMachine({ clock: { now: () => 0, monotonic: () => 0 }, interfaces: fails }, () => {});
    expect(machine.online()).toBe(true);
    machine.stop();
  });
});

describe('the way to a gateway', () => {
  it('is told from others, and one that is not known is a new one', async () => {
    let way: string | undefined = '10.0.0.2';
    const ways = createWays(async () => way);
    expect(await ways.moved('lab', 'h')).toBe(true);
    expect(await ways.moved('lab', 'h')).toBe(false);
    expect(await ways.moved('other', 'o')).toBe(true);
    way = '10.0.0.3';
    expect(await ways.moved('lab', 'h')).toBe(true);
    way = undefined;
    expect([await ways.moved('lab', 'h'), await ways.moved('lab', 'h')]).toEqual([true, true]);
    way = '10.0.0.3';
    await ways.moved('lab', 'h');
    ways.forget('lab');
    expect(await ways.moved('lab', 'h')).toBe(true);
  });
  it('is told to every tunnel that leads there', async () => {
    let way = '10.0.0.2';
    const ways = createWays(async () => way);
    const looked = () => Promise.all(['one', 'two'].map((tunnel) => ways.moved(tunnel, 'h')));
    await looked();
    way = '10.0.0.3';
    expect(await looked()).toEqual([true, true]);
    expect(await looked()).toEqual([false, false]);
  });
  it('is what the system says', async () => {
    expect(await systemWay('127.0.0.1')).toBe('127.0.0.1');
    expect(await systemWay('nowhere.invalid')).toBeUndefined();
  });
});

describe('a tunnel’s key', () => {
  it('is kept as a hash, proves itself, and is gone when replaced', () => {
    const file = path.join(folder, 'keys.json');
    const keys = openTunnelKeys(file);
    const key = keys.create('lab');
    expect(statSync(file).mode & 0o777).toBe(0o600);
    const again = openTunnelKeys(file);
    expect([again.check('lab', key), again.check('lab', `${key}x`), again.check('other', key), again.check('__proto__', key)]).toEqual([
      true,
      false,
      false,
      false,
    ]);
    expect(again.prove('lab', 'text')).toMatch(/^[0-9a-f]{64}$/);
    expect(again.prove('other', 'text')).toBeUndefined();
    again.create('lab');
    expect(again.check('lab', key)).toBe(false);
    again.remove('lab');
    expect(again.prove('lab', 'text')).toBeUndefined();
    // One that can't be kept is not shown to anybody, so the old one goes on.
    const kept = again.create('lab');
    rmSync(folder, { recursive: true });
    expect(() => again.create('lab')).toThrow('ENOENT');
    expect(again.check('lab', kept)).toBe(true);
    mkdirSync(folder);
    writeFileSync(file, '{"lab":1}');
    expect(() => openTunnelKeys(file)).toThrow(/damaged/);
  });
});

describe.skipIf(process.platform === 'win32')('a leash', () => {
  const bornOf = bornOn(process.platform, runChild);
  const start = () => {
    const ledger = openLedger(path.join(folder, 'ledger.json'), bornOf, killGroup);
    const lines: string[] = [];
    const leashed = leasher(startChild, ledger);
    return { ledger, lines, run: (script: string) => leashed('/bin/sh', ['-c', script], { env: {}, onLine: (line) => lines.push(line) }) };
  };
  const alive = async (pid: number): Promise<boolean> => (await bornOf(pid)) !== undefined;

  it('tells how the command ended, and empties its ledger', async () => {
    const { run, lines } = start();
    expect(await run('echo said >&2; exit 3').ended).toEqual({ code: 3, signal: null, failed: null });
    expect(lines).toEqual(['said']);
    expect(existsSync(path.join(folder, 'ledger.json'))).toBe(false);
  });
  it('says where the command can’t be started', async () => {
    const leashed = leasher(startChild, start().ledger);
    expect(await leashed(path.join(folder, 'none'), [], { env: {}, onLine: () => {} }).ended).toMatchObject({ failed: 'ENOENT' });
  });
  it('ends all that the command started, also what does not want to end', async () => {
    const { run, lines } = start();
    const child = run(
      `trap '' TERM; (trap '' TERM; echo $$ >&2; while :; do sleep 1; done) & echo $! >&2; wait; while :; do sleep 1; done`,
    );
    await expect.poll(() => lines).toHaveLength(2);
    await child.stop();
    for (const pid of lines.map(Number)) expect(await alive(pid)).toBe(false);
  });
  it('holds where its ledger can’t be written or read', async () => {
    const file = path.join(folder, 'none', 'ledger.json');
    const ledger = openLedger(file, bornOf, killGroup);
    await ledger.add(process.pid);
    expect(await leasher(startChild, ledger)('/bin/sh', ['-c', 'exit 3'], { env: {}, onLine: () => {} }).ended).toMatchObject({ code: 3 });
    ledger.remove(process.pid);
    mkdirSync(file, { recursive: true });
    expect(await openLedger(file, bornOf, killGroup).reap()).toBe(0);
  });
  it('does not note down what is gone before it is known when it was born', async () => {
    const file = path.join(folder, 'ledger.json');
    const born = Promise.withResolvers<string>();
    const ledger = openLedger(file, () => born.promise, killGroup);
    const added = ledger.add(4_000_000);
    ledger.remove(4_000_000);
    born.resolve('today');
    await added;
    expect(existsSync(file)).toBe(false);
  });
  it('has a ledger that ends what is still the same process, and nothing else', async () => {
    const file = path.join(folder, 'old.json');
    const first = startChild('/bin/sh', ['-c', 'exec sleep 1000'], { env: {}, onOut: () => {}, onErr: () => {} });
    const pid = first.pid ?? 0;
    const born = await bornOf(pid);
    const killed: number[] = [];
    const reap = (entries: object[]): Promise<number> => {
      writeFileSync(file, JSON.stringify(entries));
      return openLedger(file, bornOf, (one) => {
        killed.push(one);
        killGroup(one);
      }).reap();
    };
    expect(await reap([{ pid, born: 'another' }])).toBe(0);
    expect(killed).toEqual([]);
    expect(await reap([{ pid, born }])).toBe(1);
    expect(killed).toEqual([pid]);
    await first.ended;
    writeFileSync(file, 'not json');
    expect(await openLedger(file, bornOf, killGroup).reap()).toBe(0);
  });
});
