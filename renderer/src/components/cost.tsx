import type { Cost } from '../../../bridges/contract/index.ts';
import { dollars } from '../lib/format.ts';
import { Badge, type Tone } from './badge.tsx';

const LABELS: Readonly<Record<Cost['label'], { tone: Tone; means: string }>> = {
  'list price': { tone: 'neutral', means: 'Billed by use: tokens times the price table.' },
  plan: { tone: 'accent', means: 'A subscription pays. The amount is what the tokens would cost by the price table.' },
  mixed: { tone: 'neutral', means: 'Some calls are billed by use, some are paid by a subscription.' },
  unknown: { tone: 'warn', means: 'There is no price for the model, or the reply stated no tokens.' },
};

/** What a cost comes to, in words. An unknown one is never a zero; one that lacks some calls says so. */
export function costText(cost: Cost): string {
  if (cost.usd === null) return 'unknown';
  return cost.complete ? dollars(cost.usd) : `at least ${dollars(cost.usd)}`;
}

/** A cost with its label: who pays, or that nobody knows. `label` off leaves that to the tooltip. */
export function CostValue({ cost, label = true }: { cost: Cost; label?: boolean }) {
  const { tone, means } = LABELS[cost.label];
  const missing = cost.usd !== null && !cost.complete ? ' Some calls have no price, and are not in it.' : '';
  if (cost.usd === null) {
    return label ? (
      <Badge tone={LABELS.unknown.tone} title={LABELS.unknown.means}>
        cost unknown
      </Badge>
    ) : (
      <span className="text-faint" title={LABELS.unknown.means}>
        unknown
      </span>
    );
  }
  return (
    <span className="inline-flex items-center gap-1.5 whitespace-nowrap" title={means + missing}>
      <span className="tnum">
        {!cost.complete && <span aria-hidden>≥ </span>}
        {!cost.complete && <span className="sr-only">at least </span>}
        {dollars(cost.usd)}
      </span>
      {label && <Badge tone={tone}>{cost.label}</Badge>}
    </span>
  );
}
