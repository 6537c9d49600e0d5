/** A field's place in a JSON text: names and indexes from the top. `*` stands for any index. */
export type FieldPath = readonly string[];

export type JsonLayout = {
  /** The text, one field a line, indented. */
  lines: string[];
  /** For each wanted path the lines of what it names, or of its closest ancestor that is there; empty where none is. */
  places: { lines: number[]; exact: boolean }[];
};

/** Lines are indented so many levels at most: thousands of them would be megabytes of blanks. */
const MOST_INDENTED = 64;
/** Characters between two pauses of `layOut`. */
const PAUSE_EVERY = 200_000;

/**
 * Indents JSON without reading its values: numbers, escapes and the order of keys stay exactly as they came, which
 * parsing and printing again would not promise. Pauses now and then, so that megabytes need not hold the window up.
 * A text that was cut off is laid out as far as it goes. Null where the text is no JSON.
 */
export function* layOut(text: string, wanted: readonly FieldPath[] = [], cutOff = false): Generator<undefined, JsonLayout | null> {
  if (cutOff ? !/^\s*[[{]/.test(text) : !isJson(text)) return null;
  yield;
  const lines: string[] = [];
  const path: string[] = [];
  const kinds: ('{' | '[')[] = [];
  const best = wanted.map(() => ({ depth: 0, lines: [] as number[] }));
  let line = '';
  let previous = '';
  let pauseAt = PAUSE_EVERY;
  const newline = (): void => {
    lines.push(line);
    line = '  '.repeat(Math.min(kinds.length, MOST_INDENTED));
  };
  const here = (): void => {
    for (const [at, want] of wanted.entries()) {
      const found = best[at];
      if (found === undefined || path.length > want.length || path.length < found.depth) continue;
      if (!path.every((name, level) => want[level] === name || (want[level] === '*' && /^\d+$/.test(name)))) continue;
      if (path.length > found.depth) found.lines = [];
      found.depth = path.length;
      found.lines.push(lines.length);
    }
  };
  for (let at = 0; ;) {
    const token = nextToken(text, at);
    if (token === null) {
      line += text.slice(at).trimStart();
      break;
    }
    at = token.end;
    const { value } = token;
    const closes = value === '}' || value === ']';
    if (closes) {
      kinds.pop();
      path.pop();
      if (previous !== '{' && previous !== '[') newline();
    } else if (previous === '{' || previous === '[' || previous === ',') {
      newline();
      const inArray = kinds.at(-1) === '[';
      if (inArray) path[path.length - 1] = previous === '[' ? '0' : String(Number(path.at(-1)) + 1);
      else path[path.length - 1] = nameOf(value);
      if (wanted.length > 0) here();
    }
    line += value === ':' ? ': ' : value;
    if (value === '{' || value === '[') {
      kinds.push(value);
      path.push('');
    }
    previous = value.length === 1 ? value : '"';
    if (at > pauseAt) {
      pauseAt = at + PAUSE_EVERY;
      yield;
    }
  }
  lines.push(line);
  return {
    lines,
    places: best.map(({ depth, lines: found }, at) => ({ lines: found, exact: depth === wanted[at]?.length })),
  };
}

/** The text indented; null where it is no JSON. For what is short: it does not pause. */
export function prettyJson(text: string): string | null {
  return runThrough(layOut(text))?.lines.join('\n') ?? null;
}

/** Runs a generator to its end without a pause. */
export function runThrough<T>(work: Generator<undefined, T>): T {
  for (;;) {
    const step = work.next();
    if (step.done === true) return step.value;
  }
}

/** Reads a path as losses name them: `messages[2].content[0]`, `tools[].strict`. Null where the words name no field. */
export function readPath(path: string): FieldPath | null {
  if (!/^[\w$-]+(?:\[\d*\]|\.[\w$-]+)*$/.test(path)) return null;
  return [...path.matchAll(/\[(\d*)\]|[\w$-]+/g)].map(([name, index]) => (index === undefined ? name : index === '' ? '*' : index));
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

const WORD = /[^\s{}[\],:"]+/y;
const BLANKS = /\s*/y;

function nextToken(text: string, from: number): { value: string; end: number } | null {
  BLANKS.lastIndex = from;
  BLANKS.test(text);
  const at = BLANKS.lastIndex;
  const first = text[at];
  if (first === undefined) return null;
  if ('{}[],:'.includes(first)) return { value: first, end: at + 1 };
  if (first === '"') {
    const end = endOfString(text, at);
    return end < 0 ? null : { value: text.slice(at, end), end };
  }
  WORD.lastIndex = at;
  const [word] = WORD.exec(text) ?? [];
  return word === undefined ? null : { value: word, end: at + word.length };
}

/** A search for quotation marks, where a regular expression would keep every character of an image on its stack. */
function endOfString(text: string, start: number): number {
  for (let end = text.indexOf('"', start + 1); end >= 0; end = text.indexOf('"', end + 1)) {
    let slashes = 0;
    while (text[end - 1 - slashes] === '\\') slashes += 1;
    if (slashes % 2 === 0) return end + 1;
  }
  return -1;
}

function nameOf(key: string): string {
  const plain = key.slice(1, -1);
  if (!plain.includes('\\')) return plain;
  try {
    return String(JSON.parse(key));
  } catch {
    // Where the text was cut off, nobody has checked it yet.
    return plain;
  }
}
