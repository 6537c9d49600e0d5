import { existsSync } from 'node:fs';
import path from 'node:path';
import type { Attachment, Call, ClientEnv, KnownClient } from '../contract/index.ts';
import type { ChildRunner } from '../engine/child.ts';
import { findProgram } from '../engine/files.ts';
import { ATTACHABLE } from './attach/attachable.ts';

/** What of a machine tells which clients are on it. */
export type ClientPlaces = {
  platform: NodeJS.Platform;
  env: Readonly<Record<string, string | undefined>>;
  homedir: string;
  run: ChildRunner;
};

/** What was found of one client. */
export type Found = Pick<KnownClient, 'found' | 'version'>;

type Signs = {
  /** Name of its program. */
  program?: string;
  /** The folder it keeps its settings in: a variable that names it, else a folder below the home folder. */
  settings?: { variable?: string; folder: string };
};

const SIGNS: Readonly<Record<string, Signs>> = {
  'claude-code': { program: 'claude', settings: { variable: 'CLAUDE_CONFIG_DIR', folder: '.claude' } },
  codex: { program: 'codex', settings: { variable: 'CODEX_HOME', folder: '.codex' } },
  'copilot-cli': { program: 'copilot', settings: { variable: 'COPILOT_HOME', folder: '.copilot' } },
  curl: { program: 'curl' },
};

/** A program that starts slowly must not hold the list up for long. Milliseconds. */
const VERSION_MS = 4_000;

/**
 * Looks for known clients: programs on the search path, folders of settings. Nothing is read inside of them. A program
 * is asked for its version once, until it moves.
 */
export function createClientFinder(places: ClientPlaces): { find(client: string): Promise<Found> } {
  const versions = new Map<string, Promise<string | null>>();
  const versionOf = (program: string): Promise<string | null> => {
    const kept = versions.get(program) ?? askVersion(program, places.run);
    versions.set(program, kept);
    return kept;
  };
  return {
    async find(client) {
      const { program, settings } = SIGNS[client] ?? {};
      const found: KnownClient['found'] = [];
      const file = program === undefined ? undefined : findProgram(program, searchPath(places), places.platform, ['.exe', '.cmd']);
      if (file !== undefined) found.push({ kind: 'program', path: file });
      if (settings !== undefined) {
        const named = settings.variable === undefined ? undefined : places.env[settings.variable];
        const folder = named ?? path.join(places.homedir, settings.folder);
        if (existsSync(folder)) found.push({ kind: 'settings', path: folder });
      }
      return { found, version: file === undefined ? null : await versionOf(file) };
    },
  };
}

async function askVersion(program: string, run: ChildRunner): Promise<string | null> {
  const { code, stdout } = await run(program, ['--version'], { timeoutMs: VERSION_MS });
  return code === 0 ? (/\d+(?:\.\d+)+[\w.-]*/.exec(stdout)?.[0] ?? null) : null;
}

/**
 * A desktop application is started with a short search path; these are the folders that a shell's start files usually
 * add to it.
 */
function searchPath({ platform, env, homedir }: ClientPlaces): string {
  const inherited = env['PATH'] ?? env['Path'] ?? '';
  if (platform === 'win32') return [inherited, path.join(env['APPDATA'] ?? homedir, 'npm')].join(';');
  const own = ['.local/bin', '.claude/local', '.npm-global/bin', '.bun/bin', '.volta/bin', 'bin'].map((folder) =>
    path.join(homedir, folder),
  );
  return [inherited, ...own, '/usr/local/bin', '/opt/homebrew/bin'].join(':');
}

/**
 * Joins what is known of clients, what was found, what has called, and whose settings we wrote. `calls` are recent ones, newest
 * first. Pure.
 */
export function listOf(
  envs: readonly ClientEnv[],
  found: ReadonlyMap<string, Found>,
  calls: readonly Call[],
  attachmentOf: (client: string) => Attachment | null = () => null,
): KnownClient[] {
  const labels = new Map(envs.map(({ client, label }) => [client, label]));
  const others = [...new Set(calls.map(({ client }) => client))].filter((client) => !labels.has(client) && client !== OURSELVES).sort();
  return [...labels.keys(), ...others].map((client) => {
    const own = calls.filter((call) => call.client === client);
    const [last] = own;
    return {
      client,
      label: labels.get(client) ?? client,
      found: found.get(client)?.found ?? [],
      version: found.get(client)?.version ?? null,
      lastCall: last === undefined ? null : { id: last.id, at: last.startedAt, status: last.status },
      callers: [...new Set(own.map(({ caller }) => caller).filter((caller) => caller !== null))].sort(),
      guided: labels.has(client),
      attachable: ATTACHABLE[client] ?? [],
      attachment: attachmentOf(client),
    };
  });
}

/** The client that makes practice calls is no one's to set up. */
const OURSELVES = 'drawbridge';
