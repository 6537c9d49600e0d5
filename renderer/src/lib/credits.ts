import type { QuotaWindow } from '../../../bridges/contract/index.ts';
import { number } from './format.ts';

/** `412 of 1,500 requests left`, and what was used or may be used beyond them. */
export function creditWords({ included, left, overage, overageAllowed }: NonNullable<QuotaWindow['credits']>): string {
  const beyond = overage > 0 ? `, ${shown(overage)} used beyond` : '';
  const more = overageAllowed ? 'more may be used at the plan’s price' : 'no more after that';
  return `${shown(left)} of ${shown(included)} requests left${beyond}; ${more}`;
}

function shown(count: number): string {
  return Number.isInteger(count) ? number(count) : count.toFixed(1);
}
