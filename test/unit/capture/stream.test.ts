import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { putTogether, takeApart } from '../../../bridges/capture/stream.ts';
import { collector } from '../../../bridges/engine/give-back.ts';

const frame = (value: unknown): string => `event: e\ndata: ${JSON.stringify(value)}\n\n`;
const delta = (index: number, text: string): string => frame({ type: 'content_block_delta', index, delta: { type: 'text_delta', text } });
const input = (json: string): string => frame({ index: 1, delta: { type: 'input_json_delta', partial_json: json } });
const numbered = (at: number, text: string): string =>
  frame({ type: 'response.output_text.delta', sequence_number: at, delta: text, obfuscation: 'x'.repeat(at % 7) });

function backAgain(stream: string | Buffer): { same: boolean; bytes: number } {
  const reply = Buffer.from(stream);
  const apart = takeApart(reply);
  if (apart === undefined) return { same: true, bytes: reply.length };
  return { same: putTogether(apart.encoded, reply.length).equals(reply), bytes: apart.encoded.length };
}

/** Bytes of all buffers that somebody can still reach. */
function reachable(): number {
  // What the first finds is given back by another thread, and the second waits for that.
  for (let times = 0; times < 2; times += 1) collector()?.({ type: 'major' });
  return process.memoryUsage().arrayBuffers;
}

describe('a streamed reply that is taken apart', () => {
  it('is let go of with the last who needs it, also in the middle of a long work', () => {
    const before = reachable();
    const stream = delta(0, 'word').repeat(9000);
    for (let i = 0; i < 40; i += 1) expect(takeApart(Buffer.from(stream))).toBeDefined();
    expect(reachable() - before).toBeLessThan(4 * stream.length);
  });

  it('comes back byte for byte, whatever it holds', () => {
    const text = fc.oneof(fc.string({ unit: 'binary' }), fc.constantFrom('', '"', '\\', '\n\n', 'é€', '\\"'));
    const frames = fc.oneof(
      fc.tuple(fc.nat(2), text).map(([index, said]) => delta(index, said)),
      fc.tuple(fc.nat(300), text).map(([at, said]) => numbered(at, said)),
      text.map(input),
      text.map((said) => `data: {"text": "${said}"}\n\n`),
      text.map((said) => delta(0, said).replaceAll('\n', '\r\n')),
      fc.constantFrom('data: [DONE]\n\n', 'event: ping\ndata: {}\n\n', ': comment\n', '\r\n\r\n', 'data: {"sequence_number":007}\n\n'),
    );
    fc.assert(
      fc.property(fc.array(frames, { maxLength: 40 }), fc.nat(200), fc.constantFrom('\n', '\r\n'), (parts, cut, lineEnd) => {
        const whole = `data: {"begin":"${'x'.repeat(60)}"}${lineEnd.repeat(2)}${parts.join('')}`;
        expect(backAgain(whole).same).toBe(true);
        // A stream that was cut off, also in the middle of a character.
        const bytes = Buffer.from(whole);
        expect(backAgain(bytes.subarray(0, Math.max(0, bytes.length - cut))).same).toBe(true);
      }),
      { numRuns: 300 },
    );
  });

  it('comes back byte for byte where it escapes half a character', () => {
    expect(
      backAgain(
        ['one', '\\ud83d', 'two']
          .map((said) => `data: {"partial_json":"${said}"}\n\n`)
          .join('')
          .repeat(3),
      ).same,
    ).toBe(true);
  });

  it('is a fraction of its frames', () => {
    const words = Array.from({ length: 200 }, (_, i) => `word${i} `);
    for (const stream of [
      words.map((word) => delta(0, word)),
      words.map((word, i) => numbered(i, word)),
      words.map((word) => input(word)),
    ]) {
      const whole = stream.join('');
      expect(backAgain(whole)).toMatchObject({ same: true });
      expect(backAgain(whole).bytes).toBeLessThan(whole.length / 4);
    }
  });

  it('tells what was said in one piece, and the frames that say something else', () => {
    const apart = takeApart(
      Buffer.from(
        `${frame({ type: 'message_start', id: 'msg_1' })}${delta(0, 'Good ')}${delta(0, 'morning')}${frame({ type: 'message_stop' })}`,
      ),
    );
    expect(apart?.said).toEqual([{ key: 'text', text: 'Good morning' }]);
    expect(apart?.plain).toContain('msg_1');
    expect(apart?.plain).not.toContain('text_delta');
    expect(apart?.told).toContain('text_delta');
  });

  it('tells its frames in their order, and of those alike the first', () => {
    const [start, one, stop] = [frame({ type: 'message_start' }), delta(0, 'one'), frame({ type: 'message_stop' })];
    expect(takeApart(Buffer.from(`${start}${one}${delta(0, 'two')}${stop}${delta(0, 'three')}`))?.told).toBe(
      `${start}${one}${stop}${delta(0, 'three')}`,
    );
  });

  it('is asked of two buffers by turns, and told of each what it holds', () => {
    const [first, second] = ['first', 'other'].map((word) => Buffer.from(delta(0, word).repeat(3)));
    for (let round = 0; round < 3; round += 1) {
      expect(takeApart(first ?? Buffer.alloc(0))?.said).toEqual([{ key: 'text', text: 'first'.repeat(3) }]);
      expect(takeApart(second ?? Buffer.alloc(0))?.said).toEqual([{ key: 'text', text: 'other'.repeat(3) }]);
      expect(takeApart(Buffer.from(`{"round":${round}}`))).toBeUndefined();
    }
  });

  it('is remembered only where it is small', () => {
    const small = Buffer.from(delta(0, 'word').repeat(10));
    const large = Buffer.from(delta(0, 'word').repeat(20_000));
    expect(takeApart(small)).toBe(takeApart(small));
    expect(takeApart(large)).not.toBe(takeApart(large));
    expect(takeApart(large)).toEqual(takeApart(large));
  });

  it('is taken apart too where its lines end in carriage returns', () => {
    const stream = Array.from({ length: 20 }, (_, i) => delta(0, `word${i} `))
      .join('')
      .replaceAll('\n', '\r\n');
    expect(backAgain(stream).same).toBe(true);
    expect(backAgain(stream).bytes).toBeLessThan(stream.length / 4);
  });

  it('is left alone where it is no stream, or says nothing twice', () => {
    expect(takeApart(Buffer.from(JSON.stringify({ content: 'text '.repeat(100) })))).toBeUndefined();
    expect(takeApart(Buffer.from(`${delta(0, 'only once').padEnd(80)}\n\n`))).toBeUndefined();
  });

  it('is refused where its bytes are damaged, and never grows beyond what it was', () => {
    const reply = Buffer.from(Array.from({ length: 50 }, (_, i) => delta(0, `word ${i}`)).join(''));
    const encoded = takeApart(reply)?.encoded ?? Buffer.alloc(0);
    expect(() => putTogether(encoded, reply.length - 1)).toThrow(RangeError);
    expect(() => putTogether(encoded.subarray(0, encoded.length / 2), reply.length)).toThrow(RangeError);
    for (let at = 0; at < encoded.length; at += 1) {
      const damaged = Buffer.from(encoded);
      damaged[at] = (damaged[at] ?? 0) ^ 0xff;
      try {
        expect(putTogether(damaged, reply.length).length).toBeLessThanOrEqual(reply.length);
      } catch (error) {
        expect(error).toBeInstanceOf(RangeError);
      }
    }
  });
});
