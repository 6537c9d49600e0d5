import { statSync } from 'node:fs';
import type { Integrity, PurgeScope, Removed, Settings, StoreSizes } from '../contract/index.ts';
import { movedAside, removeAside } from './aside.ts';
import { LARGEST_BLOCK, type Place } from './blocks.ts';
import { patchedFrom, placeOf, recipeOf } from './bodies.ts';
import { decodeHead, type Head } from './heads.ts';
import { pack, unpack } from './pack.ts';
import { decodeEither, encodeDelta, encodeRecipe, neededOf } from './recipe.ts';
import { idAt } from './recorder.ts';
import { findCalls } from './search.ts';
import type { Store } from './store.ts';

export type Retention = Settings['capture']['retention'];

/** Work in slices: between two of them the worker writes what has come meanwhile. */
export type Slices<T> = Generator<void, T>;

/** So many rows are looked at or removed at a time: a few milliseconds. */
const SLICE = 500;
const BLOCKS = 10;
const MOST = 512 * 1024 * 1024;
/** Of a store that is too large, so much more is removed than must be, so that it does not come again at once. */
const SLACK = 0.95;

/**
 * Removes calls and all they said. Afterwards no file of the store holds a word of it, but for a damaged one that was
 * moved aside: nothing can be removed from that, so it goes with all calls, and is named otherwise.
 */
export function* purge(store: Store, scope: PurgeScope, dryRun: boolean, now: number): Slices<Removed> {
  const bytesBefore = store.size();
  const ids = wanted(store, scope, now);
  const damaged = movedAside(store.file);
  if (dryRun) return { calls: ids.length, bytesBefore, bytesAfter: bytesBefore, damaged };
  yield* removeCalls(store, ids);
  yield* collect(store);
  yield* forgetWords(store);
  // Rebuilds the file from what is left: pages that were moved about may hold copies of what was on them.
  store.db.exec('vacuum');
  store.checkpoint();
  if (scope.kind === 'all') removeAside(store.file);
  return { calls: ids.length, bytesBefore, bytesAfter: store.size(), damaged };
}

function wanted(store: Store, scope: PurgeScope, now: number): number[] {
  const ids = (where: string, ...values: number[]): number[] =>
    store.db
      .prepare<number[], number>(`select id from calls ${where}`)
      .pluck()
      .all(...values);
  switch (scope.kind) {
    case 'all':
      return ids('');
    case 'before':
      return ids('where id < ?', idAt(Date.parse(scope.time)));
    case 'query':
      return findCalls(store.read, scope.query, now, store.seal.encrypted);
    case 'calls':
      return scope.ids.flatMap((id) => ids('where id = ?', id));
  }
}

/** Removes what is older, or more, than the settings keep; oldest first. */
export function* retain(store: Store, { days, maxBytes }: Retention, now: number): Slices<Removed> {
  const bytesBefore = store.size();
  let calls = 0;
  if (days !== null) {
    const old = oldest(store, 'where id < ?', idAt(now - days * 86_400_000), -1);
    calls += old.length;
    yield* removeCalls(store, old);
    if (old.length > 0) yield* collect(store);
  }
  // What a call holds alone is not known beforehand: a share goes, and what it freed is counted.
  const most = maxBytes ?? Infinity;
  for (let used = usedBytes(store); used > most && store.count > 0; used = usedBytes(store)) {
    const share = 1 - (SLACK * most) / used;
    const old = oldest(store, '', undefined, Math.max(1, Math.ceil(store.count * share)));
    if (old.length === 0) break;
    calls += old.length;
    yield* removeCalls(store, old);
    yield* collect(store);
  }
  if (calls > 0) {
    yield* forgetWords(store);
    yield* shrink(store);
  }
  return { calls, bytesBefore, bytesAfter: store.size(), damaged: movedAside(store.file) };
}

