import { maskText } from '../engine/redact.ts';
import { pushNumber, Reader } from './numbers.ts';
import { endOfFrame, frameEndOf, isStream, numberEnd, stringEnd, valuesOf, withoutPieces, type Value } from './values.ts';

/**
 * A streamed reply, taken apart: frames that differ in nothing but a few values are told once, and what they say stands
 * in one piece, as it does in the next request. Nine tenths of a stream are its frames; what is left is compressed
 * sooner and smaller. Every byte can be given back, but for what looks like a credential: that is masked, also where it
 * came in pieces.
 *
 *   stream   := count, templates, count, runs, columns, literals of the templates, bytes of the plain runs, text
 *   template := count of holes, kind of each hole, length of each literal (one more than holes)
 *   run      := 0, length of bytes kept as they are | number of a template, how many frames are made of it
 *   column   := of each hole of each template: the length of each value, or each number's step from the one before
 *
 * Numbers are unsigned LEB128 (numbers.ts). Bytes go as Latin-1 text, one character a byte.
 */
export type TakenApart = {
  encoded: Buffer;
  /** What the frames say, by the key under which they say it; JSON's escapes are still in it. */
  said: readonly { key: string; text: string }[];
  /** The frames that are kept as they are. Latin-1. */
  plain: string;
  /** All frames in their order, but of each run only the first, and only what came in pieces masked. Latin-1. */
  told: string;
};

const STRING = 0;
const NUMBER = 1;
/** A string that is JSON itself, kept without the escapes it has for that. */
const JSON_TEXT = 2;
const MOST_TEMPLATES = 24;
const MOST_BYTES = 64 * 1024 * 1024;

/** `texts`: of this run. `said`: in all. `end`: where its value ends in the frame that was looked at last. `last`: the number taken last. */
type Hole = { key: string; kind: number; texts: string[]; said: string; numbers: number[]; last: number; end: number };
type Template = { literals: string[]; holes: Hole[] };

/** What was found out of larger replies is not remembered. Bytes. */
const MOST_REMEMBERED = 1024 * 1024;
const answers = new WeakMap<Buffer, TakenApart | undefined>();

/**
 * Undefined where the bytes are no stream, or one whose frames have little in common. Answers are remembered:
 * the store, its index and what follows it ask of the same buffers. What was asked of must not be written to.
 */
export function takeApart(reply: Buffer): TakenApart | undefined {
  if (answers.has(reply)) return answers.get(reply);
  const found = reply.length > 64 && reply.length <= MOST_BYTES && isStream(reply) ? takenApart(reply.toString('latin1')) : undefined;
  if (reply.length <= MOST_REMEMBERED) answers.set(reply, found);
  return found;
}

function takenApart(stream: string): TakenApart | undefined {
  const taking = new Taking(stream);
  const found = taking.run();
  return found !== undefined && taking.saysCredential() ? new Taking(withoutPieces(stream)).run() : found;
}

class Taking {
  readonly #text: string;
  readonly #frameEnd: string;
  readonly #templates: Template[] = [];
  readonly #runs: number[] = [];
  /** What is said under each key, in the frames' order, and in how many parts it stands in what is kept. */
  readonly #said = new Map<string, { text: string; parts: number }>();
  #plain = '';
  #told = '';
  #at = 0;

  /** Latin-1. */
  constructor(stream: string) {
    this.#text = stream;
    this.#frameEnd = frameEndOf(stream);
  }

