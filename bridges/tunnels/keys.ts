import { createHash, createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { z } from 'zod';
import { DrawbridgeError } from '../contract/errors.ts';
import { readIfThere, writeFileAtomic } from '../engine/files.ts';

/**
 * One key per tunnel, for the gateway to call with. A local client's key is not valid there, nor the reverse. What is
 * kept can't be turned back into a key, but can prove to whoever holds the key that this engine knows it.
 */
export type TunnelKeys = {
  /** Makes the tunnel's key, in the place of the one it had. */
  create(tunnel: string): string;
  remove(tunnel: string): void;
  check(tunnel: string, key: string): boolean;
  /** HMAC-SHA256 of a text under the SHA-256 of the key, hex; undefined where the tunnel has no key. */
  prove(tunnel: string, text: string): string | undefined;
};

const Stored = z.record(z.string(), z.string().regex(/^[0-9a-f]{64}$/));

/** Opens the key file. Throws `settings_invalid` where it is damaged. */
export function openTunnelKeys(file: string): TunnelKeys {
  let digests = read(file);
  const save = (next: Record<string, string>): void => {
    writeFileAtomic(file, `${JSON.stringify(next, null, 2)}\n`);
    digests = next;
  };
  const digestOf = (tunnel: string): Buffer | undefined => {
    const hex = Object.hasOwn(digests, tunnel) ? digests[tunnel] : undefined;
    return hex === undefined ? undefined : Buffer.from(hex, 'hex');
  };
  return {
    create(tunnel) {
      const key = `db_${randomBytes(32).toString('base64url')}`;
      save({ ...digests, [tunnel]: sha256(key).toString('hex') });
      return key;
    },
    remove(tunnel) {
      save(Object.fromEntries(Object.entries(digests).filter(([name]) => name !== tunnel)));
    },
    check(tunnel, key) {
      const digest = digestOf(tunnel);
      return digest !== undefined && timingSafeEqual(digest, sha256(key));
    },
    prove(tunnel, text) {
      const digest = digestOf(tunnel);
      return digest && createHmac('sha256', digest).update(text).digest('hex');
    },
  };
}

function read(file: string): Record<string, string> {
  const text = readIfThere(file);
  if (text === undefined) return {};
  try {
    return Stored.parse(JSON.parse(text));
  } catch (error) {
    throw new DrawbridgeError(
      'settings_invalid',
      `The file of tunnel keys ${file} is damaged. Move it away; every gateway then needs a new key.`,
      { key: null },
      { cause: error },
    );
  }
}

function sha256(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
