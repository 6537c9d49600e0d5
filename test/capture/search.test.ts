import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { Call } from '../../bridges/contract/index.ts';
import { idAt } from '../../bridges/capture/recorder.ts';
import { findCalls } from '../../bridges/capture/search.ts';
import { Store } from '../../bridges/capture/store.ts';
import { callRow } from './rows.ts';

const NOW = Date.UTC(2026, 5, 1, 12);
const folder = mkdtempSync(path.join(os.tmpdir(), 'drawbridge-search-'));
let store: Store;
const ids = new Map<number, string>();

function keep(
  name: string,
  hoursAgo: number,
  change: Partial<Call>,
  question: string,
  answer: string,
  replyType = 'application/json',
): void {
  const id = idAt(NOW - hoursAgo * 3_600_000);
  ids.set(id, name);
  const request = JSON.stringify({ model: 'm', messages: [{ role: 'user', content: question }] });
  store.transaction(() =>
    store.write({
      call: callRow(id, { startedAt: new Date(NOW - hoursAgo * 3_600_000).toISOString(), ...change }),
      ends: true,
      folder: name.startsWith('b') ? '/home/u/b' : null,
      sides: [
        { side: 'clientRequest', headers: '[]', body: Buffer.from(request) },
        { side: 'clientReply', headers: JSON.stringify([['content-type', replyType]]), body: Buffer.from(answer) },
      ],
    }),
  );
}

beforeAll(() => {
  store = Store.open(path.join(folder, 'captures.db'), 0).store;
  keep(
    'a',
    50,
    { modelRequested: 'gpt-5', status: 429, error: 'slow down' },
    'What is the rate limit of the upstream service here, please? Tell me.',
    '{"text":"Nobody knows"}',
  );
  keep(
    'b1',
    20,
    { modelRequested: 'gpt-5-mini', modelUsed: 'gpt-5-nano', caller: 'ci', durationMs: 4000 },
    'hello',
    '{"text":"Grüße from Zürich"}',
  );
  keep(
    'b2',
    10,
    {
      client: 'codex',
      wireIn: 'responses',
      streamed: true,
      usage: { input: 1200, cached: null, cacheWrite: null, output: 3, reasoning: null },
      toolCalls: 2,
    },
    'limit the rate, I said',
    '{"text":"no"}',
  );
  keep(
    'c',
    1,
    { client: 'Codex-Nightly', state: 'cut', cut: true },
    'quiet',
    'event: x\ndata: {"type":"content_block_delta","delta":{"type":"text_delta","text":"split wo"}}\n\nevent: x\ndata: {"type":"content_block_delta","delta":{"type":"text_delta","text":"rds \\"here\\""}}\n\n',
    'text/event-stream',
  );
});
afterAll(() => {
  store.close();
  rmSync(folder, { recursive: true, force: true });
});

const find = (query: string, before?: number, limit = 10): (string | undefined)[] =>
  store.list({ limit, before, query, now: NOW }).map((call) => ids.get(call.id));

describe('a search', () => {
  it.each([
    ['', ['c', 'b2', 'b1', 'a']],
    ['model:gpt-5', ['a']],
    ['model:gpt-5*', ['b1', 'a']],
    ['model:*nano', ['b1']],
    ['-model:gpt-5*', ['c', 'b2']],
    ['client:CODEX*', ['c', 'b2']],
    ['client:codex,curl', ['b2', 'b1', 'a']],
    ['status:>=400', ['a']],
    ['status:200 caller:ci', ['b1']],
    ['is:failed', ['c', 'a']],
    ['-is:failed', ['b2', 'b1']],
    ['is:cut,streamed', ['c', 'b2']],
    ['state:done wire:messages', ['b1', 'a']],
    ['duration:>2s', ['b1']],
    ['duration:1..3', ['c', 'b2', 'a']],
    ['input:>1k', ['b2']],
    ['tools:>=2', ['b2']],
    ['error:*', ['a']],
    ['-error:*', ['c', 'b2', 'b1']],
    ['since:15h', ['c', 'b2']],
    ['until:15h', ['b1', 'a']],
    ['folder:/home/u/*', ['b2', 'b1']],
    ['rate limit', ['b2', 'a']],
    ['"rate limit"', ['a']],
    ['rate -upstream', ['b2']],
    ['serv*', ['a']],
    ['zurich', ['b1']],
    ['knows model:gpt-5', ['a']],
    ['"split words here"', ['c']],
    ['nowhere', []],
    ['caller:nobody', []],
    ['path:"%"', []],
    ['"\' or 1=1 --"', []],
    ['"NEAR(rate limit)"', []],
  ])('%s', (query, wanted) => {
    expect(find(query)).toEqual(wanted);
  });

  it('goes on from the last row of a page, by fields as by words', () => {
    for (const query of ['', 'client:*', 'rate']) {
      const all = find(query);
      const [first] = store.list({ limit: 1, query, now: NOW });
      expect(find(query, first?.id)).toEqual(all.slice(1));
      expect(find(query, undefined, 1)).toEqual(all.slice(0, 1));
    }
  });

  it('tells what it can’t understand, and where', () => {
    expect(() => find('model:x statos:3')).toThrow(expect.objectContaining({ code: 'bad_input', details: { start: 8, end: 14 } }));
    for (const [query, start, end] of [
      ['rate a\0b', 5, 8],
      ['"a\0b"', 0, 5],
      ['-a\0b', 0, 4],
    ] as const)
      expect(() => find(query)).toThrow(expect.objectContaining({ code: 'bad_input', details: { start, end } }));
  });
});

