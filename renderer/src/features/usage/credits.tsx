import { useQuery } from '@tanstack/react-query';
import { Card } from '../../components/card.tsx';
import { Meter } from '../../components/meter.tsx';
import { creditWords } from '../../lib/credits.ts';
import { engine } from '../../lib/engine.ts';
import { ago, fullTime } from '../../lib/format.ts';

/** What is left of plans whose provider counts requests, as it was said last. */
export function Credits() {
  const { data } = useQuery(engine.bridges.list.queryOptions({ input: {} }));
  const counted =
    data?.flatMap(({ label, quota }) =>
      (quota?.windows ?? []).flatMap(({ name, credits, usedPercent, resetsAt }) =>
        credits === undefined ? [] : [{ label, name, credits, usedPercent, resetsAt, asOf: quota?.asOf ?? '' }],
      ),
    ) ?? [];
  if (counted.length === 0) return null;
  return (
    <Card title="Left of each plan">
      <ul className="divide-y">
        {counted.map(({ label, name, credits, usedPercent, resetsAt, asOf }) => (
          <li key={`${label} ${name}`} className="grid gap-1.5 px-3.5 py-2.5">
            <p className="flex items-baseline gap-2">
              <span className="font-medium">
                {label}, {name.replaceAll('_', ' ')}
              </span>
              <span className="ml-auto text-2xs text-faint" title={fullTime(asOf)}>
                as of {ago(asOf)}
              </span>
            </p>
            <Meter label={`${label}, ${name}: used`} percent={usedPercent} />
            <p className="tnum text-xs text-muted">
              {creditWords(credits)}
              {resetsAt !== null && `. Anew on ${fullTime(resetsAt)}`}.
            </p>
          </li>
        ))}
      </ul>
    </Card>
  );
}
