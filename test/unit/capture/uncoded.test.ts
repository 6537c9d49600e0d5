import zlib from 'node:zlib';
import { expect, it } from 'vitest';
import { isWhole, uncoded } from '../../../bridges/capture/uncoded.ts';

const text = Buffer.from('{"model":"m"}'.repeat(100));
const packed = zlib.zstdCompressSync(text);
const head = (...pairs: [string, string][]): string => JSON.stringify(pairs);

it('a side without a content-encoding, or with one that changes nothing, is left as it is', () => {
  for (const headers of [head(['content-type', 'x']), head(['content-encoding', 'identity']), head(['content-encoding', 'compress'])]) {
    const side = { headers, body: text };
    expect(uncoded(side)).toBe(side);
  }
  const none = { headers: head(['content-encoding', 'gzip']), body: null };
  expect(uncoded(none)).toBe(none);
});

it('a body of no bytes, and one that is not what its header says, stay', () => {
  for (const body of [Buffer.alloc(0), Buffer.from('no gzip'), packed.subarray(0, 3)]) {
    const side = { headers: head(['content-encoding', 'gzip']), body };
    expect(uncoded(side)).toBe(side);
  }
});

it('a body that unpacks to more than can be kept stays packed', () => {
  const side = { headers: head(['content-encoding', 'gzip']), body: zlib.gzipSync(Buffer.alloc(65 * 1024 * 1024)) };
  expect(uncoded(side)).toBe(side);
});

it('whether all of a body was kept is known of one that was packed, too', () => {
  const headers = head(['Content-Encoding', 'zstd'], ['Content-Length', '9']);
  expect(isWhole(uncoded({ headers, body: packed }), packed.length)).toBe(true);
  expect(isWhole(uncoded({ headers, body: packed, isPart: true }), packed.length + 1)).toBe(false);
  expect(isWhole({ headers: head(), body: text }, text.length)).toBe(true);
  expect(isWhole({ headers: head(), body: text }, text.length + 1)).toBe(false);
  expect(isWhole({ headers: head(), body: null }, 0)).toBe(false);
  expect(uncoded({ headers, body: packed }).headers).toBe(head(['x-drawbridge-decoded', 'zstd']));
});
