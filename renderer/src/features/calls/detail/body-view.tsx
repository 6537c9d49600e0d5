import { useMemo, useState, type ReactNode } from 'react';
import type { Body, Message } from '../../../../../bridges/contract/index.ts';
import { Button } from '../../../components/button.tsx';
import { CopyButton } from '../../../components/copy-button.tsx';
import { Waiting } from '../../../components/progress.tsx';
import { Segmented } from '../../../components/segmented.tsx';
import { bytes } from '../../../lib/format.ts';
import { CodeText, linesOf, type GoTo } from './code-text.tsx';
import type { JsonLayout } from './json.ts';

/** What is passed down so that a body that came in part can be asked for whole. */
export type LoadAll = { busy: boolean; onLoadAll: () => void };

/** One body: indented or as it came, in part or whole. */
export function BodyView({
  message,
  layout,
  what,
  title,
  marks,
  goTo = null,
  busy,
  onLoadAll,
}: {
  message: Message;
  /** Of the body, from `useJsonLayout`. */
  layout: JsonLayout | 'working' | null;
  what: string;
  /** What this side is called, where there are two. */
  title?: string;
  /** Lines of the layout that something is said about. */
  marks?: ReadonlyMap<number, string>;
  goTo?: GoTo;
} & LoadAll) {
  const [wanted, setWanted] = useState<'pretty' | 'raw'>('pretty');
  const { body } = message;
  const raw = useMemo(() => linesOf(body?.content ?? ''), [body]);
  if (body === null || body.bytes === 0) {
    return (
      <>
        {title !== undefined && <Bar title={title} />}
        <Nothing>{body === null ? `No body was kept of the ${what}.` : `The ${what} had no body.`}</Nothing>
      </>
    );
  }
  const form = layout === null ? 'raw' : wanted;
  return (
    <>
      <Bar
        {...(title === undefined ? {} : { title })}
        about={title === undefined ? `${bytes(body.bytes)} · ${contentType(message)}` : bytes(body.bytes)}
      >
        {layout !== null && (
          <Segmented
            label={`Form of the ${what}`}
            value={form}
            options={[
              { value: 'pretty', label: 'Pretty' },
              { value: 'raw', label: 'Raw' },
            ]}
            onChange={setWanted}
          />
        )}
        <CopyButton
          text={form === 'pretty' && layout !== null && layout !== 'working' ? () => layout.lines.join('\n') : body.content}
          label={`Copy the ${what}`}
        />
      </Bar>
      <PartNotice body={body} busy={busy} onLoadAll={onLoadAll} />
      {body.encoding === 'base64' && <p className="shrink-0 px-4 pt-3 text-xs text-muted">This body is no text. It is shown as base64.</p>}
      {form === 'pretty' && layout === 'working' ? (
        <Waiting label="Laying the body out" />
      ) : (
        <CodeText
          lines={form === 'pretty' && layout !== null && layout !== 'working' ? layout.lines : raw}
          json={form === 'pretty'}
          label={`Body of the ${what}`}
          marks={form === 'pretty' ? marks : undefined}
          goTo={form === 'pretty' ? goTo : null}
        />
      )}
    </>
  );
}

function Bar({ title, about, children }: { title?: string; about?: string; children?: ReactNode }) {
  return (
    <div className="flex min-h-10 shrink-0 items-center gap-2 border-b px-4">
      {title !== undefined && <h3 className="truncate text-xs font-semibold">{title}</h3>}
      <span className="tnum mr-auto min-w-0 truncate text-xs text-faint">{about}</span>
      {children}
    </div>
  );
}

/** Says that only the first part of a body is here, and offers the rest. */
export function PartNotice({ body, busy, onLoadAll }: { body: Body } & LoadAll) {
  if (body.whole) return null;
  return (
    <div className="flex shrink-0 items-center gap-3 border-b bg-warn-soft px-4 py-1.5 text-xs">
      <span className="mr-auto">Only the first part of {bytes(body.bytes)} is shown.</span>
      <Button busy={busy} onClick={onLoadAll}>
        {busy ? 'Loading…' : 'Load all'}
      </Button>
    </div>
  );
}

/** A sentence in place of what is not there. */
export function Nothing({ children }: { children: ReactNode }) {
  return <p className="px-4 py-6 text-muted">{children}</p>;
}

function contentType({ headers }: Message): string {
  const value = headers.find(([name]) => name.toLowerCase() === 'content-type')?.[1];
  return value?.split(';')[0] ?? 'type not stated';
}
