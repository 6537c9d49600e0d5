import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createRooms, type Rooms } from '../../../bridges/engine/rooms.ts';

const MB = 1024 * 1024;
let now = 0;
let rooms: Rooms;
beforeEach(() => {
  vi.useFakeTimers();
  now = 0;
  rooms = createRooms({ monotonic: () => now });
});
afterEach(() => {
  rooms.stop();
  vi.useRealTimers();
});
const pass = (ms: number): void => {
  now += ms;
  vi.advanceTimersByTime(ms);
};

describe('memory for large bodies', () => {
  it('is used again once it was given back, also for a body that has grown', () => {
    const first = rooms.take(MB);
    expect(first.bytes).toHaveLength(MB);
    const other = rooms.take(MB);
    expect(other.memory).not.toBe(first.memory);
    rooms.give(first);
    const grown = rooms.take(MB + 100_000);
    expect(grown.memory).toBe(first.memory);
    expect(grown.bytes).toHaveLength(MB + 100_000);
    expect(grown.id).not.toBe(first.id);
  });
  it('is the smallest that fits, and never one that is far too large', () => {
    const [small, large, huge] = [rooms.take(MB), rooms.take(3 * MB), rooms.take(40 * MB)];
    for (const one of [large, huge, small]) rooms.give(one);
    expect(rooms.take(MB).memory).toBe(small.memory);
    expect(rooms.take(MB).memory).toBe(large.memory);
    expect(rooms.take(MB).memory).not.toBe(huge.memory);
  });
  it('is let go where nobody wants it for ten seconds', () => {
    const first = rooms.take(MB);
    rooms.give(first);
    pass(6_000);
    const second = rooms.take(3 * MB);
    rooms.give(second);
    pass(6_000);
    expect(vi.getTimerCount()).toBe(1);
    expect(rooms.take(MB).memory).toBe(second.memory);
    pass(20_000);
    expect(vi.getTimerCount()).toBe(0);
  });
  it('is kept up to 64 MiB', () => {
    const taken = Array.from({ length: 5 }, () => rooms.take(20 * MB));
    for (const one of taken) rooms.give(one);
    const again = new Set(Array.from({ length: 5 }, () => rooms.take(20 * MB).memory));
    expect(taken.filter(({ memory }) => again.has(memory)).length).toBeLessThanOrEqual(3);
    expect(again.has(taken[4]?.memory ?? new SharedArrayBuffer(0))).toBe(true);
  });
});
