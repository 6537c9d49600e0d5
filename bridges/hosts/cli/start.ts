import { DrawbridgeError } from '../../contract/errors.ts';
import { resolvePaths, thisMachine } from '../../engine/paths.ts';
import { runChild, type ChildRunner } from '../../engine/child.ts';
import { connectControl } from '../control.ts';
import { startHeadless, type Headless } from '../headless.ts';
import { nodeFlags } from '../login-item.ts';
import type { Output } from './output.ts';

export type StartFlags = { open: boolean; companionPort?: number | undefined; json: boolean };
export type StartOptions = { flags: StartFlags; version: string; windowFolder: string; output: Output };

/**
 * `drawbridge start`: runs the engine until it is told to stop. Resolves with the process' exit code.
 * With `--json` the first line on stdout is the `ready` event, or an `error` event with its code.
 */
export async function start(options: StartOptions): Promise<number> {
  const { flags, output } = options;
  // What this process writes is its owner's alone.
  process.umask(0o077);
  const machine = thisMachine();
  const paths = resolvePaths(machine);
  const stopped = stopSignal();
  let headless: Headless;
  try {
    headless = await startHeadless({
      paths,
      version: options.version,
      windowFolder: options.windowFolder,
      companionPort: flags.companionPort,
      launch: [process.execPath, ...nodeFlags(process.execArgv), ...process.argv.slice(1, 2), 'start', '--headless', '--no-open'],
      onStopRequested: stopped.ask,
    });
  } catch (error) {
    if (error instanceof DrawbridgeError && error.code === 'already_running') return greetRunning(paths.control, options);
    throw error;
  }
  const ready = await settlePort(headless, options);
  if (!ready) {
    await headless.stop();
    return 1;
  }
  const ui = headless.link();
  const companion = `http://${headless.engine.companionAddress() ?? ''}`;
  announce(ui, companion, options);
  if (flags.open) void openBrowser(ui, machine.platform, machine.env, runChild);
  await stopped.asked;
  if (!flags.json) output.out('Stopping…');
  await headless.stop();
  return 0;
}

/** A taken port is never changed silently: a person is asked, a script is told. */
async function settlePort(headless: Headless, { output, flags }: StartOptions): Promise<boolean> {
  const problem = headless.companionProblem;
  if (problem === null) return true;
  const next = problem.details['next'];
  if (output.interactive && !flags.json && typeof next === 'number') {
    output.err(problem.message);
    if (await output.confirm(`Use port ${next} from now on?`)) return (await headless.engine.usePort(next)).state === 'listening';
    return false;
  }
  if (flags.json) output.out(JSON.stringify({ event: 'error', code: problem.code, message: problem.message, ...problem.details }));
  else output.err(problem.message);
  return false;
}

function announce(ui: string, companion: string, { flags, output }: StartOptions): void {
  if (flags.json) return output.out(JSON.stringify({ event: 'ready', ui, companion }));
  output.out(
    `Drawbridge is running.\n\n  Companion  ${companion}\n  Window     ${ui}\n\nThe link works once; "drawbridge open" gives a fresh one. Stop with Ctrl+C.`,
  );
}

/** The engine runs already: hand out a link to it and leave it alone. */
async function greetRunning(control: string, options: StartOptions): Promise<number> {
  const client = await connectControl(control);
  const { url } = await client.engine.link({});
  const status = await client.status.get({});
  const companion = `http://${status.listeners.find((listener) => listener.name === 'companion')?.address ?? ''}`;
  if (!options.flags.json) options.output.out(`Drawbridge is running already (process ${status.pid}).`);
  announce(url, companion, options);
  if (options.flags.open) await openBrowser(url, process.platform, process.env, runChild);
  return 0;
}

function stopSignal(): { asked: Promise<void>; ask: () => void } {
  const { promise, resolve } = Promise.withResolvers<void>();
  // Told twice where a terminal closes, by the shell and by the system, and where who started this hands on what its
  // terminal told both: the second must not cut the stop short, which ends by itself.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => resolve());
  return { asked: promise, ask: () => resolve() };
}

/** What an opener on Linux knows the desktop by: its screen's cookie, its choice of browser, where programs are listed. */
const DESKTOP = [
  'XAUTHORITY',
  'XDG_CURRENT_DESKTOP',
  'XDG_SESSION_TYPE',
  'XDG_CONFIG_HOME',
  'XDG_CONFIG_DIRS',
  'XDG_DATA_HOME',
  'XDG_DATA_DIRS',
  'DESKTOP_SESSION',
  'GNOME_DESKTOP_SESSION_ID',
  'KDE_FULL_SESSION',
  'KDE_SESSION_VERSION',
  'BROWSER',
];

/** Opens the system browser where there is a screen for it; says nothing where there is none. */
export async function openBrowser(
  url: string,
  platform: NodeJS.Platform,
  env: Readonly<Record<string, string | undefined>>,
  run: ChildRunner,
): Promise<void> {
  if (env['CI'] !== undefined && env['CI'] !== '') return;
  if (platform === 'darwin') await run('open', [url], { timeoutMs: 10_000 });
  else if (platform === 'win32') await run('rundll32.exe', ['url.dll,FileProtocolHandler', url], { timeoutMs: 10_000 });
  else if (env['DISPLAY'] !== undefined || env['WAYLAND_DISPLAY'] !== undefined) {
    const desktop = DESKTOP.flatMap((name) => (env[name] === undefined ? [] : [[name, env[name]] as const]));
    await run('xdg-open', [url], { timeoutMs: 10_000, env: Object.fromEntries(desktop) });
  }
}