function oldest(store: Store, where: string, value: number | undefined, limit: number): number[] {
  return store.db
    .prepare<number[], number>(`select id from calls ${where} order by id limit ?`)
    .pluck()
    .all(...(value === undefined ? [] : [value]), limit);
}

function usedBytes(store: Store): number {
  return (pragma(store, 'page_count') - pragma(store, 'freelist_count')) * pragma(store, 'page_size');
}

function pragma(store: Store, name: string): number {
  return Number(store.db.pragma(name, { simple: true }));
}

function* removeCalls(store: Store, ids: readonly number[]): Slices<void> {
  for (let at = 0; at < ids.length; at += SLICE / 5) {
    store.transaction(() => store.remove(ids.slice(at, at + SLICE / 5)));
    yield;
  }
}

/** Gives pages that are free back to the file system, a few at a time. */
function* shrink(store: Store): Slices<void> {
  while (pragma(store, 'freelist_count') > SLICE) {
    store.db.pragma(`incremental_vacuum(${SLICE})`);
    yield;
  }
  store.checkpoint();
}

/** Words of removed calls are only marked in the search index until its parts are merged. */
function* forgetWords(store: Store): Slices<void> {
  const merge = store.db.prepare("insert into search (search, rank) values ('merge', ?)");
  const changes = store.db.prepare<[], number>('select total_changes()').pluck();
  // A negative number begins a merge of all parts into one; positive ones go on with it.
  for (let pages = -SLICE; ; pages = SLICE) {
    const before = changes.get() ?? 0;
    merge.run(pages);
    if ((changes.get() ?? 0) - before < 2) return;
    yield;
  }
}

/**
 * Removes recipes, segments and header templates that no call needs any more. Calls may come meanwhile: what is younger
 * than the beginning of the work is left alone, and so is all it stands on.
 */
export function* collect(store: Store): Slices<void> {
  const touched = store.watch();
  try {
    yield* collectUntouched(store, touched);
  } finally {
    touched.stop();
  }
}

type Touched = { segments: ReadonlySet<number>; heads: ReadonlySet<number> };

function* collectUntouched(store: Store, touched: Touched): Slices<void> {
  const live = new Map<number, number[]>();
  const newest = {
    blocks: last(store, 'blocks'),
    recipes: last(store, 'recipes'),
    segments: last(store, 'segments'),
    heads: last(store, 'heads'),
  };
  const need = new Map<number, number>();
  const headValues = new Map<number, Set<number>>();
  const rows = store.db.prepare<[number, number], ExchangeBlobs>(
    `select id, ${BLOBS.join(', ')} from exchanges where id > ? and id <= ${last(store, 'exchanges')} order by id limit ?`,
  );
  const template = store.db.prepare<[number], Buffer>('select data from heads where id = ?').pluck();
  const sizes = new Map<number, number>();
  const sizeOf = (id: number): number => {
    const known = sizes.get(id);
    if (known !== undefined) return known;
    const size = readTemplate(store, template.get(id)).length;
    sizes.set(id, size);
    return size;
  };
  for (let at = -1, page = rows.all(at, SLICE); page.length > 0; page = rows.all(at, SLICE)) {
    for (const row of page) {
      for (const side of SIDES) {
        const recipe = recipeOf(row[side]);
        if (recipe !== undefined) need.set(recipe, Infinity);
        const place = placeOf(row[side]);
        if (place !== undefined) mark(live, place.block, place.at, place.bytes);
        const head = row[`${side}_head`];
        if (head === null) continue;
        const decoded = decodeHead(store.seal.open(head));
        const used = headValues.get(decoded.template) ?? new Set<number>();
        headValues.set(decoded.template, used);
        for (let i = sizeOf(decoded.template) - 1; i >= 0 && used.size < sizeOf(decoded.template); i -= 1)
          if (!decoded.own.has(i)) used.add(i);
      }
    }
    at = page.at(-1)?.id ?? at;
    yield;
  }
  const segments = yield* collectRecipes(store, need, newest.recipes);
  yield* collectSegments(store, segments, touched, newest.segments, live);
  yield* collectBlocks(store, live, newest.blocks);
  collectHeads(store, headValues, touched, newest.heads);
}

