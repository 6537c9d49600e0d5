import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { modelAhead, peek } from '../../bridges/companion/peek.ts';

const look = (text: string) => peek(Buffer.from(text));

describe('a look at a request body', () => {
  it('finds the model and the stream wish wherever they stand', () => {
    expect(look('{"model":"a","stream":true}')).toEqual({ model: 'a', stream: true, forbidden: undefined });
    expect(
      look(' { "messages" : [{"model":"not me","content":"\\"model\\":\\"x\\""}] ,\n"stream" : false, "model" : "b\\u00e9" } '),
    ).toEqual({ model: 'bé', stream: false, forbidden: undefined });
  });
  it('names the first field that would redirect a call', () => {
    expect(look('{"model":"a","nested":{"api_base":"x"},"base_url":"y","proxy":"z"}')).toMatchObject({ forbidden: 'base_url' });
  });
  it('takes a model that is no string for none', () => {
    expect(look('{"model":7}')).toMatchObject({ model: undefined });
  });
  it.each([
    '',
    '   ',
    '[]',
    '"x"',
    '{',
    '{"a"',
    '{"a":',
    '{"a":1',
    '{"a":1,',
    '{"a":1,}',
    '{"a" 1}',
    '{a:1}',
    '{"a":tru}',
    '{"a":1} x',
    '{"a":"x',
    '{"a":[1,2}',
    '{"a":-}',
  ])('says why %j is no request', (text) => {
    expect(look(text)).toHaveProperty('problem');
  });
  it('says when a body nests too deep', () => {
    expect(look(`{"a":${'['.repeat(63)}${']'.repeat(63)}}`)).not.toHaveProperty('problem');
    expect(look(`{"a":${'['.repeat(64)}${']'.repeat(64)}}`)).toHaveProperty('problem');
  });
  it('agrees with JSON.parse on every object', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue({ maxDepth: 4 })), fc.option(fc.string(), { nil: undefined }), (rest, model) => {
        const body = { ...rest, ...(model === undefined ? {} : { model }) };
        const seen = look(JSON.stringify(body));
        const expected: unknown = JSON.parse(JSON.stringify(body)).model;
        expect(seen).toMatchObject({ model: typeof expected === 'string' ? expected : undefined });
      }),
    );
  });
  it('never throws, whatever the bytes', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => void peek(Buffer.from(bytes))));
  });
});

describe('a look at the beginning of a request body', () => {
  it.each([
    ['{"model":"a","messages":[{"role":"us', 'a'],
    [' { "max_tokens" : 5, "system":[{"model":"no"}], "model" : "b\\u00e9" , "x', 'bé'],
    ['{"model":"whole"}', 'whole'],
    ['{"messages":[{"role":"user"', undefined],
    ['{"model":"cut sho', undefined],
    ['{"model":7,"a":1', undefined],
    ['{"a" 1,"model":"x"', undefined],
    ['["model"', undefined],
    ['', undefined],
  ])('of %j finds the model where it is told by then', (first, model) => {
    expect(modelAhead(Buffer.from(first))).toBe(model);
  });
  it('finds no other model than a look at the whole body, unless it names two', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue()), fc.string({ minLength: 1 }), fc.nat(), (rest, model, cut) => {
        const whole = Buffer.from(JSON.stringify({ ...rest, model }));
        const ahead = modelAhead(whole.subarray(0, cut % (whole.length + 1)));
        const told = peek(whole);
        if (ahead !== undefined) expect(told).toMatchObject({ model: ahead });
      }),
    );
  });
});
