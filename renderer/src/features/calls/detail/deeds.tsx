import { Columns2, Download, Repeat2 } from 'lucide-react';
import { lazy, Suspense } from 'react';
import type { CallDetail } from '../../../../../bridges/contract/index.ts';
import { IconButton } from '../../../components/button.tsx';
import { useShortcuts } from '../../../lib/shortcuts.ts';
import { useOpening } from '../../../lib/use-opening.ts';

const AgainDialog = lazy(async () => ({ default: (await import('./again/index.ts')).AgainDialog }));
const CompareDialog = lazy(async () => ({ default: (await import('./again/index.ts')).CompareDialog }));
const ExportCalls = lazy(async () => ({ default: (await import('../../../components/export-calls.tsx')).ExportCalls }));

/** What can be done with a kept call: sent again, compared with the one it repeats, taken out. */
export function Deeds({ detail, limit }: { detail: CallDetail; limit: number }) {
  const { call } = detail;
  const again = useOpening();
  const compare = useOpening();
  const out = useOpening();
  const isOver = call.state !== 'open';
  useShortcuts(isOver ? { r: again.show, e: out.show } : {});
  if (!isOver) return null;
  return (
    <>
      {call.replayOf !== undefined && (
        <IconButton label={`Compare with call ${call.replayOf}, which it repeats`} onClick={compare.show} className="-mx-1.5">
          <Columns2 aria-hidden size={14} />
        </IconButton>
      )}
      <IconButton label="Send it again (r)" onClick={again.show} className="-mx-1.5">
        <Repeat2 aria-hidden size={15} />
      </IconButton>
      <IconButton label="Export it (e)" onClick={out.show} className="-mx-1.5">
        <Download aria-hidden size={14} />
      </IconButton>
      <Suspense>
        {again.used && <AgainDialog key={call.id} detail={detail} limit={limit} open={again.open} onOpenChange={again.onOpenChange} />}
        {compare.used && call.replayOf !== undefined && (
          <CompareDialog original={call.replayOf} other={call.id} open={compare.open} onOpenChange={compare.onOpenChange} />
        )}
        {out.used && (
          <ExportCalls
            exported={{ what: `call ${call.id}`, query: `id:${call.id}`, conversation: call.id, name: `drawbridge-call-${call.id}` }}
            open={out.open}
            onOpenChange={out.onOpenChange}
          />
        )}
      </Suspense>
    </>
  );
}
