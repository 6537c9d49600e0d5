import { maskText } from '../engine/redact.ts';

/**
 * The values in which the frames of a stream differ: what they say, and numbers that count them. Frames are Latin-1
 * text, one character a byte.
 */
export type Value = {
  key: string;
  isNumber: boolean;
  /** Where it stands in the frame: a string without its quotes. */
  at: number;
  end: number;
};

const VALUE =
  /"(text|content|delta|partial_json|thinking|reasoning_content|refusal|arguments|obfuscation)":\s?"|"(sequence_number)":\s?\d/g;
/** Larger frames say everything once more; they are kept as they are. */
const MOST_OF_A_FRAME = 4096;

/** The values of a frame, in their order. None where one of them has no end, or the frame is too large to differ in little. */
export function valuesOf(frame: string): Value[] {
  const values: Value[] = [];
  if (frame.length > MOST_OF_A_FRAME) return values;
  let from = 0;
  for (const match of frame.matchAll(VALUE)) {
    if (match.index < from) continue;
    const [whole, text, number] = match;
    const isNumber = number !== undefined;
    const at = match.index + whole.length - (isNumber ? 1 : 0);
    from = isNumber ? numberEnd(frame, at) : stringEnd(frame, at);
    if (from < 0) return [];
    values.push({ key: text ?? number ?? '', isNumber, at, end: from });
  }
  return values;
}

/** The quote that ends the string whose inside begins at `at`, or -1. */
export function stringEnd(text: string, at: number): number {
  for (let end = text.indexOf('"', at); end >= 0; end = text.indexOf('"', end + 1)) {
    let slashes = 0;
    while (text[end - 1 - slashes] === '\\' && end - 1 - slashes >= at) slashes += 1;
    if (slashes % 2 === 0) return end;
  }
  return -1;
}

/** Where a number as JSON writes whole ones ends; -1 where it would come back otherwise. */
export function numberEnd(text: string, at: number): number {
  let end = at;
  while (end - at < 16 && text.charCodeAt(end) >= 0x30 && text.charCodeAt(end) <= 0x39) end += 1;
  return end === at || end - at > 15 || (text[at] === '0' && end - at > 1) ? -1 : end;
}

/** True where the bytes look like a stream of events: they begin with a field, or a comment. */
export function isStream(bytes: Buffer): boolean {
  return /^(?:event|data|id|retry)?:/.test(bytes.toString('latin1', 0, 6));
}

/** What ends each frame of a stream. */
export function frameEndOf(stream: string): string {
  return stream[stream.indexOf('\n') - 1] === '\r' ? '\r\n\r\n' : '\n\n';
}

/** Where the frame at `from` ends. */
export function endOfFrame(stream: string, from: number, frameEnd: string): number {
  const next = stream.indexOf(frameEnd, from);
  return next < 0 ? stream.length : next + frameEnd.length;
}

/**
 * A stream without what looks like a credential in what its frames say together. Each character stays in its place; a
 * credential that stands in one frame is left to others.
 */
export function withoutPieces(stream: string): string {
  const frameEnd = frameEndOf(stream);
  const said = new Map<string, { text: string; places: { at: number; end: number }[] }>();
  for (let from = 0, end = 0; from < stream.length; from = end) {
    end = endOfFrame(stream, from, frameEnd);
    const frame = stream.slice(from, end);
    for (const { key, isNumber, at, end: valueEnd } of valuesOf(frame)) {
      if (isNumber) continue;
      const under = said.get(key) ?? { text: '', places: [] };
      under.text += frame.slice(at, valueEnd);
      under.places.push({ at: from + at, end: from + valueEnd });
      said.set(key, under);
    }
  }
  const masks: { at: number; text: string }[] = [];
  for (const { text, places } of said.values()) {
    const clean = maskText(text);
    if (clean === text) continue;
    let read = 0;
    for (const { at, end } of places) {
      masks.push({ at, text: clean.slice(read, read + end - at) });
      read += end - at;
    }
  }
  return masks.length === 0 ? stream : overwritten(stream, masks);
}

/** A text with others written over it. */
function overwritten(text: string, others: readonly { at: number; text: string }[]): string {
  const parts: string[] = [];
  let from = 0;
  for (const other of others.toSorted((a, b) => a.at - b.at)) {
    parts.push(text.slice(from, other.at), other.text);
    from = other.at + other.text.length;
  }
  return parts.join('') + text.slice(from);
}
