import type { Database } from 'better-sqlite3';
import { Blocks, MOST_IN_BLOCK, type Place } from './blocks.ts';
import { applyHead, decodeHead, encodeHead, type Head } from './heads.ts';
import { pushNumber, Reader } from './numbers.ts';
import { masked, maskedReply } from './mask.ts';
import { FORM, pack, unpack } from './pack.ts';
import { applied, assemble, decodeEither, encodeDelta, encodeRecipe, type Cut, type Delta, type Piece, type Recipe } from './recipe.ts';
import type { Seal } from './seal.ts';
import { putTogether, takeApart } from './stream.ts';
import { commonEnd, commonPrefix, commonStart, looksAlike, segments, segmentsFrom } from './segments.ts';

/** Shorter elements cost more as rows than they save. */
const MIN_SEGMENT = 64;
const RECENT_BODIES = 8;
const RECENT_BYTES = 48 * 1024 * 1024;
/** So many recipes may stand on top of each other before one stands alone again: what reading one costs at most. */
const MAX_DEPTH = 64;
/** Of shorter recipes a compression saves a dozen bytes, and costs more than all else that is done for them. */
const PACK_RECIPE_FROM = 256;
/** Shorter replies cost less in their row than in a block. */
const BLOCK_FROM = 64;
const NOTHING = Buffer.alloc(0);
const MAX_RECIPE = 64 * 1024 * 1024;

/**
 * A segment of a body: where the bytes before it begin, where it stands, and the segment that it is or is told by.
 * `isMasked`: that segment is not what the body had there.
 */
type Mark = { gap: number; start: number; end: number; segment: number; cut: Cut | undefined; isMasked: boolean };
/** `tells`: a place by which a body that goes on from this one is known. */
type Recent = { body: Buffer; marks: Mark[]; recipe: number; depth: number; tells: number };

/** A body as it was stored, and its segments that no earlier body shared: masked. */
export type KeptBody = { stored: Buffer; own: readonly KeptSegment[] };
export type KeptSegment = { bytes: Buffer; isNew: boolean };

/**
 * Bodies and headers between their bytes and the database: segments by content, recipes on top of recipes, headers on
 * top of templates. Writing is for the connection that writes; `reader` may be another one.
 */
export class Bodies {
  readonly #statements: ReturnType<typeof prepare>;
  readonly #reads: ReturnType<typeof prepareReads>;
  readonly #seal: Seal;
  readonly #blocks: Blocks;
  readonly #segmentIds = new Map<string, number>();
  readonly #templates = new Map<string, { id: number; head: Head }>();
  #recent: Recent[] = [];
  /** While garbage is collected: what was used again meanwhile, and must stay. */
  touched: { segments: Set<number>; heads: Set<number> } | undefined;

  constructor(db: Database, reader: Database, seal: Seal) {
    this.#statements = prepare(db);
    this.#reads = prepareReads(reader);
    this.#seal = seal;
    this.#blocks = new Blocks(db, reader, seal);
  }

  /** A request: cut into segments where it can be. What looks like a credential in it is masked. */
  keepRequest(body: Buffer): KeptBody {
    return this.#keepSegments(body) ?? { stored: this.#wrapped(masked(body)), own: [] };
  }

  keepReply(body: Buffer): Buffer {
    const apart = takeApart(body);
    return apart === undefined ? this.#keepWhole(maskedReply(body)) : wrap(FORM.stream, body.length, this.#keepWhole(apart.encoded));
  }

