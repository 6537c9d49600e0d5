import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { sseData, sseEvent, SseReader, type SseFrame } from '../../../bridges/wire/sse.ts';

/** Reads the bytes in the given pieces, with `end` at the end. */
function readPieces(pieces: readonly Uint8Array[], limit?: number): SseFrame[] {
  const reader = new SseReader(limit);
  return [...pieces.flatMap((piece) => reader.push(Buffer.from(piece))), ...reader.end()];
}

function readText(text: string): SseFrame[] {
  return readPieces([Buffer.from(text)]);
}

/** Cuts bytes at the given places (fractions of the length). */
function cut(bytes: Buffer, places: readonly number[]): Buffer[] {
  const edges = [0, ...places.map((place) => Math.floor(place * bytes.length)).sort((a, b) => a - b), bytes.length];
  return edges.slice(1).map((edge, i) => bytes.subarray(edges[i], edge));
}

/** What a function throws, if anything. */
function thrownBy(run: () => unknown): unknown {
  try {
    run();
    return undefined;
  } catch (error) {
    return error;
  }
}

const data = (...texts: string[]): SseFrame[] => texts.map((text) => ({ event: undefined, data: text }));

describe('reading server-sent events', () => {
  test.each([
    ['LF', 'event: a\ndata: 1\n\ndata: 2\n\n'],
    ['CR LF', 'event: a\r\ndata: 1\r\n\r\ndata: 2\r\n\r\n'],
    ['CR', 'event: a\rdata: 1\r\rdata: 2\r\r'],
    ['a mixture', 'event: a\rdata: 1\r\n\ndata: 2\n\r\n'],
  ])('lines may end in %s', (_, text) => {
    expect(readText(text)).toEqual([
      { event: 'a', data: '1' },
      { event: undefined, data: '2' },
    ]);
  });

  test('a byte order mark is skipped, once, however it is cut', () => {
    const bytes = Buffer.from('\uFEFFdata: \uFEFFx\n\n');
    for (let i = 0; i <= bytes.length; i++)
      expect(readPieces([Buffer.alloc(0), bytes.subarray(0, i), bytes.subarray(i)])).toEqual(data('\uFEFFx'));
  });

  test('the beginning of a byte order mark that is none is kept', () => {
    expect(readPieces([Buffer.from([0xef]), Buffer.from([0xbb]), Buffer.from('\ndata: x\n\n')])).toEqual(data('x'));
    expect(readPieces([Buffer.from([0xef, 0xbb])])).toEqual([]);
  });

  test('comments, ids and retry lines are skipped', () => {
    expect(readText(': hello\n\nid: 7\nretry: 100\ndata: x\n: more\n\n:\n\n')).toEqual(data('x'));
  });

  test('several data lines are joined by line feeds', () => {
    expect(readText('data: a\ndata:\ndata: b\n\n')).toEqual(data('a\n\nb'));
  });

  test('one space after the colon is taken away, and only one', () => {
    expect(readText('data:a\n\ndata: b\n\ndata:  c\n\ndata: \n\n')).toEqual(data('a', 'b', ' c', ''));
  });

  test('a field without a colon has an empty value', () => {
    expect(readText('data\n\n')).toEqual(data(''));
    expect(readText('event: a\nevent\ndata: x\n\n')).toEqual([{ event: '', data: 'x' }]);
  });

  test('fields that only begin like a known one are skipped', () => {
    expect(readText('datas: a\ndat: b\nevents: c\n data: d\nDATA: e\ndata: x\n\n')).toEqual(data('x'));
  });

  test('an event without data is not dispatched, and its name does not stick to the next one', () => {
    expect(readText('event: a\n\ndata: x\n\n')).toEqual(data('x'));
  });

  test('the last event counts also where its blank line is missing', () => {
    expect(readText('data: a\n\ndata: [DONE]\n')).toEqual(data('a', '[DONE]'));
    expect(readText('data: a\n\ndata: {}')).toEqual(data('a', '{}'));
    expect(readText('data: a\n\ndata: [DONE]')).toEqual(data('a', '[DONE]'));
    expect(readText('data: a\n\n: bye')).toEqual(data('a'));
  });

  test('a last event that breaks off in the middle of its data is none', () => {
    expect(readText('data: {"a":1}\n\ndata: {"a":')).toEqual(data('{"a":1}'));
    expect(readText('data: {"a":1}\n\ndata: [DON')).toEqual(data('{"a":1}'));
  });

  test('a CR at the end of a chunk and an LF at the start of the next end one line, not two', () => {
    expect(readPieces([Buffer.from('data: a\r'), Buffer.from('\ndata: b\r'), Buffer.from('\n\r'), Buffer.from('\n')])).toEqual(
      data('a\nb'),
    );
    expect(readPieces([Buffer.from('data: a\r'), Buffer.alloc(0), Buffer.from('\ndata: b\r\n\r\n')])).toEqual(data('a\nb'));
  });

  test('an event is given out as soon as its blank line is there', () => {
    const reader = new SseReader();
    expect(reader.push(Buffer.from('data: a\r\n\r'))).toEqual(data('a'));
    expect(reader.push(Buffer.from('\ndata: b\n'))).toEqual([]);
    expect(reader.push(Buffer.from('\n'))).toEqual(data('b'));
  });

  test('characters may be cut between their bytes', () => {
    const bytes = Buffer.from('data: äß€🙂\n\n');
    expect(readPieces([...bytes].map((byte) => Buffer.from([byte])))).toEqual(data('äß€🙂'));
  });

  test('what was written is read back', () => {
    expect(readText(sseEvent('ping', '{"a":1}') + sseData('[DONE]'))).toEqual([
      { event: 'ping', data: '{"a":1}' },
      { event: undefined, data: '[DONE]' },
    ]);
  });
});

