import type { Database } from 'better-sqlite3';
import { applyHead, decodeHead, encodeHead, type Head } from './heads.ts';
import { pushNumber, Reader } from './numbers.ts';
import { FORM, pack, unpack } from './pack.ts';
import { assemble, decodeDelta, decodeRecipe, encodeDelta, encodeRecipe, type Piece, type Recipe } from './recipe.ts';
import type { Seal } from './seal.ts';
import { commonPrefix, segments, segmentsFrom } from './segments.ts';

/** Shorter elements cost more as rows than they save. */
const MIN_SEGMENT = 64;
const RECENT_BODIES = 8;
const RECENT_BYTES = 48 * 1024 * 1024;
/** So many recipes may stand on top of each other before one stands alone again: what reading one costs at most. */
const MAX_DEPTH = 64;
const MAX_RECIPE = 64 * 1024 * 1024;

/** A segment of a body: where the bytes before it begin, where it stands, its id, and whether it is kept as a patch. */
type Mark = { gap: number; start: number; end: number; segment: number; patch: boolean };
type Recent = { body: Buffer; marks: Mark[]; recipe: number; depth: number };

/** A body as it was stored, and its segments that had never been seen before. */
export type KeptBody = { stored: Buffer; fresh: Buffer[]; last: Buffer[] };

/**
 * Bodies and headers between their bytes and the database: segments by content, recipes on top of recipes, headers on
 * top of templates. Writing is for the connection that writes; `reader` may be another one.
 */
export class Bodies {
  readonly #statements: ReturnType<typeof prepare>;
  readonly #reads: ReturnType<typeof prepareReads>;
  readonly #seal: Seal;
  readonly #segmentIds = new Map<string, number>();
  readonly #templates = new Map<string, { id: number; head: Head }>();
  #recent: Recent[] = [];
  /** While garbage is collected: what was used again meanwhile, and must stay. */
  touched: { segments: Set<number>; heads: Set<number> } | undefined;

  constructor(db: Database, reader: Database, seal: Seal) {
    this.#statements = prepare(db);
    this.#reads = prepareReads(reader);
    this.#seal = seal;
  }

  /** A request: cut into segments where it can be. */
  keepRequest(body: Buffer): KeptBody {
    return this.#keepSegments(body) ?? { stored: this.#wrapped(body), fresh: [], last: [] };
  }

  keepReply(body: Buffer): Buffer {
    return this.#wrapped(body);
  }

