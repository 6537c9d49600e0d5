import { randomBytes } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { lastingHandles, type HandleLimits, type LastingHandles } from '../../bridges/companion/handles.ts';
import { silentLogger } from '../../bridges/engine/log.ts';
import { deferSecrets, memorySecrets, SecretError, type SecretStore } from '../../bridges/engine/secrets.ts';
import type { SealedReasoning } from '../../bridges/wire/opaque.ts';

const LIMITS: HandleLimits = { count: 100, bytes: 100_000, ageMs: 1_000 };
/** A body that a request with handles in it may have. */
const BODY = Buffer.from('{"signature":"db1.h"}');

let home: string;
let keychain: SecretStore;
let now: number;
beforeEach(() => {
  home = mkdtempSync(path.join(os.tmpdir(), 'drawbridge-handles-'));
  keychain = { ...memorySecrets(), lasting: true };
  now = Date.now();
});
afterEach(() => rmSync(home, { recursive: true, force: true }));

function open(limits: Partial<HandleLimits> = {}, secrets = keychain): LastingHandles {
  const random = (): string => randomBytes(16).toString('base64url');
  return lastingHandles({
    home,
    keychain: secrets,
    clock: { now: () => now },
    log: silentLogger,
    random,
    limits: { ...LIMITS, ...limits },
  });
}

function entryOf(data: string): SealedReasoning {
  return { family: 'messages', upstream: 'anthropic', model: 'claude', data };
}

function files(): string[] {
  return readdirSync(path.join(home, 'reasoning')).toSorted();
}

function file(name = 'newer.sealed'): string {
  return path.join(home, 'reasoning', name);
}

/** What a new run finds behind each handle. */
async function afterRestart(handles: string[], limits?: Partial<HandleLimits>): Promise<(string | undefined)[]> {
  const store = open(limits);
  await store.recall(BODY);
  const found = handles.map((handle) => store.get(handle)?.data);
  await store.stop();
  return found;
}

/** A run that keeps these, and ends. */
async function run(data: string[], limits?: Partial<HandleLimits>): Promise<string[]> {
  const store = open(limits);
  const handles = data.map((each) => store.put(entryOf(each)));
  await store.stop();
  return handles;
}

describe('reasoning behind handles', () => {
  it('is found again after a restart, with all that says who may have it', async () => {
    const store = open();
    const entries: SealedReasoning[] = [
      { ...entryOf('signature'), redacted: true },
      { ...entryOf(''), family: 'chat', field: 'reasoning_content' },
    ];
    const handles = entries.map((entry) => store.put(entry));
    await store.stop();
    const later = open();
    await later.recall(BODY);
    expect(handles.map((handle) => later.get(handle))).toEqual(entries);
  });

  it('is read once, and only for a request that holds a handle', async () => {
    await run(['a']);
    const store = open();
    expect(store.recall(Buffer.from('{"signature":"of somebody else"}'))).toBeUndefined();
    await store.recall(BODY);
    expect(store.recall(BODY)).toBeUndefined();
  });

  it('is written so that nobody reads it without the key, or reads the file at all', async () => {
    await run(['CANARY']);
    expect(readFileSync(file(), 'latin1')).not.toMatch(/CANARY|anthropic|claude/);
    if (process.platform !== 'win32') expect(statSync(file()).mode & 0o777).toBe(0o600);
  });

  it('is gone, not wrong, where its line was changed; the others stay', async () => {
    const [a = ''] = await run(['a']);
    const [b = ''] = await run(['b']);
    const text = readFileSync(file(), 'utf8');
    writeFileSync(file(), text.replace(/"tag":"../, '"tag":"AA'));
    expect(await afterRestart([a, b])).toEqual([undefined, 'b']);
  });

  it('is gone with the key, and so are its files', async () => {
    const handles = await run(['a']);
    await keychain.delete('reasoning-key');
    expect(await afterRestart(handles)).toEqual([undefined]);
    expect(files()).toEqual([]);
  });

  it('outlives a line that a crash cut short before it', async () => {
    const [a = ''] = await run(['a']);
    truncateSync(file(), statSync(file()).size - 20);
    const [b = ''] = await run(['b']);
    expect(await afterRestart([a, b])).toEqual([undefined, 'b']);
  });

  it('is forgotten when it is too old, in memory and on disk', async () => {
    const handles = await run(['a']);
    now += LIMITS.ageMs + 1;
    expect(await afterRestart(handles)).toEqual([undefined]);
    expect(files()).toEqual([]);
    now = Date.now();
    const [old = ''] = await run(['a']);
    now += 60_000;
    const [young = ''] = await run(['b']);
    expect(await afterRestart([old, young])).toEqual([undefined, 'b']);
  });

  it('is bounded in count and in bytes, the last used kept longest', async () => {
    const handles = await run(['a', 'b', 'c']);
    expect(await afterRestart(handles, { count: 2 })).toEqual([undefined, 'b', 'c']);
    const large = await run(['x'.repeat(40_000), 'y'.repeat(40_000), 'z'.repeat(40_000)]);
    const found = await afterRestart(large);
    expect(found[0]).toBeUndefined();
    expect(found[2]?.length).toBe(40_000);
  });

  it('takes no more room on disk than is allowed, however much is put', async () => {
    for (let round = 0; round < 21; round += 1) await run(['x'.repeat(20_000)]);
    expect(files()).toEqual(['newer.sealed', 'older.sealed']);
    const bytes = files().reduce((sum, name) => sum + statSync(file(name)).size, 0);
    expect(bytes).toBeLessThan(LIMITS.bytes + 2 * 30_000);
  });

  it('of this run is kept before what an earlier one left', async () => {
    const [old = ''] = await run(['old']);
    const store = open({ count: 2 });
    const own = ['a', 'b'].map((data) => store.put(entryOf(data)));
    await store.recall(BODY);
    expect([old, ...own].map((handle) => store.get(handle)?.data)).toEqual([undefined, 'a', 'b']);
    await store.stop();
  });

  it('stays in memory alone where no keychain lasts, or the keychain fails', async () => {
    const locked = (): Promise<never> => Promise.reject(new SecretError('locked', 'locked'));
    for (const secrets of [
      memorySecrets(),
      deferSecrets(Promise.resolve(memorySecrets())),
      { lasting: true, get: locked, set: locked, delete: locked },
    ]) {
      const store = open({}, secrets);
      const handle = store.put(entryOf('a'));
      await store.stop();
      expect(store.get(handle)?.data).toBe('a');
      expect(() => files()).toThrow();
    }
  });
});
