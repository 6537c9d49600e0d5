import Database from 'better-sqlite3';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Graph, type NodeDetail } from '../../../bridges/capture/conversations/graph.ts';
import { endsOf, IDS_PER_MS, VIA, type NodeFacts } from '../../../bridges/capture/conversations/link.ts';
import { textHash } from '../../../bridges/capture/conversations/reply.ts';
import { scanRequest } from '../../../bridges/capture/conversations/scan.ts';
import { placesOf } from '../../../bridges/capture/conversations/tree.ts';
import { migrate } from '../../../bridges/capture/migrate.ts';
import { MIGRATIONS } from '../../../bridges/capture/migrations/index.ts';

const SECOND = 1000 * IDS_PER_MS;

type Said = { who: 'user' | 'assistant'; text: string };
type Made = {
  /** Seconds since the beginning; it gives the id. */
  at: number;
  history: Said[];
  client?: string;
  caller?: string;
  thread?: number;
  parentThread?: number;
  side?: boolean;
  summary?: boolean;
  root?: boolean;
  spawns?: string[];
  summarises?: string[];
  lines?: string[];
};

const user = (text: string): Said => ({ who: 'user', text });
const assistant = (text: string): Said => ({ who: 'assistant', text });

function open(): { db: Database.Database; graph: Graph } {
  const db = new Database(':memory:');
  migrate(db, MIGRATIONS);
  return { db, graph: new Graph(db) };
}

function factsOf(made: Made): { facts: NodeFacts; detail: NodeDetail } {
  const body = Buffer.from(JSON.stringify({ model: 'm', messages: made.history.map(({ who, text }) => ({ role: who, content: text })) }));
  const scan = scanRequest('chat', body);
  if (scan === undefined) throw new Error('not read');
  const ends = endsOf(scan);
  return {
    facts: {
      call: made.at * SECOND,
      client: made.client ?? 'curl',
      caller: made.caller ?? 'tests',
      thread: made.thread ?? null,
      parentThread: made.parentThread ?? null,
      ...ends,
      prompt: ends.deep || scan.first === null ? null : textHash(scan.first),
      lines: (made.lines ?? []).map(textHash),
      side: made.side ?? false,
      root: made.root ?? false,
    },
    detail: { steps: scan.steps.length, summary: made.summary ?? false, title: scan.last, context: scan.context },
  };
}

function store(db: Database.Database, graph: Graph, made: Made): void {
  const { facts, detail } = factsOf(made);
  db.prepare(
    `insert into calls (id, started_ms, state, client, caller, method, path, streamed, request_bytes, reply_bytes)
     values (?, 0, 1, ?, ?, 'POST', '/', 0, 0, 0)`,
  ).run(facts.call, facts.client, facts.caller);
  graph.add(facts, detail);
  if (made.spawns !== undefined) graph.addSpawns(facts.call, made.spawns.map(textHash), facts.call / IDS_PER_MS + 1000);
  if (made.summarises !== undefined) graph.addSummary(facts.call, made.summarises.map(textHash));
  graph.flush();
}

function remove(db: Database.Database, graph: Graph, gone: readonly Made[]): void {
  const calls = gone.map(({ at }) => at * SECOND);
  graph.remove(calls);
  for (const call of calls) db.prepare('delete from calls where id = ?').run(call);
}

const without = (calls: readonly Made[], gone: readonly Made[]): Made[] => calls.filter(({ at }) => !gone.some((one) => one.at === at));

type Shape = { at: number; parent: number | null; via: string; conversation: number };

function shapeOf(db: Database.Database): Shape[] {
  return db
    .prepare<[], { call: number; parent: number | null; via: number; conversation: number }>('select * from conv_nodes order by call')
    .all()
    .map((row) => ({
      at: row.call / SECOND,
      parent: row.parent === null ? null : row.parent / SECOND,
      via: VIA[row.via] ?? '?',
      conversation: row.conversation / SECOND,
    }));
}

function conversationsOf(db: Database.Database): { id: number; last: number }[] {
  return db
    .prepare<[], { id: number; last_call: number }>('select id, last_call from conversations order by id')
    .all()
    .map((row) => ({ id: row.id / SECOND, last: row.last_call / SECOND }));
}

