import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { stopAt } from '../../../bridges/wire/stop-sequences.ts';
import type { TurnEvent } from '../../../bridges/wire/turn.ts';

function reply(...pieces: string[]): TurnEvent[] {
  return [
    { type: 'start' },
    { type: 'item_start', item: 0, kind: 'text' },
    ...pieces.map((text): TurnEvent => ({ type: 'delta', item: 0, text })),
    { type: 'item_end', item: 0, text: pieces.join('') },
    { type: 'end', stop: 'end_turn', usage: { output: 5 } },
  ];
}

function cut(events: TurnEvent[], ...sequences: string[]): { events: TurnEvent[]; done: boolean } {
  const stopper = stopAt(sequences);
  const out = events.flatMap((event) => stopper.push(event));
  return { events: out, done: stopper.done };
}

function deltas(events: TurnEvent[]): string {
  return events.map((event) => (event.type === 'delta' ? event.text : '')).join('');
}

function ends(events: TurnEvent[]): string[] {
  return events.flatMap((event) => (event.type === 'item_end' ? [event.text] : []));
}

describe('stopAt', () => {
  it('passes everything where nothing is asked for', () => {
    const events = reply('a', 'b');
    expect(cut(events)).toEqual({ events, done: false });
    expect(cut(events, '')).toEqual({ events, done: false });
  });

  it('cuts at the sequence, ends the reply and says so', () => {
    const { events, done } = cut(reply('one STOP two'), 'STOP');
    expect(events.slice(2)).toEqual([
      { type: 'delta', item: 0, text: 'one ' },
      { type: 'item_end', item: 0, text: 'one ' },
      { type: 'end', stop: 'stop_sequence', stopSequence: 'STOP' },
    ]);
    expect(done).toBe(true);
  });

  it('finds a sequence cut over several deltas and shows none of it', () => {
    const { events } = cut(reply('one S', 'T', 'OP two'), 'STOP');
    expect(deltas(events)).toBe('one ');
  });

  it('hands over what it held back once it turns out to be harmless', () => {
    const { events, done } = cut(reply('one S', 'TO', 'RE', ' S'), 'STOP');
    expect(deltas(events)).toBe('one STORE S');
    expect(ends(events)).toEqual(['one STORE S']);
    expect(done).toBe(false);
  });

  it('does not hold back more than it must', () => {
    const stopper = stopAt(['\n\nHuman:']);
    stopper.push({ type: 'item_start', item: 0, kind: 'text' });
    const delta: TurnEvent = { type: 'delta', item: 0, text: 'some words' };
    expect(stopper.push(delta)).toEqual([delta]);
    expect(stopper.push({ type: 'delta', item: 0, text: 'line\n' })).toEqual([{ type: 'delta', item: 0, text: 'line' }]);
  });

  it('takes the sequence that comes first', () => {
    const { events } = cut(reply('a END b STOP'), 'STOP', 'END');
    expect(events.at(-1)).toMatchObject({ stopSequence: 'END' });
  });

  it('looks at whole texts that came without deltas', () => {
    const events: TurnEvent[] = [
      { type: 'item_start', item: 0, kind: 'text' },
      { type: 'item_end', item: 0, text: 'a STOP b' },
      { type: 'end', stop: 'end_turn' },
    ];
    expect(ends(cut(events, 'STOP').events)).toEqual(['a ']);
  });

  it('stops at the sequence that begins first, also where a shorter one ends before it', () => {
    expect(deltas(cut(reply('bc', 'a'), 'c', 'bca').events)).toBe('');
    expect(deltas(cut(reply('bc', 'x'), 'c', 'bca').events)).toBe('b');
  });

  it('leaves reasoning and tool input alone', () => {
    const events: TurnEvent[] = [
      { type: 'item_start', item: 0, kind: 'reasoning' },
      { type: 'delta', item: 0, text: 'STOP' },
      { type: 'item_end', item: 0, text: 'STOP' },
      { type: 'item_start', item: 1, kind: 'tool_call', callId: 'c', name: 'f', tool: 'function' },
      { type: 'delta', item: 1, text: '"STOP"' },
      { type: 'item_end', item: 1, text: '"STOP"' },
      { type: 'end', stop: 'tool_use' },
    ];
    expect(cut(events, 'STOP')).toEqual({ events, done: false });
  });

  it('closes every open item and tells the usage it has seen', () => {
    const { events } = cut(
      [
        { type: 'start', usage: { input: 3 } },
        { type: 'item_start', item: 0, kind: 'reasoning' },
        { type: 'delta', item: 0, text: 'hm' },
        { type: 'item_start', item: 1, kind: 'text' },
        { type: 'usage', usage: { output: 7 } },
        { type: 'delta', item: 1, text: 'STOP' },
      ],
      'STOP',
    );
    expect(ends(events)).toEqual(['hm', '']);
    expect(events.at(-1)).toEqual({ type: 'end', stop: 'stop_sequence', stopSequence: 'STOP', usage: { input: 3, output: 7 } });
  });

  it('cuts the same wherever the deltas are split', () => {
    const text = fc.string({ unit: fc.constantFrom('a', 'b', 'c'), maxLength: 30 });
    const sequence = fc.string({ unit: fc.constantFrom('a', 'b', 'c'), minLength: 1, maxLength: 4 });
    fc.assert(
      fc.property(text, fc.array(sequence, { minLength: 1, maxLength: 3 }), fc.array(fc.nat(30)), (whole, sequences, cuts) => {
        const places = [0, ...cuts.filter((at) => at < whole.length).sort((a, b) => a - b), whole.length];
        const pieces = places.slice(1).map((at, i) => whole.slice(places[i], at));
        const found = sequences.map((each) => whole.indexOf(each)).filter((at) => at >= 0);
        const wanted = found.length === 0 ? whole : whole.slice(0, Math.min(...found));
        const { events, done } = cut(reply(...pieces), ...sequences);
        expect([deltas(events), ...ends(events), done]).toEqual([wanted, wanted, found.length > 0]);
      }),
    );
  });
});
