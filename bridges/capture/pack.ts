import zlib from 'node:zlib';
import { DICTIONARY } from './dictionary.ts';

/**
 * Bytes as they stand in the database: one byte that tells how, then the bytes.
 * 1 as they are, 2 zstd, 3 zstd with the dictionary. Of a body, 4 is followed by its recipe's id; of a segment, 5 by
 * how it differs from another one (see bodies.ts); of a body, 6 by its place in a block (blocks.ts), 7 by how and where
 * a stream that was taken apart is kept (stream.ts).
 */
export const FORM = { plain: 1, zstd: 2, dictionary: 3, recipe: 4, patch: 5, block: 6, stream: 7 } as const;

/** Shorter bytes do not get shorter. */
const PACK_FROM = 64;
/** Beyond this the dictionary no longer tells. */
const DICTIONARY_UP_TO = 128 * 1024;
const params = { [zlib.constants.ZSTD_c_compressionLevel]: 3, [zlib.constants.ZSTD_c_checksumFlag]: 1 };

/** `from`: shorter bytes are not compressed. To begin a compression takes some 50 microseconds, whatever it is of. */
export function pack(bytes: Buffer, from = PACK_FROM): Buffer {
  if (bytes.length >= from) {
    const useful = bytes.length <= DICTIONARY_UP_TO;
    const packed = useful ? zlib.zstdCompressSync(bytes, { params, dictionary: DICTIONARY }) : zlib.zstdCompressSync(bytes, { params });
    if (packed.length < bytes.length) return withForm(useful ? FORM.dictionary : FORM.zstd, packed);
  }
  return withForm(FORM.plain, bytes);
}

/** Throws RangeError or zlib's error where the bytes are damaged, or longer than `atMost`. */
export function unpack(packed: Buffer, atMost: number): Buffer {
  const bytes = packed.subarray(1);
  const options = { maxOutputLength: Math.max(1, atMost) };
  switch (packed[0]) {
    case FORM.plain:
      return bytes;
    case FORM.zstd:
      return zlib.zstdDecompressSync(bytes, options);
    case FORM.dictionary:
      return zlib.zstdDecompressSync(bytes, { ...options, dictionary: DICTIONARY });
    default:
      throw new RangeError('a stored body is damaged');
  }
}

function withForm(form: number, bytes: Buffer): Buffer {
  const out = Buffer.allocUnsafe(bytes.length + 1);
  out[0] = form;
  bytes.copy(out, 1);
  return out;
}