describe('the limit of a frame', () => {
  test('one line may not grow past it, in one chunk or in many', () => {
    expect(() => readPieces([Buffer.from(`data: ${'x'.repeat(100)}\n\n`)], 50)).toThrow(RangeError);
    expect(() =>
      readPieces(
        Array.from({ length: 20 }, () => Buffer.from('data:x')),
        50,
      ),
    ).toThrow(RangeError);
  });

  test('many lines of one frame count together', () => {
    expect(() => readPieces([Buffer.from('data: x\n'.repeat(20))], 50)).toThrow(RangeError);
  });

  test('frames below it may follow each other for ever, and so may comments', () => {
    expect(readPieces([Buffer.from('data: x\n\n'.repeat(100))], 50)).toHaveLength(100);
    expect(readPieces([Buffer.from(`${': waiting\n'.repeat(100)}data: x\n\n`)], 50)).toEqual(data('x'));
  });
});

describe('whatever the bytes', () => {
  const line = fc.oneof(
    fc.constantFrom('', 'data', 'data:', 'event: a', ': comment', 'id: 1', 'retry: 5', 'data: {"a":"ä€🙂"}', '\uFEFFdata: x'),
    fc.string({ unit: 'grapheme', maxLength: 12 }),
    fc.string({ unit: 'grapheme', maxLength: 12 }).map((text) => `data: ${text}`),
  );
  const stream = fc
    .array(fc.tuple(line, fc.constantFrom('\n', '\r\n', '\r', '\n\n')))
    .map((lines) => Buffer.from(lines.map(([text, ending]) => text + ending).join('')));

  test('any way of cutting them gives the same frames', () => {
    fc.assert(
      fc.property(stream, fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 8 }), (bytes, places) => {
        expect(readPieces(cut(bytes, places))).toEqual(readPieces([bytes]));
      }),
      { numRuns: 500 },
    );
  });

  test('feeding them one by one gives the same frames', () => {
    fc.assert(
      fc.property(stream, (bytes) => {
        expect(readPieces([...bytes].map((byte) => Buffer.from([byte])))).toEqual(readPieces([bytes]));
      }),
    );
  });

  test('nothing is thrown but the limit', () => {
    const bytes = fc.oneof(
      fc.uint8Array({ maxLength: 300 }),
      fc
        .array(fc.constantFrom(0x0a, 0x0d, 0x3a, 0x20, 0x64, 0x61, 0x74, 0xef, 0xbb, 0xbf), { maxLength: 300 })
        .map((list) => Uint8Array.from(list)),
    );
    fc.assert(
      fc.property(fc.array(bytes, { maxLength: 6 }), (pieces) => {
        expect(Array.isArray(readPieces(pieces))).toBe(true);
        expect(thrownBy(() => readPieces(pieces, 64))).toBeOneOf([undefined, expect.any(RangeError)]);
      }),
      { numRuns: 1_000_000, interruptAfterTimeLimit: 300, markInterruptAsFailure: false },
    );
  });
});

// Work that grows with the square of a length would take minutes here, and the tests' own time would be over.
describe('what it costs to read', () => {
  const megabyte = 1024 * 1024;

  function pieces(bytes: Buffer, size: number): Buffer[] {
    return Array.from({ length: Math.ceil(bytes.length / size) }, (_, i) => bytes.subarray(i * size, (i + 1) * size));
  }

  test.each([
    ['a 10 MB line in small pieces', 10 * megabyte, 256],
    ['a 1 MB line in tiny pieces', megabyte, 4],
  ])('%s grows with its length alone', (_name, length, size) => {
    const frames = readPieces(pieces(Buffer.from(`data: ${'x'.repeat(length)}\n\n`), size));
    expect(frames.map(({ data }) => data.length)).toEqual([length]);
  });

  test('many lines grows with their number alone, also where a single CR is among them', () => {
    expect(readPieces([Buffer.from(`: a\rdata: b\n\n${'data: x\n\n'.repeat(200_000)}\r`)])).toHaveLength(200_001);
  });
});
