import { rmSync } from 'node:fs';
import os from 'node:os';
import { openSecrets } from '../accounts/open-secrets.ts';
import { clientHomes } from '../clients/homes.ts';
import { codexHome } from '../codex/codex-login.ts';
import type { HostKind } from '../contract/index.ts';
import { runChild, type ChildRunner } from '../engine/child.ts';
import { systemClock, type Clock } from '../engine/clock.ts';
import { createEngine, type Engine, type EngineOptions, type EnginePorts } from '../engine/engine.ts';
import { writeFileAtomic } from '../engine/files.ts';
import { createRouter, type HostHandlers, type Router } from '../engine/handlers.ts';
import { createLogger, openLogFile, type Logger } from '../engine/log.ts';
import { inTurn } from '../engine/in-turn.ts';
import { ensureFolders, type Paths } from '../engine/paths.ts';
import { deferSecrets, type SecretStore } from '../engine/secrets.ts';
import { openSettings, type SettingsStore } from '../engine/settings.ts';
import { startControl, untilStopped } from './control.ts';
import { examine } from './doctor.ts';
import { practise } from './practise.ts';

/** What an engine is made of, whichever host carries it. What is left out is this machine's own. */
export type OpenOptions = {
  paths: Paths;
  version: string;
  companionPort?: number | undefined;
  bridgePorts?: number | undefined;
  codexHome?: string;
  clientHomes?: { claude: string; copilot: string };
  platform?: NodeJS.Platform;
  clock?: Clock;
  keychain?: SecretStore;
  run?: ChildRunner;
  net?: EnginePorts['net'];
  proxyEnv?: EnginePorts['proxyEnv'];
  pause?: EnginePorts['pause'];
  tunnels?: EngineOptions['tunnels'];
};

/** The host's own part of the contract. */
export type OwnHandlers = Pick<HostHandlers, 'link' | 'stop' | 'loginItem'>;

export type OpenedEngine = {
  engine: Engine;
  router: Router;
  settings: SettingsStore;
  clock: Clock;
  log: Logger;
  /** Stops the engine, then what `last` stops, then the socket for commands and the log. */
  stop(last?: () => Promise<void>): Promise<void>;
};

/**
 * Puts an engine together and starts it, with the socket for commands. Throws DrawbridgeError `already_running` where
 * an engine holds this state folder already.
 */
export async function openEngine(host: HostKind, options: OpenOptions, own: OwnHandlers): Promise<OpenedEngine> {
  const { paths } = options;
  const platform = options.platform ?? process.platform;
  const clock = options.clock ?? systemClock;
  ensureFolders(paths, platform);
  // Before anything is read: what it writes last would be missed.
  await untilStopped(paths);
  const logFile = openLogFile(paths.logs);
  const settings = openSettings(
    paths.settings,
    clock,
    createLogger(logFile.write, () => 'info', clock),
  );
  const log = createLogger(logFile.write, () => settings.current().log.level, clock);
  // Not waited for: a locked keychain asks its owner, and clients call meanwhile.
  const keychain = options.keychain ?? deferSecrets(openSecrets(paths.home, log));
  const engine = createEngine(
    settings,
    {
      clock,
      keychain,
      run: options.run ?? runChild,
      net: options.net,
      proxyEnv: options.proxyEnv ?? process.env,
      pause: options.pause,
      paths,
      log,
      platform,
      codexHome: options.codexHome ?? codexHome(process.env, os.homedir()),
      clientHomes: options.clientHomes ?? clientHomes(process.env, os.homedir()),
    },
    {
      host,
      version: options.version,
      companionPort: options.companionPort,
      bridgePorts: options.bridgePorts,
      tunnels: options.tunnels,
    },
  );
  // Each has a key of the same name while it lasts.
  const practising = inTurn();
  const router = createRouter(engine, {
    ...own,
    doctor: () => examine(engine, paths, platform),
    practise: (model) => practising(() => practise(engine, model, options.version)),
  });

  // The socket comes first: it is what makes this engine the only one of its state folder.
  const control = await startControl(paths.control, router).catch(async (error: unknown) => {
    await engine.stop();
    logFile.stop();
    throw error;
  });
  engine.report({ name: 'control', state: 'listening', address: paths.control, reason: null, mend: null });
  await engine.start();
  writeFileAtomic(
    paths.running,
    `${JSON.stringify({ pid: process.pid, version: options.version, companion: engine.companionAddress() })}\n`,
  );

  return {
    engine,
    router,
    settings,
    clock,
    log,
    async stop(last) {
      rmSync(paths.running, { force: true });
      await engine.stop();
      await last?.();
      await control.stop();
      logFile.stop();
    },
  };
}
