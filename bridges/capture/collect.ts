import { LARGEST_BLOCK, type Place } from './blocks.ts';
import { patchedFrom, placeOf, recipeOf } from './bodies.ts';
import { decodeHead, type Head } from './heads.ts';
import type { Slices } from './jobs.ts';
import { pack, unpack } from './pack.ts';
import { decodeEither, encodeDelta, encodeRecipe, neededOf } from './recipe.ts';
import type { Store } from './store.ts';

/** So many rows are looked at at a time: a few milliseconds. */
const SLICE = 500;
const BLOCKS = 10;
const MOST = 512 * 1024 * 1024;

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
    blocks: lastId(store, 'blocks'),
    recipes: lastId(store, 'recipes'),
    segments: lastId(store, 'segments'),
    heads: lastId(store, 'heads'),
  };
  const need = new Map<number, number>();
  const headValues = new Map<number, Set<number>>();
  const rows = store.db.prepare<[number, number], ExchangeBlobs>(
    `select id, ${BLOBS.join(', ')} from exchanges where id > ? and id <= ${lastId(store, 'exchanges')} order by id limit ?`,
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

/** The newest id of a table, 0 where it is empty. */
export function lastId(store: Store, table: 'exchanges' | 'blocks' | 'recipes' | 'segments' | 'heads'): number {
  return store.db.prepare<[], number | null>(`select max(id) from ${table}`).pluck().get() ?? 0;
}
