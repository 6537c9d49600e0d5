import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Call } from '../../bridges/contract/index.ts';
import { assemble, decodeRecipe, encodeRecipe } from '../../bridges/capture/recipe.ts';
import { commonPrefix, segments } from '../../bridges/capture/segments.ts';
import { Store } from '../../bridges/capture/store.ts';
import { maskText } from '../../bridges/engine/redact.ts';
import { callRow as row, conversationOf as conversation } from '../capture/rows.ts';

let folder: string;
let file: string;
let store: Store;
beforeEach(() => {
  folder = mkdtempSync(path.join(os.tmpdir(), 'drawbridge-store-'));
  file = path.join(folder, 'captures.db');
  store = Store.open(file, 0).store;
});
afterEach(() => {
  store.close();
  rmSync(folder, { recursive: true, force: true });
});

describe('the segments of a body', () => {
  it('are the elements of its top-level arrays', () => {
    const body = Buffer.from('{"a":[{"x":"]}\\""},[1,{}]],"b":{"c":[{"not":"me"}]},"d":"[","e":[{"y":1}]}');
    const found = segments(body);
    const texts = Array.from({ length: found.length / 2 }, (_, i) => body.subarray(found[2 * i], found[2 * i + 1]).toString());
    expect(texts).toEqual(['{"x":"]}\\""}', '[1,{}]', '{"y":1}']);
  });
  it('never throw on bytes that are no JSON', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => segments(Buffer.from(bytes)).length % 2 === 0));
  });
});

describe('a recipe', () => {
  it('gives back what it was made of', () => {
    fc.assert(
      fc.property(
        fc.array(
          fc.record({
            gap: fc.uint8Array({ maxLength: 40 }),
            segment: fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }),
            cut: fc.option(fc.record({ start: fc.nat(1), end: fc.nat(1), own: fc.uint8Array({ maxLength: 20 }) })),
          }),
        ),
        fc.uint8Array(),
        (given, tail) => {
          const pieces = given.map(({ gap, segment, cut }) => ({
            gap: Buffer.from(gap),
            segment,
            cut: cut === null ? undefined : { start: cut.start, end: cut.end, own: Buffer.from(cut.own) },
          }));
          const segmentOf = (id: number): Buffer => Buffer.from(`<${id}>`);
          const told = ({ segment, cut }: (typeof pieces)[number]): Buffer[] => {
            const whole = segmentOf(segment);
            return cut === undefined ? [whole] : [whole.subarray(0, cut.start), cut.own, whole.subarray(whole.length - cut.end)];
          };
          const wanted = Buffer.concat([...pieces.flatMap((piece) => [piece.gap, ...told(piece)]), Buffer.from(tail)]);
          expect(assemble(decodeRecipe(encodeRecipe(pieces, Buffer.from(tail))), segmentOf)).toEqual(wanted);
        },
      ),
    );
  });
  it('says that it is damaged instead of inventing bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 30 }), (bytes) => {
        try {
          decodeRecipe(Buffer.from(bytes));
        } catch (error) {
          expect(error).toBeInstanceOf(RangeError);
        }
      }),
    );
  });
});

it('the common prefix of two bodies is as long as it is', () => {
  fc.assert(
    fc.property(fc.uint8Array(), fc.uint8Array(), fc.uint8Array(), (head, a, b) => {
      const [left, right] = [Buffer.from([...head, ...a]), Buffer.from([...head, ...b])];
      const shared = commonPrefix(left, right);
      expect(left.subarray(0, shared)).toEqual(right.subarray(0, shared));
      expect(left[shared] === undefined || right[shared] === undefined || left[shared] !== right[shared]).toBe(true);
    }),
  );
});

