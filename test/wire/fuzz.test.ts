import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { RequestError } from '../../bridges/wire/codec.ts';
import { codecs } from '../../bridges/wire/codecs.ts';
import { UNTRANSLATABLE } from '../../bridges/wire/failures.ts';
import { checkStream } from '../../bridges/wire/grammar.ts';
import { SseReader } from '../../bridges/wire/sse.ts';
import type { JsonValue, WireFormat } from '../../bridges/wire/turn.ts';
import { cutBytes } from '../unit/wire/arbitraries.ts';
import { anyReply, spoiled, spoiledStream } from './arbitraries.ts';
import { context, cross, FORMATS, hubProblems, parseStream, renderStream } from './hub.ts';
import { recorded } from './recorded.ts';

/** Milliseconds for each property. `FUZZ_MS` gives it more, `FUZZ_SEED` repeats a run. */
const TIME = Number(process.env['FUZZ_MS'] ?? 500);
const SEED = process.env['FUZZ_SEED'];

/** Tries inputs until the time is up; what fails is made small and printed with its seed. */
function fuzz<Input>(input: fc.Arbitrary<Input>, holds: (input: Input) => void): void {
  fc.assert(fc.property(input, holds), {
    numRuns: 1_000_000,
    interruptAfterTimeLimit: TIME,
    markInterruptAsFailure: false,
    ...(SEED !== undefined && { seed: Number(SEED) }),
  });
}

const timeout = TIME * 10 + 10_000;

const requestsOf = (wire: WireFormat): JsonValue[] => recorded('request').flatMap((each) => (each.wire === wire ? [each.body] : []));
const streamsOf = (wire: WireFormat): string[] => recorded('stream').flatMap((each) => (each.wire === wire ? [each.body] : []));
const bodiesOf = (wire: WireFormat): JsonValue[] => recorded('answer').flatMap((each) => (each.wire === wire ? [each.body.body] : []));

describe('bytes', () => {
  it(
    'of a stream never make the reader throw anything but its limit',
    () => {
      const streams = FORMATS.flatMap(streamsOf).map((text) => Buffer.from(text));
      const bytes = fc.oneof(
        fc.uint8Array({ maxLength: 300 }).map((list) => Buffer.from(list)),
        fc.constantFrom(...streams),
      );
      fuzz(fc.tuple(bytes, fc.array(fc.nat(), { maxLength: 9 }), fc.integer({ min: 16, max: 100_000 })), ([whole, cuts, limit]) => {
        const reader = new SseReader(limit);
        try {
          for (const piece of cutBytes(whole, cuts)) reader.push(piece);
          reader.end();
        } catch (error) {
          expect(error).toBeInstanceOf(RangeError);
        }
      });
    },
    timeout,
  );
});

describe.each(FORMATS)('%s', (format) => {
  it(
    'requests, however spoiled, are read or refused by name, and cross where they are read',
    () => {
      fuzz(fc.tuple(spoiled(requestsOf(format)), fc.constantFrom(...FORMATS)), ([body, to]) => {
        try {
          const crossing = cross(format, to, body);
          codecs[to].parseRequest(JSON.parse(JSON.stringify(crossing.body)));
        } catch (error) {
          expect(error).toBeInstanceOf(RequestError);
        }
      });
    },
    timeout,
  );

  it(
    'streams, however spoiled, are read into events of the hub, and told on in good grammar',
    () => {
      fuzz(fc.tuple(spoiledStream(streamsOf(format)), fc.constantFrom(...FORMATS)), ([text, to]) => {
        const bytes = Buffer.from(text);
        expect(hubProblems(parseStream(format, [bytes]))).toEqual([]);
        const stream = cross(to, format, ASK[to]).reply.stream();
        const told = stream.push(bytes) + stream.end();
        expectGoodStream(to, told, stream.state.error?.kind === 'stream_cut');
        expect(stream.state.error).not.toBe(UNTRANSLATABLE);
      });
    },
    timeout,
  );

  it(
    'errors and whole replies, however spoiled, are read or called unreadable',
    () => {
      fuzz(fc.tuple(spoiled(bodiesOf(format)), fc.integer({ min: 200, max: 599 })), ([body, status]) => {
        expect(codecs[format].parseError(status, {}, body).message).not.toBe('');
        const answer = cross(format, format, ASK[format]).reply.json(body);
        expect('body' in answer || (answer.error.message !== '' && answer.error !== UNTRANSLATABLE)).toBe(true);
      });
    },
    timeout,
  );

  it(
    'is rendered in good grammar, streamed and whole, whatever is said',
    () => {
      fuzz(anyReply, (events) => {
        expect(hubProblems(events)).toEqual([]);
        expectGoodStream(format, renderStream(format, events), events.at(-1)?.type === 'cut');
        if (events.at(-1)?.type !== 'end') return;
        const whole = codecs[format].renderReply(events, context());
        expect(hubProblems(codecs[format].parseReply(JSON.parse(JSON.stringify(whole))))).toEqual([]);
      });
    },
    timeout,
  );
});

const ASK: Record<WireFormat, JsonValue> = {
  chat: { model: 'm', messages: [{ role: 'user', content: 'hi' }] },
  responses: { model: 'm', input: 'hi' },
  messages: { model: 'm', max_tokens: 9, messages: [{ role: 'user', content: 'hi' }] },
};

/** A rendered stream keeps to its grammar; only a cut one in chat can't, for it must not look like a whole one. */
function expectGoodStream(format: WireFormat, text: string, isCut: boolean): void {
  const problems = checkStream(format, text).filter(({ rule }) => !rule.endsWith('a JSON object'));
  if (format === 'chat' && isCut) expect(problems).not.toEqual([]);
  else expect(problems).toEqual([]);
}
