import { useMemo, useState } from 'react';
import type { AssembledPart, CallDetail } from '../../../../../bridges/contract/index.ts';
import { Button } from '../../../components/button.tsx';
import { plural } from '../../../lib/format.ts';
import { Nothing } from './body-view.tsx';
import { picturesOf, type Picture } from './images.ts';
import { Part } from './part.tsx';

/** A long history shows its end; what was said first is a click away. */
const HISTORY_SHOWN = 40;

/** The conversation as the request told it, then the reply put together. */
export function Conversation({ detail: { call, client, assembled } }: { detail: CallDetail }) {
  const [showsAll, setShowsAll] = useState(false);
  const { request, reply } = assembled;
  const { body } = client.request;
  const pictures = useMemo(() => picturesByPart(request, picturesOf(body)), [request, body]);
  const tools = useMemo(() => toolsByCall([...request, ...reply]), [request, reply]);
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
      <Parts parts={request.slice(hidden)} tools={tools} pictures={pictures} />
      <h3 className="mx-4 my-3 flex items-center gap-3 text-2xs font-medium text-faint before:h-px before:flex-1 before:bg-line after:h-px after:flex-1 after:bg-line">
        Reply
      </h3>
      {reply.length > 0 ? (
        <Parts parts={reply} tools={tools} pictures={pictures} />
      ) : (
        <p className="px-4 text-muted">
          {call.state === 'open' ? 'Nothing has been said yet.' : 'There was nothing to read in the reply.'}
        </p>
      )}
    </div>
  );
}

type Tools = ReadonlyMap<string, AssembledPart>;
type Pictures = ReadonlyMap<AssembledPart, Picture>;

function Parts({ parts, tools, pictures }: { parts: readonly AssembledPart[]; tools: Tools; pictures: Pictures }) {
  return (
    <ol className="grid">
      {parts.map((part, index) => (
        // Parts have no identity but their place in the conversation, and never move.
        <Part
          // oxlint-disable-next-line react/no-array-index-key
          key={index}
          part={part}
          first={parts[index - 1]?.role !== part.role}
          tool={part.callId === null ? undefined : tools.get(part.callId)}
          picture={pictures.get(part)}
        />
      ))}
    </ol>
  );
}

/** The calls of tools by their ids, so that a result can say whose it is. */
function toolsByCall(parts: readonly AssembledPart[]): Tools {
  return new Map(parts.flatMap((part) => (part.kind === 'tool_call' && part.callId !== null ? [[part.callId, part] as const] : [])));
}

/** Pictures go to their parts by their order, unless the two lists differ in length: then nobody knows which is which. */
function picturesByPart(parts: readonly AssembledPart[], pictures: readonly Picture[]): Pictures {
  const places = parts.filter(({ kind }) => kind === 'image');
  if (places.length !== pictures.length) return new Map();
  return new Map(places.flatMap((part, at) => (pictures[at] === undefined ? [] : [[part, pictures[at]] as const])));
}
