import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { bodyOf, prettyOf } from '../../../renderer/src/features/calls/detail/again/body.ts';
import { sidesOf } from '../../../renderer/src/features/calls/detail/again/sides.ts';
import { asCode } from '../../../renderer/src/features/calls/detail/as-code.ts';
import { editsOf } from '../../../renderer/src/features/calls/detail/edits.ts';
import { cutAtFences } from '../../../renderer/src/features/calls/detail/fences.ts';
import { layOut, prettyJson, readPath, runThrough } from '../../../renderer/src/features/calls/detail/json.ts';
import { priceOf } from '../../../renderer/src/features/settings/price-draft.ts';
import { creditWords } from '../../../renderer/src/lib/credits.ts';
import { compact, dollars, duration, number } from '../../../renderer/src/lib/format.ts';
import { linesOf } from '../../../renderer/src/lib/lines-of.ts';

describe('JSON that is laid out', () => {
  it('says what it said, whatever it is', () => {
    fc.assert(
      fc.property(fc.json(), (text) => {
        expect(JSON.parse(prettyJson(text) ?? '')).toEqual(JSON.parse(text));
      }),
    );
  });
  it('keeps numbers, escapes and the order of keys as they came', () => {
    expect(prettyJson('{"b":90071992547409931,"a":"\\u0041\\/","c":[]}')).toBe(
      '{\n  "b": 90071992547409931,\n  "a": "\\u0041\\/",\n  "c": []\n}',
    );
    expect(prettyJson('data: {}')).toBeNull();
  });
  it('tells the lines of the fields that are asked for, else of what holds them', () => {
    const text = '{"tools":[{"name":"a","strict":true},{"strict":false}]}';
    const paths = ['tools[].strict', 'tools[1].nothing'].map((path) => readPath(path) ?? []);
    const layout = runThrough(layOut(text, paths));
    expect(layout?.places[0]).toEqual({ lines: [4, 7], exact: true });
    expect(layout?.places[1]?.exact).toBe(false);
    expect(readPath('tool results')).toBeNull();
  });
  it('indents no deeper than somebody can read, whatever is nested', () => {
    const layout = runThrough(layOut('['.repeat(5_000) + ']'.repeat(5_000)));
    expect(layout?.lines).toHaveLength(9_999);
    expect(Math.max(...(layout?.lines.map((line) => line.length) ?? []))).toBeLessThan(200);
  });
  it('goes as far as a text that was cut off goes', () => {
    expect(runThrough(layOut('{"a\\qb": 1, "c": "dd', [['x']], true))?.lines).toEqual(['{', '  "a\\qb": 1,', '  "c": "dd']);
    expect(runThrough(layOut('{"a":[1,{"b":"unfin', [], true))?.lines).toEqual(['{', '  "a": [', '    1,', '    {', '      "b": "unfin']);
  });
});

describe('a request as code', () => {
  const request = {
    method: 'POST',
    url: 'http://127.0.0.1:11435/k/[redacted]/v1/messages',
    headers: [
      ['host', '127.0.0.1'],
      ['x-api-key', '[redacted]'],
    ],
    body: `{"content":"it's"}`,
  } as const;
  it('holds a place for each secret, and leaves a connection’s own headers out', () => {
    expect(asCode('curl', request)).toBe(
      `curl 'http://127.0.0.1:11435/k/<key>/v1/messages' \\\n  -H 'x-api-key: <key>' \\\n  --data-raw '{"content":"it'\\''s"}'`,
    );
    expect(asCode('fetch', request)).toContain('["x-api-key", "<key>"]');
    expect(asCode('python', request)).toContain('"x-api-key": "<key>"');
    expect(asCode('python', request)).not.toContain('host');
  });
  it('names the method where curl would take another', () => {
    expect(asCode('curl', { ...request, body: null })).toContain("-X 'POST'");
    expect(asCode('curl', { ...request, method: 'PUT; rm -r ~ #' })).toContain("-X 'PUT; rm -r ~ #'");
    expect(asCode('curl', { ...request, method: 'GET', body: null })).not.toContain('-X');
  });
});