/** A recipe is needed as far as calls or younger recipes reach into it; the rest of it is cut off. */
function* collectRecipes(store: Store, need: Map<number, number>, newest: number): Slices<Needed> {
  const segments: Needed = new Map();
  const rows = store.db.prepare<[number, number], { id: number; base: number | null; data: Buffer }>(
    'select id, base, data from recipes where id < ? order by id desc limit ?',
  );
  const remove = store.db.prepare('delete from recipes where id = ?');
  const cut = store.db.prepare('update recipes set data = ? where id = ?');
  for (let at = Number.MAX_SAFE_INTEGER, page = rows.all(at, SLICE); page.length > 0; page = rows.all(at, SLICE)) {
    store.transaction(() => {
      for (const row of page) {
        const reach = row.id > newest ? Infinity : (need.get(row.id) ?? 0);
        if (reach === 0) {
          remove.run(row.id);
          continue;
        }
        const { base } = row;
        const isCalledFor = base !== null && (base > newest || need.get(base) === Infinity);
        const { keep, pieces, tail, changed } = neededOf(
          decodeEither(base, unpack(store.seal.open(row.data), MOST)),
          reach,
          base === null || isCalledFor ? undefined : () => store.recipe(base).pieces,
        );
        if (base !== null) need.set(base, Math.max(need.get(base) ?? 0, keep));
        // Those it repeats of the one it stands on are seen with that one.
        const own = pieces.filter((piece) => 'segment' in piece);
        for (const { segment, cut: part } of own) needPart(segments, segment, part ?? WHOLE);
        if (!changed) continue;
        const encoded = base === null ? encodeRecipe(own, tail) : encodeDelta({ keep, pieces, tail });
        cut.run(store.seal.close(pack(encoded)), row.id);
      }
    });
    at = page.at(-1)?.id ?? at;
    yield;
  }
  return segments;
}

/** How many bytes of a segment's beginning and of its end are called for. */
type Part = { start: number; end: number };
type Needed = Map<number, Part>;
const WHOLE: Part = { start: Infinity, end: 0 };

/** Most are called for as a whole, and there may be millions: those share one entry. */
function needPart(needed: Needed, segment: number, { start, end }: Part): void {
  const known = needed.get(segment);
  if (start === Infinity || known === WHOLE) needed.set(segment, WHOLE);
  else needed.set(segment, { start: Math.max(start, known?.start ?? 0), end: Math.max(end, known?.end ?? 0) });
}

type SegmentRow = { id: number; bytes: number; data: Buffer; block: number | null; at: number | null };

function* collectSegments(store: Store, needed: Needed, touched: Touched, newest: number, live: Live): Slices<void> {
  const rows = store.db.prepare<[number, number], SegmentRow>(
    'select id, bytes, data, block, at from segments where id < ? order by id desc limit ?',
  );
  const remove = store.db.prepare('delete from segments where id = ?');
  const blank = prepareBlanks(store);
  for (let at = Number.MAX_SAFE_INTEGER, page = rows.all(at, SLICE); page.length > 0; page = rows.all(at, SLICE)) {
    store.transaction(() => {
      for (const row of page) {
        const part = row.id > newest || touched.segments.has(row.id) ? WHOLE : needed.get(row.id);
        if (part === undefined) remove.run(row.id);
        else if (row.block !== null && row.at !== null) markPart(blank, live, row, { block: row.block, at: row.at }, part);
        else blankAlone(store, blank, needed, row, part);
      }
    });
    at = page.at(-1)?.id ?? at;
    yield;
  }
}

function isAll({ start, end }: Part, bytes: number): boolean {
  return start + end >= bytes;
}

type Blanks = ReturnType<typeof prepareBlanks>;

