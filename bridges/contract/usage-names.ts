import type { BridgeDetail, RequestKind, UsageDimension } from './index.ts';

const KINDS = {
  turn: 'Turns',
  subtask: 'Sub-tasks',
  summary: 'Summaries',
  side: 'Side requests',
} satisfies Record<RequestKind, string>;

/** The name of a group, in words; one to a group. An account that is signed out is told by its number. */
export function groupName(
  by: UsageDimension,
  group: string | null,
  bridges: readonly Pick<BridgeDetail, 'label' | 'accounts'>[],
): string | null {
  if (by === 'kind') return Object.entries(KINDS).find(([kind]) => kind === group)?.[1] ?? group ?? 'In no conversation';
  if (by !== 'account') return group;
  if (group === null) return 'By no account of a bridge';
  const held = bridges.flatMap(({ label, accounts }) =>
    accounts.map((account) => ({ id: account.id, name: `${label}: ${account.label}` })),
  );
  const name = held.find(({ id }) => id === group)?.name;
  return name === undefined || held.some((other) => other.name === name && other.id !== group) ? `${name ?? 'Account'} (${group})` : name;
}
