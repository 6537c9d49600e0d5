import { createHash, randomBytes } from 'node:crypto';
import { chmodSync, createReadStream, createWriteStream, renameSync, rmSync } from 'node:fs';
import path from 'node:path';
import { Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { Fetch } from '../accounts/net.ts';
import { DrawbridgeError } from '../contract/errors.ts';
import { VENDOR_DOWNLOADS } from './causes.ts';
import { programName } from './cloudflared.ts';

/** A copy of cloudflared of our own, on request: a release that is named here, byte for byte, and no other. */

export type Release = { version: string; asset: string; sha256: string };

/**
 * By `platform-arch`. A platform that is missing here installs cloudflared by its own means. How a row is added stands in
 * docs/tunnels.md.
 */
const RELEASES: Readonly<Record<string, Release>> = {
  'linux-x64': {
    version: '2026.7.2',
    asset: 'cloudflared-linux-amd64',
    sha256: 'ec905ea7b7e327ff8abdde8cb64697a2152de74dbcdbf6aec9db8364eb3886cd',
  },
};
const SOURCE = 'https://github.com/cloudflare/cloudflared/releases/download';
const MAX_BYTES = 200 * 1024 * 1024;

/** True where a release for this machine (`platform-arch`) is known here. */
export const canInstall = (target: string): boolean => Object.hasOwn(RELEASES, target);

export type InstallProgress = { received: number; total: number | null; file: string | null; version: string };

export type InstallParts = {
  /** Folder it goes to. */
  folder: string;
  target: string;
  fetch: Fetch;
  releases?: Readonly<Record<string, Release>>;
  source?: string;
  signal?: AbortSignal | undefined;
};

/** Downloads, checks, and only then puts in place. Tells how far it is; the last word names the file. */
export async function* installCloudflared(parts: InstallParts): AsyncGenerator<InstallProgress, void, void> {
  const releases = parts.releases ?? RELEASES;
  const release = Object.hasOwn(releases, parts.target) ? releases[parts.target] : undefined;
  if (release === undefined)
    throw new DrawbridgeError(
      'failed',
      `No cloudflared is known here for ${parts.target}. Install it from its vendor, so that it is in PATH, or name its file (drawbridge tunnels use-cloudflared FILE): ${VENDOR_DOWNLOADS}`,
    );
  const { version, asset, sha256 } = release;
  const reply = await parts
    .fetch(`${parts.source ?? SOURCE}/${version}/${asset}`, { signal: parts.signal ?? null })
    .catch((error: unknown) => {
      throw cutOff(error);
    });
  if (!reply.ok || reply.body === null)
    throw new DrawbridgeError('failed', `cloudflared could not be downloaded (status ${reply.status}).`);
  const total = Number(reply.headers.get('content-length')) || null;
  const file = path.join(parts.folder, programName(parts.target));
  // Its own: two may be asked for at once.
  const temporary = `${file}.${randomBytes(6).toString('hex')}.part`;
  let received = 0;
  const counted = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      received += chunk.length;
      done(
        received > MAX_BYTES ? new DrawbridgeError('failed', 'What was sent in the place of cloudflared is far too large.') : null,
        chunk,
      );
    },
  });
  try {
    const writing = pipeline(bytesOf(reply.body), counted, createWriteStream(temporary, { flags: 'wx', mode: 0o600 }));
    // Watched here, and awaited below: a failure in between must not go unheard.
    const over = writing.then(
      () => true,
      () => true,
    );
    do yield { received, total, file: null, version };
    while (!(await Promise.race([over, tick()])));
    await writing;
    if ((await hashOf(temporary)) !== sha256)
      throw new DrawbridgeError('failed', `What was sent is not cloudflared ${version} as it is known here. It was thrown away.`);
    chmodSync(temporary, 0o700);
    renameSync(temporary, file);
  } finally {
    rmSync(temporary, { force: true });
  }
  yield { received, total, file, version };
}

/** What is sent, chunk by chunk. */
async function* bytesOf(body: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void, void> {
  try {
    yield* body;
  } catch (error) {
    throw cutOff(error);
  }
}

const cutOff = (cause: unknown): DrawbridgeError =>
  new DrawbridgeError('failed', 'cloudflared could not be downloaded. Check the network and try again.', {}, { cause });

/** SHA-256 of what is in a file, hex. */
async function hashOf(file: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(file), hash);
  return hash.digest('hex');
}

const TICK_MS = 250;
const tick = (): Promise<false> =>
  new Promise((resolve) => {
    setTimeout(() => resolve(false), TICK_MS);
  });
