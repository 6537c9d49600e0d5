import { useState } from 'react';
import type { AssembledPart, CallDetail } from '../../../../../bridges/contract/index.ts';
import { Button } from '../../../components/button.tsx';
import { plural } from '../../../lib/format.ts';
import { Nothing } from './body-view.tsx';
import { Part } from './part.tsx';

/** A long history shows its end; what was said first is a click away. */
const HISTORY_SHOWN = 40;

/** The conversation as the request told it, then the reply put together. */
export function Conversation({ detail: { call, assembled } }: { detail: CallDetail }) {
  const [showsAll, setShowsAll] = useState(false);
  const { request, reply } = assembled;
  if (request.length === 0 && reply.length === 0) {
    return <Nothing>This call could not be read as a conversation. The request and the reply are kept as they came.</Nothing>;
  }
  const hidden = showsAll ? 0 : Math.max(0, request.length - HISTORY_SHOWN);
  return (
    <div
      tabIndex={0}
      role="region"
      aria-label="Conversation"
      className="min-h-0 flex-1 overflow-y-auto py-3 focus-visible:-outline-offset-2"
    >
      {hidden > 0 && (
        <div className="px-4 pb-3">
          <Button onClick={() => setShowsAll(true)}>Show {plural(hidden, 'earlier part')}</Button>
        </div>
      )}
      <Parts parts={request.slice(hidden)} />
      <h3 className="mx-4 my-3 flex items-center gap-3 text-2xs font-medium text-faint before:h-px before:flex-1 before:bg-line after:h-px after:flex-1 after:bg-line">
        Reply
      </h3>
      {reply.length > 0 ? (
        <Parts parts={reply} />
      ) : (
        <p className="px-4 text-muted">
          {call.state === 'open' ? 'Nothing has been said yet.' : 'There was nothing to read in the reply.'}
        </p>
      )}
    </div>
  );
}

function Parts({ parts }: { parts: readonly AssembledPart[] }) {
  return (
    <ol className="grid">
      {parts.map((part, index) => (
        // Parts have no identity but their place in the conversation, and never move.
        // oxlint-disable-next-line react/no-array-index-key
        <Part key={index} part={part} first={parts[index - 1]?.role !== part.role} />
      ))}
    </ol>
  );
}
