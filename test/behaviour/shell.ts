import type { Page } from 'playwright-core';
import type { EngineClient } from '../../bridges/contract/index.ts';
import type { AppView, Deed } from '../fakes/electron/remote.ts';

/**
 * The seam of the behaviour suite (suite.ts): Drawbridge as a person finds it, started in a state folder of
 * its own, whatever carries it. Each carrier (plain Node, the fake Electron, a packaged app, the real Electron)
 * gives one function that starts it; the suite knows nothing else of it.
 */
export type Shell = {
  /** The state folder. */
  home: string;
  /** The user's own configuration folder (XDG_CONFIG_HOME). */
  config: string;
  /** A client of the engine that runs now, over the private socket for commands. */
  engine: () => Promise<EngineClient>;
  /** The page of the window; opens the window where it is not open. */
  page: () => Promise<Page>;
  /** What the browser complained of in any page so far: refused by the policy, or thrown and not caught. */
  complaints: readonly string[];
  /** The menu and all else a desktop has; null where there is none (headless). */
  desktop: Desktop | null;
  /** Ids of all processes that belong to it, the app's first. */
  processes: () => Promise<number[]>;
  /** Resolves once the app's process has ended, with its exit code. */
  ended: Promise<number | null>;
  /** Quits as a person does; resolves once the app's process has ended, with its exit code. */
  quit: () => Promise<number | null>;
  /** Ends what is left and removes the folders. */
  clear: () => Promise<void>;
};

export type Desktop = {
  view: () => Promise<AppView>;
  /** Resolves once what is to be seen fits. Waits for the app to say that something changed, never for time. */
  until: (fits: (view: AppView) => boolean) => Promise<AppView>;
  act: (deed: Deed) => Promise<unknown>;
  /** The page of the popover, once that was opened. */
  popover: () => Promise<Page>;
  /** Starts the app once more for the same user, with these arguments; resolves when that process has ended. */
  startAgain: (args: readonly string[]) => Promise<number | null>;
};

export type StartOptions = {
  /** For somebody who was never welcomed. */
  firstRun?: boolean;
  /** Started at login, so without a window. */
  hidden?: boolean;
  /** Which system the shell believes to run on; only where a carrier can pretend. */
  platform?: NodeJS.Platform;
  env?: Record<string, string>;
  args?: readonly string[];
  /** What is done before the app is started, in its state folder; what is added to `env` the app is started with. */
  prepare?: (folders: { home: string; control: string; env: Record<string, string> }) => Promise<void>;
  /** What the icon's tooltip says once it counts as started; else that the companion listens. */
  until?: string;
};

export type StartShell = (options?: StartOptions) => Promise<Shell>;
