import { createCipheriv, createDecipheriv, createHmac, hash, hkdfSync, randomBytes } from 'node:crypto';

/** What stands between the store and its blobs: nothing, or encryption. */
export type Seal = {
  readonly encrypted: boolean;
  close(bytes: Buffer): Buffer;
  /** Throws where the bytes were changed or the key is another. */
  open(bytes: Buffer): Buffer;
  /** 16 bytes that stand for a content, the same for the same content. */
  address(bytes: Buffer): Buffer;
};

export const openly: Seal = {
  encrypted: false,
  close: (bytes) => bytes,
  open: (bytes) => bytes,
  address: (bytes) => hash('sha256', bytes, 'buffer').subarray(0, 16),
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
  return {
    encrypted: true,
    close(bytes) {
      const nonce = randomBytes(NONCE);
      const cipher = createCipheriv('aes-256-gcm', cipherKey, nonce);
      return Buffer.concat([nonce, cipher.update(bytes), cipher.final(), cipher.getAuthTag()]);
    },
    open(bytes) {
      if (bytes.length < NONCE + TAG) throw new RangeError('a stored body is damaged');
      const decipher = createDecipheriv('aes-256-gcm', cipherKey, bytes.subarray(0, NONCE), { authTagLength: TAG });
      decipher.setAuthTag(bytes.subarray(-TAG));
      return Buffer.concat([decipher.update(bytes.subarray(NONCE, -TAG)), decipher.final()]);
    },
    address: (bytes) => createHmac('sha256', addressKey).update(bytes).digest().subarray(0, 16),
  };
}

function derived(key: Buffer, purpose: string): Buffer {
  return Buffer.from(hkdfSync('sha256', key, Buffer.alloc(0), `drawbridge capture ${purpose}`, 32));
}
