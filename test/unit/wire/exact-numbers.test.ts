import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { exactNumbers } from '../../../bridges/wire/exact-numbers.ts';
import type { JsonObject } from '../../../bridges/wire/turn.ts';

function written(text: string): string {
  const value: JsonObject = JSON.parse(text);
  return JSON.stringify(exactNumbers(value, text));
}

describe('whole numbers', () => {
  it('are written as they stood, of any size and at any place', () => {
    fc.assert(
      fc.property(fc.string(), fc.bigInt(), fc.bigInt({ min: 10n ** 15n, max: 10n ** 17n }), (before, some, large) => {
        const text = `{"before":${JSON.stringify(before)},"some":${some},"list":[${large},{"":-${large}}]}`;
        expect(written(text)).toBe(text);
      }),
    );
  });

  it('alone are looked after', () => {
    expect(written('{"a":0.12345678901234567890,"b":"12345678901234567890"}')).toBe('{"a":0.12345678901234568,"b":"12345678901234567890"}');
    const value = { a: 1 };
    expect(exactNumbers(value, '{"a":1}')).toBe(value);
  });
});
