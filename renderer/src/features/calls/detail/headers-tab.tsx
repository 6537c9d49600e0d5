import type { CallDetail, Message } from '../../../../../bridges/contract/index.ts';
import { CopyButton } from '../../../components/copy-button.tsx';
import { withRedacted } from './redacted.tsx';

/** The headers of each side, in the order they stood on the wire. */
export function HeadersTab({ detail: { client, upstream } }: { detail: CallDetail }) {
  return (
    <div
      tabIndex={0}
      role="region"
      aria-label="Headers"
      className="grid min-h-0 flex-1 content-start gap-5 overflow-y-auto px-4 py-3 focus-visible:-outline-offset-2"
    >
      <p className="text-xs text-faint">Secrets were taken out before anything was stored; nobody can show them again.</p>
      <Pairs title="Client request" message={client.request} />
      <Pairs title="Client reply" message={client.reply} />
      {upstream && <Pairs title="Upstream request" message={upstream.request} />}
      {upstream && <Pairs title="Upstream reply" message={upstream.reply} />}
    </div>
  );
}

function Pairs({ title, message: { headers } }: { title: string; message: Message }) {
  return (
    <section aria-label={title}>
      <div className="flex h-7 items-center gap-2">
        <h3 className="text-xs font-semibold">{title}</h3>
        {headers.length > 0 && (
          <CopyButton
            text={headers.map(([name, value]) => `${name}: ${value}`).join('\n')}
            label={`Copy the headers of the ${title.toLowerCase()}`}
          />
        )}
      </div>
      {headers.length === 0 ? (
        <p className="text-xs text-faint">No headers were kept.</p>
      ) : (
        <dl className="divide-y divide-line/60 border-y border-line/60 font-mono text-xs">
          {headers.map(([name, value], index) => (
            // A header may come twice, with the same value: its place is all that tells it apart.
            // oxlint-disable-next-line react/no-array-index-key
            <div key={index} className="grid grid-cols-[minmax(7rem,13rem)_1fr] gap-3 py-1">
              <dt className="truncate text-muted" title={name}>
                {name}
              </dt>
              <dd className="min-w-0 [overflow-wrap:anywhere]">{withRedacted(value)}</dd>
            </div>
          ))}
        </dl>
      )}
    </section>
  );
}
