import { Link } from '@tanstack/react-router';
import type { Listener } from '../../../../bridges/contract/index.ts';
import { Button } from '../../components/button.tsx';
import { EmptyState } from '../../components/empty-state.tsx';
import { TryCommand } from '../../components/try-command.tsx';

/** Teaches how the first call is made. */
export function NoCalls({ listeners }: { listeners: readonly Listener[] }) {
  return (
    <EmptyState title="No call has come yet">
      <p className="text-muted">
        Calls appear here the moment a client makes one. Make a{' '}
        <Link to="/clients" className="text-accent underline">
          client key
        </Link>
        , put it in place of <code className="font-mono text-xs">&lt;key&gt;</code>, and run this. The practice model answers; no provider
        is called.
      </p>
      <TryCommand listeners={listeners} />
      <p className="text-xs text-faint">
        Nothing arrives? Check that the client’s base URL is the address above, and that it starts with http, not https.
      </p>
    </EmptyState>
  );
}

/** Says that the filter hides everything. */
export function NoMatch({ onClear }: { onClear: () => void }) {
  return (
    <EmptyState title="No call matches the filter">
      <p className="text-muted">New calls that match appear here by themselves.</p>
      <div>
        <Button onClick={onClear}>Clear the filter</Button>
      </div>
    </EmptyState>
  );
}
