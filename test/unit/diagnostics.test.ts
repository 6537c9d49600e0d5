import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { Settings } from '../../bridges/contract/settings.ts';
import { bundleOf, readLogEnd, type DiagnosticsFacts } from '../../bridges/engine/diagnostics.ts';
import { formatLine, type LogLevel } from '../../bridges/engine/log.ts';

const facts = (part: Partial<DiagnosticsFacts> = {}): DiagnosticsFacts => ({
  now: Date.UTC(2026, 10, 21, 12, 0, 0),
  platform: 'linux',
  status: {
    version: '0.1.0',
    host: 'headless',
    pid: 1,
    node: '24.21.0',
    startedAt: '2026-11-21T11:00:00.000Z',
    home: '/home/ada/.local/share/drawbridge',
    listeners: [],
    bridges: [],
    tunnels: [],
    upstreams: [],
    capture: { state: 'recording', reason: null, calls: 0, dropped: 0, pendingBytes: 0, storeBytes: 0 },
    activity: { calls: 0, failed: 0, open: 0, ttfbP50Ms: null, inputTokens: null, outputTokens: null },
    notices: [],
  },
  settings: Settings.parse({
    upstreams: {
      gateway: { baseUrl: 'https://gate.example.org/v1' },
      providers: [{ name: 'lab', baseUrl: 'https://models.home.example.org/v1' }],
    },
  }),
  settingsProblem: null,
  proxy: undefined,
  webhook: null,
  doctor: [{ id: 'home', title: 'State folder', state: 'ok', found: '/home/ada/.local/share/drawbridge, mode 700.', mend: null }],
  bridges: [],
  tunnels: [],
  log: '',
  person: { homedir: '/home/ada', user: 'ada', hostname: 'analytical-engine' },
  ...part,
});
const textOf = (given: DiagnosticsFacts): string =>
  bundleOf(given)
    .parts.map(({ title, text }) => `${title}\n${text}`)
    .join('\n');

it('is named after its time, and says what runs', () => {
  const bundle = bundleOf(facts());
  expect(bundle.name).toBe('drawbridge-diagnostics-2026-11-21-12-00-00.txt');
  expect(bundle.parts.map(({ title }) => title)).toEqual(['About', 'Checks', 'Status', 'Bridges', 'Tunnels', 'Settings', 'Log']);
  expect(textOf(facts())).toContain('"version": "0.1.0"');
});

it.each([
  ['a client key', `db_${'k'.repeat(43)}`],
  ['a provider’s key', 'sk-proj-abcdefghijklmnopqrstuv'],
  ['a bearer token', 'Bearer abcdefghijklmnop'],
  ['a JSON web token', 'eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl'],
  ['an e-mail address', 'ada@example.org'],
  ['the home folder', '/home/ada/projects'],
  ['the user', 'ada'],
  ['the machine', 'Analytical-Engine'],
  ['the gateway', 'gate.example.org'],
  ['a provider', 'models.home.example.org'],
])('takes out %s, wherever it stands', (_name, secret) => {
  const given = facts({
    log: `{"event":"x","note":"${secret}"}`,
    settingsProblem: `could not read ${secret} today`,
    status: { ...facts().status, notices: [{ id: 'n', level: 'info', title: 'n', cause: secret, mend: null }] },
  });
  const hidden = secret.replace('Bearer ', '').replace('/projects', '');
  expect(textOf(given).toLowerCase()).not.toContain(hidden.toLowerCase());
});

it('leaves words alone that merely begin like a name', () => {
  expect(textOf(facts({ log: 'an adapter of adaptive size' }))).toContain('an adapter of adaptive size');
});

it('names no company by its proxy', () => {
  const proxy = { protocol: 'http:', hostname: 'proxy.acme.example', port: '3128', name: 'proxy.acme.example:3128' } as const;
  const text = textOf(
    facts({
      proxy: { ...proxy, authorization: 'Basic Y2FuYXJ5', from: 'HTTPS_PROXY' },
      doctor: [{ id: 'proxy', title: 'Proxy', state: 'ok', found: `Calls leave through ${proxy.name}.`, mend: null }],
      log: 'The proxy proxy.acme.example:3128 refused the connection.',
    }),
  );
  expect(text).toContain('Calls leave through [proxy]:3128.');
  expect(text).not.toMatch(/acme|Y2FuYXJ5/);
});

