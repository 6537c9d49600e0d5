import { hash, randomBytes, timingSafeEqual } from 'node:crypto';
import { z } from 'zod';
import { DrawbridgeError } from '../contract/errors.ts';
import { Use } from '../contract/schemas.ts';
import type { Key, Use as KeyUse } from '../contract/index.ts';
import type { Clock } from '../engine/clock.ts';
import { readIfThere, writeFileAtomic } from '../engine/files.ts';

const Stored = z.object({
  id: z.string(),
  name: z.string(),
  hint: z.string(),
  /** SHA-256 of the key, hex. The key has 256 bits of its own, so no slow hash is needed. */
  hash: z.string().regex(/^[0-9a-f]{64}$/),
  createdAt: z.string(),
  lastUsedAt: z.string().nullable(),
  /** Whose calls it stands for; what an account may be used for is told by this. */
  use: Use.default('clients'),
});
type Stored = z.infer<typeof Stored>;
type Held = Stored & { digest: Buffer; usedAt: number | undefined };

/** The client keys of this machine. What is kept of a key can't be turned back into it. */
export type KeyRing = {
  list(): Key[];
  /** Makes a key. Throws `bad_input` where the name is taken, or a tunnel's. */
  create(name: string, use?: KeyUse): { id: string; name: string; key: string };
  /** Throws `not_found`. */
  revoke(id: string): void;
  /** Takes a revocation back, not long after it. Throws `not_found`; `bad_input` where the name is taken meanwhile. */
  restore(id: string): Key;
  /** The name a key goes by, or undefined. Takes the same time whichever key it is compared with. */
  check(key: string): { id: string; name: string; use: KeyUse } | undefined;
  onChange(listener: () => void): () => void;
  /** Writes down when keys were last used. */
  stop(): void;
};

const PREFIX = 'db_';
/** What a tunnel's calls go by begins with this; no key may pass for one. */
export const TUNNEL_CALLER = 'tunnel ';
/** A revoked key can be had back for this long, and never across a restart. Milliseconds. */
const RESTORE_MS = 10 * 60_000;

/** What keys begin with that may only read over HTTP; see hosts/rest.ts. */
export const READ_PREFIX = 'db_read_';

/** Opens the key file. Throws `settings_invalid` where it is damaged: starting without keys would lock every client out. */
export function openKeys(file: string, clock: Clock, prefix = PREFIX): KeyRing {
  let held = readKeys(file);
  let unsaved = false;
  const listeners = new Set<() => void>();
  const save = (): void => {
    writeFileAtomic(file, `${JSON.stringify(held.map(toStored), null, 2)}\n`);
    unsaved = false;
  };
  // Keys that were right before, so that a client's next call costs no hash. Finding one tells nothing of the others:
  // a map compares whole strings, and only where their hashes are the same already.
  const accepted = new Map<string, Held>();
  const used = (key: Held): Held => {
    key.usedAt = clock.now();
    unsaved = true;
    return key;
  };
  const changed = (): void => {
    accepted.clear();
    save();
    for (const listener of listeners) listener();
  };

  const revoked = new Map<string, { key: Held; at: number }>();
  const refuseTaken = (name: string): void => {
    if (!held.some((key) => key.name === name)) return;
    throw new DrawbridgeError('bad_input', `There is a key named "${name}" already. Choose another name, or revoke that one first.`, {
      name,
    });
  };

  const refuseTunnels = (name: string): void => {
    if (!name.toLowerCase().startsWith(TUNNEL_CALLER)) return;
    throw new DrawbridgeError('bad_input', `Names that begin with "${TUNNEL_CALLER}" are those of tunnels. Choose another name.`, { name });
  };

  return {
    list: () => held.map(shownOf),
    create(name, use = 'clients') {
      refuseTunnels(name);
      refuseTaken(name);
      const key = prefix + randomBytes(32).toString('base64url');
      const digest = hashOf(key);
      const id = randomBytes(6).toString('hex');
      held = [
        ...held,
        {
          id,
          name,
          hint: `${key.slice(0, prefix.length + 4)}…`,
          hash: digest.toString('hex'),
          digest,
          usedAt: undefined,
          createdAt: new Date(clock.now()).toISOString(),
          lastUsedAt: null,
          use,
        },
      ];
      changed();
      return { id, name, key };
    },
    revoke(id) {
      const key = held.find((candidate) => candidate.id === id);
      if (key === undefined) throw new DrawbridgeError('not_found', 'There is no such key. It may have been revoked already.', { id });
      const now = clock.now();
      for (const [old, { at }] of revoked) if (now - at > RESTORE_MS) revoked.delete(old);
      revoked.set(id, { key, at: now });
      held = held.filter((candidate) => candidate !== key);
      changed();
    },
    restore(id) {
      const kept = revoked.get(id);
      if (kept === undefined || clock.now() - kept.at > RESTORE_MS) {
        throw new DrawbridgeError('not_found', 'This key was revoked too long ago to have it back. Make a new one.', { id });
      }
      refuseTaken(kept.key.name);
      revoked.delete(id);
      held = [...held, kept.key];
      changed();
      return shownOf(kept.key);
    },
    check(key) {
      if (!key.startsWith(prefix)) return undefined;
      const known = accepted.get(key);
      if (known !== undefined) return used(known);
      const digest = hashOf(key);
      let match: Held | undefined;
      for (const candidate of held) if (timingSafeEqual(candidate.digest, digest)) match = candidate;
      if (match === undefined) return undefined;
      accepted.set(key, match);
      return used(match);
    },
    onChange(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    stop() {
      if (unsaved) save();
    },
  };
}

function readKeys(file: string): Held[] {
  const text = readIfThere(file);
  if (text === undefined) return [];
  try {
    return z
      .array(Stored)
      .parse(JSON.parse(text))
      .map((key) => ({ ...key, digest: Buffer.from(key.hash, 'hex'), usedAt: undefined }));
  } catch (error) {
    throw new DrawbridgeError(
      'settings_invalid',
      `The key file ${file} is damaged. Move it away to start with no keys; every client then needs a new one.`,
      { key: null },
      { cause: error },
    );
  }
}

function shownOf(key: Held): Key {
  const { hash: _hash, ...shown } = toStored(key);
  return shown;
}

function toStored({ digest: _digest, usedAt, ...key }: Held): Stored {
  return usedAt === undefined ? key : { ...key, lastUsedAt: new Date(usedAt).toISOString() };
}

function hashOf(key: string): Buffer {
  return hash('sha256', key, 'buffer');
}
