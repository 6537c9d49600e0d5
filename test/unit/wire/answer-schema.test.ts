import { transformJSONSchema } from '@anthropic-ai/sdk/lib/transform-json-schema';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { codecs } from '../../../bridges/wire/codecs.ts';
import { answerSchema } from '../../../bridges/wire/messages/answer-schema.ts';
import type { JsonObject, JsonValue } from '../../../bridges/wire/turn.ts';

/** Schemas as clients of OpenAI's formats write them, and what their libraries make of types. */
const { schema } = fc.letrec<{ schema: JsonObject; named: Record<string, JsonObject> }>((tie) => ({
  named: fc.dictionary(fc.constantFrom('a', 'b', '$defs'), tie('schema'), { maxKeys: 3 }),
  schema: fc.oneof(
    { maxDepth: 4 },
    fc.record({ type: fc.constantFrom('integer', 'number'), minimum: fc.integer(), description: fc.string() }, { requiredKeys: ['type'] }),
    fc.record(
      { type: fc.constant('string'), format: fc.constantFrom('date', 'uri', 'byte'), title: fc.string() },
      { requiredKeys: ['type'] },
    ),
    fc.record({ type: fc.constant('string'), format: fc.constant('date'), pattern: fc.string() }, { requiredKeys: ['type'] }),
    fc.record({ type: fc.constant('string'), enum: fc.array(fc.oneof(fc.string(), fc.constant(null), fc.constant({}))) }),
    fc.record({ const: fc.oneof(fc.string(), fc.integer()), description: fc.string() }, { requiredKeys: ['const'] }),
    fc.record({ $ref: fc.constant('#/$defs/a'), description: fc.string() }, { requiredKeys: ['$ref'] }),
    fc.record({ type: fc.constant('array'), items: tie('schema'), minItems: fc.nat(3) }, { requiredKeys: ['type'] }),
    fc.record({ anyOf: fc.array(tie('schema'), { minLength: 1, maxLength: 3 }), description: fc.string() }, { requiredKeys: ['anyOf'] }),
    fc.record({ oneOf: fc.array(tie('schema'), { minLength: 1, maxLength: 3 }) }),
    fc.record({ allOf: fc.array(tie('schema'), { minLength: 1, maxLength: 3 }) }),
    fc.record(
      {
        type: fc.constant('object'),
        properties: tie('named'),
        required: fc.array(fc.constantFrom('a', 'b')),
        additionalProperties: fc.constant(false),
        minProperties: fc.nat(3),
        $defs: tie('named'),
        $schema: fc.constant('https://json-schema.org/draft/2020-12/schema'),
      },
      { requiredKeys: ['type'] },
    ),
  ) as fc.Arbitrary<JsonObject>,
}));

describe('the schema of an answer', () => {
  it('is what the vendor’s own library makes of it', () => {
    fc.assert(
      fc.property(schema, (wanted) => {
        const before = JSON.stringify(wanted);
        expect(answerSchema(wanted).schema).toEqual(transformJSONSchema(JSON.parse(before)));
        expect(JSON.stringify(wanted)).toBe(before);
      }),
      { numRuns: 1000 },
    );
  });

  it.each<[string, JsonObject, JsonObject, boolean]>([
    [
      'a strict one of OpenAI’s',
      { type: 'object', properties: { a: { type: ['string', 'null'] } }, required: ['a'], additionalProperties: false },
      { type: 'object', properties: { a: { type: ['string', 'null'] } }, required: ['a'], additionalProperties: false },
      true,
    ],
    [
      'an object that may be null',
      { type: ['object', 'null'], properties: { a: { type: 'integer' } } },
      { type: ['object', 'null'], properties: { a: { type: 'integer' } }, additionalProperties: false },
      true,
    ],
    ['one that tells no type', { properties: { a: {} } }, { type: 'object', properties: { a: {} }, additionalProperties: false }, true],
    [
      'one with definitions of the older kind',
      { $ref: '#/definitions/x', definitions: { x: { type: 'object', properties: {} } } },
      { $ref: '#/definitions/x', definitions: { x: { type: 'object', properties: {}, additionalProperties: false } } },
      true,
    ],
    [
      'a map, which can’t be said',
      { type: 'object', description: 'ages', additionalProperties: { type: 'integer' } },
      { type: 'object', description: 'ages\n\n{additionalProperties: {"type":"integer"}}', properties: {}, additionalProperties: false },
      false,
    ],
  ])('may be %s', (_what, wanted, schema, isWhole) => {
    expect(answerSchema(wanted)).toEqual({ schema, isWhole });
  });
});

describe('an answer by a schema', () => {
  const render = (model: string, wanted: JsonObject): { format: JsonValue | undefined; lost: string[] } => {
    const format = { type: 'json_schema', name: 'n', schema: wanted };
    const turn = codecs.responses.parseRequest({ model, input: 'x', text: { format } });
    const { body, lost } = codecs.messages.renderRequest(turn);
    const config = body.output_config;
    return {
      format: typeof config === 'object' && config !== null && !Array.isArray(config) ? config.format : undefined,
      lost: lost.map(({ path, why }) => `${path}: ${why}`),
    };
  };
  const AGE: JsonObject = { type: 'object', properties: { age: { type: 'integer', minimum: 0 } }, required: ['age'] };

  it('tells what it can’t be held to', () => {
    const { format, lost } = render('claude-haiku-4-5', AGE);
    expect(format).toEqual({
      type: 'json_schema',
      schema: {
        type: 'object',
        properties: { age: { type: 'integer', description: '{minimum: 0}' } },
        required: ['age'],
        additionalProperties: false,
      },
    });
    expect(lost).toEqual([expect.stringMatching(/^text\.format: .* stands in its descriptions\.$/)]);
  });

  it.each(['claude-sonnet-4', 'claude-3-7-sonnet-latest', 'claude-opus-4-1'])('is not asked of %s, which knows none', (model) => {
    expect(render(model, AGE)).toEqual({ format: undefined, lost: ['text.format: This model can not be held to a schema.'] });
  });

  it.each(['claude-sonnet-4-5', 'claude-opus-4.6', 'claude-haiku-5-5', 'some-model'])('is asked of %s', (model) => {
    expect(render(model, { type: 'object', properties: {} }).format).toMatchObject({ type: 'json_schema' });
  });
});
