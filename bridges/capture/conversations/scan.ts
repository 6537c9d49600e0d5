import { hash } from 'node:crypto';
import type { ContextParts, WireFormat } from '../../contract/index.ts';
import { codecs } from '../../wire/codecs.ts';
import { isObject } from '../../wire/json.ts';
import { stringEnd } from '../../wire/scan.ts';
import type { JsonValue, TurnItem } from '../../wire/turn.ts';
import { redactText } from '../../engine/redact.ts';
import { commonPrefix, looksAlike } from '../segments.ts';
import { atomsOf, spoken, type Atom } from './atoms.ts';

/** A history up to and with one atom, as a hash. Two histories that say the same have the same chain. */
export type Chain = string;

/** A history up to where an answer began: another request may have ended there. `deep` where it holds an answer itself. */
export type End = { chain: Chain; deep: boolean };

export type Step = {
  chain: Chain;
  side: 'user' | 'assistant';
  kind: Atom['kind'];
  key: string | null;
};

/**
 * The history of one request as a chain of hashes. Each request of an agent repeats the one before: what two bodies
 * share byte for byte is neither scanned nor parsed again (`scanRequest` with `earlier`).
 */
export type Scan = {
  wire: WireFormat;
  body: Buffer;
  steps: Step[];
  /** Where in the history a request may have ended: after what the user or a tool said, before what was answered. */
  ends: End[];
  /** It holds an answer. */
  deep: boolean;
  /** What a person said first, and last. */
  first: string | null;
  last: string | null;
  /** The last, shortened to a line. */
  title: string | null;
  context: ContextParts;
  /** The first texts of the history, shortened: clients describe their surroundings there. */
  opening: readonly string[];
  /** Where the other fields of the body stand. */
  fields: ReadonlyMap<string, Range>;
  /** Where the elements of the history end, how many steps there are by then, and what of it is what. */
  marks: readonly Mark[];
};

type Range = { start: number; end: number };
type Mark = {
  start: number;
  end: number;
  steps: number;
  ends: number;
  deep: boolean;
  opening: number;
  first: string | null;
  last: string | null;
  title: string | null;
  context: ContextParts;
};

const HISTORY: Record<WireFormat, string> = { chat: 'messages', messages: 'messages', responses: 'input' };
const SYSTEM = new Set(['system', 'instructions']);
const TOOLS = new Set(['tools', 'functions']);
/** Bytes of a chain that are kept: enough that two histories never share one by chance. */
const CHAIN_HEX = 24;
/** How far back a tool call or a result that came twice is looked for. */
const TWICE_WITHIN = 32;
const OPENING_TEXTS = 8;
const OPENING_CHARACTERS = 4096;
const TITLE_CHARACTERS = 160;

const CACHE_MARK = /^,"cache_control":\{[^{}]*\}/;

const NOTHING: ContextParts = { system: 0, tools: 0, history: 0, results: 0 };

/**
 * Reads a request's history. Undefined where the body is no request of the format.
 * `earlier` is the scan of a body of the same format that may begin alike.
 */
export function scanRequest(wire: WireFormat, body: Buffer, earlier?: Scan): Scan | undefined {
  const scanner = new Scanner(wire, body);
  if (earlier?.wire === wire) scanner.resume(earlier);
  try {
    scanner.run();
  } catch (error) {
    // RangeError: what is nested so deep that the stack does not suffice for it.
    if (error instanceof SyntaxError || error instanceof RangeError) return undefined;
    throw error;
  }
  return scanner.found();
}

const QUOTE = 0x22;
const COMMA = 0x2c;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;
const OPEN_ARRAY = 0x5b;
const CLOSE_ARRAY = 0x5d;

class Scanner {
  readonly #wire: WireFormat;
  readonly #body: Buffer;
  #at = 0;
  #inHistory = false;
  #steps: Step[] = [];
  #ends: End[] = [];
  #deep = false;
  #marks: Mark[] = [];
  #first: string | null = null;
  #last: string | null = null;
  #title: string | null = null;
  #context: ContextParts = { ...NOTHING };
  #opening: string[] = [];
  #fields = new Map<string, Range>();

  constructor(wire: WireFormat, body: Buffer) {
    this.#wire = wire;
    this.#body = body;
  }