function linked(calls: readonly Made[]): { shape: Shape[]; conversations: { id: number; last: number }[]; db: Database.Database } {
  const { db, graph } = open();
  for (const made of calls) store(db, graph, made);
  return { shape: shapeOf(db), conversations: conversationsOf(db), db };
}

const parents = (calls: readonly Made[]): (number | null)[] => linked(calls).shape.map(({ parent }) => parent);

const talk = (...texts: string[]): Said[] => texts.map((text, i) => (i % 2 === 0 ? user(text) : assistant(text)));

describe('calls that share a history', () => {
  it('follow one another', () => {
    expect(
      parents([
        { at: 1, history: talk('a') },
        { at: 2, history: talk('a', 'b', 'c') },
        { at: 3, history: talk('a', 'b', 'c', 'd', 'e') },
      ]),
    ).toEqual([null, 1, 2]);
  });
  it('begin a conversation each where only their first words are alike and two callers said them', () => {
    expect(
      parents([
        { at: 1, history: talk('hi'), caller: 'one' },
        { at: 2, history: talk('hi'), caller: 'two' },
        { at: 3, history: talk('hi', 'x', 'y'), caller: 'two' },
      ]),
    ).toEqual([null, null, 2]);
  });
  it('stay together where another key goes on with a whole exchange', () => {
    expect(
      parents([
        { at: 1, history: talk('a'), caller: 'one' },
        { at: 2, history: talk('a', 'b', 'c'), caller: 'one' },
        { at: 3, history: talk('a', 'b', 'c', 'd', 'e'), caller: 'two' },
      ]),
    ).toEqual([null, 1, 2]);
  });
  it('are a retry where the whole history is the same', () => {
    const { shape } = linked([
      { at: 1, history: talk('a') },
      { at: 2, history: talk('a') },
      { at: 3, history: talk('a', 'b', 'c') },
      { at: 2000, history: talk('a') },
    ]);
    expect(shape.map(({ parent, via }) => [parent, via])).toEqual([
      [null, 'none'],
      [1, 'retry'],
      [2, 'prefix'],
      [null, 'none'],
    ]);
  });
});

describe('a session', () => {
  it('holds what its client went on with after it rewrote the history', () => {
    const calls: Made[] = [
      { at: 1, thread: 1, history: talk('a') },
      { at: 2, thread: 1, history: talk('a', 'b', 'c') },
      { at: 3, thread: 1, summary: true, history: talk('a', 'b', 'c', 'd', 'sum up') },
      { at: 4, thread: 1, history: talk('This session is continued: ...', 'ok', 'next') },
      { at: 5, thread: 1, history: talk('This session is continued: ...', 'ok', 'next', 'f', 'g') },
    ];
    expect(parents(calls)).toEqual([null, 1, 2, 3, 4]);
  });
  it('holds the sub-tasks it spawned, at the reply that asked for them', () => {
    const calls: Made[] = [
      { at: 1, thread: 1, history: talk('a'), spawns: ['do this', 'do that'] },
      { at: 2, thread: 1, history: talk('a', 'b', 'c') },
      { at: 3, thread: 2, parentThread: 1, history: talk('do that') },
      { at: 4, thread: 3, parentThread: 1, history: talk('told by nobody') },
      { at: 5, thread: 2, parentThread: 1, history: talk('do that', 'x', 'y') },
    ];
    expect(linked(calls).shape.map(({ parent, via }) => [parent, via])).toEqual([
      [null, 'none'],
      [1, 'prefix'],
      [1, 'task'],
      [2, 'task'],
      [3, 'prefix'],
    ]);
  });
  it('keeps side requests apart, also one that came before the first turn', () => {
    const calls: Made[] = [
      { at: 1, thread: 1, side: true, history: talk('title of: a') },
      { at: 2, thread: 1, history: talk('a') },
      { at: 3, thread: 1, history: talk('a', 'b', 'c') },
      { at: 4, thread: 1, side: true, history: talk('quota') },
    ];
    const { shape, conversations } = linked(calls);
    expect(shape.map(({ parent }) => parent)).toEqual([2, null, 2, 3]);
    expect(conversations).toEqual([{ id: 2, last: 4 }]);
  });
});

