import { mkdirSync, mkdtempSync, readFileSync, readdirSync, renameSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../bridges/engine/clock.ts';
import { silentLogger } from '../../bridges/engine/log.ts';
import { openSettings, type SettingsStore } from '../../bridges/engine/settings.ts';

let folder: string;
let file: string;
let store: SettingsStore | undefined;
beforeEach(() => {
  folder = mkdtempSync(path.join(os.tmpdir(), 'drawbridge-settings-'));
  file = path.join(folder, 'settings.json');
});
afterEach(() => {
  store?.stop();
  rmSync(folder, { recursive: true, force: true });
});
const open = (content?: string): SettingsStore => {
  if (content !== undefined) writeFileSync(file, content);
  store = openSettings(file, systemClock, silentLogger);
  return store;
};

describe('the settings file', () => {
  it('is not needed: every key has a default', () => {
    expect(open().current()).toMatchObject({ companion: { port: 11435 }, upstreams: { practice: { answerIn: 'same' } } });
    expect(readdirSync(folder)).toEqual([]);
  });
  it.each([
    ['{"companion":{"port":"x"}}', 'companion.port'],
    ['{"companion":{"prot":1}}', 'companion.prot'],
    ['{"nonsense":1}', 'nonsense'],
    ['{"companion":{"routes":[{"upstream":"evil"}]}}', 'companion.routes.0.upstream'],
    ['{"upstreams":{"openai":{"baseUrl":"http://evil.com"}}}', 'upstreams.openai.baseUrl'],
    ['{"upstreams":{"gateway":{"baseUrl":"https://user:pw@gw.example"}}}', 'upstreams.gateway.baseUrl'],
    ['{"upstreams":{"gateway":{"baseUrl":"gateway.example.com"}}}', 'upstreams.gateway.baseUrl'],
    ['{"telemetry":{"endpoint":""}}', 'telemetry.endpoint'],
    ['{"network":{"proxy":"proxy.corp"}}', 'network.proxy'],
    ['{"network":{"proxy":"proxy.corp:3128"}}', 'network.proxy'],
    ['{"network":{"proxy":"socks5://proxy.corp"}}', 'network.proxy'],
    ['{"network":{"proxy":"http://proxy.corp/proxy.pac"}}', 'network.proxy'],
  ])('names the wrong key in %s', (content, key) => {
    const settings = open(content);
    expect(settings.problem()).toContain(`"${key}"`);
    expect(settings.current().companion.port).toBe(11435);
  });
  it('takes a proxy, and tells where its password belongs without telling the password', () => {
    const settings = open('{"network":{"proxy":"http://user:canary@proxy.corp:3128"}}');
    expect(settings.problem()).toContain('"network.proxy"');
    expect(settings.problem()).toContain('drawbridge proxy set');
    expect(settings.problem()).not.toContain('canary');
    expect(settings.update({ network: { proxy: 'http://proxy.corp:3128' } }).network.proxy).toBe('http://proxy.corp:3128');
  });
  it('keeps a broken file as it is, and moves it aside only when it must write', () => {
    const broken = '{"companion": {"port": 1234}, // mine';
    const settings = open(broken);
    expect(settings.problem()).toContain('not valid JSON');
    expect(readFileSync(file, 'utf8')).toBe(broken);
    settings.update({ companion: { port: 4321 } });
    expect(settings.problem()).toBeNull();
    const aside = readdirSync(folder).filter((name) => name.includes('.broken-'));
    expect(aside).toHaveLength(1);
    expect(readFileSync(path.join(folder, aside[0] ?? ''), 'utf8')).toBe(broken);
    expect(JSON.parse(readFileSync(file, 'utf8'))).toEqual({ companion: { port: 4321 } });
  });
  it('says in words that a broken file can not be moved aside, and leaves it', () => {
    // So long a name is one that nothing can be added to.
    file = path.join(folder, `${'s'.repeat(245)}.json`);
    const settings = open('{');
    expect(() => settings.update({ companion: { port: 4321 } })).toThrow(expect.objectContaining({ code: 'failed' }));
    expect(readFileSync(file, 'utf8')).toBe('{');
    expect(settings.current().companion.port).toBe(11435);
  });
  it('merges what is changed and leaves the rest of the file alone', () => {
    const settings = open('{"log":{"level":"debug"},"companion":{"fallback":"practice"}}');
    settings.update({ companion: { port: 1 } });
    expect(JSON.parse(readFileSync(file, 'utf8'))).toEqual({ log: { level: 'debug' }, companion: { fallback: 'practice', port: 1 } });
    expect(statSync(file).mode & 0o077).toBe(0);
  });
  it('can be put in the place of all there was, so that what came to a list of names goes again', () => {
    const settings = open('{"companion":{"aliases":{"sonnet":"copilot/claude"}}}');
    const before = settings.current();
    settings.update({ companion: { aliases: { fast: 'codex/mini' } }, ui: { theme: 'dark' } });
    expect(settings.replace(before)).toEqual(before);
    expect(JSON.parse(readFileSync(file, 'utf8'))).toEqual(before);
    expect(() => settings.replace({ nonsense: 1 })).toThrow(/nonsense/);
    expect(settings.current()).toEqual(before);
  });
  it('refuses a wrong change and writes nothing', () => {
    const settings = open('{}');
    expect(() => settings.update({ companion: { port: -1 } })).toThrow(/^The setting "companion\.port" was not changed: /);
    expect(readFileSync(file, 'utf8')).toBe('{}');
  });
  it('is read again when it changes on disk, also when an editor replaces it', async () => {
    const settings = open('{}');
    const changed = Promise.withResolvers<number>();
    settings.onChange((next) => changed.resolve(next.companion.port));
    writeFileSync(`${file}.new`, '{"companion":{"port":2222}}');
    renameSync(`${file}.new`, file);
    expect(await changed.promise).toBe(2222);
  });
  it.skipIf(process.platform === 'win32')(
    'may be a link to a file that stands elsewhere, and is read again when that changes',
    async () => {
      const elsewhere = path.join(folder, 'elsewhere');
      mkdirSync(elsewhere);
      const target = path.join(elsewhere, 'drawbridge.json');
      writeFileSync(target, '{"companion":{"port":2222}}');
      symlinkSync(target, file);
      const settings = open();
      settings.update({ companion: { port: 3333 } });
      expect(JSON.parse(readFileSync(target, 'utf8'))).toEqual({ companion: { port: 3333 } });
      const changed = Promise.withResolvers<number>();
      settings.onChange((next) => changed.resolve(next.companion.port));
      writeFileSync(target, '{"companion":{"port":4444}}');
      expect(await changed.promise).toBe(4444);
    },
  );
  it('keeps what was in force when it breaks, and comes back when it is mended', async () => {
    const settings = open('{"companion":{"port":3333}}');
    writeFileSync(file, '{"companion":{"port":true}}');
    await expect.poll(() => settings.problem()).toContain('companion.port');
    expect(settings.current().companion.port).toBe(3333);
    writeFileSync(file, '{"companion":{"port":3334}}');
    await expect.poll(() => settings.problem()).toBeNull();
    expect(settings.current().companion.port).toBe(3334);
  });
  it('keeps what was in force while an address is being typed into it', async () => {
    const settings = open('{"upstreams":{"gateway":{"baseUrl":"https://gw.example"}}}');
    writeFileSync(file, '{"upstreams":{"gateway":{"baseUrl":"gw.example"}}}');
    await expect.poll(() => settings.problem()).toContain('upstreams.gateway.baseUrl');
    expect(settings.current().upstreams.gateway.baseUrl).toBe('https://gw.example');
  });
  it.each(['{ "companion": { "port": 3333, } }', '{"companion":{"port":true}}'])(
    'builds on what was in force when a change comes while the file is broken: %s',
    (broken) => {
      const held = { companion: { port: 3333 }, capture: { seal: true, folders: [{ folder: '/secret', keep: 'ignore' }] } };
      const settings = open(JSON.stringify(held));
      writeFileSync(file, broken);
      settings.update({ ui: { theme: 'dark' } });
      expect(JSON.parse(readFileSync(file, 'utf8'))).toEqual({ ...held, ui: { theme: 'dark' } });
      expect(settings.current()).toMatchObject({ companion: { port: 3333 }, capture: { seal: true }, ui: { theme: 'dark' } });
      expect(besides()).toEqual([broken]);
    },
  );
  it('builds on its own last change, too', () => {
    const settings = open('{}');
    settings.update({ companion: { port: 3333 } });
    writeFileSync(file, 'oh');
    settings.update({ ui: { theme: 'dark' } });
    expect(JSON.parse(readFileSync(file, 'utf8'))).toEqual({ companion: { port: 3333 }, ui: { theme: 'dark' } });
  });
  it('begins with the defaults again where the file was taken away', () => {
    const settings = open('{"companion":{"port":3333}}');
    rmSync(file);
    settings.update({ ui: { theme: 'dark' } });
    expect(JSON.parse(readFileSync(file, 'utf8'))).toEqual({ ui: { theme: 'dark' } });
  });
  it('goes on with what it knew while the file can not be read, and reads it once it can', async () => {
    const settings = open('{"companion":{"port":3333}}');
    rmSync(file);
    mkdirSync(file);
    await expect.poll(() => settings.problem()).toContain(`${file} can't be read: illegal operation on a directory (EISDIR)`);
    expect(settings.current().companion.port).toBe(3333);
    rmSync(file, { recursive: true });
    writeFileSync(file, '{"companion":{"port":3334}}');
    await expect.poll(() => settings.problem()).toBeNull();
    expect(settings.current().companion.port).toBe(3334);
  });
  it('may begin with a byte order mark', () => {
    const settings = open('\ufeff{"companion":{"port":3333}}');
    expect(settings.problem()).toBeNull();
    settings.update({ ui: { theme: 'dark' } });
    expect(settings.current()).toMatchObject({ companion: { port: 3333 }, ui: { theme: 'dark' } });
  });
});

/** What was kept of files that were broken. */
function besides(): string[] {
  return readdirSync(folder)
    .filter((name) => name.includes('.broken-'))
    .map((name) => readFileSync(path.join(folder, name), 'utf8'));
}
