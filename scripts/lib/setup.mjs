// What every command of a checkout does first. Plain JavaScript with no dependency: it runs before any is installed,
// on any Node from 20 on. Everything it says goes to stderr; stdout belongs to the command.
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';

export const root = path.resolve(import.meta.dirname, '../..');
const windows = process.platform === 'win32';
export const node24 = path.join(root, 'node_modules', 'node', 'bin', windows ? 'node.exe' : 'node');

export const say = (text) => process.stderr.write(`drawbridge: ${text}\n`);

/** True in an installed package, which has neither sources nor anything to set up. */
export const packaged = !existsSync(path.join(root, 'package-lock.json'));

/**
 * Installs what the lock file names, unless that was done for this very lock file. Not by `npm ci`: it refuses a lock
 * file written where a registry lacks the optional packages of other platforms (npm/cli#4828).
 */
export async function ensureInstalled() {
  if (packaged) return;
  const lock = createHash('sha256')
    .update(readFileSync(path.join(root, 'package-lock.json')))
    .digest('hex');
  const stamp = path.join(root, 'node_modules', '.drawbridge-installed');
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === lock && existsSync(node24)) return;
  say('installing the packages the lock file names (once; about a minute)');
  const code = await withProgress(
    'installing',
    run(windows ? 'npm.cmd' : 'npm', ['install', '--no-save', '--no-audit', '--no-fund', '--loglevel=error'], {
      shell: windows,
    }),
  );
  if (code !== 0) {
    say('npm install failed. Check the network and the registry, then run the same command again.');
    process.exit(code ?? 1);
  }
  if (!existsSync(node24)) {
    say('Node 24 was not installed with the packages: the install script of the package "node" must be allowed to run.');
    process.exit(1);
  }
  writeFileSync(stamp, lock);
}

/** What a build is made of, in this order: the engine, the window, the desktop shell. */
const BUILDS = [
  'vite.engine.config.ts',
  'vite.config.ts',
  'electron/packaging/vite.main.config.ts',
  'electron/packaging/vite.preload.config.ts',
];

/** Builds the engine, the window and the shell, unless nothing they are made of has changed. */
export async function ensureBuilt() {
  if (packaged) return;
  const stamp = path.join(root, 'dist', '.built');
  const wanted = fingerprint(['bridges', 'electron', 'renderer', 'resources'], ['package.json', 'vite.config.ts', 'vite.engine.config.ts']);
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted) return;
  say('building the engine, the window and the desktop shell');
  rmSync(path.join(root, 'dist'), { recursive: true, force: true });
  mkdirSync(path.join(root, 'dist'), { recursive: true });
  const vite = path.join(root, 'node_modules', 'vite', 'bin', 'vite.js');
  for (const config of BUILDS) {
    const code = await run(node24, [vite, 'build', '--config', config, '--logLevel', 'warn']);
    if (code !== 0) {
      say(`the build failed (${config}); the lines above say why`);
      process.exit(code ?? 1);
    }
  }
  writeFileSync(stamp, wanted);
}

/** Names, sizes and times of all files: cheap enough for every start. */
function fingerprint(folders, files) {
  const hash = createHash('sha256');
  const add = (file) => {
    const { size, mtimeMs } = statSync(file);
    hash.update(`${path.relative(root, file)} ${size} ${mtimeMs}\n`);
  };
  const walk = (folder) => {
    for (const entry of readdirSync(folder, { withFileTypes: true }).sort((a, b) => (a.name < b.name ? -1 : 1))) {
      const file = path.join(folder, entry.name);
      if (entry.isDirectory()) walk(file);
      else add(file);
    }
  };
  for (const folder of folders) if (existsSync(path.join(root, folder))) walk(path.join(root, folder));
  for (const file of files) if (existsSync(path.join(root, file))) add(path.join(root, file));
  return hash.digest('hex');
}

/** Finds a Chromium for the tests, installing the system's where that can be done. Returns its path. */
export async function ensureChromium() {
  const found = findChromium();
  if (found !== undefined) return found;
  const root0 = process.getuid?.() === 0;
  if (process.platform === 'linux' && root0 && spawnSync('apt-get', ['--version']).status === 0) {
    say('installing Chromium with apt-get, for the tests of the window (once)');
    const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
    await withProgress('updating the package lists', run('apt-get', ['update', '-qq'], { env }));
    const code = await withProgress(
      'installing Chromium',
      run('apt-get', ['install', '-y', '-qq', '--no-install-recommends', 'chromium'], { env, quiet: true }),
    );
    const installed = findChromium();
    if (code === 0 && installed !== undefined) return installed;
  }
  say("downloading Playwright's own Chromium, for the tests of the window (once)");
  const playwright = path.join(root, 'node_modules', 'playwright-core', 'cli.js');
  const code = await run(node24, [playwright, 'install', 'chromium-headless-shell']);
  if (code !== 0) {
    say('there is no Chromium and none could be installed. Install one, or set CHROMIUM_PATH to it.');
    process.exit(1);
  }
  return '';
}