  /** Begins where this body stops being like an earlier one. */
  resume(earlier: Scan): void {
    const shared = commonPrefix(earlier.body, this.#body);
    const kept = earlier.marks.slice(0, earlier.marks.findLastIndex((mark) => mark.end <= shared) + 1);
    const again = this.#marked(earlier, earlier.marks[kept.length], shared);
    if (again !== undefined) kept.push(again);
    const mark = kept.at(-1);
    if (mark === undefined) return;
    this.#at = mark.end;
    this.#inHistory = true;
    this.#steps = upTo(earlier.steps, mark.steps);
    this.#ends = upTo(earlier.ends, mark.ends);
    this.#deep = mark.deep;
    this.#marks = kept;
    this.#first = mark.first;
    this.#last = mark.last;
    this.#title = mark.title;
    this.#context = { ...mark.context };
    this.#opening = earlier.opening.slice(0, mark.opening);
    this.#fields = new Map([...earlier.fields].filter(([, range]) => range.end <= mark.end));
  }

  /**
   * The element of an earlier body that comes again without its cache mark: clients move the mark with each turn, and
   * what was said is the same. Undefined where it is not so.
   */
  #marked(earlier: Scan, mark: Mark | undefined, shared: number): Mark | undefined {
    if (mark === undefined || shared <= mark.start || shared >= mark.end) return undefined;
    const text = CACHE_MARK.exec(earlier.body.toString('latin1', shared, shared + 80))?.[0];
    if (text === undefined) return undefined;
    const from = shared + text.length;
    const end = mark.end - text.length;
    const isSame = end <= this.#body.length && from <= mark.end && earlier.body.compare(this.#body, shared, end, from, mark.end) === 0;
    const before = earlier.marks[earlier.marks.indexOf(mark) - 1];
    // A tool's input may hold such a field of its own.
    if (!isSame || earlier.steps.slice(before?.steps ?? 0, mark.steps).some((step) => step.side !== 'user')) return undefined;
    const grew = (part: 'results' | 'history'): boolean => mark.context[part] > (before?.context[part] ?? 0);
    const part = grew('results') ? 'results' : grew('history') ? 'history' : 'system';
    return { ...mark, end, context: { ...mark.context, [part]: mark.context[part] - text.length } };
  }