it('tells what kind of request each call is, also of one whose parent is not remembered', () => {
  const { db, graph } = open();
  const calls: Made[] = [
    { at: 1, history: talk('a'), spawns: ['look there'] },
    { at: 2, history: talk('look there') },
    { at: 3, history: talk('a', 'b', 'c') },
    { at: 4, thread: 1, history: talk('other') },
    { at: 5, thread: 1, side: true, history: talk('title of: other') },
    { at: 6, thread: 2, parentThread: 1, history: talk('of an agent') },
    { at: 7, thread: 1, summary: true, history: talk('other', 'x', 'sum it up') },
  ];
  for (const call of calls) store(db, graph, call);
  expect(calls.map(({ at }) => graph.kind(at * SECOND))).toEqual(['turn', 'subtask', 'turn', 'turn', 'side', 'subtask', 'summary']);
  const later = new Graph(db);
  store(db, later, { at: 8, history: talk('look there', 'y', 'go on') });
  expect([2, 5, 7, 8, 9].map((at) => later.kind(at * SECOND))).toEqual(['subtask', 'side', 'summary', 'subtask', null]);
});

describe('a client without sessions', () => {
  it('has its sub-tasks known by the exact prompt, soon after the call that asked', () => {
    const calls: Made[] = [
      { at: 1, history: talk('a'), spawns: ['look there'] },
      { at: 3, history: talk('look there') },
      { at: 200, history: talk('look there!') },
      { at: 3000, history: talk('look there') },
    ];
    expect(parents(calls)).toEqual([null, 1, null, null]);
  });
  it('has its compaction known by the lines of the summary', () => {
    const calls: Made[] = [
      { at: 1, history: talk('a') },
      { at: 2, history: talk('a', 'b', 'sum up'), summary: true, summarises: ['We have built the north wing.'] },
      { at: 3, history: talk('Continued: We have built ...'), lines: ['Earlier on,', 'We have built the north wing.'] },
    ];
    expect(parents(calls)).toEqual([null, 1, 2]);
  });
});

/** Calls of a few conversations that branch, retry, compact, spawn, and ask aside. */
const arbitraryCalls = fc
  .array(
    fc.record({
      from: fc.nat(20),
      cut: fc.nat(3),
      words: fc.array(fc.constantFrom('a', 'b', 'c'), { minLength: 1, maxLength: 3 }),
      caller: fc.constantFrom('one', 'two'),
      thread: fc.option(fc.nat(2), { nil: undefined }),
      parentThread: fc.option(fc.nat(2), { nil: undefined }),
      kind: fc.constantFrom('turn', 'turn', 'turn', 'side', 'summary', 'root'),
      spawns: fc.option(fc.constantFrom('a', 'b', 'c'), { nil: undefined }),
      lines: fc.option(fc.constantFrom('l1', 'l2'), { nil: undefined }),
    }),
    { minLength: 1, maxLength: 14 },
  )
  .map((seeds) => {
    const made: Made[] = [];
    seeds.forEach((seed, i) => {
      const before = made[seed.from % (made.length + 1)]?.history ?? [];
      const kept = before.slice(0, Math.max(0, before.length - seed.cut));
      const history = [...kept];
      for (const word of seed.words) history.push(history.length % 2 === 0 ? user(word) : assistant(word));
      if (history.length % 2 === 0) history.push(user('go'));
      made.push({
        at: (i + 1) * 7,
        history,
        caller: seed.caller,
        ...(seed.thread === undefined ? {} : { thread: seed.thread + 1 }),
        ...(seed.parentThread === undefined || seed.parentThread === seed.thread ? {} : { parentThread: seed.parentThread + 1 }),
        side: seed.kind === 'side',
        root: seed.kind === 'root',
        summary: seed.kind === 'summary',
        ...(seed.spawns === undefined ? {} : { spawns: [seed.spawns] }),
        ...(seed.kind === 'summary' && seed.lines !== undefined ? { summarises: [seed.lines] } : {}),
        ...(seed.kind === 'turn' && seed.lines !== undefined ? { lines: [seed.lines] } : {}),
      });
    });
    return made;
  });

