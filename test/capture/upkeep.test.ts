import { createHash, randomBytes } from 'node:crypto';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { PurgeScope } from '../../bridges/contract/index.ts';
import { collect } from '../../bridges/capture/collect.ts';
import { check, sizes } from '../../bridges/capture/health.ts';
import type { Slices } from '../../bridges/capture/jobs.ts';
import { Meaning } from '../../bridges/capture/meaning.ts';
import { unpack } from '../../bridges/capture/pack.ts';
import { NO_PLACES } from '../../bridges/capture/places.ts';
import { idAt } from '../../bridges/capture/recorder.ts';
import { sealedWith } from '../../bridges/capture/seal.ts';
import { SealedStoreError, Store } from '../../bridges/capture/store.ts';
import { purge, retain } from '../../bridges/capture/upkeep.ts';
import { callRow, conversationOf } from './rows.ts';

let folder: string;
let store: Store;
beforeEach(() => {
  folder = mkdtempSync(path.join(os.tmpdir(), 'drawbridge-upkeep-'));
  store = Store.open(path.join(folder, 'captures.db'), 0).store;
});
afterEach(() => {
  store.close();
  rmSync(folder, { recursive: true, force: true });
});

const DAY = 86_400_000;
const NOW = Date.UTC(2026, 5, 1);

function keep(id: number, request: Buffer, reply = `reply to ${id}`, header = `value ${id}`): void {
  store.transaction(() =>
    store.write({
      call: callRow(id),
      ends: true,
      sides: [
        {
          side: 'clientRequest',
          headers: JSON.stringify([
            ['x-same', 'same'],
            ['x-own', header],
          ]),
          body: request,
        },
        { side: 'clientReply', headers: '[["content-type","text/plain"]]', body: Buffer.from(reply) },
      ],
    }),
  );
}

/** Runs work to its end; `between` runs between its slices. */
function run<T>(work: Slices<T>, between: () => void = () => undefined): T {
  for (;;) {
    const next = work.next();
    if (next.done === true) return next.value;
    between();
  }
}

const removed = (scope: PurgeScope): number => run(purge(store, scope, false, NOW)).calls;
const request = (id: number): Buffer | null | undefined => store.sides(id).find((side) => side.side === 'clientRequest')?.body;
const onDisk = (): Buffer => Buffer.concat(readdirSync(folder).map((name) => readFileSync(path.join(folder, name))));
const messageOf = (...texts: string[]): Buffer =>
  Buffer.from(JSON.stringify({ model: 'm', messages: texts.map((content) => ({ role: 'user', content })), note: texts.at(-1) }));
/** Short enough not to be compressed away, so that it could be found; the same each time, since of thirty others one is. */
const secret = (name: string): string => `purple-elephant-${createHash('sha256').update(name).digest('hex').slice(0, 24)}`;

