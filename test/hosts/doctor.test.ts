import { spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { startTestEngine, type TestEngine } from '../support/engine.ts';

let home: string;
let engine: TestEngine | undefined;
beforeEach(() => {
  home = mkdtempSync(path.join(os.tmpdir(), 'drawbridge-doctor-'));
});
afterEach(async () => {
  await engine?.stop();
  engine = undefined;
  rmSync(home, { recursive: true, force: true });
});

const found = async (): Promise<string[]> => (await engine?.control.doctor.run({}))?.map(({ id }) => id) ?? [];

it('names the bridge whose sign-in has ended, and none where nobody ever signed in', async () => {
  engine = await startTestEngine({ home });
  expect(await found()).toEqual(['node', 'home', 'settings', 'companion', 'store', 'dropped', 'keys']);
  await engine.stop();

  // Its login is not there any more.
  const account = { id: 'codex-cli', route: 'codex-cli', label: 'The Codex CLI’s login', plan: null, addedAt: '2026-01-01T00:00:00Z' };
  const codex = { active: account.id, accounts: [account], routes: {}, facts: {} };
  writeFileSync(path.join(home, 'accounts.json'), JSON.stringify({ version: 1, bridges: { codex } }));
  engine = await startTestEngine({ home });
  const checks = await engine.control.doctor.run({});
  expect(checks.find(({ id }) => id === 'codex-account')).toMatchObject({
    title: 'Codex',
    state: 'warning',
    mend: 'Sign in: drawbridge signin codex',
  });
});

it.skipIf(process.platform === 'win32')('gives a command that mends the state folder as it stands there, whatever its name', async () => {
  const odd = path.join(home, "Application Support, $HOME's");
  mkdirSync(odd);
  engine = await startTestEngine({ home: odd });
  chmodSync(odd, 0o755);
  const { mend } = (await engine.control.doctor.run({})).find(({ id }) => id === 'home') ?? {};
  expect(spawnSync('sh', ['-c', mend?.split('Run: ')[1] ?? '']).status).toBe(0);
  expect(statSync(odd).mode & 0o777).toBe(0o700);
});
