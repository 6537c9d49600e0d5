import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { completeQuery, parseQuery, quotedWhereNeeded, tokenise } from '../../bridges/contract/query.ts';

const bare = (query: string): unknown[] => parseQuery(query).terms.map(({ start: _start, end: _end, ...term }) => term);

describe('a query', () => {
  it('is fields, words and phrases, all of which must hold', () => {
    expect(bare('model:gpt-5* status:>=400 caller:ci "rate limit" -timeout sock*')).toEqual([
      { type: 'field', field: 'model', not: false, values: [{ kind: 'name', pattern: 'gpt-5*' }] },
      { type: 'field', field: 'status', not: false, values: [{ kind: 'number', compare: '>=', value: 400 }] },
      { type: 'field', field: 'caller', not: false, values: [{ kind: 'name', pattern: 'ci' }] },
      { type: 'text', not: false, text: 'rate limit', phrase: true, prefix: false },
      { type: 'text', not: true, text: 'timeout', phrase: false, prefix: false },
      { type: 'text', not: false, text: 'sock', phrase: false, prefix: true },
    ]);
  });
  it('takes alternatives, units, ranges and times', () => {
    expect(bare('-STATUS:429,500..599 duration:>2.5s request:<1.5MB is:failed,cut caller:"night, build"')).toEqual([
      {
        type: 'field',
        field: 'status',
        not: true,
        values: [
          { kind: 'number', compare: '=', value: 429 },
          { kind: 'range', from: 500, to: 599 },
        ],
      },
      { type: 'field', field: 'duration', not: false, values: [{ kind: 'number', compare: '>', value: 2500 }] },
      { type: 'field', field: 'request', not: false, values: [{ kind: 'number', compare: '<', value: 1_500_000 }] },
      {
        type: 'field',
        field: 'is',
        not: false,
        values: [
          { kind: 'choice', choice: 'failed' },
          { kind: 'choice', choice: 'cut' },
        ],
      },
      { type: 'field', field: 'caller', not: false, values: [{ kind: 'name', pattern: 'night, build' }] },
    ]);
    expect(bare('since:2h')).toMatchObject([{ values: [{ kind: 'time', compare: '>=', time: { agoMs: 7_200_000 } }] }]);
    expect(bare('time:2026-03-14T15:09Z')).toMatchObject([
      { values: [{ compare: '=', time: { from: Date.UTC(2026, 2, 14, 15, 9), to: Date.UTC(2026, 2, 14, 15, 10) } }] },
    ]);
    const [term] = parseQuery('until:2026-03-14').terms;
    expect(term).toMatchObject({ values: [{ compare: '<=', time: { from: new Date(2026, 2, 14).getTime() } }] });
  });
  it('tells each thing that is wrong with its place, and keeps the rest', () => {
    const text = 'modle:x status:lots "open';
    const { terms, problems } = parseQuery(`caller:ci ${text}`);
    expect(terms).toHaveLength(1);
    expect(problems.map(({ start, end }) => `caller:ci ${text}`.slice(start, end))).toEqual(['modle', 'lots', '"open']);
    expect(parseQuery('wire:smoke').problems[0]?.message).toContain('chat, responses, messages');
    expect(parseQuery('time:2026-02-31').problems).toHaveLength(1);
    expect(parseQuery('time:2026-02-31T15:09').problems).toHaveLength(1);
    expect(parseQuery('model:').problems).toHaveLength(1);
    expect(parseQuery('***').problems).toHaveLength(1);
  });
  it('can be anything at all: nothing is lost, nothing throws', () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom(...'ab:,-"*> <.019T\n'.split('')) }), (text) => {
        const tokens = tokenise(text);
        let at = 0;
        for (const token of tokens) {
          expect(text.slice(at, token.start).trim()).toBe('');
          expect(token.end).toBeGreaterThan(token.start);
          at = token.end;
        }
        expect(text.slice(at).trim()).toBe('');
        const { terms, problems } = parseQuery(text);
        expect(terms.length + problems.length).toBeGreaterThanOrEqual(tokens.length);
        completeQuery(text, text.length, {});
      }),
    );
  });
});

describe('completion', () => {
  const known = { model: ['gpt-5', 'gpt-5-mini', 'my model'], caller: ['ci'] };
  const after = (query: string, cursor = query.length): string[] =>
    completeQuery(query, cursor, known).map(({ start, end, insert }) => query.slice(0, start) + insert + query.slice(end));
  it('offers fields at the beginning of a word', () => {
    expect(after('caller:ci mod')).toEqual(['caller:ci model:']);
    expect(after('-sta')).toEqual(['-state:', '-status:']);
    expect(after('').length).toBeGreaterThan(10);
  });
  it('offers the values of a field, quoted where they must be', () => {
    expect(after('model:gpt')).toEqual(['model:gpt-5', 'model:gpt-5-mini']);
    expect(after('model:gpt-5,my')).toEqual(['model:gpt-5,"my model"']);
    expect(after('wire:m')).toEqual(['wire:messages']);
    expect(after('wire:m state:done', 6)).toEqual(['wire:messages state:done']);
  });
  it('offers nothing inside a phrase or after a field that is not known', () => {
    expect(after('"mod')).toEqual([]);
    expect(after('nofield:x')).toEqual([]);
  });
  it('offers what reads back as one value', () => {
    fc.assert(
      fc.property(fc.string({ minLength: 1 }), (value) => {
        fc.pre(!value.includes('"'));
        const quoted = quotedWhereNeeded(value);
        expect(tokenise(`caller:${quoted}`)[0]?.values[0]?.text).toBe(value);
      }),
    );
  });
});