describe('a purge', () => {
  it.each([
    ['together', [[1, 2]]],
    ['the session first', [[1], [2]]],
    ['its sub-agent first', [[2], [1]]],
  ])('forgets where a session ran once the calls of it and of its sub-agents are gone: %s', (_, removals) => {
    store.close();
    const meaning = new Meaning(NO_PLACES, (warning) => expect.fail(warning));
    ({ store } = Store.open(path.join(folder, 'captures.db'), 0, { followers: [meaning.follow] }));
    const say = (id: number, agent: string[][]): void => {
      const headers = JSON.stringify([['x-claude-code-session-id', 'session-of-theirs'], ...agent]);
      const system = 'Primary working directory: /home/u/secret-project\n';
      const messages = [{ role: 'user', content: system }];
      store.write({
        call: callRow(id),
        ends: true,
        sides: [{ side: 'clientRequest', headers, body: Buffer.from(JSON.stringify({ model: 'm', messages })) }],
      });
    };
    store.transaction(() => {
      say(1, []);
      say(2, [['x-claude-code-agent-id', 'agent-1']]);
    });
    const threads = store.db.prepare<[], string>('select session from conv_threads').pluck();
    expect(threads.all()).toEqual(['session-of-theirs', 'session-of-theirs']);
    for (const ids of removals) expect(removed({ kind: 'calls', ids })).toBe(ids.length);
    expect(threads.all()).toEqual([]);
  });
  it('leaves no word of what was removed in any file', () => {
    const [said, answered, sent] = [secret('said'), secret('answered'), secret('sent')];
    keep(1, messageOf(said), answered, sent);
    for (let id = 2; id < 40; id += 1) keep(id, messageOf(`${id} ${'innocent words '.repeat(30)}`));
    // So that it can be seen to have been there: what is short stands uncompressed.
    store.checkpoint();
    for (const text of [said, answered, sent]) expect(onDisk().includes(text)).toBe(true);
    expect(store.list({ limit: 5, query: `"${said}"`, now: NOW }).map((call) => call.id)).toEqual([1]);
    expect(removed({ kind: 'calls', ids: [1] })).toBe(1);
    for (const text of [said, answered, sent, said.slice(-24), answered.slice(-24)]) expect(onDisk().includes(text)).toBe(false);
    expect(store.list({ limit: 5, query: `"${said}"`, now: NOW })).toEqual([]);
    expect(request(2)).toEqual(messageOf(`2 ${'innocent words '.repeat(30)}`));
    expect(run(check(store, NOW))).toMatchObject({ ok: true, problems: [] });
  });

  it('takes what was moved aside as damaged along with all calls, and names it where it stays', () => {
    keep(1, messageOf('said'));
    const aside = `${store.file}.damaged-2026-01-01T00-00-00-000Z`;
    const other = `${store.file}-ballast`;
    for (const file of [aside, `${aside}-wal`, `${aside}-shm`, other]) writeFileSync(file, 'purple-elephant');
    expect(run(purge(store, { kind: 'calls', ids: [1] }, false, NOW)).damaged).toEqual([aside]);
    expect(run(purge(store, { kind: 'all' }, true, NOW)).damaged).toEqual([aside]);
    expect(existsSync(`${aside}-wal`)).toBe(true);
    expect(run(purge(store, { kind: 'all' }, false, NOW)).damaged).toEqual([aside]);
    expect(run(purge(store, { kind: 'all' }, false, NOW)).damaged).toEqual([]);
    expect(readdirSync(folder).filter((name) => name.includes('damaged'))).toEqual([]);
    expect(existsSync(other)).toBe(true);
  });

  it('removes the end of a conversation that went on another way, and keeps what the other way repeats', () => {
    const shared = `${secret('shared')} ${'which both ways begin with '.repeat(5)}`;
    const gone = `${secret('gone')} ${'which only one way says '.repeat(5)}`;
    keep(1, messageOf(shared, gone));
    keep(2, messageOf(shared, `something else ${'to go on with '.repeat(9)}`));
    keep(3, messageOf(shared, `something else ${'to go on with '.repeat(9)}`, `and more ${'of the same '.repeat(9)}`));
    expect(removed({ kind: 'calls', ids: [1] })).toBe(1);
    expect(onDisk().includes(gone.slice(0, 40))).toBe(false);
    expect(request(2)).toEqual(messageOf(shared, `something else ${'to go on with '.repeat(9)}`));
    expect(request(3)).toEqual(messageOf(shared, `something else ${'to go on with '.repeat(9)}`, `and more ${'of the same '.repeat(9)}`));
  });

  it('takes everything, what is older than a time, or what a query finds', () => {
    for (let i = 1; i <= 6; i += 1) keep(idAt(NOW - i * DAY), messageOf(`day ${i} ${i % 2 === 0 ? 'even' : 'odd'} ${'x '.repeat(40)}`));
    expect(run(purge(store, { kind: 'all' }, true, NOW)).calls).toBe(6);
    expect(store.count).toBe(6);
    expect(removed({ kind: 'before', time: new Date(NOW - 5.5 * DAY).toISOString() })).toBe(1);
    expect(removed({ kind: 'query', query: 'even' })).toBe(2);
    expect(store.count).toBe(3);
    expect(removed({ kind: 'all' })).toBe(3);
    const { parts, ...rest } = sizes(store);
    expect(rest).toMatchObject({ calls: 0, oldest: null, freeBytes: 0, encrypted: false });
    expect(parts.find((part) => part.part === 'messages')?.bytes).toBeLessThan(20_000);
    for (const table of ['segments', 'blocks', 'recipes', 'heads', 'exchanges']) {
      expect(store.db.prepare(`select count(*) from ${table}`).pluck().get()).toBe(0);
    }
  });
});

