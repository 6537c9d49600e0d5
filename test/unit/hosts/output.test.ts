import { expect, it } from 'vitest';
import { table } from '../../../bridges/hosts/cli/output.ts';

it('a table may have more rows than a function takes arguments', () => {
  const rows = Array.from({ length: 200_000 }, () => ['1', 'x']);
  const lines = table([['id', 'name'], ...rows, ['a long one', 'y']]).split('\n');
  expect(lines).toHaveLength(200_002);
  expect([lines[0], lines.at(-1)]).toEqual(['id          name', 'a long one  y']);
});
