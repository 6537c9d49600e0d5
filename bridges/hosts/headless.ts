import type { DrawbridgeError } from '../contract/errors.ts';
import type { Engine } from '../engine/engine.ts';
import { thisMachine, type Machine } from '../engine/paths.ts';
import { autostartItem } from './login-item.ts';
import { openEngine, type OpenOptions } from './open.ts';
import { createRest } from './rest.ts';
import { startWindow, type WindowHost } from './window.ts';

export type HeadlessOptions = OpenOptions & {
  /** Folder of the built window. */
  windowFolder: string;
  /** The command that starts this host again when its owner logs in. */
  launch?: readonly string[];
  machine?: Machine;
  /** Asked for when a command stops the engine. */
  onStopRequested?: () => void;
};

export type Headless = {
  engine: Engine;
  /** A fresh one-time link to the window. */
  link: () => string;
  companion: string | null;
  companionProblem: DrawbridgeError | null;
  stop(): Promise<void>;
};

/**
 * An engine in plain Node: the companion, the window for any browser, and the socket for commands. Throws
 * DrawbridgeError `already_running` where an engine holds this state folder already.
 */
export async function startHeadless(options: HeadlessOptions): Promise<Headless> {
  let link: (() => string) | undefined;
  const opened = await openEngine('headless', options, {
    link: () => link?.(),
    stop: () => options.onStopRequested?.(),
    loginItem: autostartItem(options.machine ?? thisMachine(), options.launch ?? [process.execPath]),
  });
  const { engine, settings } = opened;
  const { port } = settings.current().ui;
  const startOn = (wanted: number): Promise<WindowHost> =>
    startWindow({
      port: wanted,
      folder: options.windowFolder,
      router: opened.router,
      rest: createRest({ router: opened.router, keys: engine.readKeys, clock: opened.clock, version: options.version }),
      clock: opened.clock,
      log: opened.log,
      limits: settings.current().limits,
    });
  let reason: string | null = null;
  const window = await startOn(port)
    .catch((error: unknown) => {
      reason = `Port ${port} of the settings can't be had: ${messageOf(error)}.`;
      opened.log.warn('window.moved', { reason });
      return startOn(0);
    })
    .catch(async (error: unknown) => {
      await opened.stop();
      throw error;
    });
  link = window.link;
  engine.report({ name: 'ui', state: 'listening', address: window.listener.address, reason, mend: null });

  return {
    engine,
    link: window.link,
    companion: engine.companionAddress(),
    companionProblem: engine.companionProblem(),
    stop: () => opened.stop(() => window.stop()),
  };
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