describe('an edit that a tool asks for', () => {
  it('is told by the names that known tools use', () => {
    expect(editsOf('Edit', '{"file_path":"/a","old_string":"x","new_string":"y"}')).toEqual([{ path: '/a', before: 'x', after: 'y' }]);
    expect(editsOf('MultiEdit', '{"file_path":"/a","edits":[{"old_string":"x","new_string":"y"},{}]}')).toHaveLength(1);
    expect(editsOf('Write', '{"file_path":"/a","content":"new"}')).toEqual([{ path: '/a', before: '', after: 'new' }]);
    expect(editsOf('apply_patch', '{"command":["apply_patch","*** Begin Patch\\n*** End Patch"]}')).toEqual([
      { patch: '*** Begin Patch\n*** End Patch' },
    ]);
  });
  it('is none where a tool only reads, or its input is no JSON', () => {
    expect(editsOf('Read', '{"file_path":"/a","content":"x"}')).toEqual([]);
    expect(editsOf('Edit', '{"file_path":')).toEqual([]);
  });
});

it('a message is cut at its fences, and one that nobody closes goes to the end', () => {
  expect(cutAtFences('a\n```ts\nlet x;\n```\nb\n~~~\n```')).toEqual([
    { kind: 'words', text: 'a' },
    { kind: 'code', text: 'let x;', language: 'typescript' },
    { kind: 'words', text: 'b' },
    { kind: 'code', text: '```', language: null },
  ]);
});

describe('a request that is edited', () => {
  const body = (content: string) => ({ bytes: content.length, encoding: 'utf8', content, whole: true }) as const;
  it('is indented to be read, and must be an object to be sent', () => {
    expect(prettyOf(body('{"a":1}'))).toBe('{\n  "a": 1\n}');
    expect(prettyOf(body('no json'))).toBe('no json');
    expect(prettyOf(null)).toBe('');
    expect(bodyOf('{"a":1}')).toEqual({ value: { a: 1 } });
    expect(bodyOf('[1]')).toMatchObject({ problem: expect.stringContaining('{') });
    expect(bodyOf('{')).toMatchObject({ problem: expect.stringContaining('JSON') });
  });
});

it('two answers are told apart side by side, each of them whole', () => {
  const { original, other } = sidesOf([
    { op: 'same', text: 'one\n' },
    { op: 'removed', text: 'two\n' },
    { op: 'added', text: 'three\n' },
  ]);
  expect(original.map(({ text }) => text).join('')).toBe('one\ntwo\n');
  expect(other.map(({ text }) => text).join('')).toBe('one\nthree\n');
  expect(other.filter(({ marked }) => marked)).toEqual([{ text: 'three\n', marked: true, at: 4 }]);
});

describe('a price that is typed', () => {
  const draft = { model: 'lab-*', input: '2', cached: '', cacheWrite: '', output: '0,5' };
  it('knows an empty amount from a zero', () => {
    expect(priceOf(draft)).toMatchObject({ model: 'lab-*', input: 2, cached: null, output: 0.5 });
    expect(priceOf({ ...draft, cached: '0' })).toMatchObject({ cached: 0 });
  });
  it('is none without a model, without an amount, or with one that is no number', () => {
    expect(priceOf({ ...draft, model: ' ' })).toBeNull();
    expect(priceOf({ ...draft, input: '', output: '' })).toBeNull();
    expect(priceOf({ ...draft, input: '-1' })).toBeNull();
    expect(priceOf({ ...draft, input: 'two' })).toBeNull();
  });
});

it('the lines of a file are whole, wherever its pieces are cut', async () => {
  const bytes = new TextEncoder().encode('ä\r\nb\n\nlast');
  for (let cut = 0; cut <= bytes.length; cut += 1) {
    const stream = new Blob([bytes.slice(0, cut), bytes.slice(cut)]).stream();
    const lines: string[] = [];
    for await (const line of linesOf(stream, () => undefined)) lines.push(line);
    expect(lines).toEqual(['ä', 'b', '', 'last']);
  }
});

it('numbers are written short, and an unknown one never as a zero', () => {
  expect([0, 999, 1000, 1_234_567].map(number)).toEqual(['0', '999', '1,000', '1,234,567']);
  expect([9999, 12_400, 1_200_000].map(compact)).toEqual(['9,999', '12.4k', '1.2M']);
  expect([420, 3200, 64_000].map(duration)).toEqual(['420 ms', '3.20 s', '1 m 04 s']);
  expect([0, 4.5e-7, 0.0042, 1.239, 1240].map(dollars)).toEqual(['$0', '$0.00000045', '$0.0042', '$1.24', '$1,240']);
  expect(creditWords({ included: 1500, left: 412, overage: 0, overageAllowed: false })).toBe(
    '412 of 1,500 requests left; no more after that',
  );
});