  /** What was kept, byte for byte. Throws where the database is damaged. */
  read(stored: Buffer): Buffer {
    const { form, bytes, payload } = unwrap(stored);
    if (form !== FORM.recipe) return unpack(this.#seal.open(payload), bytes);
    const body = assemble(this.recipe(new Reader(payload).number()), (id) => this.#segment(id));
    if (body.length !== bytes) throw new RangeError('a stored body is not as long as it was');
    return body;
  }

  /** The whole recipe behind an id, whatever it stands on. */
  recipe(id: number): Recipe {
    const deltas: (Recipe & { keep: number })[] = [];
    for (let at: number | null = id; at !== null;) {
      const row = this.#reads.recipe.get(at);
      if (row === undefined) throw new RangeError('a stored body refers to a recipe that is gone');
      const data = unpack(this.#seal.open(row.data), MAX_RECIPE);
      if (row.base === null) deltas.push({ keep: 0, ...decodeRecipe(data) });
      else deltas.push(decodeDelta(data));
      at = row.base;
    }
    let pieces: Piece[] = [];
    for (const delta of deltas.reverse()) pieces = [...pieces.slice(0, delta.keep), ...delta.pieces];
    return { pieces, tail: deltas.at(-1)?.tail ?? Buffer.alloc(0) };
  }

  /** `headers`: a JSON array of pairs. */
  keepHead(headers: string): Buffer {
    const head: Head = JSON.parse(headers);
    const names = head.map(([name]) => name).join('\n');
    let template = this.#templates.get(names);
    if (template === undefined) {
      const address = this.#seal.address(Buffer.from(names));
      const row = this.#statements.findHead.get(address);
      if (row !== undefined) template = { id: row.id, head: this.#templateOf(row.data) };
      else {
        const data = this.#seal.close(pack(Buffer.from(headers)));
        template = { id: Number(this.#statements.putHead.run(address, data).lastInsertRowid), head };
      }
      if (this.#templates.size > 500) this.#templates.clear();
      this.#templates.set(names, template);
    }
    this.touched?.heads.add(template.id);
    return this.#seal.close(encodeHead(template.id, template.head, head));
  }

  readHead(stored: Buffer): string {
    const decoded = decodeHead(this.#seal.open(stored));
    const row = this.#reads.head.get(decoded.template);
    if (row === undefined) throw new RangeError('stored headers refer to a template that is gone');
    return JSON.stringify(applyHead(this.#templateOf(row.data), decoded));
  }

  /** Forgets what was learnt: after a transaction that was rolled back, or rows that were removed. */
  forget(): void {
    this.#segmentIds.clear();
    this.#templates.clear();
    this.#recent = [];
  }

  #templateOf(data: Buffer): Head {
    return JSON.parse(unpack(this.#seal.open(data), MAX_RECIPE).toString('utf8'));
  }

  #wrapped(body: Buffer): Buffer {
    const packed = pack(body);
    // The form stays outside of what is sealed: whoever collects garbage must tell recipes without the key.
    return wrap(packed[0] ?? 0, body.length, this.#seal.encrypted ? this.#seal.close(packed) : packed);
  }

  #segment(id: number): Buffer {
    const row = this.#reads.segment.get(id);
    if (row === undefined) throw new RangeError('a stored body refers to a segment that is gone');
    const data = this.#seal.open(row.data);
    if (data[0] !== FORM.patch) return unpack(data, row.bytes);
    const reader = new Reader(data, 1);
    const from = this.#segment(reader.number());
    const [start, end] = [reader.number(), reader.number()];
    return Buffer.concat([from.subarray(0, start), reader.rest(), from.subarray(from.length - end)]);
  }

  /**
   * A body as segments. What it shares with an earlier body (nearly all of it, in an agent's conversation) keeps that
   * body's ids: only the new bytes are scanned and hashed, and only their ids are written.
   */
  #keepSegments(body: Buffer): KeptBody | undefined {
    if (body[0] !== 0x7b) return undefined;
    const { base, shared } = this.#mostAlike(body);
    const marks = base === undefined ? [] : base.marks.slice(0, shared);
    const fresh: Buffer[] = [];
    let from = marks.at(-1)?.end ?? 0;
    const found = from === 0 ? segments(body) : segmentsFrom(body, from);
    for (let i = 0; i + 1 < found.length; i += 2) {
      const start = found[i] ?? 0;
      const end = found[i + 1] ?? 0;
      if (end - start < MIN_SEGMENT) continue;
      const bytes = body.subarray(start, end);
      const { id, kind } = this.#segmentId(bytes, base, base?.marks[marks.length]);
      if (kind === 'new') fresh.push(bytes);
      marks.push({ gap: from, start, end, segment: id, patch: kind === 'patch' });
      from = end;
    }
    if (marks.length === 0) return undefined;
    const own = marks.slice(shared);
    const pieces: Piece[] = own.map((mark) => ({ gap: body.subarray(mark.gap, mark.start), segment: mark.segment }));
    const tail = body.subarray(from);
    const onTop = base !== undefined && shared > 0 && base.depth < MAX_DEPTH;
    const whole = onTop ? pieces : marks.map((mark) => ({ gap: body.subarray(mark.gap, mark.start), segment: mark.segment }));
    const encoded = onTop ? encodeDelta(shared, pieces, tail) : encodeRecipe(whole, tail);
    const data = this.#seal.close(pack(encoded));
    const recipe = Number(this.#statements.putRecipe.run(onTop ? base.recipe : null, data).lastInsertRowid);
    this.#remember({ body, marks, recipe, depth: onTop ? base.depth + 1 : 0 }, base, shared);
    const id: number[] = [];
    pushNumber(id, recipe);
    const last = own.slice(-4).map((mark) => body.subarray(mark.start, mark.end));
    return { stored: wrap(FORM.recipe, body.length, Buffer.from(id)), fresh, last };
  }

  /** The recent body that this one shares most with, and how many of its segments are the same. */
  #mostAlike(body: Buffer): { base: Recent | undefined; shared: number } {
    let base: Recent | undefined;
    let shared = 0;
    for (const recent of this.#recent) {
      // What is one conversation's next request is found at once; the others need not be compared.
      if (base !== undefined && shared >= base.marks.length - 2) break;
      const prefix = commonPrefix(recent.body, body);
      if (prefix < (recent.marks[shared]?.end ?? Infinity)) continue;
      let count = recent.marks.length;
      while (count > 0 && (recent.marks[count - 1]?.end ?? 0) > prefix) count -= 1;
      if (count > shared) [base, shared] = [recent, count];
    }
    return { base, shared };
  }

  #remember(recent: Recent, base: Recent | undefined, shared: number): void {
    // A conversation's next request takes the place of its last one, which it repeats up to the final message.
    const repeats = (other: Recent): boolean =>
      other === base && (shared >= other.marks.length - 2 || (other.marks[shared - 1]?.end ?? 0) * 4 >= other.body.length * 3);
    this.#recent = [recent, ...this.#recent.filter((other) => !repeats(other))].slice(0, RECENT_BODIES);
    let bytes = 0;
    this.#recent = this.#recent.filter((entry) => (bytes += entry.body.length) <= RECENT_BYTES);
  }

  /** `like`: the segment in the same place of the body before. */
  #segmentId(bytes: Buffer, base: Recent | undefined, like: Mark | undefined): { id: number; kind: 'known' | 'new' | 'patch' } {
    const address = this.#seal.address(bytes);
    const key = address.toString('latin1');
    const kept = this.#segmentIds.get(key);
    if (kept !== undefined) {
      this.touched?.segments.add(kept);
      return { id: kept, kind: 'known' };
    }
    const row = this.#statements.findSegment.get(address);
    const patch =
      row !== undefined || base === undefined || like === undefined || like.patch
        ? undefined
        : patchOf(base.body.subarray(like.start, like.end), like.segment, bytes);
    const id =
      row?.id ?? Number(this.#statements.putSegment.run(address, bytes.length, this.#seal.close(patch ?? pack(bytes))).lastInsertRowid);
    this.touched?.segments.add(id);
    if (this.#segmentIds.size > 20_000) this.#segmentIds.clear();
    this.#segmentIds.set(key, id);
    return { id, kind: row !== undefined ? 'known' : patch !== undefined ? 'patch' : 'new' };
  }
}

/**
 * A segment told by another: its id, how many bytes at the beginning and at the end are that one's, and those between.
 * Clients mark the last message for the provider's cache and move the mark with each turn: the message comes again,
 * nearly as it was. Undefined where the two are not much alike.
 */
function patchOf(from: Buffer, id: number, bytes: Buffer): Buffer | undefined {
  const start = commonPrefix(from, bytes);
  const end = commonSuffix(from, bytes, Math.min(from.length, bytes.length) - start);
  const own = bytes.length - start - end;
  if (own > 256 || own * 4 > bytes.length) return undefined;
  const numbers: number[] = [FORM.patch];
  pushNumber(numbers, id);
  pushNumber(numbers, start);
  pushNumber(numbers, end);
  return Buffer.concat([Buffer.from(numbers), bytes.subarray(start, start + own)]);
}

function commonSuffix(a: Buffer, b: Buffer, most: number): number {
  let count = 0;
  while (count < most && a[a.length - 1 - count] === b[b.length - 1 - count]) count += 1;
  return count;
}

/** The segment a patch is made of, or undefined where the bytes are no patch. `data` is opened. */
export function patchedFrom(data: Buffer): number | undefined {
  return data[0] === FORM.patch ? new Reader(data, 1).number() : undefined;
}

/** A body's column: its form, its length, and its packed bytes or the id of its recipe. */
export function wrap(form: number, bytes: number, payload: Buffer): Buffer {
  const start = [form];
  pushNumber(start, bytes);
  return Buffer.concat([Buffer.from(start), payload]);
}

export function unwrap(stored: Buffer): { form: number; bytes: number; payload: Buffer } {
  const reader = new Reader(stored, 1);
  const bytes = reader.number();
  return { form: stored[0] ?? 0, bytes, payload: reader.rest() };
}

/** The recipe a body's column refers to, or undefined where it holds the bytes themselves. */
export function recipeOf(stored: Buffer | null): number | undefined {
  if (stored === null || stored[0] !== FORM.recipe) return undefined;
  return new Reader(unwrap(stored).payload).number();
}

function prepare(db: Database) {
  return {
    findSegment: db.prepare<[Buffer], { id: number }>('select id from segments where hash = ?'),
    putSegment: db.prepare<[Buffer, number, Buffer]>('insert into segments (hash, bytes, data) values (?, ?, ?)'),
    putRecipe: db.prepare<[number | null, Buffer]>('insert into recipes (base, data) values (?, ?)'),
    findHead: db.prepare<[Buffer], { id: number; data: Buffer }>('select id, data from heads where names = ?'),
    putHead: db.prepare<[Buffer, Buffer]>('insert into heads (names, data) values (?, ?)'),
  };
}

function prepareReads(db: Database) {
  return {
    segment: db.prepare<[number], { bytes: number; data: Buffer }>('select bytes, data from segments where id = ?'),
    recipe: db.prepare<[number], { base: number | null; data: Buffer }>('select base, data from recipes where id = ?'),
    head: db.prepare<[number], { data: Buffer }>('select data from heads where id = ?'),
  };
}
