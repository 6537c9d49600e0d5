import { expect, test } from 'vitest';
import type { Notice } from '../../bridges/contract/index.ts';
import { newsOf, type Told, type Wanted } from '../../bridges/contract/news.ts';

const notice = (id: string, title: string, level: Notice['level'] = 'warning'): Notice => ({ id, title, level, cause: '', mend: null });
const none: Told = new Map();
const all: Wanted = { tunnels: true, signIns: true, ceilings: true };
const titles = (told: Told, ...notices: Notice[]): string[] => newsOf(told, notices, all).news.map(({ title }) => title);

test('bad news is told once, good news only after bad', () => {
  const down = notice('tunnel-office', 'The tunnel office is down');
  const back = notice('tunnel-office', 'The tunnel office is back up', 'info');
  const first = newsOf(none, [down], all);
  expect(first.news).toEqual([down]);
  expect(titles(first.told, down)).toEqual([]);
  expect(titles(first.told, back)).toEqual(['The tunnel office is back up']);
  expect(titles(newsOf(first.told, [back], all).told, back)).toEqual([]);
  expect(titles(none, back)).toEqual([]);
});

test('a notice that went away is news when it comes again', () => {
  const blocked = notice('tunnel-office', 'The tunnel office needs you', 'error');
  const { told } = newsOf(newsOf(none, [blocked], all).told, [], all);
  expect(titles(told, blocked)).toEqual([blocked.title]);
});

test('sign-ins and ceilings interrupt, everything else waits in the window', () => {
  expect(
    titles(
      none,
      notice('codex-account', 'Codex needs you'),
      notice('copilot-ceiling', 'the day’s ceiling is reached'),
      notice('no-keys', 'No client key yet', 'info'),
      notice('codex-off', 'switched off', 'info'),
      notice('dropped', '3 calls were not captured'),
    ),
  ).toEqual(['Codex needs you', 'the day’s ceiling is reached']);
});

test.each([
  ['tunnels', 'tunnel-my-account'],
  ['signIns', 'codex-account'],
  ['ceilings', 'copilot-ceiling'],
] as const)('of %s nothing is told where that is not wanted, nor later what was kept back', (kind, id) => {
  const wanted = { ...all, [kind]: false };
  const first = newsOf(none, [notice(id, 'needs you'), notice('tunnel-b', 'B is down'), notice('m365-account', 'M365')], wanted);
  expect(first.news.map((one) => one.id)).not.toContain(id);
  expect(first.news.length).toBeGreaterThan(0);
  expect(titles(first.told, notice(id, 'needs you'))).toEqual([]);
  expect(titles(first.told, notice(id, 'needs you anew'))).toEqual(['needs you anew']);
});
