import * as fc from 'fast-check';
import { isObject, parseJson } from '../../bridges/wire/json.ts';
import type { ErrorKind, JsonValue, StopReason, TurnEvent } from '../../bridges/wire/turn.ts';

// ---------------------------------------------------------------------------------------------- spoiled recordings

/** What is done to one place of a JSON value. */
type Edit = { place: number; act: 'replace' | 'remove' | 'double'; value: JsonValue };

const scalar = fc.oneof(
  fc.constantFrom<JsonValue[]>(null, true, false, 0, -1, 1.5, 1e300, '', ' ', 'auto', '__proto__', 'data:,', 'data:image/png;base64,AA=='),
  fc.string({ unit: 'grapheme', maxLength: 8 }),
);

const anything: fc.Arbitrary<JsonValue> = fc.oneof(
  scalar,
  fc.array(scalar, { maxLength: 2 }),
  fc.dictionary(fc.constantFrom('type', 'id', 'text', 'content', 'name', '__proto__'), scalar, { maxKeys: 3 }),
);

const edits: fc.Arbitrary<Edit[]> = fc.array(
  fc.record({ place: fc.nat(), act: fc.constantFrom('replace', 'replace', 'remove', 'double'), value: anything }),
  { maxLength: 4 },
);

/** One of the values, spoiled in a few places. */
export function spoiled(values: readonly JsonValue[]): fc.Arbitrary<JsonValue> {
  return fc.tuple(fc.constantFrom(...values), edits).map(([value, list]) => edited(value, list));
}

/** One of the streams, with frames that are spoiled, lost, said twice or in another order, and perhaps cut off. */
export function spoiledStream(streams: readonly string[]): fc.Arbitrary<string> {
  const frameEdits = fc.array(
    fc.record({ frame: fc.nat(), act: fc.constantFrom('spoil', 'spoil', 'spoil', 'remove', 'double', 'swap'), edits }),
    { maxLength: 4 },
  );
  return fc.tuple(fc.constantFrom(...streams), frameEdits, fc.option(fc.nat(), { freq: 5 })).map(([stream, list, cut]) => {
    const frames = stream.split('\n\n');
    for (const edit of list) spoilFrame(frames, edit.frame % frames.length, edit);
    const text = frames.join('\n\n');
    return cut === null ? text : text.slice(0, cut % (text.length + 1));
  });
}

function spoilFrame(frames: string[], at: number, { act, edits: list }: { act: string; edits: Edit[] }): void {
  const frame = frames[at] ?? '';
  if (act === 'remove') frames.splice(at, 1);
  else if (act === 'double') frames.splice(at, 0, frame);
  else if (act === 'swap') frames.splice(at, 2, ...frames.slice(at, at + 2).reverse());
  else frames[at] = frame.replace(/(?<=^data: ).*$/m, (data) => JSON.stringify(edited(parseJson(data) ?? data, list)));
  if (frames.length === 0) frames.push('');
}

function edited(value: JsonValue, list: readonly Edit[]): JsonValue {
  const root: { value: JsonValue } = { value: structuredClone(value) };
  for (const edit of list) {
    const places = placesOf(root);
    const [holder, key] = places[edit.place % places.length] ?? [root, 'value'];
    apply(holder, key, edit);
  }
  return root.value;
}

type Holder = JsonValue[] | { [key: string]: JsonValue | undefined };

/** Every place of a value: what holds it, and where. */
function placesOf(holder: Holder): [Holder, string | number][] {
  const keys = Array.isArray(holder) ? [...holder.keys()] : Object.keys(holder);
  return keys.flatMap((key) => {
    const inner = Array.isArray(holder) ? holder[Number(key)] : holder[key];
    const below = Array.isArray(inner) || isObject(inner) ? placesOf(inner) : [];
    return [[holder, key], ...below] as [Holder, string | number][];
  });
}

function apply(holder: Holder, key: string | number, { act, value }: Edit): void {
  if (Array.isArray(holder)) {
    const at = Number(key);
    if (act === 'remove') holder.splice(at, 1);
    else if (act === 'double') holder.splice(at, 0, structuredClone(holder[at] ?? null));
    else holder[at] = value;
  } else if (act === 'remove' && !('value' in holder && Object.keys(holder).length === 1)) delete holder[key];
  else Object.defineProperty(holder, key, { value, enumerable: true, configurable: true, writable: true });
}

// ---------------------------------------------------------------------------------------------- replies

const STOPS: StopReason[] = [
  'end_turn',
  'tool_use',
  'max_tokens',
  'stop_sequence',
  'refusal',
  'content_filter',
  'context_window',
  'pause_turn',
];
const KINDS: ErrorKind[] = ['rate_limited', 'context_too_long', 'content_refused', 'upstream_failed', 'quota_exceeded', 'stream_cut'];

const text = fc.string({ unit: 'grapheme', maxLength: 6 });
const id = fc.option(fc.constantFrom('msg_1', 'rs_1', 'fc_1', 'x', ''), { nil: undefined });
const count = fc.option(fc.nat(1000), { nil: undefined });
const usage = fc.record({ input: count, cached: count, cacheWrite: count, output: count, reasoning: count });