describe('words that were said in calls that were stored in another order than they began in', () => {
  /** Live calls, of which neighbours change places; among them older ones that were imported, and some older than all. */
  const orders = {
    few: [5, 1, 9, 3, 7, 2, 8, 4, 6, 10],
    many: [
      ...Array.from({ length: 700 }, (_, i) => 1000 + 2 * (i ^ 3)),
      ...Array.from({ length: 300 }, (_, i) => 2001 - 2 * i),
      ...Array.from({ length: 100 }, (_, i) => 1 + i),
      ...Array.from({ length: 300 }, (_, i) => 3000 + i),
    ],
  };
  let place: string;
  let kept: Store;
  const fill = (order: readonly number[]): number[] => {
    place = mkdtempSync(path.join(os.tmpdir(), 'drawbridge-search-'));
    kept = Store.open(path.join(place, 'captures.db'), 0).store;
    const said = (id: number): string => (id % 10 === 9 ? 'straw' : 'needle');
    kept.transaction(() => {
      for (const id of order) {
        const sides = (['clientRequest', 'clientReply'] as const).map((side) => ({
          side,
          headers: '[]',
          body: Buffer.from(JSON.stringify({ messages: [{ role: 'user', content: `${said(id)} ${id}` }], text: said(id) })),
        }));
        kept.write({ call: callRow(id, { caller: id % 3 === 0 ? 'third' : 'other' }), ends: true, sides });
      }
    });
    return order.filter((id) => said(id) === 'needle').toSorted((a, b) => b - a);
  };
  afterEach(() => {
    kept.close();
    rmSync(place, { recursive: true, force: true });
  });
  const page = (query: string, limit: number, before?: number): number[] =>
    kept.list({ limit, before, query, now: NOW }).map(({ id }) => id);
  const pages = (query: string, limit: number, between: (last: number) => void = () => undefined): number[] => {
    const all: number[] = [];
    for (let before: number | undefined; ;) {
      const found = page(query, limit, before);
      all.push(...found);
      before = found.at(-1);
      if (before === undefined) return all;
      between(before);
    }
  };

  it.each(['few', 'many'] as const)('are found newest first and each once, page by page: %s', (size) => {
    const wanted = fill(orders[size]);
    for (const limit of [3, 50, 2000]) expect(pages('needle', limit)).toEqual(wanted);
    expect(pages('needle caller:third', 7)).toEqual(wanted.filter((id) => id % 3 === 0));
    expect(findCalls(kept.read, 'needle', NOW, false)).toEqual(wanted);
  });
  it.each(['few', 'many'] as const)('are all found where the last call of a page is removed before the next is read: %s', (size) => {
    const wanted = fill(orders[size]);
    expect(pages('needle', 4, (last) => kept.transaction(() => kept.remove([last])))).toEqual(wanted);
  });
  it('are found from a time of which no call is left', () => {
    const wanted = fill(orders.many);
    expect(page('needle', 5, 2999)).toEqual(wanted.filter((id) => id < 2999).slice(0, 5));
    expect(page('needle', 5, 1)).toEqual([]);
  });
});
