import { isObject, parseJson } from '../json.ts';
import type { JsonObject, JsonValue } from '../turn.ts';

/** One breach of a stream's grammar. `line` counts from 1; `event` is the name of the event it was found at. */
export type Problem = { line: number; event: string; rule: string };

export type CheckedFrame = { line: number; event: string | undefined; data: string };

/** Follows one stream, frame by frame. */
export type Checker = {
  frame(frame: CheckedFrame): void;
  /** No more frames: reports what is still missing. */
  end(): void;
};

/** Collects problems at the place where the stream is being read. */
export class Problems {
  readonly list: Problem[] = [];
  #line = 1;
  #event = '';

  at(frame: CheckedFrame): void {
    this.#line = frame.line;
    this.#event = frame.event ?? '';
  }

  /** Names the place better than its `event:` line does. */
  named(event: string): void {
    this.#event = event;
  }

  add(rule: string): void {
    this.list.push({ line: this.#line, event: this.#event, rule });
  }

  /** Reports the rule where it does not hold; returns whether it does. */
  check(holds: boolean, rule: string): boolean {
    if (!holds) this.add(rule);
    return holds;
  }
}

/** The frames of a stream with the line each begins at; a last one without its blank line counts too. */
export function readFrames(text: string): CheckedFrame[] {
  const frames: CheckedFrame[] = [];
  let event: string | undefined;
  let data: string[] = [];
  let begin = 0;
  const close = (): void => {
    if (data.length > 0) frames.push({ line: begin, event, data: data.join('\n') });
    event = undefined;
    data = [];
    begin = 0;
  };
  for (const [index, line] of text.split(/\r\n|\r|\n/u).entries()) {
    if (line === '') {
      close();
      continue;
    }
    const colon = line.indexOf(':');
    const field = colon < 0 ? line : line.slice(0, colon);
    if (field !== 'event' && field !== 'data') continue;
    const value = colon < 0 ? '' : line.slice(colon + 1).replace(/^ /u, '');
    if (begin === 0) begin = index + 1;
    if (field === 'event') event = value;
    else data.push(value);
  }
  close();
  return frames;
}

/** The data of a frame where it is a JSON object; anything else is a problem. */
export function readObject(data: string, problems: Problems): JsonObject | undefined {
  const value = parseJson(data);
  if (isObject(value)) return value;
  problems.add('data is a JSON object');
  return undefined;
}

/** True for a count: a whole number from 0 on. */
export function isCount(value: JsonValue | undefined): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value >= 0;
}

/** True for a string that is not empty. */
export function isName(value: JsonValue | undefined): value is string {
  return typeof value === 'string' && value !== '';
}
