import { describe, expect, it } from 'vitest';
import { parseQuery, QUERY_FIELDS } from '../../../bridges/contract/query.ts';
import type { Call } from '../../../bridges/contract/index.ts';
import { queryOf } from '../../../renderer/src/features/calls/search.ts';
import { fits } from '../../../renderer/src/lib/query-match.ts';
import { madeCall } from '../../fakes/made-calls.ts';

const NOW = Date.UTC(2026, 10, 21, 12);
const PLAIN: Partial<Call> = { state: 'done', cut: false, status: 200, error: null, lost: [], wireIn: 'chat', wireOut: 'chat' };
const call = (part: Partial<Call> = {}): Call => ({ ...madeCall(7, NOW - 60_000), ...PLAIN, ...part });
const fit = (query: string, part: Partial<Call> = {}): string => fits(call(part), parseQuery(query), NOW);

describe('a row that arrives live', () => {
  it('fits where every term holds', () => {
    expect(fit('model:gpt-5* status:200', { modelRequested: 'gpt-5.1', modelUsed: null })).toBe('yes');
    expect(fit('model:gpt-5* status:>=400', { modelRequested: 'gpt-5.1', modelUsed: null })).toBe('no');
    expect(fit('-client:codex', { client: 'codex' })).toBe('no');
    expect(fit('client:codex,curl', { client: 'curl' })).toBe('yes');
    expect(fit('caller:x', { caller: null })).toBe('no');
  });
  it('is asked about where words decide, unless another term refuses it already', () => {
    expect(fit('timeout')).toBe('ask');
    expect(fit('folder:~/work')).toBe('ask');
    expect(fit('timeout status:500')).toBe('no');
  });
  it('is told by its times, sizes and tokens, and never by a number that nobody stated', () => {
    expect(fit('since:2h')).toBe('yes');
    expect(fit('since:30s')).toBe('no');
    expect(fit('duration:>1s', { durationMs: 1500 })).toBe('yes');
    expect(fit('duration:<1s', { durationMs: null })).toBe('no');
    expect(fit('input:1k..2k', { usage: { input: 1500, cached: null, cacheWrite: null, output: 1, reasoning: null } })).toBe('yes');
    expect([fit('tools:>1', { toolCalls: 2 }), fit('tools:0', { toolCalls: 2 }), fit('tools:0', {})]).toEqual(['yes', 'no', 'no']);
    expect(fit('cached:0', { usage: { input: 1500, cached: null, cacheWrite: null, output: 1, reasoning: null } })).toBe('no');
  });
  it('takes * for any run of characters and every other sign for itself', () => {
    expect(fit('path:/v1/*.json', { path: '/v1/a.json' })).toBe('yes');
    expect(fit('path:/v1/*.json', { path: '/v1/ajson' })).toBe('no');
  });
  const PROPERTIES: Readonly<Record<(typeof QUERY_FIELDS)['is']['choices'][number], Partial<Call>>> = {
    ok: {},
    failed: { status: 500 },
    open: { state: 'open', status: null },
    cut: { state: 'cut', cut: true },
    streamed: { streamed: true },
    translated: { wireOut: 'messages' },
    lossy: { lost: [{ path: 'a', why: 'b' }] },
    replay: { replayOf: 3 },
  };
  it.each(Object.entries(PROPERTIES))('is:%s is told by the row', (property, part) => {
    expect(fit(`is:${property}`, part)).toBe('yes');
    expect(fit(`is:${property}`, property === 'ok' ? { status: 500 } : { streamed: false })).toBe('no');
  });
  it('knows the call that a repetition repeats', () => {
    expect(fit('replay:3', { replayOf: 3 })).toBe('yes');
    expect(fit('replay:3')).toBe('no');
  });
});

describe('a filter in the words of the query', () => {
  it('finds the same rows', () => {
    expect(queryOf({ client: 'claude-code', outcome: 'failed', q: 'timeout' })).toBe('is:failed client:claude-code timeout');
    expect(queryOf({ caller: 'night run' })).toBe('caller:"night run"');
    expect(queryOf({})).toBe('');
    expect(parseQuery(queryOf({ caller: 'night run', model: 'gpt-5', upstream: 'gateway', outcome: 'open' })).problems).toEqual([]);
  });
});
