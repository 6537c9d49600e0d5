import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { decodeDelta, encodeDelta } from '../../bridges/capture/recipe.ts';
import { unpack } from '../../bridges/capture/pack.ts';
import { segments } from '../../bridges/capture/segments.ts';
import { Store } from '../../bridges/capture/store.ts';
import { check } from '../../bridges/capture/health.ts';
import { purge } from '../../bridges/capture/upkeep.ts';
import { callRow } from './rows.ts';

/** Some clients send their system prompt and their tools behind the history: a request ends as the one before it does. */
type Client = { messages: string[]; system: string[]; tools: string[] };

function withStore(work: (store: Store, onDisk: () => Buffer) => void): void {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'drawbridge-ends-'));
  const { store } = Store.open(path.join(folder, 'captures.db'), 0);
  try {
    work(store, () => Buffer.concat(readdirSync(folder).map((name) => readFileSync(path.join(folder, name)))));
  } finally {
    store.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

function keep(store: Store, id: number, body: Buffer): void {
  store.transaction(() => store.write({ call: callRow(id), ends: true, sides: [{ side: 'clientRequest', headers: '[]', body }] }));
}

function remove(store: Store, ids: number[]): void {
  for (const _ of purge(store, { kind: 'calls', ids }, false, 0));
}

/** All that is kept of what was said. */
function everything(store: Store): Buffer {
  const all = ['blocks', 'segments', 'recipes'].flatMap((table) => store.db.prepare<[], Buffer>(`select data from ${table}`).pluck().all());
  return Buffer.concat(all.map((data) => (data.length === 0 ? data : unpack(data, 10_000_000))));
}

const kept = (store: Store, id: number): string | undefined => store.sides(id)[0]?.body?.toString();

const asText = (text: string): object => ({ type: 'text', text });

function bodyOf({ messages, system, tools }: Client): string {
  return JSON.stringify({
    model: 'm',
    messages: messages.map((content, i) => ({ role: i % 2 === 0 ? 'user' : 'assistant', content })),
    system: system.map(asText),
    tools: tools.map((description) => ({ name: description.slice(0, 4), description })),
    stream: true,
  });
}

function segmentsOf(body: string): string[] {
  const found = segments(Buffer.from(body));
  const texts = Array.from({ length: found.length / 2 }, (_, i) => body.slice(found[2 * i], found[2 * i + 1]));
  return texts.filter((text) => text.length >= 64);
}

const long = (name: string): string => `${name} ${`what is said of ${name}, and said at length. `.repeat(4)}`;

it('what stands behind a history is told by the request before', () => {
  withStore((store) => {
    const client: Client = { messages: [], system: [long('system')], tools: Array.from({ length: 30 }, (_, i) => long(`tool ${i}`)) };
    const bodies = Array.from({ length: 70 }, (_, turn) => {
      client.messages.push(long(`question ${turn}`), turn % 3 === 0 ? 'no' : long(`answer ${turn}`));
      return bodyOf(client);
    });
    for (const [i, body] of bodies.entries()) keep(store, i + 1, Buffer.from(body));
    for (const [i, body] of bodies.entries()) expect(kept(store, i + 1)).toBe(body);
    const recipes = store.read.prepare<[], { base: number | null; data: Buffer }>('select base, data from recipes order by id').all();
    const sizes = recipes.filter(({ base }) => base !== null).map(({ data }) => unpack(data, 1_000_000).length);
    // Thirty tools would take a hundred and fifty bytes of each.
    expect(Math.max(...sizes)).toBeLessThan(100);
    expect(recipes.filter(({ base }) => base === null)).toHaveLength(2);
  });
});

it.each([
  ['was taken out', ['first'], ['first', 'other']],
  ['was taken out with all after it', [], ['other']],
])('what a removed request said before the end that the next one shares is gone with it, where it %s', (_, before, after) => {
  withStore((store, onDisk) => {
    const client = (messages: string[]): Client => ({
      messages: messages.map(long),
      system: [long('system')],
      tools: ['a', 'b', 'c'].map(long),
    });
    const secret = `purple-elephant-${'0'.repeat(8)}`;
    const [removed, left] = [bodyOf(client(['start', ...before, secret])), bodyOf(client(['start', ...after]))];
    keep(store, 1, Buffer.from(removed));
    keep(store, 2, Buffer.from(left));
    remove(store, [1]);
    expect(kept(store, 2)).toBe(left);
    const segments = store.read.prepare<[], number>('select id from segments').pluck().all();
    expect(segments).toHaveLength(4 + 1 + after.length);
    expect(onDisk().includes(secret)).toBe(false);
  });
});

it.each([
  ['in a block', 4],
  ['by itself', 4_000],
])('what a removed request said where the next one says it otherwise is gone with it, and the next one as it was: %s', (_, length) => {
  withStore((store) => {
    const [secret, other] = ['purple-elephant', 'innocent'];
    const client = (said: string): Client => ({
      messages: [`${'before it, at length. '.repeat(length)}${said}${' and behind it, at length.'.repeat(length)}`],
      system: [],
      tools: [],
    });
    const [removed, left] = [bodyOf(client(secret)), bodyOf(client(other))];
    keep(store, 1, Buffer.from(removed));
    keep(store, 2, Buffer.from(left));
    expect(everything(store).includes(secret)).toBe(true);
    for (let round = 0; round < 2; round += 1) {
      remove(store, [1]);
      expect(kept(store, 2)).toBe(left);
      expect(everything(store).includes(secret)).toBe(false);
    }
    // What is left of it is not taken for what it was.
    keep(store, 3, Buffer.from(removed));
    expect([kept(store, 2), kept(store, 3)]).toEqual([left, removed]);
  });
});

it('every request comes back as it was, however its history and what stands behind it change, also when others are removed', () => {
  const text = fc.oneof(
    fc.constantFrom('no', 'sk-aaaaaaaaaaaaaaaaaaaaaaaa', '}]'),
    fc.nat(6).map((n) => long(`text ${n}`)),
  );
  const list = fc.constantFrom('messages', 'system', 'tools' as const);
  const step = fc.record({
    client: fc.nat(2),
    add: fc.array(text, { maxLength: 3 }),
    change: fc.option(fc.record({ list, at: fc.nat(5), texts: fc.array(text, { maxLength: 2 }), away: fc.nat(2) }), { freq: 3 }),
    removed: fc.boolean(),
  });
  fc.assert(
    fc.property(fc.array(step, { minLength: 2, maxLength: 14 }), (steps) => {
      withStore((store) => {
        const clients = [0, 1, 2].map((n): Client => ({
          messages: [long(`client ${n}`)],
          system: [long('system')],
          tools: ['a', 'b', 'c'].map(long),
        }));
        const bodies = steps.map(({ client, add, change }) => {
          const one = clients[client];
          if (one === undefined) return '';
          one.messages.push(...add);
          if (change !== null) one[change.list].splice(change.at, change.away, ...change.texts);
          return bodyOf(one);
        });
        const shown = bodies.map((body) => body.replaceAll('sk-aaaaaaaaaaaaaaaaaaaaaaaa', '*'.repeat(27)));
        for (const [i, body] of bodies.entries()) keep(store, i + 1, Buffer.from(body));
        for (const [i, body] of shown.entries()) expect(kept(store, i + 1)).toBe(body);
        const gone = steps.flatMap(({ removed }, i) => (removed ? [i + 1] : []));
        remove(store, gone);
        for (const [i, body] of shown.entries()) expect(kept(store, i + 1)).toBe(gone.includes(i + 1) ? undefined : body);
        // What only removed requests said is gone.
        const left = shown.filter((_, i) => !gone.includes(i + 1)).flatMap(segmentsOf);
        const stored = store.read
          .prepare<[], number>('select count(*) from segments where substr(hash, 1, 8) <> zeroblob(8)')
          .pluck()
          .get();
        expect(stored).toBeLessThanOrEqual(new Set(left).size);
        const checking = check(store, 0);
        let checked = checking.next();
        while (checked.done !== true) checked = checking.next();
        expect(checked.value.problems).toEqual([]);
      });
    }),
    { numRuns: 60 },
  );
});

it('a delta gives back what it was made of', () => {
  const gap = fc.uint8Array({ maxLength: 20 }).map((bytes) => Buffer.from(bytes));
  const number = fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER });
  const piece = fc.oneof(
    fc.record({ gap, segment: number }),
    fc.record({ gap, segment: number, cut: fc.record({ start: fc.nat(), end: fc.nat(), own: gap }) }),
    fc.record({ gap, first: fc.nat(), count: number }),
  );
  fc.assert(
    fc.property(fc.record({ keep: fc.nat(), pieces: fc.array(piece), tail: gap }), (delta) => {
      expect(decodeDelta(encodeDelta(delta))).toEqual(delta);
    }),
  );
});
