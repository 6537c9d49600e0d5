import { createCipheriv, createDecipheriv, createHash, randomBytes } from 'node:crypto';
import { mkdirSync, rmSync } from 'node:fs';
import path from 'node:path';
import { z } from 'zod';
import { readIfThere, writeFileAtomic } from '../engine/files.ts';
import type { SecretStore } from '../engine/secrets.ts';

/** Larger values do not fit into a Windows credential. Bytes of UTF-16, as they are kept there. */
const LARGEST_IN_KEYCHAIN = 2_500;
const DATA_KEY = 'data-key';
/** Stands in the keychain for a value that is in a file. */
const IN_FILE = 'sealed:1';

const Sealed = z.object({ v: z.literal(1), iv: z.base64(), tag: z.base64(), data: z.base64() });

/**
 * A keychain whose values may be of any size: a large one is encrypted (AES-256-GCM) into a file of `folder`, under a
 * key that the keychain holds. A file whose key is gone can't be opened by anybody; it counts as not there.
 */
export function withLargeValues(keychain: SecretStore, folder: string): SecretStore {
  const fileOf = (name: string): string => path.join(folder, `${createHash('sha256').update(name).digest('hex').slice(0, 32)}.sealed`);
  return {
    lasting: keychain.lasting,
    async get(name) {
      const value = await keychain.get(name);
      if (value !== IN_FILE) return value;
      const key = await keptKey(keychain, DATA_KEY);
      const text = readIfThere(fileOf(name));
      return key === undefined || text === undefined ? undefined : openSealed(text, key, name);
    },
    async set(name, value) {
      if (Buffer.byteLength(value, 'utf16le') <= LARGEST_IN_KEYCHAIN) {
        await keychain.set(name, value);
        rmSync(fileOf(name), { force: true });
        return;
      }
      const key = await dataKey(keychain, DATA_KEY);
      mkdirSync(folder, { recursive: true, mode: 0o700 });
      writeFileAtomic(fileOf(name), sealText(value, key, name));
      if ((await keychain.get(name)) !== IN_FILE) await keychain.set(name, IN_FILE);
    },
    async delete(name) {
      // First: where the keychain does not give it up, it is there still.
      await keychain.delete(name);
      rmSync(fileOf(name), { force: true });
    },
  };
}

/** Keys on their way: two callers at once would make two, and what one of them seals could never be opened again. */
const onTheirWay = new WeakMap<SecretStore, Map<string, Promise<Buffer>>>();

/** The key that is kept under this name, made where there is none yet. May throw SecretError. */
export function dataKey(keychain: SecretStore, name: string): Promise<Buffer> {
  const keys = onTheirWay.get(keychain) ?? new Map<string, Promise<Buffer>>();
  onTheirWay.set(keychain, keys);
  const key = keys.get(name) ?? makeKey(keychain, name).finally(() => keys.delete(name));
  keys.set(name, key);
  return key;
}

async function makeKey(keychain: SecretStore, name: string): Promise<Buffer> {
  const kept = await keptKey(keychain, name);
  if (kept !== undefined) return kept;
  const key = randomBytes(32);
  await keychain.set(name, key.toString('base64'));
  return key;
}

async function keptKey(keychain: SecretStore, name: string): Promise<Buffer | undefined> {
  const kept = Buffer.from((await keychain.get(name)) ?? '', 'base64');
  return kept.length === 32 ? kept : undefined;
}

/** A line of text that holds `value` encrypted. The name is authenticated too: one secret can't be passed off as another. */
export function sealText(value: string, key: Buffer, name: string): string {
  const iv = randomBytes(12);
  const cipher = createCipheriv('aes-256-gcm', key, iv).setAAD(Buffer.from(name));
  const data = Buffer.concat([cipher.update(value, 'utf8'), cipher.final()]);
  return `${JSON.stringify({ v: 1, iv: iv.toString('base64'), tag: cipher.getAuthTag().toString('base64'), data: data.toString('base64') })}\n`;
}

/** What sealText made a line of; undefined where the line, the key or the name is another. */
export function openSealed(text: string, key: Buffer, name: string): string | undefined {
  try {
    const sealed = Sealed.parse(JSON.parse(text));
    const decipher = createDecipheriv('aes-256-gcm', key, Buffer.from(sealed.iv, 'base64'), { authTagLength: 16 })
      .setAAD(Buffer.from(name))
      .setAuthTag(Buffer.from(sealed.tag, 'base64'));
    return Buffer.concat([decipher.update(Buffer.from(sealed.data, 'base64')), decipher.final()]).toString('utf8');
  } catch {
    return undefined;
  }
}
