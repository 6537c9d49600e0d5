import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { field } from './json.ts';
import { removeFolder, runProgram, startProcess, temporaryFolder } from './processes.ts';

/** A built engine under measurement, with a client key made for it. */
export type Engine = {
  pid: number;
  port: number;
  check: () => void;
  key: string;
  /** Runs a command of the engine's own, for example `calls --json`; resolves with what it prints. */
  cli: (...args: string[]) => Promise<string>;
  stop: () => Promise<void>;
};

export const root = path.resolve(import.meta.dirname, '..');
const cliFile = path.join(root, 'dist', 'cli.mjs');
/** How an engine is started for the benchmark, after `start`. */
export const HEADLESS = ['--headless', '--no-open', '--json', '--companion-port', '0'] as const;

/** Makes a state folder with these settings. */
export function makeHome(settings: object): string {
  const home = path.join(temporaryFolder(), 'home');
  mkdirSync(home, { mode: 0o700 });
  writeFileSync(path.join(home, 'settings.json'), JSON.stringify(settings), { mode: 0o600 });
  return home;
}

/** What the installed command gives Node (scripts/drawbridge.mjs). */
const INSTALLED_ARGS = ['--max-semi-space-size=8', '--v8-pool-size=1'];

/** Starts the built engine in a state folder of its own, on the proxies' core. */
export async function startEngine(settings: object, nodeArgs: readonly string[] = []): Promise<Engine> {
  const home = makeHome(settings);
  const env = { DRAWBRIDGE_HOME: home };
  const started = await startProcess({
    command: process.execPath,
    args: [...INSTALLED_ARGS, ...nodeArgs, cliFile, 'start', ...HEADLESS],
    core: 'proxy',
    env,
    ready: companionPort,
  });
  const cli = (...args: string[]): Promise<string> => runProgram(process.execPath, [cliFile, ...args], env);
  try {
    const key = await makeKey(cli);
    return {
      pid: started.pid,
      port: started.ready,
      check: started.check,
      key,
      cli,
      async stop() {
        await started.stop();
        removeFolder(path.dirname(home));
      },
    };
  } catch (error) {
    await started.stop();
    throw error;
  }
}

/** Makes a client key in a running engine. */
export async function makeKey(cli: Engine['cli']): Promise<string> {
  const key = field(await cli('keys', 'create', 'bench', '--json'), 'key');
  if (typeof key !== 'string') throw new Error('the engine made no client key');
  return key;
}

/** The companion's port, from the line by which an engine says that it is ready; undefined for any other line. */
export function companionPort(line: string): number | undefined {
  if (field(line, 'event') !== 'ready') return undefined;
  const address = field(line, 'companion');
  return typeof address === 'string' ? Number(new URL(address).port) : undefined;
}