describe('the capture store', () => {
  it('gives every body back byte for byte, and keeps each message once', () => {
    store.checkpoint();
    const empty = statSync(file).size;
    const bodies = [
      ...conversation(30),
      Buffer.from('not json'),
      Buffer.alloc(0),
      Buffer.from('{"messages":[{"unclosed":'),
      Buffer.from('[{"a":1}]'),
    ];
    bodies.forEach((body, i) => {
      store.write({
        call: row(i + 1),
        ends: true,
        sides: [
          { side: 'clientRequest', headers: '[]', body },
          { side: 'clientReply', headers: '[["content-type","text/plain"]]', body: Buffer.from(`reply ${i}`) },
        ],
      });
    });
    bodies.forEach((body, i) => {
      const sides = store.sides(i + 1);
      expect(sides.find((side) => side.side === 'clientRequest')?.body).toEqual(body);
      expect(sides.find((side) => side.side === 'clientReply')?.body?.toString()).toBe(`reply ${i}`);
    });
    store.checkpoint();
    const raw = bodies.reduce((sum, body) => sum + body.length, 0);
    // Empty tables take a page each, whatever is stored.
    expect(statSync(file).size - empty).toBeLessThan(raw / 5);
  });
  it('gives back random bodies too, whatever order they come in', () => {
    let id = 0;
    fc.assert(
      fc.property(
        fc.array(
          fc.oneof(
            fc.json(),
            fc
              .record({ messages: fc.array(fc.record({ role: fc.string(), content: fc.string({ minLength: 50 }) })) })
              .map((body) => JSON.stringify(body)),
          ),
          { maxLength: 8 },
        ),
        (texts) => {
          for (const text of texts) {
            id += 1;
            store.write({ call: row(id), ends: true, sides: [{ side: 'clientRequest', headers: '[]', body: Buffer.from(text) }] });
            expect(store.sides(id)[0]?.body?.toString()).toBe(text);
          }
        },
      ),
      { numRuns: 50 },
    );
  });
  it('masks credentials and nothing else, also in messages that are nearly those of the body before', () => {
    const word = fc.constantFrom('sk-', 'AAAABBBBCCCCDDDD', 'zyxw9876', 'Bearer ', 'eyJ', '.', ' ', '\n', '"', '-', 'é', 'a', 'b');
    const text = fc.array(word, { maxLength: 12 }).map((words) => words.join(''));
    const same = 'please remember what I tell you. '.repeat(20);
    let id = 0;
    fc.assert(
      fc.property(text, text, fc.array(text, { minLength: 2, maxLength: 5 }), (before, after, differing) => {
        for (const one of differing) {
          id += 1;
          const messages = [{ role: 'user', content: `${same}${before}${one}${after}${same}` }];
          const body = JSON.stringify({ model: 'm', messages });
          store.write({ call: row(id), ends: true, sides: [{ side: 'clientRequest', headers: '[]', body: Buffer.from(body) }] });
          expect(store.sides(id)[0]?.body?.toString()).toBe(maskText(body));
        }
      }),
      { numRuns: 300 },
    );
  });
  const chunk = (delta: object, change: object = {}): string =>
    `data: ${JSON.stringify({ id: 'c', choices: [{ index: 0, delta }], ...change })}\n\n`;
  const key = `sk-proj-${'Zx9Qw8Er'.repeat(5)}`;
  const [first = '', ...rest] = key.match(/.{1,6}/g) ?? [];
  const said = ['my key:\n', first, ...rest, '\nand more'];
  it.each([
    ['in frames that are alike', said.map((content) => chunk({ content }))],
    ['in frames that differ', said.map((content, i) => chunk({ content }, { created: i }))],
    ['in frames that differ now and then', said.map((content, i) => chunk({ content }, { created: i >> 1 }))],
    [
      'in more kinds of frames than are remembered',
      Array.from({ length: 60 }, (_, i) => chunk({ content: said[i - 40] ?? 'word ' }, { created: i >> 1 })),
    ],
    [
      'from the frame of its role on',
      [chunk({ role: 'assistant', content: first }), ...[...rest, ' '].map((content) => chunk({ content }))],
    ],
    [
      'up to the frame of its end',
      [...said.slice(0, -2).map((content) => chunk({ content })), chunk({ content: rest.at(-1) }, { finish_reason: 'stop' })],
    ],
    ['after a comment', [': processing\n\n', ...said.map((content) => chunk({ content }))]],
    ['in the input of a tool', ['{"a":"', '\\', 'n', first, ...rest, '"}'].map((partial_json) => chunk({ partial_json }))],
    ['beside other values', said.map((content, i) => chunk({ content }, { obfuscation: 'xyz'.slice(i % 3) }))],
  ])('masks a key that came in pieces %s', (_which, frames) => {
    for (const stream of [frames.join(''), frames.join('').replaceAll('\n', '\r\n')]) {
      const sides = [{ side: 'clientReply' as const, headers: '[]', body: Buffer.from(stream) }];
      store.write({ call: row(1), ends: true, sides });
      const kept = store.sides(1)[0]?.body?.toString() ?? '';
      const values = [...kept.matchAll(/"(?:content|partial_json)":("(?:[^"\\]|\\.)*")/g)].map(([, value = '']) =>
        String(JSON.parse(value)),
      );
      expect(values.join('')).toContain('*'.repeat(key.length));
      expect(kept).toHaveLength(stream.length);
      store.remove([1]);
    }
  });
  it('masks nothing but what a stream says of a credential, whatever its frames', () => {
    const word = fc.constantFrom('sk-', 'AAAABBBBCCCC', 'zz9', ' ', '\n', '"', '\\', '-', 'é', 'Bearer ', '');
    const frames = fc.array(fc.tuple(word, fc.nat(3), fc.constantFrom('content', 'text', 'partial_json')), { maxLength: 40 });
    let id = 0;
    fc.assert(
      fc.property(frames, fc.constantFrom('\n', '\r\n'), (parts, lineEnd) => {
        id += 1;
        const stream = parts
          .map(([said, created, where]) => chunk({ [where]: said }, { created }))
          .join('')
          .replaceAll('\n', lineEnd);
        store.write({ call: row(id), ends: true, sides: [{ side: 'clientReply', headers: '[]', body: Buffer.from(stream) }] });
        const kept = store.sides(id)[0]?.body?.toString() ?? '';
        expect(kept).toHaveLength(stream.length);
        expect(Array.from(kept, (character, i) => (character === '*' ? stream[i] : character)).join('')).toBe(stream);
        const values = kept.split(/\r?\n/).flatMap((line): unknown[] => (line === '' ? [] : JSON.parse(line.slice(6)).choices));
        for (const where of ['content', 'text', 'partial_json']) {
          const said = values
            .map((value) => JSON.stringify(value).match(new RegExp(`"${where}":"((?:[^"\\\\]|\\\\.)*)"`))?.[1] ?? '')
            .join('');
          expect(maskText(said)).toBe(said);
        }
      }),
      { numRuns: 300 },
    );
  });
  it('lists newest first by keyset, and filters', () => {
    for (let id = 1; id <= 50; id++)
      store.write({
        call: row(id, {
          status: id % 10 === 0 ? 500 : 200,
          modelRequested: id % 2 === 0 ? 'even%' : 'odd',
          client: id > 40 ? 'codex' : 'curl',
        }),
        ends: true,
        sides: [],
      });
    const ids = (calls: Call[]): number[] => calls.map((call) => call.id);
    expect(ids(store.list({ limit: 3, before: undefined, filter: {}, now: 0 }))).toEqual([50, 49, 48]);
    expect(ids(store.list({ limit: 3, before: 48, filter: {}, now: 0 }))).toEqual([47, 46, 45]);
    expect(ids(store.list({ limit: 10, before: undefined, filter: { outcome: 'failed' }, now: 0 }))).toEqual([50, 40, 30, 20, 10]);
    expect(ids(store.list({ limit: 2, before: undefined, filter: { client: 'codex', model: 'odd' }, now: 0 }))).toEqual([49, 47]);
    expect(ids(store.list({ limit: 2, before: undefined, filter: { text: 'en%' }, now: 0 }))).toEqual([50, 48]);
    expect(store.list({ limit: 2, before: undefined, filter: { text: "'; drop table calls; --" }, now: 0 })).toEqual([]);
    expect(store.facets()).toMatchObject({ clients: ['codex', 'curl'], models: ['even%', 'odd'], callers: ['tests'] });
    expect(store.activity(41)).toMatchObject({ calls: 10, failed: 1, open: 0, ttfbP50Ms: 1.5 });
    expect(store.count).toBe(50);
  });
  it('reads a row back as it was written', () => {
    const call = row(7, {
      usage: { input: 5, cached: 0, cacheWrite: null, output: 3, reasoning: null },
      lost: [{ path: 'tools[0]', why: 'because' }],
      error: 'oh',
      modelUsed: 'real',
      streamed: true,
      ttfbMs: null,
    });
    store.write({ call, ends: true, sides: [], timeline: Float64Array.from([0, 1.25, 100, 2.5]) });
    expect(store.call(7)).toEqual(call);
    expect(store.timeline(7)).toEqual([
      [0, 1.25],
      [100, 2.5],
    ]);
    expect(store.call(8)).toBeUndefined();
  });
  it('adds to the row of a call that began what its end tells, and leaves its folder', () => {
    const begun = row(7, { state: 'open', status: null, modelUsed: null, durationMs: null, ttfbMs: null, replyBytes: 0, usage: null });
    const ended = row(7, {
      status: 502,
      streamed: true,
      state: 'cut',
      cut: true,
      modelUsed: 'real',
      durationMs: 1_234.5,
      ttfbMs: 3.25,
      replyBytes: 99,
      usage: { input: 5, cached: 4, cacheWrite: 3, output: 2, reasoning: 1 },
      lost: [{ path: 'tools[0]', why: 'because' }],
      error: 'oh',
    });
    store.write({ call: begun, ends: false, folder: '/srv/x', sides: [] });
    expect(store.call(7)).toEqual(begun);
    store.write({ call: ended, ends: true, folder: null, sides: [] });
    expect(store.call(7)).toEqual(ended);
    expect(store.list({ limit: 9, now: 0, query: 'folder:/srv/x' })).toEqual([ended]);
    expect(store.count).toBe(1);
  });
  it('marks what an earlier run left open as cut', () => {
    store.write({ call: row(1, { state: 'open', status: null }), ends: false, sides: [] });
    store.close();
    store = Store.open(file, 0).store;
    expect(store.call(1)).toMatchObject({ state: 'cut', cut: true });
  });
  it('is its owner’s alone', () => {
    store.write({ call: row(1), ends: true, sides: [] });
    for (const name of readdirSync(folder)) expect(statSync(path.join(folder, name)).mode & 0o077).toBe(0);
  });
  it('moves a damaged file aside and begins anew', () => {
    store.close();
    writeFileSync(file, 'this is no database, whatever its name says. '.repeat(100));
    const opened = Store.open(file, Date.UTC(2026, 0, 1));
    store = opened.store;
    expect(opened.movedAside).toContain('.damaged-2026-01-01');
    store.write({ call: row(1), ends: true, sides: [] });
    expect(store.list({ limit: 1, now: 0 })).toHaveLength(1);
  });
});
