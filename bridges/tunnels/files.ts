import { createHash } from 'node:crypto';
import { mkdirSync, rmSync } from 'node:fs';
import path from 'node:path';
import { DrawbridgeError } from '../contract/errors.ts';
import type { ChildRunner } from '../engine/child.ts';
import { readIfThere, writeFileAtomic } from '../engine/files.ts';
import type { Paths } from '../engine/paths.ts';
import { hostKeyOf } from './openssh.ts';
import type { HostKey } from './transport.ts';

/** What tunnels keep on disk, all of it below one folder for its owner only. No token is among it. */
export type TunnelFiles = {
  keys: string;
  ledger: string;
  /** Folder of our own programs, and of no others. */
  programs: string;
  identity(tunnel: string): string;
  knownHosts(tunnel: string): string;
  /** The relay's socket; null where this platform has none. */
  socket(tunnel: string): string | null;
};

export function tunnelFiles(paths: Paths, platform: NodeJS.Platform): TunnelFiles {
  const folder = path.join(paths.home, 'tunnels');
  const inside = (name: string): string => path.join(folder, name);
  return {
    keys: inside('gateway-keys.json'),
    ledger: inside('children.json'),
    programs: inside('bin'),
    identity: (tunnel) => inside(`${tunnel}.key`),
    knownHosts: (tunnel) => inside(`${tunnel}.known_hosts`),
    // Beside the control socket, whose folder is private and whose path is short enough for a socket.
    socket: (tunnel) => (platform === 'win32' ? null : path.join(path.dirname(paths.control), `t${shortHash(tunnel)}.sock`)),
  };
}

const shortHash = (text: string): string => createHash('sha256').update(text).digest('hex').slice(0, 6);

export function ensureTunnelFolders(files: TunnelFiles): void {
  mkdirSync(files.programs, { recursive: true, mode: 0o700 });
}

/** The host key that is pinned for a host, if one is. A file that can't be read pins nothing. */
export function readPin(file: string, host: string): HostKey | undefined {
  try {
    const text = readIfThere(file);
    return text?.startsWith(`${host} `) === true ? hostKeyOf(text) : undefined;
  } catch {
    return undefined;
  }
}

export const forgetPin = (file: string): void => rmSync(file, { force: true });
export const writePin = (file: string, key: HostKey): void => writeFileAtomic(file, key.line);

/** Makes an ssh key where there is none. A file, not a secret of the keychain: ssh reads keys from files. */
export async function makeIdentity(file: string, tunnel: string, keygen: string, run: ChildRunner): Promise<void> {
  if (readIfThere(file) !== undefined) return;
  const { code, stderr } = await run(keygen, ['-q', '-t', 'ed25519', '-N', '', '-C', `drawbridge ${tunnel}`, '-f', file], {
    timeoutMs: 20_000,
  });
  if (code !== 0)
    throw new DrawbridgeError('failed', `ssh-keygen could not make a key: ${stderr.trim().slice(0, 200) || 'it did not run'}.`);
}

/** The public half of an ssh key. Throws `not_found` where the file is not one. */
export async function publicKeyOf(file: string, keygen: string, run: ChildRunner): Promise<string> {
  const beside = readIfThere(`${file}.pub`);
  if (beside !== undefined) return beside.trim();
  const { code, stdout } = await run(keygen, ['-y', '-f', file], { timeoutMs: 20_000 });
  if (code !== 0) throw new DrawbridgeError('not_found', `There is no usable ssh key at ${file}.`, { file });
  return stdout.trim();
}

/** Removes all that is kept for a tunnel. */
export function removeFiles(files: TunnelFiles, tunnel: string): void {
  for (const file of [files.identity(tunnel), `${files.identity(tunnel)}.pub`, files.knownHosts(tunnel)]) rmSync(file, { force: true });
}
