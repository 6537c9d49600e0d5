import { TriangleAlert } from 'lucide-react';
import type { Call } from '../../../../../bridges/contract/index.ts';
import { plural } from '../../../lib/format.ts';

/** What could not cross between two wire formats. Shown before anything else, since the reply may hang on it. */
export function Losses({ call }: { call: Call }) {
  if (call.lost.length === 0) return null;
  const way = call.wireIn !== null && call.wireOut !== null ? ` from ${call.wireIn} to ${call.wireOut}` : '';
  return (
    <section
      aria-label="What was lost"
      className="max-h-40 overflow-y-auto rounded-md border border-warn/30 bg-warn-soft px-3 py-2 text-xs"
      tabIndex={0}
    >
      <h3 className="flex items-center gap-2 font-semibold text-warn">
        <TriangleAlert aria-hidden size={14} />
        {plural(call.lost.length, 'thing')} could not cross{way}
      </h3>
      <ul className="mt-1 grid gap-0.5 pl-[22px]">
        {call.lost.map((loss) => (
          <li key={`${loss.path} ${loss.why}`} className="break-words">
            <code className="font-mono text-2xs font-medium">{loss.path}</code> <span className="text-muted">{loss.why}</span>
          </li>
        ))}
      </ul>
    </section>
  );
}
