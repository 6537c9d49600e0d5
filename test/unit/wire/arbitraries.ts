import * as fc from 'fast-check';
import type { JsonObject, StopReason, TurnEvent } from '../../../bridges/wire/turn.ts';

/** One item of a reply, as a model would write it, in pieces as they might arrive. */
export type SaidItem =
  | { kind: 'text'; pieces: string[] }
  | { kind: 'reasoning'; pieces: string[] }
  | { kind: 'tool_call'; callId: string; tool: SaidTool; pieces: string[] };

export type SaidTool = { name: string; namespace?: string; type: 'function' | 'custom' };

export type SaidReply = { items: SaidItem[]; stop: StopReason; usage: { input: number; output: number } };

/** Text of whole characters, none of them a line break: formats set texts apart by those. */
const piece = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 12 }).map((text) => text.replaceAll(/[\r\n]/gu, '_'));
const pieces = fc.array(piece, { minLength: 1, maxLength: 5 });

/** A text cut into pieces between characters. */
function cutUp(text: string): fc.Arbitrary<string[]> {
  const characters = Array.from(text);
  return fc.array(fc.nat(characters.length), { maxLength: 4 }).map((cuts) => {
    const places = [0, ...cuts.sort((a, b) => a - b), characters.length];
    return places.slice(1).map((end, i) => characters.slice(places[i], end).join(''));
  });
}

const argumentsObject: fc.Arbitrary<JsonObject> = fc.dictionary(
  fc.string({ unit: 'grapheme', maxLength: 6 }).filter((key) => key !== '__proto__'),
  fc.oneof(fc.string({ unit: 'grapheme', maxLength: 8 }), fc.integer(), fc.boolean(), fc.constant(null)),
  { maxKeys: 3 },
);

function callOf(tool: SaidTool, i: number): fc.Arbitrary<SaidItem> {
  const input = tool.type === 'custom' ? piece : argumentsObject.map((value) => JSON.stringify(value));
  return input.chain(cutUp).map((cut) => ({ kind: 'tool_call', callId: `call_${i}`, tool, pieces: cut }));
}

/** A complete reply that may call `tools`: some thinking, some text, some calls. */
export function saidReply(tools: readonly SaidTool[]): fc.Arbitrary<SaidReply> {
  const thought = fc.array(
    pieces.map((said): SaidItem => ({ kind: 'reasoning', pieces: said })),
    { maxLength: 1 },
  );
  const texts = fc.array(
    pieces.map((said): SaidItem => ({ kind: 'text', pieces: said })),
    { maxLength: 2 },
  );
  const calls = fc
    .array(fc.constantFrom(...tools), { maxLength: 3 })
    .chain((chosen) => fc.tuple(...chosen.map((tool, i) => callOf(tool, i))));
  return fc
    .record({ thought, texts, calls, short: fc.boolean(), input: fc.nat(100_000), output: fc.nat(100_000) })
    .map(({ thought: thoughts, texts: said, calls: called, short, input, output }) => ({
      items: [...thoughts, ...said, ...called],
      stop: short ? 'max_tokens' : called.length > 0 ? 'tool_use' : 'end_turn',
      usage: { input, output },
    }));
}

/**
 * The events of a reply. `mixing` decides which of several open calls goes on: calls may alternate, and everything else
 * is finished before the next item begins.
 */
export function eventsOf(reply: SaidReply, mixing: readonly number[]): TurnEvent[] {
  const events: TurnEvent[] = [{ type: 'start', id: 'up_1', model: 'upstream-model' }];
  const calls: TurnEvent[][] = [];
  for (const [item, said] of reply.items.entries()) {
    const own = eventsOfItem(said, item);
    if (said.kind === 'tool_call') calls.push(own);
    else events.push(...own);
  }
  events.push(...mixed(calls, mixing), { type: 'end', stop: reply.stop, usage: reply.usage });
  return events;
}

function eventsOfItem(said: SaidItem, item: number): TurnEvent[] {
  return [
    startOf(said, item),
    ...said.pieces.filter((text) => text !== '').map((text): TurnEvent => ({ type: 'delta', item, text })),
    { type: 'item_end', item, text: said.pieces.join('') },
  ];
}

function startOf(said: SaidItem, item: number): TurnEvent {
  if (said.kind !== 'tool_call') return { type: 'item_start', item, kind: said.kind };
  const { callId, tool } = said;
  const namespace = tool.namespace === undefined ? {} : { namespace: tool.namespace };
  return { type: 'item_start', item, kind: 'tool_call', callId, name: tool.name, ...namespace, tool: tool.type };
}

/** Takes from the front of several lists in turn; a list begins only after those before it have begun. */
function mixed(lists: TurnEvent[][], mixing: readonly number[]): TurnEvent[] {
  const rest = lists.map((list) => [...list]);
  const out: TurnEvent[] = [];
  let begun = 0;
  for (let step = 0; rest.some((list) => list.length > 0); step++) {
    const ready = rest.filter((list, i) => list.length > 0 && i <= begun);
    const list = ready[(mixing[step % Math.max(1, mixing.length)] ?? 0) % ready.length];
    const event = list?.shift();
    if (event === undefined) break;
    if (event.type === 'item_start') begun += 1;
    out.push(event);
  }
  return out;
}

/** What a reply says in the end, free of how it was told. */
export type Gist = {
  text: string;
  reasoning: string;
  calls: { callId: string; name: string; namespace?: string; tool: 'function' | 'custom'; input: string }[];
  stop: StopReason | undefined;
};

/** The gist of events, told from deltas and from whole items alike; both must say the same. */
export function gistOf(events: readonly TurnEvent[]): Gist {
  const gist: Gist = { text: '', reasoning: '', calls: [], stop: undefined };
  const open = new Map<number, { start: Extract<TurnEvent, { type: 'item_start' }>; text: string }>();
  for (const event of events) {
    if (event.type === 'item_start') open.set(event.item, { start: event, text: '' });
    else if (event.type === 'delta') {
      const item = open.get(event.item);
      if (item === undefined) throw new Error('a delta of an item that is not open');
      item.text += event.text;
    } else if (event.type === 'item_end') {
      const item = open.get(event.item);
      if (item === undefined) throw new Error('an end of an item that is not open');
      open.delete(event.item);
      if (item.text !== '' && item.text !== event.text && item.start.kind !== 'reasoning')
        throw new Error('deltas and the whole text differ');
      addItem(gist, item.start, event.text);
    } else if (event.type === 'end') gist.stop = event.stop;
  }
  if (open.size > 0) throw new Error('an item has no end');
  gist.calls.sort((a, b) => (a.callId < b.callId ? -1 : 1));
  return gist;
}

function addItem(gist: Gist, start: Extract<TurnEvent, { type: 'item_start' }>, text: string): void {
  const plain = text.replaceAll('\n', '');
  if (start.kind === 'text' || start.kind === 'refusal') gist.text += plain;
  else if (start.kind === 'reasoning') gist.reasoning += plain;
  else {
    const { callId, name, namespace, tool } = start;
    gist.calls.push({ callId, name, tool, input: text, ...(namespace === undefined ? {} : { namespace }) });
  }
}

/** Cuts bytes at any places, also inside a character. */
export function cutBytes(bytes: Buffer, cuts: readonly number[]): Buffer[] {
  const places = [0, ...cuts.map((cut) => cut % (bytes.length + 1)).sort((a, b) => a - b), bytes.length];
  return places.slice(1).map((end, i) => bytes.subarray(places[i], end));
}