describe('retention', () => {
  it('removes what is older than so many days', () => {
    for (let i = 1; i <= 10; i += 1) keep(idAt(NOW - i * DAY), messageOf(`day ${i} ${'x '.repeat(40)}`));
    expect(run(retain(store, { days: 5, maxBytes: null }, NOW)).calls).toBe(5);
    expect(store.count).toBe(5);
    expect(run(retain(store, { days: 5, maxBytes: null }, NOW)).calls).toBe(0);
  });

  it('removes the oldest until the store is no larger than it may be', () => {
    for (let id = 1; id <= 300; id += 1) keep(id, messageOf(`${id} ${randomBytes(4000).toString('base64')}`));
    store.checkpoint();
    const before = store.size();
    const result = run(retain(store, { days: null, maxBytes: 800_000 }, NOW));
    expect(before).toBeGreaterThan(1_000_000);
    expect(result.calls).toBeGreaterThan(50);
    expect(result.bytesAfter).toBeLessThan(before / 1.3);
    expect(store.call(1)).toBeUndefined();
    expect(store.call(300)).toBeDefined();
    expect(run(check(store, NOW))).toMatchObject({ ok: true });
  });
});

describe('what is compressed together', () => {
  const said = (id: number, what: string): Buffer => messageOf(`${what} ${id} ${'and so on '.repeat(20)}`);
  const keepAll = (ids: readonly number[], words: string): void =>
    store.transaction(() => {
      for (const id of ids) {
        const sides = [
          { side: 'clientRequest' as const, headers: '[]', body: said(id, words) },
          { side: 'clientReply' as const, headers: '[]', body: said(id, `${words} in reply`) },
        ];
        store.write({ call: callRow(id), ends: true, sides });
      }
    });

  it('is given back whole when some of it was removed, and what was removed is gone', () => {
    const ids = Array.from({ length: 12 }, (_, i) => i + 1);
    keepAll(ids, 'spoken');
    const blocks = (): Buffer[] =>
      store.db
        .prepare<[], Buffer>('select data from blocks')
        .pluck()
        .all()
        .map((data) => unpack(data, 1_000_000));
    expect(blocks()).toHaveLength(1);
    expect(blocks().every((block) => block.includes('spoken in reply 5 ') || block.includes('spoken 5 '))).toBe(true);
    expect(removed({ kind: 'calls', ids: [5, 6] })).toBe(2);
    expect(blocks().some((block) => block.includes('spoken 5 ') || block.includes('spoken in reply 6 '))).toBe(false);
    for (const id of ids.filter((one) => one < 5 || one > 6)) {
      expect(store.sides(id).map((side) => side.body)).toEqual([said(id, 'spoken'), said(id, 'spoken in reply')]);
    }
    expect(removed({ kind: 'all' })).toBe(10);
    expect(blocks()).toEqual([]);
  });

  it('is forgotten when its transaction fails', () => {
    keepAll([1], 'first');
    expect(() =>
      store.transaction(() => {
        store.write({ call: callRow(2), ends: true, sides: [{ side: 'clientRequest', headers: '[]', body: said(2, 'lost') }] });
        throw new Error('the disk is full');
      }),
    ).toThrow(/full/);
    store.forget();
    keepAll([2, 3], 'again');
    expect(request(1)).toEqual(said(1, 'first'));
    expect(request(2)).toEqual(said(2, 'again'));
    expect(request(3)).toEqual(said(3, 'again'));
    expect(run(check(store, NOW)).problems).toEqual([]);
  });
});

