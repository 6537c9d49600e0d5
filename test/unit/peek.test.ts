import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { modelAhead, peek, withModel } from '../../bridges/companion/peek.ts';

const look = (text: string) => peek(Buffer.from(text));
const unicode = (character: string): string => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;

describe('a look at a request body', () => {
  it('finds the model and the stream wish wherever they stand', () => {
    expect(look('{"model":"a","stream":true}')).toEqual({
      model: 'a',
      stream: true,
      forbidden: undefined,
      models: [{ start: 9, end: 12 }],
    });
    expect(
      look(' { "messages" : [{"model":"not me","content":"\\"model\\":\\"x\\""}] ,\n"stream" : false, "model" : "b\\u00e9" } '),
    ).toMatchObject({ model: 'bé', stream: false, forbidden: undefined });
  });
  it('names the first field that would redirect a call', () => {
    expect(look('{"model":"a","nested":{"api_base":"x"},"base_url":"y","proxy":"z"}')).toMatchObject({ forbidden: 'base_url' });
  });
  it.each(['base_url', 'api_base', 'endpoint', 'proxy'])('finds %s, however its name is escaped', (name) => {
    for (let at = 0; at < name.length; at += 1) {
      const escaped = name.slice(0, at) + unicode(name.charAt(at)) + name.slice(at + 1);
      expect(look(`{"model":"a","${escaped}":"x"}`)).toMatchObject({ forbidden: name });
    }
    expect(look(`{"model":"a","${name.replaceAll(/./g, unicode)}":"x"}`)).toMatchObject({ forbidden: name });
  });
  it('reads an escaped name of the model and of the stream wish as whoever parses the body does', () => {
    expect(look('{"model":"a","mod\\u0065l":"b","\\u0073tream":true}')).toMatchObject({ model: 'b', stream: true });
    expect(look('{"mod\\\\u0065l":"b","model\\n":"c","mod\\uzzzzl":"d"}')).toMatchObject({ model: undefined });
    expect(modelAhead(Buffer.from('{"mod\\u0065l":"b","x'))).toBe('b');
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

describe('a body with another model', () => {
  const renamed = (text: string, model: string): string => {
    const seen = look(text);
    return 'problem' in seen ? seen.problem : withModel(Buffer.from(text), seen.models, model).toString();
  };
  it.each([
    ['{"model":"a","max":9223372036854775807,"one":1.0}', '{"model":"b","max":9223372036854775807,"one":1.0}'],
    [
      ' { "é" : "\\u00e9", "model"\n:\t"a" , "messages":[{"model":"a"}] } ',
      ' { "é" : "\\u00e9", "model"\n:\t"b" , "messages":[{"model":"a"}] } ',
    ],
    ['{"model":"a","mod\\u0065l":"a"}', '{"model":"b","mod\\u0065l":"b"}'],
    ['{"model":["a"],"x":{}}', '{"model":"b","x":{}}'],
    ['{"x":1}', '{"x":1}'],
  ])('is otherwise the same: %s', (text, expected) => {
    expect(renamed(text, 'b')).toBe(expected);
  });
  it('writes the model as JSON does', () => {
    expect(renamed('{"model":"a"}', 'b"\\é')).toBe('{"model":"b\\"\\\\é"}');
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