/** One item as it is told: its start, its pieces, and its end with or without a rest that no piece told. */
const item: fc.Arbitrary<TurnEvent[]> = fc
  .record({
    kind: fc.constantFrom('text', 'refusal', 'reasoning', 'function', 'custom', 'hosted'),
    id,
    pieces: fc.array(text, { maxLength: 4 }),
    rest: text,
    form: fc.constantFrom<('summary' | 'content')[]>('summary', 'content'),
    family: fc.constantFrom<('chat' | 'responses' | 'messages')[]>('chat', 'responses', 'messages'),
    sealed: fc.boolean(),
    redacted: fc.boolean(),
    annotations: fc.option(fc.array(anything, { maxLength: 2 }), { nil: undefined }),
    callId: fc.uuid(),
    name: fc.constantFrom('read', 'write'),
    namespace: fc.option(fc.constant('ns'), { nil: undefined }),
  })
  .map(({ kind, id: own, pieces, rest, form, family, sealed, redacted, annotations, callId, name, namespace }): TurnEvent[] => {
    const started = own === undefined ? {} : { id: own };
    if (kind === 'hosted') {
      const type = family === 'messages' ? 'server_tool_use' : 'web_search_call';
      return [
        { type: 'item', item: 0, value: { type: 'opaque', from: family, role: 'assistant', name: type, value: { type, id: callId } } },
      ];
    }
    const isCall = kind === 'function' || kind === 'custom';
    const said = kind === 'function' ? [JSON.stringify({ a: pieces.join('') })] : pieces;
    const more = kind === 'function' ? '' : rest;
    const start: TurnEvent = isCall
      ? {
          type: 'item_start',
          item: 0,
          kind: 'tool_call',
          tool: kind,
          callId,
          name,
          ...started,
          ...(namespace !== undefined && { namespace }),
        }
      : kind === 'reasoning'
        ? { type: 'item_start', item: 0, kind, form, ...started }
        : { type: 'item_start', item: 0, kind, ...started };
    const deltas = said.flatMap((piece): TurnEvent[] => [
      ...(kind === 'reasoning' && piece === '' ? [{ type: 'reasoning_break', item: 0 } as const] : []),
      { type: 'delta', item: 0, text: piece },
    ]);
    return [
      start,
      ...deltas,
      {
        type: 'item_end',
        item: 0,
        text: said.join('') + more,
        ...(kind === 'reasoning' && sealed && { opaque: { family, data: callId, ...(redacted && { redacted }) } }),
        ...(kind === 'text' && annotations !== undefined && { annotations }),
      },
    ];
  });

const terminal: fc.Arbitrary<TurnEvent> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({ stop: fc.constantFrom(...STOPS), usage }).map((end): TurnEvent => ({
      type: 'end',
      stop: end.stop,
      usage: defined(end.usage),
      ...(end.stop === 'stop_sequence' && { stopSequence: 'END' }),
    })),
  },
  fc.constantFrom(...KINDS).map((kind): TurnEvent => ({ type: 'error', error: { kind, message: 'why' } })),
  fc.constant<TurnEvent>({ type: 'cut', message: 'why' }),
);

/** Any reply the grammar of the hub allows: items that alternate, of every kind, and every way to end. */
export const anyReply: fc.Arbitrary<TurnEvent[]> = fc
  .record({
    items: fc.array(item, { maxLength: 5 }),
    mixing: fc.array(fc.nat(7), { minLength: 1, maxLength: 12 }),
    asides: fc.array(
      fc.tuple(
        fc.nat(),
        fc.oneof(
          fc.constant<TurnEvent>({ type: 'keep_alive' }),
          usage.map((value): TurnEvent => ({ type: 'usage', usage: defined(value) })),
        ),
      ),
      { maxLength: 3 },
    ),
    last: terminal,
  })
  .map(({ items, mixing, asides, last }) => {
    const events = alternated(items, mixing);
    for (const [place, aside] of asides) events.splice(place % (events.length + 1), 0, aside);
    return [{ type: 'start', model: 'up' }, ...events, last];
  });

/** Takes from the lists in turn. Items are numbered as they begin. */
function alternated(lists: readonly TurnEvent[][], mixing: readonly number[]): TurnEvent[] {
  const open = lists.map((list) => ({ rest: [...list], item: -1 }));
  const out: TurnEvent[] = [];
  let items = 0;
  for (let step = 0; open.some(({ rest }) => rest.length > 0); step++) {
    const ready = open.filter(({ rest }) => rest.length > 0);
    const list = ready[(mixing[step % mixing.length] ?? 0) % ready.length];
    const event = list?.rest.shift();
    if (list === undefined || event === undefined) break;
    if (list.item < 0) list.item = items++;
    out.push('item' in event ? { ...event, item: list.item } : event);
  }
  return out;
}

function defined<T extends object>(value: T): { [Key in keyof T]: Exclude<T[Key], undefined> } {
  return JSON.parse(JSON.stringify(value));
}