function prepareBlanks({ db }: Store) {
  return {
    address: db.prepare<[Buffer, number, Buffer]>('update segments set hash = ? where id = ? and hash <> ?'),
    data: db.prepare<[Buffer, Buffer, number]>('update segments set hash = ?, data = ? where id = ?'),
  };
}

/** Of a segment that others are told by, and that nothing else calls for, only what they use of it stays. */
function markPart(blank: Blanks, live: Live, { id, bytes }: SegmentRow, { block, at }: Place, part: Part): void {
  if (isAll(part, bytes)) return mark(live, block, at, bytes);
  mark(live, block, at, part.start);
  mark(live, block, at + bytes - part.end, part.end);
  const address = nobodys(id);
  blank.address.run(address, id, address);
}

/** The same of a segment that stands by itself. */
function blankAlone({ seal }: Store, blank: Blanks, needed: Needed, { id, bytes, data }: SegmentRow, part: Part): void {
  const opened = seal.open(data);
  // A patch is younger than what it is made of: that is still to come.
  const from = patchedFrom(opened);
  if (from !== undefined) return needPart(needed, from, WHOLE);
  if (isAll(part, bytes)) return;
  const was = unpack(opened, bytes);
  const now = Buffer.from(was).fill(0, part.start, bytes - part.end);
  if (!now.equals(was)) blank.data.run(nobodys(id), seal.close(pack(now)), id);
}

/** An address that no bytes have: a segment that is not whole any more must not be taken for what it was. */
function nobodys(id: number): Buffer {
  const address = Buffer.alloc(16);
  address.writeBigUInt64BE(BigInt(id), 8);
  return address;
}

/** What is still called for of each block: beginnings and lengths, one after the other. */
type Live = Map<number, number[]>;

function mark(live: Live, block: number, at: number, bytes: number): void {
  const ranges = live.get(block);
  if (ranges === undefined) live.set(block, [at, bytes]);
  else ranges.push(at, bytes);
}

/** What nobody calls for any more in a block becomes zeros, so that the places of the rest stay; an empty one goes. */
function* collectBlocks(store: Store, live: Live, newest: number): Slices<void> {
  const rows = store.db.prepare<[number, number], { id: number; data: Buffer }>(
    `select id, data from blocks where id > ? and id <= ${newest} order by id limit ?`,
  );
  const remove = store.db.prepare('delete from blocks where id = ?');
  const change = store.db.prepare('update blocks set data = ? where id = ?');
  for (let at = 0, page = rows.all(at, BLOCKS); page.length > 0; page = rows.all(at, BLOCKS)) {
    store.transaction(() => {
      for (const row of page) {
        const ranges = live.get(row.id);
        if (ranges === undefined) {
          remove.run(row.id);
          continue;
        }
        const was = unpack(store.seal.open(row.data), LARGEST_BLOCK);
        const now = Buffer.alloc(was.length);
        for (let i = 0; i + 1 < ranges.length; i += 2) {
          const from = ranges[i] ?? 0;
          was.copy(now, from, from, from + (ranges[i + 1] ?? 0));
        }
        if (!now.equals(was)) change.run(store.seal.close(pack(now)), row.id);
      }
    });
    at = page.at(-1)?.id ?? at;
    yield;
  }
}

/** A template's values that no call is left to share are blanked: they came from calls that are gone. */
function collectHeads(store: Store, used: ReadonlyMap<number, ReadonlySet<number>>, touched: Touched, newest: number): void {
  const rows = store.db.prepare<[number], { id: number; data: Buffer }>('select id, data from heads where id <= ?').all(newest);
  store.transaction(() => {
    for (const row of rows) {
      if (touched.heads.has(row.id)) continue;
      const values = used.get(row.id);
      if (values === undefined) {
        store.db.prepare('delete from heads where id = ?').run(row.id);
        continue;
      }
      const head = readTemplate(store, row.data);
      const blanked = head.map(([name, value], i) => [name, values.has(i) ? value : ''] as const);
      if (blanked.some(([, value], i) => value !== head[i]?.[1])) {
        store.db
          .prepare('update heads set data = ? where id = ?')
          .run(store.seal.close(pack(Buffer.from(JSON.stringify(blanked)))), row.id);
      }
    }
  });
}

