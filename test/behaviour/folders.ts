import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import type { Page } from 'playwright-core';
import { Settings } from '../../bridges/contract/settings.ts';
import type { EngineClient } from '../../bridges/contract/index.ts';
import { resolvePaths } from '../../bridges/engine/paths.ts';
import { connectControl } from '../../bridges/hosts/control.ts';

export type Folders = {
  root: string;
  home: string;
  config: string;
  /** Path of the engine's private socket. */
  control: string;
  /** The environment of an app that lives in these folders and reaches no keychain of this machine. */
  env: Record<string, string>;
  engine(): Promise<EngineClient>;
  clear(): void;
};

/** Folders for one app, with settings that let every listener take any free port. On a first run it is welcomed. */
export function makeFolders(firstRun = false): Folders {
  const root = mkdtempSync(path.join(os.tmpdir(), 'drawbridge-shell-'));
  const home = path.join(root, 'state');
  const config = path.join(root, 'config');
  mkdirSync(home, { mode: 0o700 });
  const bridges = Object.fromEntries(Object.keys(Settings.parse({}).bridges).map((name) => [name, { port: 0 }]));
  writeFileSync(path.join(home, 'settings.json'), JSON.stringify({ companion: { port: 0 }, bridges, ui: { welcomed: !firstRun } }));
  const kept = Object.entries(process.env).flatMap(([name, value]) =>
    value === undefined || /^(?:DBUS_|NODE_|VITEST|CODEX_|XDG_|DISPLAY$|WAYLAND_DISPLAY$)/.test(name) ? [] : [[name, value] as const],
  );
  const env = { ...Object.fromEntries(kept), HOME: root, DRAWBRIDGE_HOME: home, XDG_CONFIG_HOME: config, CI: '1' };
  const paths = resolvePaths({ platform: process.platform, env, homedir: root, tmpdir: os.tmpdir() });
  return {
    root,
    home,
    config,
    control: paths.control,
    env,
    engine: () => connectControl(paths.control),
    clear: () => rmSync(root, { recursive: true, force: true }),
  };
}

/** Notes what a page complains of. */
export function watchPage(page: Page, complaints: string[]): void {
  page.on('console', (message) => {
    if (message.type() === 'error' || /Content Security Policy/i.test(message.text())) complaints.push(message.text());
  });
  page.on('pageerror', (error) => complaints.push(String(error)));
}
