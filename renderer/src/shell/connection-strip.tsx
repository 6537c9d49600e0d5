import { Button } from '../components/button.tsx';
import { connection, reconnectNow } from '../lib/live.ts';
import { useStore } from '../lib/store.ts';

/** Says that what is shown may be old, while the engine does not answer. */
export function ConnectionStrip() {
  const { phase } = useStore(connection);
  if (phase !== 'retrying') return null;
  return (
    <div role="alert" className="flex items-center gap-3 border-b border-warn/25 bg-warn-soft px-4 py-1.5 text-xs">
      <span className="mr-auto">
        <strong className="font-semibold text-warn">The engine does not answer.</strong> What you see may be old. This window reconnects by
        itself. If the engine was restarted, open a new window with <code className="font-mono">drawbridge open</code>.
      </span>
      <Button onClick={reconnectNow}>Try now</Button>
    </div>
  );
}
