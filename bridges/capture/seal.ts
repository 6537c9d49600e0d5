import { createCipheriv, createDecipheriv, createHmac, hash, hkdfSync, randomBytes } from 'node:crypto';

/** What stands between the store and its blobs: nothing, or encryption. */
export type Seal = {
  readonly encrypted: boolean;
  close(bytes: Buffer): Buffer;
  /** Throws where the bytes were changed or the key is another. */
  open(bytes: Buffer): Buffer;
  /** 16 bytes that stand for a content, the same for the same content. */
  address(bytes: Buffer): Buffer;
  /** A short text as a column holds it, the same for the same text. Null stays null. */
  closeText: <T extends string | null>(text: T) => T | string;
  openText: <T extends string | null>(kept: T) => T | string;
};

export const openly: Seal = {
  encrypted: false,
  close: (bytes) => bytes,
  open: (bytes) => bytes,
  address: (bytes) => Buffer.from(hash('sha256', bytes).slice(0, 32), 'hex'),
  closeText: (text) => text,
  openText: (kept) => kept,
};

const NONCE = 12;
const TAG = 16;

/**
 * AES-256-GCM, a nonce of its own for each blob: nonce, ciphertext, tag. Contents are addressed by HMAC: a plain hash
 * would tell whoever guesses a message that it was said.
 */
export function sealedWith(key: Buffer): Seal {
  const cipherKey = derived(key, 'blobs');
  const addressKey = derived(key, 'addresses');
  const textKey = derived(key, 'texts');
  const nonceKey = derived(key, 'nonces of texts');
  return {
    encrypted: true,
    close: (bytes) => enciphered(cipherKey, randomBytes(NONCE), bytes),
    open: (bytes) => deciphered(cipherKey, bytes),
    address: (bytes) => createHmac('sha256', addressKey).update(bytes).digest().subarray(0, 16),
    // The nonce is made of the text: equal texts are looked for by being equal, and no two others share one.
    closeText(text) {
      if (text === null || text === '') return text;
      const bytes = Buffer.from(text);
      return enciphered(textKey, createHmac('sha256', nonceKey).update(bytes).digest().subarray(0, NONCE), bytes).toString('base64url');
    },
    openText(kept) {
      if (kept === null || kept === '') return kept;
      return deciphered(textKey, Buffer.from(kept, 'base64url')).toString('utf8');
    },
  };
}

function enciphered(key: Buffer, nonce: Buffer, bytes: Buffer): Buffer {
  const cipher = createCipheriv('aes-256-gcm', key, nonce);
  return Buffer.concat([nonce, cipher.update(bytes), cipher.final(), cipher.getAuthTag()]);
}

function deciphered(key: Buffer, bytes: Buffer): Buffer {
  if (bytes.length < NONCE + TAG) throw new RangeError('a stored body is damaged');
  const decipher = createDecipheriv('aes-256-gcm', key, bytes.subarray(0, NONCE), { authTagLength: TAG });
  decipher.setAuthTag(bytes.subarray(-TAG));
  return Buffer.concat([decipher.update(bytes.subarray(NONCE, -TAG)), decipher.final()]);
}

function derived(key: Buffer, purpose: string): Buffer {
  return Buffer.from(hkdfSync('sha256', key, Buffer.alloc(0), `drawbridge capture ${purpose}`, 32));
}