  #keepWhole(body: Buffer): Buffer {
    if (body.length < BLOCK_FROM || body.length > MOST_IN_BLOCK) return this.#wrapped(body);
    const { block, at } = this.#blocks.keep(body);
    const place: number[] = [];
    pushNumber(place, block);
    pushNumber(place, at);
    return wrap(FORM.block, body.length, Buffer.from(place));
  }

  /** The remembered body that this one seems to go on. */
  before(body: Buffer): Buffer | undefined {
    return this.#goneOnFrom(body)?.body;
  }

  /** The bodies it remembers. */
  holds(): Buffer[] {
    return this.#recent.map(({ body }) => body);
  }

  /** Writes what is still to be compressed together. To be run before the transaction ends. */
  flush(): void {
    this.#blocks.flush();
  }

  /** What was kept, byte for byte. Throws where the database is damaged. */
  read(stored: Buffer): Buffer {
    const { form, bytes, payload } = unwrap(stored);
    if (form === FORM.stream) return putTogether(this.read(payload), bytes);
    const place = placeOf(stored);
    if (place !== undefined) return this.#blocks.read(place, place.bytes);
    if (form !== FORM.recipe) return unpack(this.#seal.open(payload), bytes);
    const body = assemble(this.recipe(new Reader(payload).number()), (id) => this.#segment(id));
    if (body.length !== bytes) throw new RangeError('a stored body is not as long as it was');
    return body;
  }

  /** The whole recipe behind an id, whatever it stands on. */
  recipe(id: number): Recipe {
    const deltas: Delta[] = [];
    for (let at: number | null = id; at !== null;) {
      const row = this.#reads.recipe.get(at);
      if (row === undefined) throw new RangeError('a stored body refers to a recipe that is gone');
      const data = unpack(this.#seal.open(row.data), MAX_RECIPE);
      deltas.push(decodeEither(row.base, data));
      at = row.base;
    }
    let pieces: Piece[] = [];
    for (const delta of deltas.reverse()) pieces = applied(delta, pieces);
    return { pieces, tail: deltas.at(-1)?.tail ?? Buffer.alloc(0) };
  }

  /** `headers`: a JSON array of pairs. */
  keepHead(headers: string): Buffer {
    const head: Head = JSON.parse(headers);
    const names = JSON.stringify(head.map(([name]) => name));
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
    this.#blocks.forget();
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
    if (row.block !== null && row.at !== null) return this.#blocks.read({ block: row.block, at: row.at }, row.bytes);
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
    const own: KeptSegment[] = [];
    let from = marks.at(-1)?.end ?? 0;
    const again = base === undefined || from === 0 ? undefined : new SameEnd(base, body, from);
    const found = from === 0 ? segments(body) : segmentsFrom(body, from, (start) => again?.begins(start) === true);
    for (let i = 0; i + 1 < found.length; i += 2) {
      const start = found[i] ?? 0;
      const end = found[i + 1] ?? 0;
      if (end - start < MIN_SEGMENT) continue;
      const bytes = body.subarray(start, end);
      const clean = masked(bytes);
      const isMasked = clean !== bytes;
      const told = isMasked ? undefined : this.#told(bytes, base, base?.marks[marks.length]);
      const { id, isNew } = told === undefined ? this.#segmentId(clean) : { id: told.segment, isNew: false };
      own.push({ bytes: clean, isNew });
      marks.push({ gap: from, start, end, segment: id, cut: told?.cut, isMasked });
      from = end;
    }
    const tells = middleOf(marks.at(-1));
    const fresh = marks.slice(shared);
    const rest = again?.marks(from) ?? [];
    for (const mark of rest) marks.push(mark);
    if (marks.length === 0) return undefined;
    const pieceOf = ({ gap, start, segment, cut }: Mark): Piece => ({ gap: masked(body.subarray(gap, start)), segment, cut });
    const tail = masked(body.subarray(marks.at(-1)?.end));
    const onTop = base !== undefined && shared > 0 && base.depth < MAX_DEPTH;
    const pieces: Delta['pieces'] = fresh.map(pieceOf);
    const [next] = rest;
    if (onTop && next !== undefined) pieces.push({ gap: pieceOf(next).gap, first: base.marks.length - rest.length, count: rest.length });
    const encoded = onTop ? encodeDelta({ keep: shared, pieces, tail }) : encodeRecipe(marks.map(pieceOf), tail);
    const data = this.#seal.close(pack(encoded, PACK_RECIPE_FROM));
    const recipe = Number(this.#statements.putRecipe.run(onTop ? base.recipe : null, data).lastInsertRowid);
    this.#remember({ body, marks, recipe, depth: onTop ? base.depth + 1 : 0, tells }, base, shared, rest.length);
    const id: number[] = [];
    pushNumber(id, recipe);
    return { stored: wrap(FORM.recipe, body.length, Buffer.from(id)), own };
  }

  /** The recent body whose conversation this one seems to go on. */
  #goneOnFrom(body: Buffer): Recent | undefined {
    return this.#recent.find((recent) => looksAlike(recent.body, body, recent.tells));
  }

  /** The recent body that this one shares most with, and how many of its segments are the same. */
  #mostAlike(body: Buffer): { base: Recent | undefined; shared: number } {
    let base: Recent | undefined;
    let most = 0;
    // The others need not be compared.
    const last = this.#goneOnFrom(body);
    for (const recent of last === undefined ? this.#recent : [last]) {
      const prefix = commonPrefix(recent.body, body);
      if (prefix > most) [base, most] = [recent, prefix];
    }
    let shared = base?.marks.length ?? 0;
    while (shared > 0 && (base?.marks[shared - 1]?.end ?? 0) > most) shared -= 1;
    return { base, shared };
  }

  /**
   * A conversation's next request takes the place of its last one, which it repeats up to where the cache mark stood, or up
   * to what comes behind the history.
   */
  #remember(recent: Recent, base: Recent | undefined, shared: number, atEnd: number): void {
    const repeats = base !== undefined && (shared + atEnd >= base.marks.length || recent.marks[shared]?.cut !== undefined);
    this.#recent = [recent, ...this.#recent.filter((other) => !repeats || other !== base)].slice(0, RECENT_BODIES);
    let bytes = 0;
    this.#recent = this.#recent.filter((entry) => (bytes += entry.body.length) <= RECENT_BYTES);
  }

  /**
   * A segment that is nearly the one in the same place of the body before; undefined where it is not, or where a
   * credential is in that one: of one that reaches into what differs, the mask would be too long or too short.
   */
  #told(bytes: Buffer, base: Recent | undefined, like: Mark | undefined): Pick<Mark, 'segment' | 'cut'> | undefined {
    if (base === undefined || like === undefined || like.cut !== undefined || like.isMasked) return undefined;
    const cut = cutOf(base.body.subarray(like.start, like.end), bytes);
    if (cut === undefined) return undefined;
    this.touched?.segments.add(like.segment);
    return { segment: like.segment, cut };
  }

  /** The segment that these bytes are. */
  #segmentId(bytes: Buffer): { id: number; isNew: boolean } {
    const address = this.#seal.address(bytes);
    const key = address.toString('latin1');
    let id = this.#segmentIds.get(key);
    let isNew = false;
    if (id === undefined) {
      id = this.#putSegment(address, bytes);
      isNew = id !== undefined;
      id ??= this.#statements.findSegment.get(address)?.id ?? 0;
      if (this.#segmentIds.size > 20_000) this.#segmentIds.clear();
      this.#segmentIds.set(key, id);
    }
    this.touched?.segments.add(id);
    return { id, isNew };
  }

  /** Undefined where it is known. */
  #putSegment(address: Buffer, bytes: Buffer): number | undefined {
    const small = bytes.length <= MOST_IN_BLOCK;
    if (!small && this.#statements.findSegment.get(address) !== undefined) return undefined;
    const place = small ? this.#blocks.next() : undefined;
    const data = place === undefined ? this.#seal.close(pack(bytes)) : NOTHING;
    const { changes, lastInsertRowid } = this.#statements.putSegment.run(address, bytes.length, data, place?.block, place?.at);
    if (changes === 0) return undefined;
    if (small) this.#blocks.keep(bytes);
    return Number(lastInsertRowid);
  }
}

