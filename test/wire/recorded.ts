import { readFileSync } from 'node:fs';
import path from 'node:path';
import { zstdDecompressSync } from 'node:zlib';
import { isObject } from '../../bridges/wire/json.ts';
import type { JsonObject, JsonValue, WireFormat } from '../../bridges/wire/turn.ts';

export type Answer = { status: number; headers: Record<string, string>; body: JsonValue };

/** One thing that went over the wire. */
export type Said =
  | { kind: 'request'; wire: WireFormat; body: JsonValue }
  /** A streamed reply, as text. */
  | { kind: 'stream'; wire: WireFormat; body: string }
  /** Any other reply. */
  | { kind: 'answer'; wire: WireFormat; body: Answer };

/** What was said, with the name of every file in which it was (but for ids). */
export type Recorded = Said & { names: string[] };

type Of<Kind extends Said['kind']> = Extract<Recorded, { kind: Kind }>;

const BUNDLE = path.join(import.meta.dirname, '../fixtures/recordings/requests.jsonl.zst');

const ALL: readonly Recorded[] = zstdDecompressSync(readFileSync(BUNDLE))
  .toString('utf8')
  .trimEnd()
  .split('\n')
  .map((line): Recorded => JSON.parse(line));

/** Everything of one kind that real clients were recorded to say or to be told, with the name of the first file it stood in. */
export function recorded<Kind extends Said['kind']>(kind: Kind): (Of<Kind> & { name: string })[] {
  return ALL.filter((each): each is Of<Kind> => each.kind === kind).map((each) => ({ ...each, name: each.names[0] ?? '' }));
}

function named<Kind extends Said['kind']>(kind: Kind, name: string): Of<Kind> {
  const found = recorded(kind).find((each) => each.names.includes(name));
  if (found === undefined) throw new Error(`there is no recorded ${kind} ${name}`);
  return found;
}

/** The text of a recorded stream. */
export function recordedText(name: string): string {
  return named('stream', name).body;
}

/** A recorded reply that was no stream. */
export function recordedAnswer(name: string): Answer {
  return named('answer', name).body;
}

/** The body of a recorded request, or of a recorded reply that was no stream. */
export function recordedBody(name: string): JsonObject {
  const body = name.endsWith('request.json') ? named('request', name).body : recordedAnswer(name).body;
  if (!isObject(body)) throw new Error(`${name} has no body`);
  return body;
}
