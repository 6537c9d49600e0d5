import { Fragment, type ReactNode } from 'react';
import { Badge } from '../../../components/badge.tsx';

/** What stands where a secret was taken out before anything was stored. */
const REDACTED = '[redacted]';

/** A text in which what was taken out is marked as such. */
export function withRedacted(text: string): ReactNode {
  if (!text.includes(REDACTED)) return text;
  return text.split(REDACTED).map((piece, at) => (
    // Pieces have no identity but their place, and never move.
    // oxlint-disable-next-line react/no-array-index-key
    <Fragment key={at}>
      {at > 0 && (
        <Badge className="mx-0.5 font-sans" title="A secret stood here. It was taken out before anything was stored.">
          redacted
        </Badge>
      )}
      {piece}
    </Fragment>
  ));
}