/**
 * How a body ends as an earlier one does, from where it no longer begins as that one does: some clients send their system
 * prompt and their tools behind the history.
 */
class SameEnd {
  readonly #base: readonly Mark[];
  /** By how much what is the same stands further on than it did. */
  readonly #ahead: number;
  /** Which segments of the other body stand in what is the same, by where they begin in this one. */
  readonly #starts = new Map<number, number>();
  /** The first of them that is one in this body. */
  #first: number | undefined;

  constructor(base: Recent, body: Buffer, from: number) {
    const same = commonEnd(base.body, body, Math.min(base.body.length, body.length) - from);
    this.#base = base.marks;
    this.#ahead = body.length - base.body.length;
    for (let i = base.marks.length - 1; i >= 0; i -= 1) {
      const start = base.marks[i]?.start ?? 0;
      if (start < base.body.length - same) break;
      this.#starts.set(start + this.#ahead, i);
    }
  }

  /** True where a segment of both begins: they are cut alike from there on. */
  begins(start: number): boolean {
    this.#first = this.#starts.get(start);
    return this.#first !== undefined;
  }

  /** From that segment on, where they stand in this body. `from`: where the gap before the first begins. */
  marks(from: number): Mark[] {
    const marks = this.#first === undefined ? [] : this.#base.slice(this.#first);
    let gap = from;
    return marks.map((mark) => {
      const moved = { ...mark, gap, start: mark.start + this.#ahead, end: mark.end + this.#ahead };
      gap = moved.end;
      return moved;
    });
  }
}

function middleOf(mark: Mark | undefined): number {
  return mark === undefined ? Infinity : (mark.start + mark.end) >> 1;
}

/** How bytes are told by others. Undefined where the two are the same, or not much alike. */
function cutOf(from: Buffer, bytes: Buffer): Cut | undefined {
  const start = commonStart(from, bytes);
  if (start === bytes.length && start === from.length) return undefined;
  const end = commonEnd(from, bytes, Math.min(from.length, bytes.length) - start);
  const own = bytes.length - start - end;
  if (own > 256 || own * 4 > bytes.length) return undefined;
  return { start, end, own: bytes.subarray(start, start + own) };
}

/** The segment a patch is made of (earlier versions kept those), or undefined where the bytes are none. `data` is opened. */
export function patchedFrom(data: Buffer): number | undefined {
  return data[0] === FORM.patch ? new Reader(data, 1).number() : undefined;
}

/** Where a body's column says it stands in a block, and its length; undefined where it holds something else. */
export function placeOf(stored: Buffer | null): (Place & { bytes: number }) | undefined {
  if (stored === null || (stored[0] !== FORM.block && stored[0] !== FORM.stream)) return undefined;
  const { form, bytes, payload } = unwrap(stored);
  if (form === FORM.stream) return placeOf(payload);
  const reader = new Reader(payload);
  return { block: reader.number(), at: reader.number(), bytes };
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
    putSegment: db.prepare<[Buffer, number, Buffer, number | undefined, number | undefined]>(
      'insert into segments (hash, bytes, data, block, at) values (?, ?, ?, ?, ?) on conflict (hash) do nothing',
    ),
    putRecipe: db.prepare<[number | null, Buffer]>('insert into recipes (base, data) values (?, ?)'),
    findHead: db.prepare<[Buffer], { id: number; data: Buffer }>('select id, data from heads where names = ?'),
    putHead: db.prepare<[Buffer, Buffer]>('insert into heads (names, data) values (?, ?)'),
  };
}

function prepareReads(db: Database) {
  return {
    segment: db.prepare<[number], { bytes: number; data: Buffer; block: number | null; at: number | null }>(
      'select bytes, data, block, at from segments where id = ?',
    ),
    recipe: db.prepare<[number], { base: number | null; data: Buffer }>('select base, data from recipes where id = ?'),
    head: db.prepare<[number], { data: Buffer }>('select data from heads where id = ?'),
  };
}
