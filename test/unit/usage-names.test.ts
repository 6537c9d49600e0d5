import { expect, it } from 'vitest';
import type { BridgeDetail } from '../../bridges/contract/index.ts';
import { groupName } from '../../bridges/contract/usage-names.ts';

type Account = BridgeDetail['accounts'][number];
const account = (id: string, label: string): Account => ({ id, label, route: 'chatgpt', plan: null, addedAt: '', active: true });
const bridges = [
  { label: 'Codex', accounts: [account('1', 'me@example.com'), account('2', 'work@example.com'), account('3', 'work@example.com')] },
  { label: 'GitHub Copilot', accounts: [account('4', 'me@example.com')] },
];

it.each([
  ['model', 'gpt-5', 'gpt-5'],
  ['model', null, null],
  ['kind', 'subtask', 'Sub-tasks'],
  ['kind', null, 'In no conversation'],
  ['account', '1', 'Codex: me@example.com'],
  ['account', '4', 'GitHub Copilot: me@example.com'],
  ['account', '2', 'Codex: work@example.com (2)'],
  ['account', '9', 'Account (9)'],
  ['account', null, 'By no account of a bridge'],
] as const)('of usage by %s the group %s is told as "%s"', (by, group, name) => {
  expect(groupName(by, group, bridges)).toBe(name);
});