function readTemplate(store: Store, data: Buffer | undefined): Head {
  return data === undefined ? [] : JSON.parse(unpack(store.seal.open(data), MOST).toString('utf8'));
}

const SIDES = ['client_request', 'client_reply', 'upstream_request', 'upstream_reply'] as const;
const BLOBS = SIDES.flatMap((side) => [side, `${side}_head`] as const);
type ExchangeBlobs = { id: number } & Record<(typeof BLOBS)[number], Buffer | null>;

function last(store: Store, table: 'exchanges' | 'blocks' | 'recipes' | 'segments' | 'heads'): number {
  return store.db.prepare<[], number | null>(`select max(id) from ${table}`).pluck().get() ?? 0;
}

/** What takes the room. Reads the size of each table from the pages themselves. */
export function sizes(store: Store): StoreSizes {
  const page = pragma(store, 'page_size');
  const ends = store.read
    .prepare<[], { oldest: number | null; newest: number | null }>(
      'select (select started_ms from calls order by id limit 1) as oldest, (select started_ms from calls order by id desc limit 1) as newest',
    )
    .get();
  const parts = new Map<StoreSizes['parts'][number]['part'], number>();
  const tables = store.read.prepare<[], { name: string; bytes: number }>('select name, pgsize as bytes from dbstat where aggregate = true');
  for (const { name, bytes } of tables.all()) {
    const part = /segments|recipes|blocks/.test(name)
      ? 'messages'
      : /exchanges|heads/.test(name)
        ? 'bodies'
        : name.startsWith('search')
          ? 'search'
          : name.startsWith('calls')
            ? 'rows'
            : 'other';
    parts.set(part, (parts.get(part) ?? 0) + bytes);
  }
  const iso = (time: number | null | undefined): string | null => (time == null ? null : new Date(time).toISOString());
  return {
    path: store.file,
    calls: store.count,
    oldest: iso(ends?.oldest),
    newest: iso(ends?.newest),
    diskBytes: store.size() + (statSync(`${store.file}-ballast`, { throwIfNoEntry: false })?.size ?? 0),
    freeBytes: pragma(store, 'freelist_count') * page,
    wireBytes: store.read.prepare<[], number | null>('select sum(request_bytes + reply_bytes) from calls').pluck().get() ?? 0,
    parts: [...parts].map(([part, bytes]) => ({ part, bytes })).sort((a, b) => b.bytes - a.bytes),
    encrypted: store.seal.encrypted,
  };
}

/** Reads everything: SQLite's own check, then each call's bodies. */
export function* check(store: Store, now: number): Slices<Pick<Integrity, 'ok' | 'problems' | 'checkedAt' | 'bodiesRead'>> {
  const problems: string[] = [];
  // On the connection that writes: FTS5 takes another connection's recent changes for damage.
  for (const line of store.db.prepare<[], string>('pragma integrity_check(20)').pluck().all()) if (line !== 'ok') problems.push(line);
  let bodiesRead = 0;
  const ids = store.read
    .prepare<[number], number>(`select call from exchanges where call > ? and id <= ${last(store, 'exchanges')} order by call limit 20`)
    .pluck();
  for (let at = -1, page = ids.all(at); page.length > 0 && problems.length < 20; page = ids.all(at)) {
    yield;
    for (const id of page) {
      try {
        bodiesRead += store.sides(id).filter((side) => side.body !== null).length;
      } catch (error) {
        problems.push(`call ${id}: ${error instanceof Error ? error.message : String(error)}`);
      }
    }
    at = page.at(-1) ?? at;
  }
  return { ok: problems.length === 0, problems, checkedAt: new Date(now).toISOString(), bodiesRead };
}