describe('collecting garbage', () => {
  it('changes nothing that is still called for, whatever is removed and whatever comes meanwhile', () => {
    let id = 0;
    fc.assert(
      fc.property(fc.array(fc.boolean(), { minLength: 1, maxLength: 60 }), fc.integer({ min: 1, max: 6 }), (fates, turns) => {
        const kept = new Map<number, Buffer>();
        const bodies = conversationOf(turns + 8);
        for (const stays of fates) {
          id += 1;
          const body = bodies[id % bodies.length] ?? Buffer.alloc(0);
          keep(id, body);
          if (stays) kept.set(id, body);
          else store.transaction(() => store.remove([id]));
        }
        run(collect(store), () => {
          id += 1;
          const body = bodies[(id * 7) % bodies.length] ?? Buffer.alloc(0);
          keep(id, body);
          kept.set(id, body);
        });
        for (const [one, body] of kept) expect(request(one)?.equals(body)).toBe(true);
        expect(run(check(store, NOW)).problems).toEqual([]);
      }),
      { numRuns: 15 },
    );
  });
});

describe('a check', () => {
  it('names the call whose body is damaged', () => {
    keep(1, messageOf('first '.repeat(40)));
    keep(2, messageOf('second '.repeat(40)));
    store.db.prepare('update blocks set data = ? where id = (select block from segments order by id desc limit 1)').run(randomBytes(50));
    const found = run(check(store, NOW));
    expect(found.ok).toBe(false);
    expect(found.problems.join()).toContain('call 2');
  });
});

describe('a full disk', () => {
  it('refuses what does not fit, keeps what was there, and goes on when there is room again', () => {
    const pages = Number(store.db.pragma('page_count', { simple: true }));
    store.db.pragma(`max_page_count = ${pages + 40}`);
    let written = 0;
    expect(() => {
      for (;;) {
        keep(written + 1, messageOf(randomBytes(3000).toString('base64')));
        written += 1;
      }
    }).toThrow(/full/);
    store.forget();
    expect(store.count).toBe(written);
    expect(run(check(store, NOW))).toMatchObject({ ok: true });
    expect(removed({ kind: 'all' })).toBe(written);
    store.db.pragma('max_page_count = 1000000');
    keep(1000, messageOf('room again '.repeat(20)));
    expect(request(1000)).toEqual(messageOf('room again '.repeat(20)));
  });
});

describe('an encrypted store', () => {
  const key = randomBytes(32);
  beforeEach(() => {
    store.close();
    rmSync(path.join(folder, 'captures.db'));
    store = Store.open(path.join(folder, 'captures.db'), 0, { seal: sealedWith(key) }).store;
  });
  it('gives back what it got, and has none of it in its files', () => {
    const said = secret('said');
    keep(1, messageOf(said), `${said} again`, said);
    keep(2, messageOf(`${said} ${'more '.repeat(40)}`));
    store.checkpoint();
    expect(onDisk().includes(said.slice(-24))).toBe(false);
    expect(request(2)).toEqual(messageOf(`${said} ${'more '.repeat(40)}`));
    expect(store.sides(1)[0]?.headers).toContain(said);
    expect(removed({ kind: 'calls', ids: [1] })).toBe(1);
    expect(run(check(store, NOW))).toMatchObject({ ok: true });
  });
  it('opens with its own key alone, and is left as it is otherwise', () => {
    keep(1, messageOf('hello '.repeat(20)));
    store.close();
    const file = path.join(folder, 'captures.db');
    expect(() => Store.open(file, 0)).toThrow(SealedStoreError);
    expect(() => Store.open(file, 0, { seal: sealedWith(randomBytes(32)) })).toThrow(SealedStoreError);
    store = Store.open(file, 0, { seal: sealedWith(key) }).store;
    expect(request(1)).toEqual(messageOf('hello '.repeat(20)));
  });
  it('says that it can’t be searched for words; fields still work', () => {
    keep(1, messageOf('hello '.repeat(20)));
    expect(() => store.list({ limit: 1, query: 'hello', now: NOW })).toThrow(/encrypted/);
    expect(store.list({ limit: 1, query: 'model:m', now: NOW })).toHaveLength(1);
  });
});