it('tells how many folders have rules, never which', () => {
  const folders = ['/srv/clients/acme-merger', '~/clients/acme-merger'].map((folder) => ({ folder, keep: 'ignore' }));
  const log = JSON.stringify({ path: '/srv/clients/acme-merger/src', other: '/home/ada/clients/acme-merger' });
  const text = textOf(facts({ settings: Settings.parse({ capture: { folders } }), log }));
  expect(text).toContain('"folders": 2');
  expect(text).not.toContain('acme-merger');
});

it('names neither the directory nor the apps that sign-ins go by', () => {
  const id = '0f2d7c1e-8a5b-4c3d-9e6f-1a2b3c4d5e6f';
  const settings = Settings.parse({ bridges: { m365: { tenant: 'contoso.example', clientId: id }, copilot: { clientId: 'Iv1.abcdef' } } });
  const text = textOf(facts({ settings, log: `asked https://login.microsoftonline.com/contoso.example for ${id}` }));
  for (const hidden of [id, 'contoso', 'Iv1.abcdef']) expect(text).not.toContain(hidden);
  expect(textOf(facts())).toContain('"tenant": "organizations"');
});

it('takes out a home folder as Windows writes it, also inside of JSON', () => {
  const person = { homedir: String.raw`C:\Users\ada`, user: 'ada', hostname: 'PC-7' };
  const log = JSON.stringify({ path: String.raw`C:\Users\ada\AppData` });
  expect(textOf(facts({ person, log }))).toContain(String.raw`"~\\AppData"`);
});

it('tells how many accounts there are, never whose', () => {
  const account = { id: 'a', route: 'api-key' as const, label: 'ada lovelace', plan: null, addedAt: '', active: true };
  const bridge = {
    name: 'codex' as const,
    label: 'Codex',
    state: 'ready' as const,
    reason: 'Signed in as ada lovelace.',
    mend: null,
    address: null,
    listenerProblem: null,
    enabled: true,
    offer: null,
    route: null,
    accounts: [account],
    routes: [],
    quota: null,
    today: { calls: 0, ceiling: 1 },
    lastError: null,
  };
  const text = textOf(facts({ bridges: [bridge] }));
  expect(text).toContain('"accounts": 1');
  expect(text).not.toContain('lovelace');
});

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(path.join(os.tmpdir(), 'drawbridge-log-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

it('takes the end of a long log, from a whole line on', () => {
  const lines = Array.from({ length: 5000 }, (_, at) => `{"event":"line","at":${at},"pad":"${'x'.repeat(20)}"}`);
  writeFileSync(path.join(folder, 'drawbridge.log'), `${lines.join('\n')}\n`);
  const end = readLogEnd(folder).trimEnd().split('\n');
  expect(end.at(-1)).toBe(lines.at(-1));
  expect(lines).toContain(end[0]);
  expect(end.length).toBeLessThan(lines.length);
});

it('does not name the channel that notices are told to', () => {
  const log = '{"problem":"chat.acme.example:8065 could not be reached. Check the network."}';
  expect(textOf(facts({ webhook: 'chat.acme.example:8065', log }))).toContain('"[channel]:8065 could not be reached');
});

it('has no call in it, also where the log tells them', () => {
  const line = (level: LogLevel, event: string): string => formatLine(0, level, event, { model: 'gpt-of-mine', caller: 'ci' });
  const text = textOf(facts({ log: line('debug', 'call') + line('info', 'engine.started') + line('debug', 'capture.sql') }));
  expect(text.match(/gpt-of-mine/g)).toHaveLength(1);
  expect(text).toContain('engine.started');
});

it('has no log where there is none', () => {
  expect(readLogEnd(folder)).toBe('');
});

it('names no service that its owner set in the place of the public ones, and leaves those', () => {
  const settings = Settings.parse({
    upstreams: { openai: { baseUrl: 'https://models.acme.example/v1' } },
    bridges: { copilot: { github: 'https://acme.ghe.example', api: 'https://api.acme.ghe.example' } },
  });
  const text = textOf(facts({ settings, log: '{"why":"models.acme.example did not answer"}' }));
  expect(text).not.toContain('acme');
  expect(text).toContain('https://[provider]/v1');
  expect(text).toContain('https://api.anthropic.com');
});

it('leaves the addresses of this machine where the gateway is one of them', () => {
  const settings = Settings.parse({ upstreams: { gateway: { baseUrl: 'http://127.0.0.1:4000' } } });
  expect(textOf(facts({ settings, log: '{"address":"127.0.0.1:11435"}' }))).toContain('127.0.0.1:11435');
});
