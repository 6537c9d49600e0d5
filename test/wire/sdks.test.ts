import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startTestEngine, type TestEngine } from '../support/engine.ts';
import { FORMATS } from './hub.ts';
import { sdkClient, type Ask, type SdkClient } from './sdk-clients.ts';

/** A picture of one dot. */
const DOT = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==';

describe.each(FORMATS)('an upstream that answers in %s', (answerIn) => {
  let engine: TestEngine;
  beforeAll(async () => {
    engine = await startTestEngine({ settings: { upstreams: { practice: { paceMs: 0, answerIn } } } });
  });
  afterAll(() => engine.stop());

  describe.each(FORMATS)('to a library that speaks %s', (format) => {
    let client: SdkClient;
    beforeAll(() => {
      client = sdkClient(format, engine.origin, engine.key);
    });

    describe.each(['create', 'stream'] as const)('with %s', (way) => {
      const ask = (more: Partial<Ask> & { model: string }) => client[way]({ text: 'hello', ...more });

      it('says text, why it stopped and what it cost', async () => {
        const told = await ask({ model: 'practice/echo', text: 'grüße 🙂' });
        expect(told).toMatchObject({ text: 'Practice model: you said "grüße 🙂".', calls: [], stop: client.stops.text });
        expect(told.input).toBeGreaterThan(0);
        expect(told.output).toBeGreaterThan(0);
      });

      it('shows what the model thought', async () => {
        const told = await ask({ model: 'practice/reason' });
        expect(told.reasoning).toContain('I am the practice model');
        expect(told.text).toContain('"hello"');
      });

      it('calls a tool, and reads its result', async () => {
        const told = await ask({ model: 'practice/tool', tools: ['weather', 'time'] });
        expect(told).toMatchObject({ calls: [{ name: 'weather', input: { city: 'practice' } }], stop: client.stops.tool });
        const results = told.calls.map((call) => ({ call, result: 'rain' }));
        const after = await ask({ model: 'practice/tool', tools: ['weather', 'time'], results });
        expect(after).toMatchObject({ text: 'Practice model: the tool answered "rain". Done.', calls: [], stop: client.stops.text });
      });

      it('calls two tools at once, each with an id of its own', async () => {
        const { calls, stop } = await ask({ model: 'practice/parallel', tools: ['weather', 'time'] });
        expect(calls.map((call) => call.name)).toEqual(['weather', 'time']);
        expect(new Set(calls.map((call) => call.id)).size).toBe(2);
        expect(stop).toBe(client.stops.tool);
        const results = calls.map((call, i) => ({ call, result: `result ${i}` }));
        expect((await ask({ model: 'practice/parallel', tools: ['weather', 'time'], results })).text).toContain('"result 1"');
      });

      it('sees an image', async () => {
        expect((await ask({ model: 'practice/echo', image: DOT })).text).toContain('I was given one image.');
      });

      it('fails with the library’s own errors', async () => {
        const limited = await failureOf(ask({ model: 'practice/error-429' }));
        expect(limited).toBeInstanceOf(client.errors.rateLimit);
        expect(limited).toMatchObject({ status: 429, message: expect.stringContaining('This is the practice model') });
        const broken = await failureOf(ask({ model: 'practice/error-500' }));
        expect(broken).toBeInstanceOf(client.errors.server);
        expect(broken).toMatchObject({ message: expect.stringContaining('This is the practice model') });
      });

      it('never takes a reply that was cut for a whole one', async () => {
        expect(await failureOf(ask({ model: 'practice/cut' }))).toBeInstanceOf(Error);
      });
    });

    it('can be left in the middle, and the upstream is left at once', async () => {
      const stream = client.events({ model: 'practice/slow-60000', text: `left by ${format}` });
      const failure = await failureOf(firstEvent(stream));
      expect(failure).toBeInstanceOf(client.errors.abort);
      const call = await engine.call((each) => each.modelRequested === 'practice/slow-60000' && each.wireIn === format);
      expect(call.state).toBe('cut');
    });
  });
});

/** Reads the first event of a stream, then leaves it; fails as the library says a left stream fails. */
async function firstEvent(stream: AsyncIterable<unknown> & { abort(): void }): Promise<void> {
  const events = stream[Symbol.asyncIterator]();
  await events.next();
  stream.abort();
  while ((await events.next()).done !== true);
}

async function failureOf(attempt: Promise<unknown>): Promise<unknown> {
  try {
    await attempt;
    return undefined;
  } catch (error) {
    return error;
  }
}