  /** True where a credential came in parts that are kept in several places: in none of them it can be told by itself. */
  saysCredential(): boolean {
    return [...this.#said.values()].some(({ text, parts }) => parts > 1 && maskText(text) !== text);
  }

  run(): TakenApart | undefined {
    const text = this.#text;
    let plainFrom = 0;
    let runs = 0;
    const endPlain = (): void => {
      if (this.#at === plainFrom) return;
      pushNumber(this.#runs, 0);
      pushNumber(this.#runs, this.#at - plainFrom);
      runs += 1;
      const plain = text.slice(plainFrom, this.#at);
      this.#plain += plain;
      this.#told += plain;
    };
    while (this.#at < text.length) {
      const from = this.#at;
      const end = endOfFrame(text, from, this.#frameEnd);
      const number = this.#repeated(from, end);
      if (number === undefined) {
        this.#at = end;
        continue;
      }
      endPlain();
      this.#told += text.slice(from, end);
      pushNumber(this.#runs, number + 1);
      pushNumber(this.#runs, this.#takeAll(this.#templates[number]));
      runs += 1;
      plainFrom = this.#at;
    }
    if (this.#templates.length === 0) return undefined;
    endPlain();
    this.#plain = maskText(this.#plain);
    const columns = this.#templates.map(({ holes }) => holes.map(({ said }) => maskText(said)));
    return {
      encoded: this.#encoded(runs, columns),
      said: this.#templates.flatMap(({ holes }, i) =>
        holes.flatMap(({ key, kind }, j) => (kind === NUMBER ? [] : [{ key, text: columns[i]?.[j] ?? '' }])),
      ),
      plain: this.#plain,
      told: this.#told,
    };
  }

  /** The template of the frame at `from`: a known one, or a new one where the next frame is made of it too. */
  #repeated(from: number, end: number): number | undefined {
    const found = this.#templates.findIndex((template) => fits(this.#text, from, template) >= 0);
    if (found >= 0) return found;
    const frame = this.#text.slice(from, end);
    const values = valuesOf(frame);
    const template = values.length === 0 || this.#templates.length === MOST_TEMPLATES ? undefined : templateOf(frame, values);
    if (template !== undefined && fits(this.#text, end, template) >= 0) return this.#templates.push(template) - 1;
    for (const value of values) if (!value.isNumber) this.#say(value.key, frame.slice(value.at, value.end));
    return undefined;
  }

  /** Takes the frames of a template that follow one another; returns how many. */
  #takeAll(template: Template | undefined): number {
    let count = 0;
    if (template === undefined) return count;
    while (this.#take(template)) count += 1;
    for (const hole of template.holes) {
      if (hole.kind === NUMBER) continue;
      const said = hole.texts.join('');
      hole.texts.length = 0;
      hole.said += said;
      this.#say(hole.key, said);
    }
    return count;
  }

  #say(key: string, text: string): void {
    if (text === '') return;
    const said = this.#said.get(key);
    if (said === undefined) this.#said.set(key, { text, parts: 1 });
    else {
      said.text += text;
      said.parts += 1;
    }
  }

  #take(template: Template): boolean {
    const text = this.#text;
    const end = fits(text, this.#at, template);
    if (end < 0) return false;
    let at = this.#at;
    for (let i = 0; i < template.holes.length; i += 1) {
      const hole = template.holes[i];
      if (hole === undefined) break;
      at += template.literals[i]?.length ?? 0;
      const value = text.slice(at, hole.end);
      if (hole.kind === NUMBER) {
        hole.numbers.push(Number(value) - hole.last);
        hole.last = Number(value);
      } else {
        hole.numbers.push(value.length);
        hole.texts.push(value);
      }
      at = hole.end;
    }
    this.#at = end;
    return true;
  }

  #encoded(runs: number, texts: readonly (readonly string[])[]): Buffer {
    const numbers: number[] = [];
    const columns: number[] = [];
    let literals = '';
    let said = '';
    pushNumber(numbers, this.#templates.length);
    for (const [i, template] of this.#templates.entries()) {
      pushNumber(numbers, template.holes.length);
      for (const [j, hole] of template.holes.entries()) {
        const joined = texts[i]?.[j] ?? '';
        const plain = hole.key === 'partial_json' ? unescaped(joined) : undefined;
        if (plain !== undefined) hole.kind = JSON_TEXT;
        pushNumber(numbers, hole.kind);
        pushNumber(columns, hole.kind === JSON_TEXT ? (plain ?? '').length : joined.length);
        for (const number of hole.numbers) pushNumber(columns, number);
        said += plain ?? joined;
      }
      for (const literal of template.literals) {
        pushNumber(numbers, literal.length);
        literals += maskText(literal);
      }
    }
    pushNumber(numbers, runs);
    return Buffer.concat([
      Buffer.from(numbers),
      Buffer.from(this.#runs),
      Buffer.from(columns),
      Buffer.from(literals + this.#plain + said, 'latin1'),
    ]);
  }
}

function templateOf(frame: string, values: readonly Value[]): Template {
  const literals: string[] = [];
  let from = 0;
  for (const { at, end } of values) {
    literals.push(frame.slice(from, at));
    from = end;
  }
  literals.push(frame.slice(from));
  const holes = values.map(({ key, isNumber }) => ({
    key,
    kind: isNumber ? NUMBER : STRING,
    texts: [],
    said: '',
    numbers: [],
    last: 0,
    end: 0,
  }));
  return { literals, holes };
}

/** Where a frame at `from` that is made of this template ends; -1 where there is none. */
function fits(text: string, from: number, { literals, holes }: Template): number {
  let at = from;
  for (let i = 0; ; i += 1) {
    const literal = literals[i] ?? '';
    // Compares several bytes at once; what V8 makes of startsWith goes byte by byte.
    if (text.slice(at, at + literal.length) !== literal) return -1;
    at += literal.length;
    const hole = holes[i];
    if (hole === undefined) return at;
    const end = hole.kind === NUMBER ? numberEnd(text, at) : stringEnd(text, at);
    if (end < 0 || (hole.kind === NUMBER && Number(text.slice(at, end)) < hole.last)) return -1;
    hole.end = end;
    at = end;
  }
}

/** A text without JSON's escapes, where it would get the very same ones again. It stays Latin-1: half a character is left escaped. */
function unescaped(json: string): string | undefined {
  try {
    const plain: unknown = JSON.parse(`"${json}"`);
    return typeof plain === 'string' && !BEYOND_LATIN_1.test(plain) && escaped(plain) === json ? plain : undefined;
  } catch {
    return undefined;
  }
}

const BEYOND_LATIN_1 = /[\u0100-\uffff]/;

function escaped(plain: string): string {
  return JSON.stringify(plain).slice(1, -1);
}

/** Puts a stream together again. Throws RangeError where the bytes are damaged, or would give more than `atMost`. */
export function putTogether(encoded: Buffer, atMost: number): Buffer {
  const reader = new Reader(encoded);
  const templates = Array.from({ length: bounded(reader.number(), MOST_TEMPLATES) }, () => {
    const kinds = Array.from({ length: bounded(reader.number(), encoded.length) }, () => reader.number());
    return { kinds, lengths: Array.from({ length: kinds.length + 1 }, () => reader.number()), count: 0 };
  });
  const runs = Array.from({ length: bounded(reader.number(), encoded.length) }, () => [reader.number(), reader.number()] as const);
  for (const [template, count] of runs) {
    const of = templates[template - 1];
    if (of !== undefined) of.count += bounded(count, encoded.length);
  }
  const columns = templates.map(({ kinds, count }) =>
    kinds.map((kind) => ({
      kind,
      bytes: reader.number(),
      numbers: Array.from({ length: bounded(count, encoded.length) }, () => reader.number()),
      text: '',
      at: 0,
      next: 0,
      last: 0,
    })),
  );
  const take = (length: number): string => reader.bytes(length).toString('latin1');
  const literals = templates.map(({ lengths }) => lengths.map(take));
  const plain = runs.map(([template, length]) => (template === 0 ? take(length) : ''));
  for (const column of columns.flat()) {
    const text = take(column.bytes);
    column.text = column.kind === JSON_TEXT ? escaped(text) : text;
  }
  let length = 0;
  const pieces: string[] = [];
  const add = (piece: string): void => {
    length = bounded(length + piece.length, atMost);
    pieces.push(piece);
  };
  for (const [i, [template, count]] of runs.entries()) {
    if (template === 0) add(plain[i] ?? '');
    else for (let left = count; left > 0; left -= 1) addFrame(literals[template - 1] ?? [], columns[template - 1] ?? [], add);
  }
  return Buffer.from(pieces.join(''), 'latin1');
}

type Column = { kind: number; numbers: number[]; text: string; at: number; next: number; last: number };

function addFrame(literals: readonly string[], columns: readonly Column[], add: (piece: string) => void): void {
  for (const [i, literal] of literals.entries()) {
    add(literal);
    const column = columns[i];
    if (column === undefined) return;
    const number = column.numbers[column.next] ?? 0;
    column.next += 1;
    if (column.kind === NUMBER) {
      column.last += number;
      add(String(column.last));
    } else {
      add(column.text.slice(column.at, column.at + number));
      column.at += number;
    }
  }
}

function bounded(value: number, most: number): number {
  if (value > most) throw new RangeError('a stored body is damaged');
  return value;
}
