import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { autostartItem, entryFor, nodeFlags } from '../../../bridges/hosts/login-item.ts';

let home: string;
beforeEach(() => {
  home = mkdtempSync(path.join(os.tmpdir(), 'drawbridge-login-'));
});
afterEach(() => rmSync(home, { recursive: true, force: true }));

const keeper = (env: Record<string, string> = {}, platform: NodeJS.Platform = 'linux') =>
  autostartItem({ platform, env, homedir: home }, ['/opt/drawbridge/drawbridge', '--hidden']);
const file = (): string => path.join(home, '.config', 'autostart', 'drawbridge.desktop');

test('on writes the entry, off takes it away, and both may be asked for twice', async () => {
  const item = keeper();
  expect(await item.get()).toEqual({ state: 'off', reason: null });
  for (let i = 0; i < 2; i++) expect(await item.set(true)).toEqual({ state: 'on', reason: null });
  expect(readFileSync(file(), 'utf8')).toContain('\nExec=/opt/drawbridge/drawbridge --hidden\n');
  for (let i = 0; i < 2; i++) expect(await item.set(false)).toEqual({ state: 'off', reason: null });
});

test.for(['Hidden=true', 'X-GNOME-Autostart-enabled=false'])(
  'an entry that the session’s own settings switched off (%s) is off',
  async (line) => {
    const item = keeper();
    await item.set(true);
    writeFileSync(file(), `${readFileSync(file(), 'utf8').replace('X-GNOME-Autostart-enabled=true\n', '')}${line}\n`);
    expect(await item.get()).toEqual({ state: 'off', reason: null });
  },
);

test('the user’s own configuration folder is honoured, and a state folder of its own is named again', async () => {
  const config = path.join(home, 'elsewhere');
  await keeper({ XDG_CONFIG_HOME: config, DRAWBRIDGE_HOME: '/srv/my state' }).set(true);
  expect(readFileSync(path.join(config, 'autostart', 'drawbridge.desktop'), 'utf8')).toContain(
    '\nExec=/usr/bin/env "DRAWBRIDGE_HOME=/srv/my state" /opt/drawbridge/drawbridge --hidden\n',
  );
});

test('a state folder that was named from where Drawbridge was started is the same one at login', async () => {
  await keeper({ DRAWBRIDGE_HOME: 'state' }).set(true);
  expect(readFileSync(file(), 'utf8')).toContain(`DRAWBRIDGE_HOME=${path.resolve('state')}`);
});

test('a file that cannot be written is an error that names it', async () => {
  mkdirSync(path.join(home, '.config'));
  writeFileSync(path.join(home, '.config', 'autostart'), '');
  await expect(keeper().set(true)).rejects.toMatchObject({ code: 'failed', message: expect.stringContaining(file()) });
});

test('other systems say that they can’t', async () => {
  const item = keeper({}, 'darwin');
  expect((await item.get()).state).toBe('unsupported');
  await expect(item.set(true)).rejects.toMatchObject({ code: 'failed' });
});

test('what a shell or a desktop would read into an argument stays text', () => {
  const exec = /^Exec=(.*)$/m.exec(entryFor(['/opt/a b/"x"', '$HOME', '100%', 'back\\slash', 'two\nlines', '`id`']))?.[1];
  expect(exec).toBe('"/opt/a b/\\\\"x\\\\"" "\\\\$HOME" "100%%" "back\\\\\\\\slash" "two\\nlines" "\\\\`id\\\\`"');
  expect(entryFor(['a\nExec=evil']).match(/^Exec=/gm)).toHaveLength(1);
});

test('Node gets its flags at login too, and no debugger', () => {
  expect(nodeFlags(['--max-semi-space-size=8', '--inspect', '--inspect-brk=0.0.0.0:9229', '--v8-pool-size=1'])).toEqual([
    '--max-semi-space-size=8',
    '--v8-pool-size=1',
  ]);
});