describe('the links of a set of calls', () => {
  it('are the same whatever the order in which the calls are stored', () => {
    fc.assert(
      fc.property(
        arbitraryCalls.chain((calls) => fc.tuple(fc.constant(calls), fc.shuffledSubarray(calls, { minLength: calls.length }))),
        ([inOrder, shuffled]) => {
          const a = linked(inOrder);
          const b = linked(shuffled);
          expect(b.shape).toEqual(a.shape);
          expect(b.conversations).toEqual(a.conversations);
        },
      ),
      { numRuns: 150 },
    );
  });
  it('are those of what is left, whatever was removed and however much at a time', () => {
    fc.assert(
      fc.property(
        arbitraryCalls.chain((calls) =>
          fc.tuple(
            fc.shuffledSubarray(calls, { minLength: calls.length }),
            fc.array(fc.shuffledSubarray(calls, { maxLength: Math.min(4, calls.length) }), { minLength: 1, maxLength: 3 }),
          ),
        ),
        ([calls, removals]) => {
          const { db, graph } = open();
          for (const made of calls) store(db, graph, made);
          for (const gone of removals) remove(db, graph, gone);
          const left = linked(without(calls, removals.flat()));
          expect(shapeOf(db)).toEqual(left.shape);
          expect(conversationsOf(db)).toEqual(left.conversations);
        },
      ),
      { numRuns: 150 },
    );
  });
  it('are the same where calls come after others were removed', () => {
    fc.assert(
      fc.property(
        arbitraryCalls.chain((calls) =>
          fc.tuple(fc.shuffledSubarray(calls, { minLength: calls.length }), fc.nat(calls.length), fc.shuffledSubarray(calls)),
        ),
        ([calls, before, wanted]) => {
          const { db, graph } = open();
          const later = calls.slice(before);
          const gone = without(wanted, later);
          for (const made of without(calls, later)) store(db, graph, made);
          remove(db, graph, gone);
          for (const made of later) store(db, graph, made);
          expect(shapeOf(db)).toEqual(linked(without(calls, gone)).shape);
        },
      ),
      { numRuns: 150 },
    );
  });
  it('are the same where many calls say the same, whatever the order', () => {
    const others = Array.from({ length: 100 }, (_, i): Made => ({ at: 2 + i, history: talk('hi'), caller: `other ${i}` }));
    const calls: Made[] = [
      { at: 1, history: talk('hi'), caller: 'own' },
      ...others,
      { at: 110, history: talk('hi'), caller: 'own', side: true },
      { at: 120, history: talk('hi', 'x', 'y'), caller: 'own' },
      { at: 121, history: talk('hi', 'x', 'y'), caller: 'other 30' },
      { at: 122, history: talk('hi', 'x', 'y'), caller: 'other 99' },
    ];
    const { shape } = linked(calls);
    expect(shape.slice(-3).map(({ parent }) => parent)).toEqual([null, null, 101]);
    expect(linked(calls.toReversed()).shape).toEqual(shape);
    // The newest comes first, so that the others stand in the tables alone.
    expect(linked([...calls.slice(-1), ...calls.slice(0, -1)]).shape).toEqual(shape);
  });
  it('never point forward, but from a side request', () => {
    fc.assert(
      fc.property(arbitraryCalls, (calls) => {
        for (const { at, parent, via } of linked(calls).shape) if (parent !== null && via !== 'side') expect(parent).toBeLessThan(at);
      }),
    );
  });
  it('merge two conversations when the call between them comes late', () => {
    const { db, graph } = open();
    const calls: Made[] = [
      { at: 1, history: talk('a') },
      { at: 3, history: talk('a', 'b', 'c', 'd', 'e'), caller: 'two' },
      { at: 4, history: talk('a', 'b', 'c', 'd', 'e', 'f', 'g'), caller: 'two' },
    ];
    for (const made of calls) store(db, graph, made);
    expect(conversationsOf(db)).toEqual([
      { id: 1, last: 1 },
      { id: 3, last: 4 },
    ]);
    store(db, graph, { at: 2, history: talk('a', 'b', 'c') });
    expect(conversationsOf(db)).toEqual([{ id: 1, last: 4 }]);
    expect(shapeOf(db).map(({ parent }) => parent)).toEqual([null, 1, 2, 3]);
  });
  it.each([
    { order: [1, 2, 3, 4], gone: [[2]] },
    { order: [1, 4, 3, 2], gone: [[2]] },
    { order: [1, 2, 3, 4], gone: [[2, 3]] },
    { order: [1, 2, 3, 4], gone: [[3, 2]] },
    { order: [1, 2, 3, 4], gone: [[2], [3]] },
    { order: [1, 2, 3, 4], gone: [[3], [2]] },
    { order: [1, 3, 4, 2], gone: [[3], [2]] },
  ])('close up when calls between two others are removed: $gone of $order', ({ order, gone }) => {
    const { db, graph } = open();
    const made = order.map((at): Made => ({ at, history: talk('a', 'b', 'c', 'd', 'e', 'f', 'g').slice(0, 2 * at - 1) }));
    for (const one of made) store(db, graph, one);
    for (const some of gone)
      remove(
        db,
        graph,
        some.flatMap((at) => made.find((one) => one.at === at) ?? []),
      );
    const left = [1, 2, 3, 4].filter((at) => !gone.flat().includes(at));
    expect(shapeOf(db)).toEqual(
      left.map((at, i) => ({ at, parent: left[i - 1] ?? null, via: i === 0 ? 'none' : 'prefix', conversation: 1 })),
    );
    expect(conversationsOf(db)).toEqual([{ id: 1, last: 4 }]);
  });
  it('close up when a call that was tried again is removed, and then the second try', () => {
    const { db, graph } = open();
    const calls: Made[] = [
      { at: 1, history: talk('a') },
      { at: 2, history: talk('a', 'b', 'c') },
      { at: 3, history: talk('a', 'b', 'c', 'd', 'e') },
      { at: 4, history: talk('a', 'b', 'c', 'd', 'e') },
      { at: 5, history: talk('a', 'b', 'c', 'd', 'e') },
    ];
    for (const made of calls) store(db, graph, made);
    for (const gone of [1, 2, 3]) {
      remove(db, graph, calls.slice(gone, gone + 1));
      expect(shapeOf(db)[1]).toMatchObject({ parent: 1, via: 'prefix' });
    }
  });
  it('close up when a call is removed', () => {
    const { db, graph } = open();
    for (const made of [
      { at: 1, history: talk('a') },
      { at: 2, history: talk('a', 'b', 'c') },
      { at: 3, history: talk('a', 'b', 'c', 'd', 'e') },
    ])
      store(db, graph, made);
    graph.remove([1 * SECOND]);
    expect(shapeOf(db).map(({ at, parent, conversation }) => [at, parent, conversation])).toEqual([
      [2, null, 2],
      [3, 2, 2],
    ]);
    expect(conversationsOf(db)).toEqual([{ id: 2, last: 3 }]);
    graph.remove([2 * SECOND, 3 * SECOND]);
    for (const table of ['conv_nodes', 'conv_ends', 'conversations'])
      expect(db.prepare(`select '${table}' as name, count(*) as n from ${table}`).get()).toEqual({ name: table, n: 0 });
  });
});

