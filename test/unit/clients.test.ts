import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { clientEnvs } from '../../bridges/clients/env.ts';
import { createClientFinder, listOf, type Found } from '../../bridges/clients/known.ts';
import type { ChildRunner } from '../../bridges/engine/child.ts';
import { madeCall } from '../fakes/made-calls.ts';

describe('finding clients', () => {
  let home: string;
  let asked: string[];
  const run: ChildRunner = (command) => {
    asked.push(path.basename(command));
    return Promise.resolve({ code: 0, stdout: 'codex-cli 0.140.0\n', stderr: '' });
  };
  const finder = (env: Record<string, string> = {}) =>
    createClientFinder({ platform: 'linux', env: { PATH: path.join(home, 'path'), ...env }, homedir: home, run });
  const program = (folder: string, name: string): string => {
    mkdirSync(path.join(home, folder), { recursive: true });
    const file = path.join(home, folder, name);
    writeFileSync(file, '');
    chmodSync(file, 0o755);
    return file;
  };

  beforeEach(() => {
    home = mkdtempSync(path.join(os.tmpdir(), 'drawbridge-clients-'));
    asked = [];
  });
  afterEach(() => rmSync(home, { recursive: true, force: true }));

  it('names the program on the search path, its version, and its folder of settings', async () => {
    const file = program('path', 'codex');
    mkdirSync(path.join(home, '.codex'));
    expect(await finder().find('codex')).toEqual({
      found: [
        { kind: 'program', path: file },
        { kind: 'settings', path: path.join(home, '.codex') },
      ],
      version: '0.140.0',
    });
  });
  it('looks where shells look, though a desktop application is started without those folders', async () => {
    const file = program('.local/bin', 'claude');
    expect((await finder().find('claude-code')).found).toEqual([{ kind: 'program', path: file }]);
  });
  it('follows the variable that moves a folder of settings', async () => {
    mkdirSync(path.join(home, 'elsewhere'));
    const { found } = await finder({ CODEX_HOME: path.join(home, 'elsewhere') }).find('codex');
    expect(found).toContainEqual({ kind: 'settings', path: path.join(home, 'elsewhere') });
  });
  it('finds nothing of a library, and asks no program', async () => {
    expect(await finder().find('openai-sdk')).toEqual({ found: [], version: null });
    expect(asked).toEqual([]);
  });
  it('asks a program for its version once', async () => {
    program('path', 'codex');
    const clients = finder();
    await Promise.all([clients.find('codex'), clients.find('codex')]);
    expect(asked).toEqual(['codex']);
  });
});

describe('the list of clients', () => {
  const envs = clientEnvs('http://127.0.0.1:11435');
  const call = (part: object) => ({ ...madeCall(1, 0), ...part });

  it('gives each its newest call and the keys it came with', () => {
    const found = new Map<string, Found>([['codex', { found: [], version: '0.140.0' }]]);
    const list = listOf(envs, found, [
      call({ id: 9, client: 'codex', caller: 'night', status: 429 }),
      call({ id: 8, client: 'codex', caller: 'laptop' }),
      call({ id: 7, client: 'codex', caller: null }),
    ]);
    expect(list.find(({ client }) => client === 'codex')).toMatchObject({
      version: '0.140.0',
      lastCall: { id: 9, status: 429 },
      callers: ['laptop', 'night'],
      guided: true,
      attachable: ['model'],
      attachment: null,
    });
    expect(list.find(({ client }) => client === 'curl')?.lastCall).toBeNull();
  });
  it('adds whoever else has called, but not our own practice calls', () => {
    const list = listOf(envs, new Map(), [call({ client: 'aider' }), call({ client: 'drawbridge' })]);
    expect(list.slice(envs.length).map(({ client, guided }) => [client, guided])).toEqual([['aider', false]]);
  });
});
