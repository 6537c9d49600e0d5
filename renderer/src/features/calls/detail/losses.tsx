import { TriangleAlert } from 'lucide-react';
import type { Call, Loss } from '../../../../../bridges/contract/index.ts';
import { plural } from '../../../lib/format.ts';

/** In one line, that something could not cross between two wire formats, and the way to it. */
export function LossNote({ call, onShow }: { call: Call; onShow: () => void }) {
  if (call.lost.length === 0) return null;
  const way = call.wireIn !== null && call.wireOut !== null ? ` from ${call.wireIn} to ${call.wireOut}` : '';
  return (
    <p role="note" className="flex items-center gap-2 rounded-md bg-warn-soft px-3 py-1.5 text-xs">
      <TriangleAlert aria-hidden size={14} className="shrink-0 text-warn" />
      <span className="min-w-0 font-medium text-warn">
        {plural(call.lost.length, 'thing')} could not cross{way}
      </span>
      <button type="button" onClick={onShow} className="ml-auto shrink-0 rounded text-xs text-accent hover:underline">
        Show where
      </button>
    </p>
  );
}

/** What could not cross, each joined to the fields it names where those are in sight. */
export function LossList({
  lost,
  linesFound,
  onGoTo,
}: {
  lost: readonly Loss[];
  /** How many lines of the text a loss names; 0 where none is found there. */
  linesFound: (index: number) => number;
  onGoTo: (index: number) => void;
}) {
  if (lost.length === 0) return null;
  return (
    <section
      aria-label="What was lost"
      tabIndex={0}
      className="max-h-32 shrink-0 overflow-y-auto border-b bg-warn-soft px-4 py-2 text-xs focus-visible:-outline-offset-2"
    >
      <h3 className="font-semibold text-warn">What could not cross</h3>
      <ul className="mt-1 grid gap-0.5">
        {lost.map((loss, index) => (
          <li key={`${loss.path} ${loss.why}`} className="break-words">
            {linesFound(index) > 0 ? (
              <button
                type="button"
                onClick={() => onGoTo(index)}
                aria-label={`Show ${loss.path} in the body`}
                className="rounded font-mono text-2xs font-medium text-accent underline decoration-dotted underline-offset-2 hover:decoration-solid"
              >
                {loss.path}
              </button>
            ) : (
              <code className="font-mono text-2xs font-medium">{loss.path}</code>
            )}{' '}
            <span className="text-muted">{loss.why}</span>
          </li>
        ))}
      </ul>
    </section>
  );
}