/**
 * Finds what the tests of the tunnels need besides the packages: sshd, ssh, ip, ss, curl and openssl. Installs it
 * where that can be done; where it can't, those tests skip themselves and say so.
 */
export async function ensureTunnelParts() {
  const missing = Object.entries({
    sshd: 'openssh-server',
    ssh: 'openssh-client',
    ip: 'iproute2',
    ss: 'iproute2',
    ps: 'procps',
    curl: 'curl',
    openssl: 'openssl',
  }).filter(([program]) => !['/usr/sbin', '/usr/bin', '/sbin', '/bin'].some((folder) => existsSync(path.join(folder, program))));
  if (missing.length === 0 || process.platform === 'win32') return;
  const names = missing.map(([program]) => program).join(', ');
  if (process.platform !== 'linux' || process.getuid?.() !== 0 || spawnSync('apt-get', ['--version']).status !== 0) {
    say(`there is no ${names} here; the tests of the tunnels that need it are skipped`);
    return;
  }
  const packages = [...new Set(missing.map(([, name]) => name))];
  say(`installing ${packages.join(', ')} with apt-get, for the tests of the tunnels (once)`);
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  // A package that brings a server would start it; only the program is wanted.
  const policy = '/usr/sbin/policy-rc.d';
  const ours = !existsSync(policy);
  if (ours) writeFileSync(policy, '#!/bin/sh\nexit 101\n', { mode: 0o755 });
  await withProgress('updating the package lists', run('apt-get', ['update', '-qq'], { env }));
  const code = await withProgress(
    'installing',
    run('apt-get', ['install', '-y', '-qq', '--no-install-recommends', ...packages], { env, quiet: true }),
  );
  if (ours) rmSync(policy, { force: true });
  if (code !== 0) say(`${names} could not be installed; the tests of the tunnels that need it are skipped`);
}

function findChromium() {
  const named = process.env.CHROMIUM_PATH;
  const usual = [
    '/usr/bin/chromium',
    '/usr/bin/chromium-browser',
    '/usr/bin/google-chrome',
    '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
  ];
  return [named, ...usual].find((file) => file !== undefined && file !== '' && existsSync(file));
}

/** Installs a Secret Service for the tests of the keychain where that can be done; without one they say they are skipped. */
export async function ensureKeyringParts() {
  const missing = ['dbus-run-session', 'gnome-keyring-daemon'].filter((program) => spawnSync('which', [program]).status !== 0);
  if (process.platform !== 'linux' || missing.length === 0 || process.getuid?.() !== 0) return;
  if (spawnSync('apt-get', ['--version']).status !== 0) return;
  say('installing gnome-keyring and dbus with apt-get, for the tests of the keychain (once)');
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  const install = () =>
    run('apt-get', ['install', '-y', '-qq', '--no-install-recommends', 'gnome-keyring', 'dbus', 'dbus-bin'], { env, quiet: true });
  if ((await withProgress('installing gnome-keyring', install())) === 0) return;
  await withProgress('updating the package lists', run('apt-get', ['update', '-qq'], { env }));
  if ((await withProgress('installing gnome-keyring', install())) !== 0) say('gnome-keyring could not be installed; its tests are skipped');
}

/** Runs a program with its output on stderr; resolves with its exit code. */
export function run(command, args, { env = process.env, shell = false, quiet = false, inherit = false } = {}) {
  return new Promise((resolve) => {
    const child = spawn(command, args, { cwd: root, env, shell, stdio: inherit ? 'inherit' : ['ignore', quiet ? 'ignore' : 2, 2] });
    child.once('error', () => resolve(127));
    child.once('exit', (code, signal) => resolve(signal === null ? code : 1));
    if (inherit) for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
  });
}

/** Runs one of the project's tools under Node 24, its output on ours. */
export function tool(script, args, options = {}) {
  return run(node24, [path.join(root, script), ...args], { inherit: true, ...options });
}

async function withProgress(what, work) {
  const started = Date.now();
  const timer = setInterval(() => say(`still ${what} (${Math.round((Date.now() - started) / 1000)} s)`), 10_000);
  try {
    return await work;
  } finally {
    clearInterval(timer);
  }
}