  run(): void {
    if (this.#inHistory) this.#history();
    else this.#expect(OPEN_OBJECT);
    for (;;) {
      const byte = this.#next();
      if (byte === CLOSE_OBJECT) return;
      if (byte === COMMA) {
        this.#at += 1;
        continue;
      }
      const field = this.#text();
      this.#expect(0x3a);
      this.#field(field);
    }
  }

  found(): Scan | undefined {
    if (this.#marks.length === 0) return undefined;
    return {
      wire: this.#wire,
      body: this.#body,
      steps: this.#steps,
      ends: this.#ends,
      deep: this.#deep,
      first: this.#first,
      last: this.#last,
      title: this.#title,
      context: this.#context,
      opening: this.#opening,
      fields: this.#fields,
      marks: this.#marks,
    };
  }

  #field(field: string): void {
    const byte = this.#next();
    if (field === HISTORY[this.#wire] && byte === OPEN_ARRAY) {
      this.#at += 1;
      return this.#history();
    }
    const start = this.#at;
    this.#skip();
    const bytes = this.#at - start;
    if (field === HISTORY[this.#wire]) return this.#element(start, this.#at);
    this.#fields.set(field, { start, end: this.#at });
    if (SYSTEM.has(field)) this.#context.system += bytes;
    else if (TOOLS.has(field)) this.#context.tools += bytes;
  }

  #history(): void {
    for (;;) {
      const byte = this.#next();
      if (byte === CLOSE_ARRAY) {
        this.#at += 1;
        return;
      }
      if (byte === COMMA) {
        this.#at += 1;
        continue;
      }
      const start = this.#at;
      this.#skip();
      this.#element(start, this.#at);
    }
  }

  #element(start: number, end: number): void {
    const value: JsonValue = JSON.parse(this.#body.toString('utf8', start, end));
    const atoms = atomsOf(itemsOf(this.#wire, value));
    for (const atom of atoms) this.#add(atom);
    const bytes = end - start;
    if (atoms.some((atom) => atom.kind === 'tool_result')) this.#context.results += bytes;
    else if (isObject(value) && (value.role === 'system' || value.role === 'developer')) this.#context.system += bytes;
    else this.#context.history += bytes;
    this.#marks.push({
      start,
      end,
      steps: this.#steps.length,
      ends: this.#ends.length,
      deep: this.#deep,
      opening: this.#opening.length,
      first: this.#first,
      last: this.#last,
      title: this.#title,
      context: { ...this.#context },
    });
  }

  #add(atom: Atom): void {
    if (atom.kind === 'text' && this.#opening.length < OPENING_TEXTS) this.#opening.push(atom.content.slice(0, OPENING_CHARACTERS));
    if (atom.side === 'system') return;
    const chain = hash('sha256', `${this.#steps.at(-1)?.chain ?? ''}\n${atom.side} ${atom.kind}\n${atom.content}`).slice(0, CHAIN_HEX);
    if (atom.side === 'user' && atom.kind === 'text') {
      const said = spoken(atom.content);
      if (said !== '') {
        this.#first ??= said.slice(0, 64 * 1024);
        this.#last = said.slice(0, 64 * 1024);
        this.#title = shortened(said);
      }
    }
    if (atom.key !== null && this.#steps.slice(-TWICE_WITHIN).some((step) => step.key === atom.key)) return;
    if (atom.side === 'assistant') {
      const before = this.#steps.at(-1);
      if (before !== undefined && before.side !== 'assistant') this.#ends.push({ chain: before.chain, deep: this.#deep });
      this.#deep = true;
    }
    this.#steps.push({ chain, side: atom.side, kind: atom.kind, key: atom.key });
  }

  /** The next byte that is no white space. */
  #next(): number {
    for (;;) {
      const byte = this.#body[this.#at];
      if (byte === undefined) throw new SyntaxError('the body ends in the middle');
      if (byte !== 0x20 && byte !== 0x0a && byte !== 0x0d && byte !== 0x09) return byte;
      this.#at += 1;
    }
  }

  #expect(byte: number): void {
    if (this.#next() !== byte) throw new SyntaxError('not what JSON has here');
    this.#at += 1;
  }

  #text(): string {
    if (this.#next() !== QUOTE) throw new SyntaxError('a name was expected');
    const end = stringEnd(this.#body, this.#at);
    if (end < 0) throw new SyntaxError('a string without an end');
    const text = this.#body.toString('utf8', this.#at + 1, end);
    this.#at = end + 1;
    return text;
  }

  /** Steps over one value. */
  #skip(): void {
    let depth = 0;
    do {
      const byte = this.#next();
      if (byte === QUOTE) {
        const end = stringEnd(this.#body, this.#at);
        if (end < 0) throw new SyntaxError('a string without an end');
        this.#at = end + 1;
      } else if (byte === OPEN_OBJECT || byte === OPEN_ARRAY) {
        depth += 1;
        this.#at += 1;
      } else if (byte === CLOSE_OBJECT || byte === CLOSE_ARRAY) {
        if (depth === 0) throw new SyntaxError('a value was expected');
        depth -= 1;
        this.#at += 1;
      } else if (depth === 0) this.#plain();
      else this.#at += 1;
    } while (depth > 0);
  }

  /** Steps over a number, true, false or null. */
  #plain(): void {
    const start = this.#at;
    for (;;) {
      const byte = this.#body[this.#at];
      if (byte === undefined || byte === COMMA || byte === CLOSE_ARRAY || byte === CLOSE_OBJECT || byte <= 0x20) break;
      this.#at += 1;
    }
    if (this.#at === start) throw new SyntaxError('a value was expected');
  }
}

/**
 * The first of a list. A history that goes on where another ends goes on in its list, too: nobody reads that one any further
 * than its marks say.
 */
function upTo<Of>(list: Of[], count: number): Of[] {
  return list.length === count ? list : list.slice(0, count);
}

function shortened(text: string): string {
  const line = redactText(text.slice(0, TITLE_CHARACTERS * 4))
    .replaceAll(/\s+/g, ' ')
    .trim();
  return line.length <= TITLE_CHARACTERS ? line : `${line.slice(0, TITLE_CHARACTERS - 1).trimEnd()}…`;
}

/** One element of a history as items: the codec reads a request that holds nothing else. */
function itemsOf(wire: WireFormat, element: JsonValue): TurnItem[] {
  const list = typeof element === 'string' ? element : [element];
  try {
    return codecs[wire].parseRequest({ model: '-', max_tokens: 1, [HISTORY[wire]]: list }).items;
  } catch {
    // What the codec refuses was refused by the upstream too; it still tells two histories apart.
    return [{ type: 'opaque', from: wire, role: 'user', name: 'unread', value: { element } }];
  }
}

const RECENT_SCANS = 8;
const RECENT_BYTES = 48 * 1024 * 1024;

/** The scans of the last requests, so that the next one of each conversation costs what it adds. */
export class RecentScans {
  #recent: Scan[] = [];

  scan(wire: WireFormat, body: Buffer): Scan | undefined {
    const scan = scanRequest(wire, body, this.#likest(wire, body));
    if (scan === undefined) return undefined;
    this.#recent = [scan, ...this.#recent.filter((other) => !repeats(scan, other))].slice(0, RECENT_SCANS);
    let bytes = 0;
    this.#recent = this.#recent.filter((entry) => (bytes += entry.body.length) <= RECENT_BYTES);
    return scan;
  }

  /** The bodies it remembers. */
  holds(): Buffer[] {
    return this.#recent.map(({ body }) => body);
  }

  #likest(wire: WireFormat, body: Buffer): Scan | undefined {
    let best: Scan | undefined;
    let most = 0;
    // Mostly it is the next request of a conversation, which the middle of its last message tells.
    const likely = this.#recent.find((scan) => scan.wire === wire && looksAlike(scan.body, body, middleOf(scan.marks.at(-1))));
    for (const scan of this.#recent) {
      if (scan.wire !== wire) continue;
      // All but the newest marks decide: comparing their places is enough to leave most others out.
      const end = scan.marks.at(-2)?.end ?? scan.marks.at(-1)?.end ?? 0;
      if (end <= most || end > body.length) continue;
      if (likely !== undefined && scan !== likely) continue;
      const shared = commonPrefix(scan.body, body);
      if (shared > most) {
        most = shared;
        best = scan;
      }
    }
    return best;
  }
}

function middleOf(mark: Mark | undefined): number {
  return mark === undefined ? Infinity : (mark.start + mark.end) >> 1;
}

/** A conversation's next request takes the place of its last one. */
function repeats(scan: Scan, other: Scan): boolean {
  const mark = other.steps.at(-1);
  return mark !== undefined && scan.wire === other.wire && scan.steps[other.steps.length - 1]?.chain === mark.chain;
}
