import { describe, expect, it } from 'vitest';
import { practiceUpstream } from '../../../bridges/upstreams/practice/index.ts';
import type { UpstreamFailure } from '../../../bridges/upstreams/upstream.ts';

type Told = { body: string } | UpstreamFailure;

/** What the practice model answers. */
function ask(body: object, newId = (prefix: string): string => `${prefix}_1`): Promise<Told> {
  const upstream = practiceUpstream({ paceMs: () => 0, newId, now: () => 0 });
  return new Promise((resolve) => {
    let reply = '';
    upstream.send(
      { method: 'POST', target: '/v1/chat/completions', headers: [], body: Buffer.from(JSON.stringify(body)) },
      {
        start: () => undefined,
        data: (chunk) => {
          reply += chunk.toString();
          return true;
        },
        end: () => resolve({ body: reply }),
        fail: resolve,
      },
    );
  });
}

const tool = (parameters: object) => ({
  model: 'practice/tool',
  messages: [{ role: 'user', content: 'go' }],
  tools: [{ type: 'function', function: { name: 'f', parameters } }],
});
const object = (property: object, required = ['a']): object => ({ type: 'object', required, properties: { a: property } });
/** A schema within itself, some levels deep. */
const nested = (levels: number, around: (inner: object) => object, inner: object = { type: 'string' }): object =>
  levels === 0 ? inner : nested(levels - 1, around, around(inner));

describe('the practice model', () => {
  it.each([
    ['an endless string', object({ type: 'string', minLength: 1e9 })],
    ['a string of a negative length', object({ type: 'string', minLength: -1e9 })],
    ['an endless list', object({ type: 'array', minItems: 1e9, items: { type: 'string', minLength: 1e9 } })],
    ['lists of lists', object(nested(20, (items) => ({ type: 'array', minItems: 1e9, items }), { type: 'string', minLength: 1e9 }))],
    [
      'the same property again and again',
      nested(7, (inner) =>
        object(
          inner,
          Array.from({ length: 50 }, () => 'a'),
        ),
      ),
    ],
    [
      'many copies of a long constant',
      object(nested(7, (items) => ({ type: 'array', minItems: 4, items }), { const: 'x'.repeat(50_000) })),
    ],
    [
      'lists of objects with many names',
      {
        type: 'array',
        minItems: 4,
        items: nested(5, (items) => ({ type: 'array', minItems: 4, items }), {
          required: Array.from({ length: 5_000 }, (_, i) => `n${i}`),
        }),
      },
    ],
    ['a choice within a choice', object(nested(40, (inner) => ({ anyOf: [inner] })))],
    ['a reference to itself', object({ $ref: '#' })],
    ['properties with the names of what objects inherit', { type: 'object', required: ['__proto__', 'constructor', 'toString'] }],
    ['bounds that are no numbers', object({ type: 'array', minItems: 'many', items: { type: 'string', minLength: {} } })],
  ])('answers a tool that asks for %s, in a few words', async (_what, parameters) => {
    const told = await ask(tool(parameters));
    expect(told).toHaveProperty('body');
    if (!('body' in told)) return;
    expect(told.body.length).toBeLessThan(400_000);
    JSON.parse(JSON.parse(told.body).choices[0].message.tool_calls[0].function.arguments);
  });

  it('gives a tool the values it requires', async () => {
    const told = await ask(
      tool({
        required: ['path', 'count', 'names', 'kind', 'none'],
        properties: {
          path: { type: 'string' },
          count: { type: 'integer', minimum: 3 },
          names: { type: 'array', minItems: 2, items: { type: 'string', minLength: 9 } },
          kind: { enum: ['b', 'c'] },
          none: { const: null },
          left: { type: 'string' },
        },
      }),
    );
    const [call] = 'body' in told ? JSON.parse(told.body).choices[0].message.tool_calls : [];
    expect(JSON.parse(call.function.arguments)).toEqual({
      path: 'practice.txt',
      count: 3,
      names: ['practice.', 'practice.'],
      kind: 'b',
      none: null,
    });
  });

  it('that fails to make a reply tells who asked', async () => {
    const failed = await ask(tool({}), () => {
      throw new Error('no ids today');
    });
    expect(failed).toMatchObject({ kind: 'unreachable', message: 'The practice model could not make this reply: no ids today.' });
  });
});
