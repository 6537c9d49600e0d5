import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { SessionContexts } from '../../bridges/capture/adapters/session-context.ts';
import { resolvePaths, type Machine } from '../../bridges/engine/paths.ts';
import { hook } from '../../bridges/hosts/cli/hook.ts';

let folder: string;
let file: string;
let printed: string[];
beforeEach(() => {
  folder = mkdtempSync(path.join(os.tmpdir(), 'drawbridge-hook-'));
  file = path.join(folder, '.claude', 'settings.json');
  printed = [];
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const machine = (env: Record<string, string>): Machine => ({ platform: 'linux', env, homedir: folder, tmpdir: os.tmpdir() });
const LAUNCHER = ['/opt/my node/bin/node', "/home/o'neill/drawbridge/scripts/drawbridge.mjs"];
const COMMAND = String.raw`'/opt/my node/bin/node' '/home/o'\''neill/drawbridge/scripts/drawbridge.mjs' hook claude`;
const ENTRY = { type: 'command', command: COMMAND, timeout: 10 };

function run(
  words: string[],
  { input = '', env = {}, launcher = LAUNCHER }: { input?: string; env?: Record<string, string>; launcher?: string[] } = {},
) {
  return hook(words, {
    json: false,
    output: {
      out: (text) => void printed.push(text),
      err: () => {},
      interactive: false,
      confirm: async () => false,
      secret: async () => '',
    },
    input: (async function* () {
      yield Buffer.from(input);
    })(),
    machine: machine(env),
    launcher,
  });
}
const contexts = (): string => resolvePaths(machine({})).contexts;
function given(text: string): void {
  mkdirSync(path.dirname(file), { recursive: true });
  writeFileSync(file, text);
}
const settings = (): unknown => JSON.parse(readFileSync(file, 'utf8').replace('\uFEFF', ''));

describe('the hook of Claude Code', () => {
  it('remembers where a session runs, and nothing else of what it was told', async () => {
    const told = { session_id: 's-1', cwd: '/home/u/x', transcript_path: '/t.jsonl', hook_event_name: 'SessionStart', prompt: 'private' };
    expect(await run(['claude'], { input: JSON.stringify(told) })).toBe(0);
    expect(new SessionContexts(contexts()).of('s-1')).toMatchObject({ cwd: '/home/u/x', transcript: '/t.jsonl' });
    expect(readFileSync(contexts(), 'utf8')).not.toContain('private');
    expect(printed).toEqual([]);
  });

  it('never fails the session it runs in', async () => {
    mkdirSync(path.dirname(path.dirname(contexts())), { recursive: true });
    writeFileSync(path.dirname(contexts()), 'a file where the folder should be');
    for (const input of ['{"session_id":"s"}', 'no json', 'x'.repeat(100_000)]) expect(await run(['claude'], { input })).toBe(0);
    await expect(run(['other'])).rejects.toMatchObject({ code: 'bad_input' });
    await expect(run(['claude', 'put'])).rejects.toMatchObject({ code: 'bad_input' });
  });
});

describe('adding it', () => {
  it('makes the settings where there are none, for their owner alone', async () => {
    expect(await run(['claude', 'add'])).toBe(0);
    expect(settings()).toEqual({ hooks: { SessionStart: [{ hooks: [ENTRY] }] } });
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(printed[0]).toContain(file);
  });

  it('leaves all else as it is: order, indentation, ends of lines, mode, and the link that leads there', async () => {
    const target = path.join(folder, 'dotfiles', 'claude.json');
    mkdirSync(path.dirname(target));
    mkdirSync(path.dirname(file));
    const before = {
      model: 'opus',
      hooks: { Stop: [{ hooks: [] }], SessionStart: [{ matcher: 'startup', hooks: [{ type: 'command', command: 'mine' }] }] },
      env: { A: 'ü' },
    };
    writeFileSync(target, `\uFEFF${JSON.stringify(before, null, '\t').replaceAll('\n', '\r\n')}\r\n`);
    chmodSync(target, 0o644);
    symlinkSync(target, file);
    await run(['claude', 'add']);
    const after = { ...before, hooks: { ...before.hooks, SessionStart: [...before.hooks.SessionStart, { hooks: [ENTRY] }] } };
    expect(readFileSync(file, 'utf8')).toBe(`\uFEFF${JSON.stringify(after, null, '\t').replaceAll('\n', '\r\n')}\r\n`);
    expect(lstatSync(file).isSymbolicLink()).toBe(true);
    expect(statSync(file).mode & 0o777).toBe(0o644);
    await run(['claude', 'remove']);
    expect(readFileSync(file, 'utf8')).toBe(`\uFEFF${JSON.stringify(before, null, '\t').replaceAll('\n', '\r\n')}\r\n`);
  });

  it('twice changes nothing more', async () => {
    await run(['claude', 'add']);
    const { ino } = statSync(file);
    await run(['claude', 'add']);
    expect(statSync(file).ino).toBe(ino);
    expect(printed[1]).toContain('there already');
  });

  it.each([
    'drawbridge hook claude',
    'npx drawbridge hook claude',
    '"/old/node" "/old/drawbridge/scripts/drawbridge.mjs" hook claude',
    String.raw`C:\Users\me\AppData\Roaming\npm\drawbridge.cmd hook claude`,
  ])('brings an older form up to date, and says so: %s', async (command) => {
    const own = { type: 'command', command: 'mine drawbridge hook claude-notes' };
    given(
      JSON.stringify({
        hooks: { SessionStart: [{ hooks: [own, { type: 'command', command, timeout: 3 }] }, { hooks: [{ type: 'command', command }] }] },
      }),
    );
    await run(['claude', 'add']);
    expect(settings()).toEqual({ hooks: { SessionStart: [{ hooks: [own, { type: 'command', command: COMMAND, timeout: 3 }] }] } });
    expect(printed[0]).toContain('brought up to date');
  });

  it.each(['{"hooks":', '[]', '{"a":1} // mine', '{"hooks":[]}', '{"hooks":{"SessionStart":{}}}'])(
    'leaves settings alone that it does not understand: %s',
    async (text) => {
      given(text);
      await expect(run(['claude', 'add'])).rejects.toMatchObject({ code: 'failed' });
      await expect(run(['claude', 'remove'])).rejects.toMatchObject({ code: 'failed' });
      expect(readFileSync(file, 'utf8')).toBe(text);
    },
  );

  it('names a state folder of one’s own, and finds settings that stand elsewhere', async () => {
    const env = { DRAWBRIDGE_HOME: '/srv/my state', CLAUDE_CONFIG_DIR: path.join(folder, 'elsewhere') };
    await run(['claude', 'add'], { env });
    expect(readFileSync(path.join(folder, 'elsewhere', 'settings.json'), 'utf8')).toContain(
      `'/usr/bin/env' 'DRAWBRIDGE_HOME=/srv/my state' '/opt/my node`,
    );
    expect(existsSync(file)).toBe(false);
  });

  it('puts in what a shell runs', async () => {
    const bin = path.join(folder, "it's $HOME");
    mkdirSync(bin);
    const script = path.join(bin, 'drawbridge.mjs');
    writeFileSync(script, 'console.log(process.argv.slice(2).join());');
    await run(['claude', 'add'], { launcher: [process.execPath, script] });
    const command = /"command": "(.*)"/.exec(readFileSync(file, 'utf8'))?.[1] ?? '';
    expect(execFileSync('sh', ['-c', JSON.parse(`"${command}"`)], { encoding: 'utf8' })).toBe('hook,claude\n');
  });
});

describe('removing it', () => {
  it('leaves nothing of it, and nothing else out', async () => {
    given('{"env":{"A":"1"}}\n');
    await run(['claude', 'add']);
    await run(['claude', 'remove']);
    expect(settings()).toEqual({ env: { A: '1' } });
    await run(['claude', 'remove']);
    expect(printed.at(-1)).toContain('There is no hook');
  });

  it('needs no settings', async () => {
    expect(await run(['claude', 'remove'])).toBe(0);
    expect(existsSync(file)).toBe(false);
  });
});