describe('the tree of a conversation', () => {
  it('names the lines its calls stand on', () => {
    const node = (call: number, parent: number | null, via: (typeof VIA)[number], more: { summary?: boolean; steps?: number } = {}) => ({
      call,
      parent,
      via,
      steps: more.steps ?? call,
      summary: more.summary ?? false,
      startedMs: Date.UTC(2026, 0, 1, 14, 25, call),
    });
    const places = placesOf([
      node(1, null, 'none'),
      node(2, 1, 'prefix'),
      node(3, 1, 'prefix'),
      node(4, 3, 'prefix'),
      node(5, 2, 'task', { steps: 1 }),
      node(6, 5, 'prefix'),
      node(7, 2, 'prefix', { summary: true }),
      node(8, 7, 'thread', { steps: 2 }),
      node(9, 8, 'prefix'),
      node(10, 1, 'side'),
      node(11, 2, 'retry'),
    ]);
    expect([...places.values()].map(({ kind, line }) => `${kind} ${line}`)).toEqual([
      'turn main',
      'turn main',
      'branch branch_2',
      'turn branch_2',
      'subtask subtask_1',
      'turn subtask_1',
      'summary main',
      'compaction compact_142508',
      'turn compact_142508',
      'side side',
      'retry main',
    ]);
  });
});
