import type { Room } from '../engine/rooms.ts';
import { redactedHead } from './heads.ts';
import { SIDES, type CaptureRecord, type SideRecord } from './record.ts';
import type { Entry, HeaderRecord } from './recorder.ts';
import { SMALL_PIECE } from './reply-log.ts';

/**
 * What the serving thread hands to the capture worker at once. Flat, because what one thread tells another is copied
 * object by object and name by name, which would cost a call more than recording it does:
 *
 *   parcel := records; record := kind, id, row, timeline or null, count of sides, sides
 *   side   := which, headers, number of its memory or null, count of pieces, pieces
 *   count  := how many | -1 where there is no body | -2 - how many, where the body went on after them
 *   piece  := where it begins in `small`, its length | its bytes
 */
export type Parcel = {
  flat: readonly Flat[];
  /** The small pieces of all bodies, one after the other. */
  small: Uint8Array;
};
type Flat = string | number | null | Uint8Array | Float64Array;

export type Packed = {
  parcel: Parcel;
  /** Memory that goes over to the worker. */
  transfers: ArrayBuffer[];
  /** Memory that both read, until the worker says that it does not. */
  lent: Room[];
};

const KINDS = ['begin', 'end', 'whole'] as const;
/** Bodies from this size on are shared with the worker when they can be, smaller ones are copied. */
const SHARE_FROM = 64 * 1024;

/** Writes entries down for the worker: headers redacted, bodies handed over. */
export function pack(entries: readonly Entry[]): Packed {
  const wanted = entries.reduce((sum, entry) => sum + smallBytes(entry), 0);
  const small = Buffer.from(new ArrayBuffer(wanted));
  const flat: Flat[] = [];
  const transfers = new Set<ArrayBuffer>([small.buffer]);
  const lent: Room[] = [];
  let used = 0;
  const hand = (piece: Uint8Array): void => {
    flat.push(piece);
    if (piece.buffer instanceof ArrayBuffer) transfers.add(piece.buffer);
  };
  for (const entry of entries) {
    flat.push(entry.ends ? (entry.begins ? 2 : 1) : 0, entry.id, JSON.stringify(entry.row), entry.timeline, entry.sides.length);
    for (const { side, headers, body, isPart, room: own } of entry.sides) {
      const whole = body === null || Array.isArray(body) ? undefined : body;
      const pieces = Array.isArray(body) ? body : body === null ? undefined : [body];
      const count = pieces === undefined ? -1 : isPart === true ? -2 - pieces.length : pieces.length;
      flat.push(SIDES.indexOf(side), redactedHead(isPairs(headers) ? headers : flatten(headers)), own?.id ?? null, count);
      if (own !== undefined) lent.push(own);
      for (const piece of pieces ?? []) {
        if (piece.length < (whole === undefined ? SMALL_PIECE : SHARE_FROM)) {
          small.set(piece, used);
          flat.push(used, piece.length);
          used += piece.length;
        } else hand(whole === undefined ? piece : shared(whole));
      }
    }
  }
  return { parcel: { flat, small }, transfers: [...transfers], lent };
}

/** The records of a parcel. Throws RangeError where it is none. */
export function unpack({ flat, small }: Parcel): CaptureRecord[] {
  let at = 0;
  const next = (): Flat => {
    const value = flat[at];
    at += 1;
    if (value === undefined) throw notWhole();
    return value;
  };
  const number = (value = next()): number => {
    if (typeof value !== 'number') throw notWhole();
    return value;
  };
  const text = (): string => {
    const value = next();
    if (typeof value !== 'string') throw notWhole();
    return value;
  };
  const piece = (): Uint8Array => {
    const value = next();
    if (value instanceof Uint8Array) return value;
    const from = number(value);
    return small.subarray(from, from + number());
  };
  const sideNext = (): SideRecord => {
    const side = SIDES[number()];
    if (side === undefined) throw notWhole();
    const headers = text();
    const room = next();
    const count = number();
    const body = count === -1 ? null : Array.from({ length: count < 0 ? -2 - count : count }, piece);
    return { side, headers, body, ...(count < -1 && { isPart: true }), ...(typeof room === 'number' && { room }) };
  };
  const records: CaptureRecord[] = [];
  while (at < flat.length) {
    const kind = KINDS[number()];
    const id = number();
    const row = text();
    const timeline = next();
    const sides = Array.from({ length: number() }, sideNext);
    if (kind === undefined) throw notWhole();
    records.push(
      kind === 'begin' ? { kind, id, row, sides } : { kind, id, row, sides, timeline: timeline instanceof Float64Array ? timeline : null },
    );
  }
  return records;
}

function notWhole(): RangeError {
  return new RangeError('what was handed to the store is not whole');
}

function smallBytes(entry: Entry): number {
  let bytes = 0;
  for (const { body } of entry.sides) {
    if (body === null) continue;
    if (!Array.isArray(body)) bytes += body.length < SHARE_FROM ? body.length : 0;
    else for (const piece of body) bytes += piece.length < SMALL_PIECE ? piece.length : 0;
  }
  return bytes;
}

function isPairs(headers: readonly string[] | HeaderRecord): headers is readonly string[] {
  return Array.isArray(headers);
}

/** A body another thread may read while this one still sends it: shared where it is in shared memory, else a copy. */
function shared(body: Buffer): Uint8Array {
  if (body.buffer instanceof SharedArrayBuffer) return body;
  const copy = Buffer.allocUnsafeSlow(body.length);
  body.copy(copy);
  return copy;
}

function flatten(headers: HeaderRecord): string[] {
  const flat: string[] = [];
  for (const [name, value] of Object.entries(headers)) {
    if (value === undefined) continue;
    if (Array.isArray(value)) for (const one of value) flat.push(name, one);
    else flat.push(name, String(value));
  }
  return flat;
}
