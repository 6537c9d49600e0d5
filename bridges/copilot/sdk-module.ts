import { readFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { z } from 'zod';
import { DrawbridgeError } from '../contract/errors.ts';
import type { ChildRunner } from '../engine/child.ts';
import { writeFileAtomic } from '../engine/files.ts';

/** GitHub's Copilot SDK: found where its owner has it, or installed on request, pinned to the byte. Never bundled. */

const NAME = '@github/copilot-sdk';
export const SDK_VERSION = '1.0.14';

type Pinned = { version: string; integrity: string };
/** The SDK and all it needs, as published. npm refuses what has other bytes. */
const EVERYWHERE: Readonly<Record<string, Pinned>> = {
  [NAME]: {
    version: SDK_VERSION,
    integrity: 'sha512-knNiXKO7jpp8OrLc8ePGuPssf7CsktJwhv4ukfFXfB2RNgO/59hloSILaEL+mDjwt+QjawrLqgO3HN7Pyud2hA==',
  },
  koffi: {
    version: '3.3.4',
    integrity: 'sha512-31Vr+LM+w1dEsNcOJtJWvYyUTjVc/SWOxNDZJxfhsBC6qZ5YVn98n5x1oBbDq5skxCbWD4SByJpNmq63fvg9Aw==',
  },
  'vscode-jsonrpc': {
    version: '8.2.1',
    integrity: 'sha512-kdjOSJ2lLIn7r1rtrMbbNCHjyMPfRnowdKjBQ+mGq6NAW5QY2bEZC/khaC5OR8svbbjvLEaIXkOq45e2X9BIbQ==',
  },
  zod: {
    version: '4.6.7',
    integrity: 'sha512-g8W2D2kU6a8untc053fX1uVBKzM7yqAxW/3zwk83+6RyF2+SKOuV+c0wBDhUwzV1PaGapmZH+rmcUzPf+3CGwg==',
  },
};
/** By `platform-arch`. On a platform that is missing here the owner installs the SDK and names its folder. */
const BY_TARGET: Readonly<Record<string, Readonly<Record<string, Pinned>>>> = {
  'linux-x64': {
    '@github/copilot-sdk-linux-x64': {
      version: SDK_VERSION,
      integrity: 'sha512-1wlAVTK1z7ovAez0tixr+f77TnjB3fqKobamu1pG7FYyCTwQuyU4p1aWNXF9j/u1d7rxSY1n9cAxrtEAUkizbg==',
    },
    '@koromix/koffi-linux-x64': {
      version: '3.3.4',
      integrity: 'sha512-xi47MKuoQ9fA2SsrH6wljl9t9120hO66qEmb1le6q636q55J974cZfcwDrK5nW1GalJ+0NLXoH2T3/NGQBzPNw==',
    },
  },
};
const INSTALL_MS = 15 * 60_000;

export type SdkPlace = {
  /** Where Drawbridge keeps its own copies. */
  folder: string;
  /** The folder its owner named; null where they named none. */
  named: string | null;
};

export type SdkInstall = {
  run: ChildRunner;
  target: string;
  /** This process' environment: how npm reaches its registry may stand in it. */
  env: Readonly<Record<string, string | undefined>>;
};

/** The folder of an SDK that is there already, or undefined. Throws `bad_input` where the folder its owner named holds none. */
export function findSdk({ folder, named }: SdkPlace): string | undefined {
  if (named === null) {
    const own = path.join(folder, SDK_VERSION, 'node_modules', NAME);
    return manifestOf(own)?.version === SDK_VERSION && manifestOf(path.join(folder, SDK_VERSION))?.name === INSTALLED ? own : undefined;
  }
  const manifest = path.isAbsolute(named) ? manifestOf(named) : undefined;
  if (manifest?.name === NAME && manifest.version?.startsWith('1.') === true) return named;
  throw new DrawbridgeError('bad_input', `bridges.copilot.sdkFolder names ${named}, which holds no ${NAME} 1.x. Mend or remove it.`, {});
}

/** Installs the pinned SDK below the folder, with no script of any package run. Throws `failed`. */
export async function installSdk({ folder }: SdkPlace, { run, target, env }: SdkInstall): Promise<string> {
  const own = Object.hasOwn(BY_TARGET, target) ? BY_TARGET[target] : undefined;
  if (own === undefined) {
    throw new DrawbridgeError(
      'failed',
      `No Copilot SDK is known here for ${target}. Install ${NAME} yourself and name its folder: bridges.copilot.sdkFolder in the settings.`,
    );
  }
  const at = path.join(folder, SDK_VERSION);
  await mkdir(at, { recursive: true });
  const packages = Object.entries({ ...EVERYWHERE, ...own });
  const dependencies = Object.fromEntries(packages.map(([name, { version }]) => [name, version]));
  const locked = Object.fromEntries(packages.map(([name, pinned]) => [`node_modules/${name}`, pinned]));
  const manifest = { name: 'copilot-sdk-installing', private: true, dependencies };
  writeFileAtomic(path.join(at, 'package.json'), JSON.stringify(manifest));
  writeFileAtomic(
    path.join(at, 'package-lock.json'),
    JSON.stringify({ lockfileVersion: 3, requires: true, packages: { '': { dependencies }, ...locked } }),
  );
  const args = ['ci', '--prefix', at, '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'];
  const { code, stderr } = await run('npm', args, { timeoutMs: INSTALL_MS, env: networkOf(env) });
  if (code !== 0) throw new DrawbridgeError('failed', whyNot(code, stderr));
  // Said last: an install that was interrupted is made anew.
  writeFileAtomic(path.join(at, 'package.json'), JSON.stringify({ ...manifest, name: INSTALLED }));
  const found = findSdk({ folder, named: null });
  if (found === undefined) throw new DrawbridgeError('failed', `npm installed something else in the place of ${NAME} ${SDK_VERSION}.`);
  return found;
}

/** Proxies, certificates and npm's own settings: without them npm may not get out of a company's network. */
const NETWORK = /^(?:(?:https?|all|no)_proxy|npm_config_\w+|node_extra_ca_certs|ssl_cert_(?:file|dir))$/i;

function networkOf(env: SdkInstall['env']): Record<string, string> {
  const out: Record<string, string> = {};
  for (const [name, value] of Object.entries(env)) if (value !== undefined && NETWORK.test(name)) out[name] = value;
  return out;
}

const INSTALLED = 'copilot-sdk-installed';

function whyNot(code: number | null, stderr: string): string {
  if (/EINTEGRITY/.test(stderr)) return `What the registry sent is not ${NAME} ${SDK_VERSION} as it is known here. It was thrown away.`;
  const instead = `Or install ${NAME} yourself and name its folder: bridges.copilot.sdkFolder in the settings.`;
  if (code === null) return `npm could not be run to install the Copilot SDK. Install Node.js with npm. ${instead}`;
  return `npm could not install the Copilot SDK. Check the network, then try again. ${instead}`;
}

const Manifest = z.object({ name: z.string().optional(), version: z.string().optional() });

function manifestOf(folder: string): z.infer<typeof Manifest> | undefined {
  try {
    return Manifest.parse(JSON.parse(readFileSync(path.join(folder, 'package.json'), 'utf8')));
  } catch {
    return undefined;
  }
}

// ------------------------------------------------------------------------------------ its shape, as far as it is used

type ClientOptions = {
  mode: 'empty';
  baseDirectory: string;
  workingDirectory: string;
  env: Readonly<Record<string, string>>;
  useLoggedInUser: false;
  logLevel: 'none';
  clientInfo: { applicationName: string; applicationVersion: string };
};
type SessionOptions = { gitHubToken: string; availableTools: readonly string[]; onPermissionRequest: () => { kind: 'reject' } };

/** One session of the SDK; what it answers is checked where it is read. */
export type SdkSession = {
  disconnect(): Promise<unknown>;
  rpc: {
    gitHubAuth: { getStatus(): Promise<unknown> };
    model: { list(): Promise<unknown> };
    provider: { getEndpoint(params: { modelId?: string }): Promise<unknown> };
  };
};
export type SdkClient = {
  start(): Promise<unknown>;
  stop(): Promise<unknown>;
  forceStop(): Promise<unknown>;
  createSession(options: SessionOptions): Promise<SdkSession>;
  rpc: { account: { getQuota(params: { gitHubToken: string }): Promise<unknown> } };
};
export type SdkClientClass = new (options: ClientOptions) => SdkClient;

const Module = z.object({ CopilotClient: z.custom<SdkClientClass>((value) => typeof value === 'function') });
const Entry = z.object({ exports: z.object({ '.': z.object({ import: z.object({ default: z.string() }) }) }) });

/** Loads the SDK of a folder. Throws `failed` where it is not as it is known here. */
export async function loadSdk(folder: string): Promise<SdkClientClass> {
  try {
    const entry = Entry.parse(JSON.parse(readFileSync(path.join(folder, 'package.json'), 'utf8'))).exports['.'].import.default;
    const loaded: unknown = await import(pathToFileURL(path.join(folder, entry)).href);
    return Module.parse(loaded).CopilotClient;
  } catch (error) {
    throw new DrawbridgeError(
      'failed',
      `The Copilot SDK in ${folder} can’t be loaded. Remove the folder and sign in again.`,
      {},
      { cause: error },
    );
  }
}
