import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { appendContext } from '../../capture/adapters/session-context.ts';
import { withHook, withoutHook, type HookChange } from '../../clients/claude-hook.ts';
import { clientHomes } from '../../clients/homes.ts';
import { changeJsonFile } from '../../clients/json-file.ts';
import { DrawbridgeError } from '../../contract/errors.ts';
import { resolvePaths, type Machine } from '../../engine/paths.ts';
import { shellWord } from '../../engine/shell.ts';
import { keptHome } from '../login-item.ts';
import type { Output } from './output.ts';

export const HOOK_USAGE = `  drawbridge hook claude add|remove   lets Claude Code tell where its sessions run, by a hook in its settings`;

/** More than this on standard input is none of a hook's. Bytes. */
const MOST_INPUT = 64 * 1024;

type HookOptions = {
  json: boolean;
  output: Output;
  input: AsyncIterable<Uint8Array>;
  machine: Machine;
  /** The program and the script that this command is. */
  launcher: readonly string[];
};

/**
 * `drawbridge hook claude` runs as a hook of Claude Code; with `add` or `remove` it puts that hook into its settings, or
 * takes it out. Works without an engine. Resolves with the exit code.
 */
export async function hook([client, action]: readonly string[], options: HookOptions): Promise<number> {
  if (client !== 'claude') throw new DrawbridgeError('bad_input', 'Name the client whose hook this is: drawbridge hook claude');
  const { machine, launcher, json, output } = options;
  const file = path.join(clientHomes(machine.env, machine.homedir).claude, 'settings.json');
  const told = (change: HookChange, text: string): number => {
    output.out(json ? JSON.stringify({ file, change }) : text);
    return 0;
  };
  switch (action) {
    case undefined:
      return keep(options.input, resolvePaths(machine).contexts);
    case 'add': {
      const home = machine.platform === 'win32' ? [] : keptHome(machine.env);
      const command = `${[...home, ...launcher].map((word) => shellWord(word, machine.platform)).join(' ')} hook claude`;
      const { change } = changeJsonFile(file, (settings) => withHook(settings, command));
      return told(change, `${ADDED[change]} ${file}`);
    }
    case 'remove': {
      const { change } = changeJsonFile(file, withoutHook);
      return told(change, change === 'none' ? `There is no hook of Drawbridge's in ${file}` : `The hook is taken out of ${file}`);
    }
    default:
      throw new DrawbridgeError('bad_input', 'Use: drawbridge hook claude add, or drawbridge hook claude remove.');
  }
}

const ADDED: Readonly<Record<HookChange, string>> = {
  added: 'From its next session on Claude Code tells where it runs. The hook is in',
  upgraded: 'The hook had another form, and was brought up to date in',
  there: 'The hook is there already, in',
  removed: '',
  none: '',
};

/** Keeps what a hook is told of its session, and never fails the hook: a client must not stop because of us. */
async function keep(input: AsyncIterable<Uint8Array>, contexts: string): Promise<number> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of input) {
    length += chunk.length;
    if (length > MOST_INPUT) return 0;
    chunks.push(chunk);
  }
  try {
    mkdirSync(path.dirname(contexts), { recursive: true, mode: 0o700 });
    appendContext(contexts, Buffer.concat(chunks).toString('utf8'));
  } catch {
    // A full disk, or a folder that is not ours to write to.
  }
  return 0;
}
