import { describe, expect, it } from 'vitest';
import { InOrder } from '../../../bridges/wire/in-order.ts';
import type { TurnEvent } from '../../../bridges/wire/turn.ts';

const start = (item: number): TurnEvent => ({ type: 'item_start', item, kind: 'text' });
const delta = (item: number, text = 'x'): TurnEvent => ({ type: 'delta', item, text });
const end = (item: number): TurnEvent => ({ type: 'item_end', item, text: 'x' });
const opaque = (item: number): TurnEvent => ({ type: 'item', item, value: { type: 'opaque', from: 'messages', name: 'n', value: {} } });
const stop: TurnEvent = { type: 'end', stop: 'end_turn' };

/** What comes out after each event that goes in. */
function pass(...events: TurnEvent[]): TurnEvent[][] {
  const inOrder = new InOrder();
  return events.map((event) => inOrder.push(event));
}

describe('items in order', () => {
  it('pass at once where they do not interleave', () => {
    const events = [start(0), delta(0), end(0), opaque(1), start(2), delta(2), end(2), stop];
    expect(pass(...events)).toEqual(events.map((event) => [event]));
  });

  it('wait for the item that began before them', () => {
    expect(pass(start(0), start(1), delta(1), delta(0), end(1), end(0), stop)).toEqual([
      [start(0)],
      [],
      [],
      [delta(0)],
      [],
      [end(0), start(1), delta(1), end(1)],
      [stop],
    ]);
  });

  it('go on at once when their turn has come', () => {
    expect(pass(start(0), start(1), opaque(2), delta(1, 'a'), end(0), delta(1, 'b'), end(1))).toEqual([
      [start(0)],
      [],
      [],
      [],
      [end(0), start(1), delta(1, 'a')],
      [delta(1, 'b')],
      [end(1), opaque(2)],
    ]);
  });

  it('keep nothing else waiting', () => {
    const usage: TurnEvent = { type: 'usage', usage: { output: 1 } };
    const error: TurnEvent = { type: 'error', error: { kind: 'overloaded', message: 'm' } };
    expect(pass(start(0), start(1), usage, { type: 'keep_alive' }, error)).toEqual([
      [start(0)],
      [],
      [usage],
      [{ type: 'keep_alive' }],
      [error],
    ]);
  });

  it('are all let out at the end, also where one before them never ended', () => {
    expect(pass(start(0), start(1), end(1), start(2), stop).at(-1)).toEqual([start(1), end(1), start(2), stop]);
  });

  it('lose what comes for an item that is over or never began', () => {
    expect(pass(start(0), end(0), delta(0), end(0), delta(7), start(1), start(2), end(2), delta(2), end(1))).toEqual([
      [start(0)],
      [end(0)],
      [],
      [],
      [],
      [start(1)],
      [],
      [],
      [],
      [end(1), start(2), end(2)],
    ]);
  });
});
