import { rmSync } from 'node:fs';
import os from 'node:os';
import type { DrawbridgeError } from '../contract/errors.ts';
import { createEngine, type Engine, type EngineOptions, type EnginePorts } from '../engine/engine.ts';
import { runChild, type ChildRunner } from '../engine/child.ts';
import { systemClock, type Clock } from '../engine/clock.ts';
import { writeFileAtomic } from '../engine/files.ts';
import { createRouter } from '../engine/handlers.ts';
import { createLogger, openLogFile } from '../engine/log.ts';
import { ensureFolders, type Paths } from '../engine/paths.ts';
import { codexHome } from '../codex/codex-login.ts';
import { openSecrets } from '../accounts/open-secrets.ts';
import type { SecretStore } from '../engine/secrets.ts';
import { openSettings } from '../engine/settings.ts';
import { clientHomes } from '../clients/homes.ts';
import { startControl } from './control.ts';
import { examine } from './doctor.ts';
import { practise } from './practise.ts';
import { startWindow } from './window.ts';

export type HeadlessOptions = {
  paths: Paths;
  version: string;
  /** Folder of the built window. */
  windowFolder: string;
  companionPort?: number | undefined;
  bridgePorts?: number | undefined;
  codexHome?: string;
  clientHomes?: { claude: string; copilot: string };
  platform?: NodeJS.Platform;
  clock?: Clock;
  keychain?: SecretStore;
  run?: ChildRunner;
  net?: EnginePorts['net'];
  pause?: EnginePorts['pause'];
  tunnels?: EngineOptions['tunnels'];
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
  const { paths } = options;
  const platform = options.platform ?? process.platform;
  const clock = options.clock ?? systemClock;
  ensureFolders(paths, platform);
  const logFile = openLogFile(paths.logs);
  const settings = openSettings(
    paths.settings,
    clock,
    createLogger(logFile.write, () => 'info', clock),
  );
  const log = createLogger(logFile.write, () => settings.current().log.level, clock);
  const keychain = options.keychain ?? (await openSecrets(paths.home, log));
  const engine = createEngine(
    settings,
    {
      clock,
      keychain,
      run: options.run ?? runChild,
      net: options.net,
      pause: options.pause,
      paths,
      log,
      platform,
      codexHome: options.codexHome ?? codexHome(process.env, os.homedir()),
      clientHomes: options.clientHomes ?? clientHomes(process.env, os.homedir()),
    },
    {
      host: 'headless',
      version: options.version,
      companionPort: options.companionPort,
      bridgePorts: options.bridgePorts,
      tunnels: options.tunnels,
    },
  );
  let link: (() => string) | undefined;
  const router = createRouter(engine, {
    link: () => link?.(),
    stop: () => options.onStopRequested?.(),
    doctor: () => examine(engine, paths, platform),
    practise: (model) => practise(engine, model, options.version),
  });

  // The socket comes first: it is what makes this engine the only one of its state folder.
  const control = await startControl(paths.control, router).catch(async (error: unknown) => {
    await engine.stop();
    logFile.stop();
    throw error;
  });
  engine.report({ name: 'control', state: 'listening', address: paths.control, reason: null, mend: null });
  await engine.start();
  const window = await startWindow({
    port: settings.current().ui.port,
    folder: options.windowFolder,
    router,
    clock,
    log,
    limits: settings.current().limits,
  });
  link = window.link;
  engine.report({ name: 'ui', state: 'listening', address: window.listener.address, reason: null, mend: null });
  writeFileAtomic(
    paths.running,
    `${JSON.stringify({ pid: process.pid, version: options.version, companion: engine.companionAddress() })}\n`,
  );

  return {
    engine,
    link: window.link,
    companion: engine.companionAddress(),
    companionProblem: engine.companionProblem(),
    async stop() {
      rmSync(paths.running, { force: true });
      await engine.stop();
      await window.stop();
      await control.stop();
      logFile.stop();
    },
  };
}
