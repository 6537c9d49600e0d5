import { readFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { netOf } from '../../bridges/accounts/net.ts';
import type { Notice, Settings as SettingsShape } from '../../bridges/contract/index.ts';
import { Settings } from '../../bridges/contract/settings.ts';
import { createLogger } from '../../bridges/engine/log.ts';
import { memorySecrets, type SecretStore } from '../../bridges/engine/secrets.ts';
import { createWebhook, type Webhook } from '../../bridges/engine/webhook.ts';
import { SECRET_PATH, startChatWebhook, type ChatWebhook } from '../fakes/chat-webhook.ts';
import { runCommand } from '../support/command.ts';
import { startTestEngine } from '../support/engine.ts';

let chat: ChatWebhook;
beforeEach(async () => {
  chat = await startChatWebhook();
});
afterEach(() => chat.stop());

const notice = (id: string, title: string, level: Notice['level'] = 'error', cause = 'It is so.'): Notice => ({
  id,
  title,
  level,
  cause,
  mend: null,
});
const DOWN = notice('tunnel-lab', 'The tunnel lab is down', 'warning');
const SIGN_IN = notice('codex-account', 'Codex needs you');

describe('a webhook', () => {
  let notices: Notice[];
  let now: number;
  let settings: SettingsShape;
  let log: string;
  let keychain: SecretStore;
  let webhook: Webhook;
  beforeEach(() => {
    notices = [];
    now = 0;
    settings = Settings.parse({});
    log = '';
    keychain = memorySecrets();
    const clock = { now: () => now, monotonic: () => now };
    webhook = createWebhook({
      settings: {
        current: () => settings,
        update: (patch) => (settings = Settings.parse({ ...settings, ...patch })),
      },
      keychain,
      net: netOf('Drawbridge/0.0.0-test'),
      notices: () => notices,
      clock,
      log: createLogger(
        (line) => (log += line),
        () => 'debug',
        clock,
      ),
      machine: 'desk & <chair>',
      onChange: () => {},
      lookMs: 3_600_000,
    });
  });
  afterEach(() => webhook.stop());

  it('tells what is new, once, and what is good only after what was bad', async () => {
    await webhook.set(chat.url);
    notices = [notice('no-keys', 'No client key yet', 'info'), notice('tunnel-b', 'The tunnel b is back up', 'info')];
    await webhook.look();
    expect(chat.asked()).toBe(0);
    notices = [DOWN, SIGN_IN];
    await webhook.look();
    await webhook.look();
    notices = [notice('tunnel-lab', 'The tunnel lab is back up', 'info'), SIGN_IN];
    await webhook.look();
    expect(chat.taken).toEqual([
      '*Drawbridge on desk &amp; &lt;chair&gt;*\n• *The tunnel lab is down.* It is so.\n• *Codex needs you.* It is so.',
      '*Drawbridge on desk &amp; &lt;chair&gt;*\n• *The tunnel lab is back up.* It is so.',
    ]);
    expect(webhook.status()).toMatchObject({ isSet: true, host: chat.host, sentAt: '1970-01-01T00:00:00.000Z', problem: null });
  });

  it('calls nobody and links nothing, whatever a cause holds', async () => {
    await webhook.set(chat.url);
    notices = [notice('tunnel-lab', 'T', 'error', 'said <!channel> & <https://evil.example|mend it>')];
    await webhook.look();
    expect(chat.taken[0]).toContain('said &lt;!channel&gt; &amp; &lt;https://evil.example|mend it&gt;');
  });

  it('sends what was not taken again a minute later, if it is so still', async () => {
    await webhook.set(chat.url);
    notices = [DOWN];
    chat.next(500);
    await webhook.look();
    expect(webhook.status().problem).toBe('It answered with status 500.');
    await webhook.look();
    expect(chat.asked()).toBe(1);
    now += 60_000;
    notices = [SIGN_IN];
    await webhook.look();
    expect(chat.taken).toEqual([expect.stringContaining('Codex needs you')]);
    expect(chat.taken[0]).not.toContain('lab');
    expect(webhook.status().problem).toBeNull();
  });

  it('waits as long as it is asked to', async () => {
    await webhook.set(chat.url);
    notices = [DOWN];
    chat.next(429, { 'retry-after': '300' });
    await webhook.look();
    now += 299_000;
    await webhook.look();
    expect(chat.asked()).toBe(1);
    now += 1_000;
    await webhook.look();
    expect(chat.taken).toHaveLength(1);
  });

  it.each([404, 403, 410])('that was taken back (%i) is left alone for an hour, or until it is set anew', async (status) => {
    await webhook.set(chat.url);
    notices = [DOWN];
    chat.next(status);
    await webhook.look();
    expect(webhook.status().problem).toContain('the address is wrong, or was taken back');
    now += 3_500_000;
    await webhook.look();
    expect(chat.asked()).toBe(1);
    await webhook.set(chat.url);
    await webhook.look();
    expect(chat.taken).toHaveLength(1);
  });

  it('has its address in no log, status or setting, whatever goes wrong', async () => {
    await webhook.set(chat.url);
    notices = [DOWN];
    for (const status of [500, 404]) {
      chat.next(status);
      await webhook.look();
      now += 3_600_000;
    }
    await chat.stop();
    await webhook.look();
    expect(log.match(/webhook.not_taken/g)).toHaveLength(3);
    expect(`${log}${JSON.stringify([webhook.status(), settings])}`).not.toContain('s3cr3t');
  });

  it('is told anew where another address is set while a message is on its way', async () => {
    await webhook.set(chat.url);
    notices = [DOWN];
    const looked = webhook.look();
    await webhook.set(chat.url);
    await looked;
    await webhook.look();
    expect(chat.taken).toHaveLength(2);
  });

  it('follows no redirect', async () => {
    await webhook.set(chat.url);
    chat.next(302, { location: chat.url });
    expect(await webhook.try(undefined)).toEqual({ taken: false, found: 'It answered with status 302.' });
    expect(chat.asked()).toBe(1);
  });

  it('that can’t be reached is said by its host alone', async () => {
    const { url, host } = chat;
    await chat.stop();
    expect(await webhook.try(url)).toEqual({ taken: false, found: `${host} could not be reached. Check the network.` });
  });

  it('tells nothing of what is not wanted', async () => {
    await webhook.set(chat.url);
    settings = Settings.parse({ ...settings, notifications: { tunnels: false } });
    notices = [DOWN, SIGN_IN];
    await webhook.look();
    expect(chat.taken).toEqual([expect.not.stringContaining('lab')]);
  });

  it('tells nothing once it is taken away, and all there is once it is set again', async () => {
    await webhook.set(chat.url);
    notices = [DOWN];
    await webhook.look();
    expect(await webhook.set(null)).toMatchObject({ isSet: false, host: null });
    notices = [DOWN, SIGN_IN];
    await webhook.look();
    expect(chat.taken).toHaveLength(1);
    await expect(webhook.try(undefined)).rejects.toMatchObject({ code: 'bad_input' });
    await webhook.set(chat.url);
    await webhook.look();
    expect(chat.taken[1]).toContain('lab is down');
  });

  it.each(['', 'hooks.slack.com/services/x', 'http://hooks.example.org/x', 'ftp://127.0.0.1/x', 'https://me:secret@hooks.example.org/x'])(
    'takes no address such as "%s"',
    async (url) => {
      await expect(webhook.set(url)).rejects.toMatchObject({ code: 'bad_input' });
      await expect(webhook.try(url)).rejects.toMatchObject({ code: 'bad_input' });
      expect(webhook.status().isSet).toBe(false);
    },
  );

  it.each([undefined, '', 'no address', 'http://hooks.example.org/x'])('whose address the keychain has not says so (%s)', async (kept) => {
    settings = Settings.parse({ webhook: { urlSecret: 'elsewhere' } });
    if (kept !== undefined) await keychain.set('elsewhere', kept);
    await webhook.read();
    await webhook.look();
    expect(webhook.status()).toMatchObject({ isSet: true, host: null, problem: 'The keychain holds no address. Set it anew.' });
  });
});

it('an engine tells a channel of a tunnel that needs its owner; the address stands in the keychain alone', async () => {
  const keychain = memorySecrets();
  const engine = await startTestEngine({ headless: { keychain } });
  try {
    const drawbridge = (...args: string[]) => runCommand(engine.home, ['webhook', ...args], [chat.url]);
    expect((await drawbridge()).out).toBe('Notices are told to no channel.\n');
    const set = await drawbridge('set');
    expect(set).toMatchObject({ code: 0, out: expect.stringContaining(`Notices go to a channel at ${chat.host}.`) });
    expect(await drawbridge('try')).toMatchObject({ code: 0, out: `${chat.host} took a message.\n` });
    const { tunnels } = engine.control;
    await tunnels.add({
      definition: {
        name: 'lab',
        host: 'localhost',
        port: 22,
        user: 'nobody',
        farPorts: [20_001, 20_002],
        connector: { kind: 'none' },
        enabled: true,
      },
    });
    await tunnels.start({ name: 'lab' });
    await vi.waitFor(async () => expect((await engine.control.status.get({})).notices.map(({ id }) => id)).toContain('tunnel-lab'), 20_000);
    await engine.headless.engine.webhook.look();
    expect(chat.taken).toEqual([expect.stringContaining('a test'), expect.stringMatching(/• \*The tunnel lab .*\.\* /)]);
    const [settings, log] = ['settings.json', 'logs/drawbridge.log'].map((file) => readFileSync(path.join(engine.home, file), 'utf8'));
    expect(`${settings}${log}${set.out}${JSON.stringify(await engine.control.settings.get({}))}`).not.toContain(SECRET_PATH);
    expect(await keychain.get('notices-webhook')).toBe(chat.url);
    expect((await drawbridge('clear')).out).toBe('Notices are told to no channel.\n');
    expect(await keychain.get('notices-webhook')).toBeUndefined();
    expect((await drawbridge('send')).code).toBe(2);
  } finally {
    await engine.stop();
  }
});
