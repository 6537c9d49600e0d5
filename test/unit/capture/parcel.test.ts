import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { pack, unpack } from '../../../bridges/capture/parcel.ts';
import { SIDES } from '../../../bridges/capture/record.ts';
import type { Entry } from '../../../bridges/capture/recorder.ts';
import { createRooms } from '../../../bridges/engine/rooms.ts';
import type { Call } from '../../../bridges/contract/index.ts';
import { madeCall } from '../../fakes/made-calls.ts';

const row: Call = madeCall(1, 0);
const sizes = fc.oneof(fc.nat({ max: 50 }), fc.constantFrom(4_095, 4_096, 65_535, 65_536, 70_000));
const bytes = fc.tuple(sizes, fc.nat({ max: 255 })).map(([length, fill]) => Buffer.alloc(length, fill));
const side = fc.record({
  side: fc.constantFrom(...SIDES),
  headers: fc.constantFrom<Entry['sides'][number]['headers']>(['a', '1', 'A', 'ü'], { b: '2', c: ['3', '4'], d: undefined, e: 5 }, []),
  body: fc.oneof(fc.constant(null), bytes, fc.array(bytes, { maxLength: 3 })),
  isPart: fc.boolean(),
});
const entry = fc.record({
  id: fc.nat(),
  row: fc.constant(row),
  begins: fc.boolean(),
  ends: fc.boolean(),
  sides: fc.array(side, { maxLength: 4 }),
  timeline: fc.constantFrom(null, Float64Array.of(1, 2, 3, 4)),
  bytes: fc.nat(),
});

describe('a parcel for the store', () => {
  it('holds what was put into it', () => {
    fc.assert(
      fc.property(fc.array(entry, { maxLength: 4 }), (entries) => {
        const wanted = entries.map(({ id, ends, begins, sides, timeline }) => ({
          id,
          kind: ends ? (begins ? 'whole' : 'end') : 'begin',
          row,
          timeline: ends ? timeline : undefined,
          sides: sides.map(({ side: which, body, isPart }) => ({ side: which, body: hex(body), isPart: isPart && body !== null })),
        }));
        const { parcel, transfers } = pack(entries);
        // As it comes out on the other side.
        const records = unpack(structuredClone(parcel, { transfer: transfers }));
        expect(
          records.map((record) => ({
            id: record.id,
            kind: record.kind,
            row: JSON.parse(record.row),
            timeline: record.kind === 'begin' ? undefined : record.timeline,
            sides: record.sides.map(({ side: which, body, isPart }) => ({ side: which, body: hex(body), isPart: isPart === true })),
          })),
        ).toEqual(wanted);
      }),
    );
  });

  it('tells the headers without their secrets', () => {
    const headers = ['x-api-key', 'a-secret', 'accept', '*/*'];
    const one: Entry = {
      id: 1,
      row,
      begins: true,
      ends: false,
      sides: [{ side: 'clientRequest', headers, body: null }],
      timeline: null,
      bytes: 0,
    };
    const [record] = unpack(pack([one]).parcel);
    expect(record?.sides[0]).toEqual({
      side: 'clientRequest',
      headers: '[["x-api-key","[redacted]"],["accept","*/*"]]',
      body: null,
    });
  });

  it('names the memory of each body that is to come back', () => {
    const rooms = createRooms({ monotonic: () => 0 });
    const room = rooms.take(100_000);
    const one: Entry = {
      id: 1,
      row,
      begins: true,
      ends: true,
      sides: [
        { side: 'clientRequest', headers: [], body: room.bytes, room },
        { side: 'clientReply', headers: [], body: [Buffer.from('small')] },
      ],
      timeline: null,
      bytes: 0,
    };
    const { parcel, lent, transfers } = pack([one]);
    expect(transfers).toEqual([parcel.small.buffer]);
    expect(lent).toEqual([room]);
    expect(unpack(parcel)[0]?.sides[0]).toMatchObject({ room: room.id });
    rooms.stop();
  });

  it('that was cut is refused', () => {
    const one: Entry = {
      id: 1,
      row,
      begins: true,
      ends: false,
      sides: [{ side: 'clientRequest', headers: [], body: null }],
      timeline: null,
      bytes: 0,
    };
    const { parcel } = pack([one]);
    for (let length = 1; length < parcel.flat.length; length += 1)
      expect(() => unpack({ ...parcel, flat: parcel.flat.slice(0, length) })).toThrow(RangeError);
  });
});

function hex(body: Uint8Array | readonly Uint8Array[] | null): string | null {
  if (body === null) return null;
  return body instanceof Uint8Array ? Buffer.from(body).toString('hex') : body.map((piece) => Buffer.from(piece).toString('hex')).join('');
}
