import { useMemo, useState, type ReactNode } from 'react';
import type { Body, Message } from '../../../../../bridges/contract/index.ts';
import { Button } from '../../../components/button.tsx';
import { CopyButton } from '../../../components/copy-button.tsx';
import { Segmented } from '../../../components/segmented.tsx';
import { bytes } from '../../../lib/format.ts';
import { CodeText } from './code-text.tsx';
import { prettyJson } from './json.ts';

/** Characters up to which JSON is indented; beyond, it would hold the window up. */
const PRETTY_LIMIT = 8_000_000;

/** What is passed down so that a body that came in part can be asked for whole. */
export type LoadAll = { busy: boolean; onLoadAll: () => void };

/** One body: indented or as it came, in part or whole. */
export function BodyView({ message, what, busy, onLoadAll }: { message: Message; what: string } & LoadAll) {
  const [wanted, setWanted] = useState<'pretty' | 'raw'>('pretty');
  const { body } = message;
  const pretty = useMemo(
    () => (body?.encoding === 'utf8' && body.whole && body.content.length <= PRETTY_LIMIT ? prettyJson(body.content) : null),
    [body],
  );
  if (body === null) return <Nothing>No body was kept of the {what}.</Nothing>;
  if (body.bytes === 0) return <Nothing>The {what} had no body.</Nothing>;
  const form = pretty === null ? 'raw' : wanted;
  return (
    <>
      <div className="flex min-h-10 shrink-0 items-center gap-2 border-b px-4">
        <span className="tnum mr-auto text-xs text-faint">
          {bytes(body.bytes)} · {contentType(message)}
        </span>
        {pretty !== null && (
          <Segmented
            label="Form"
            value={form}
            options={[
              { value: 'pretty', label: 'Pretty' },
              { value: 'raw', label: 'Raw' },
            ]}
            onChange={setWanted}
          />
        )}
        <CopyButton text={form === 'pretty' && pretty !== null ? pretty : body.content} label={`Copy the ${what}`} />
      </div>
      <PartNotice body={body} busy={busy} onLoadAll={onLoadAll} />
      {body.encoding === 'base64' && <p className="shrink-0 px-4 pt-3 text-xs text-muted">This body is no text. It is shown as base64.</p>}
      <CodeText
        text={form === 'pretty' && pretty !== null ? pretty : body.content}
        json={form === 'pretty'}
        label={`Body of the ${what}`}
      />
    </>
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
