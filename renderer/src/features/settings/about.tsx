import { Dialog } from '@base-ui/react/dialog';
import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { useState } from 'react';
import type { DiagnosticsBundle } from '../../../../bridges/contract/index.ts';
import { Button } from '../../components/button.tsx';
import { BUTTON_LINK } from '../../components/button-link.ts';
import { Card } from '../../components/card.tsx';
import { CopyButton } from '../../components/copy-button.tsx';
import { BACKDROP, POPUP } from '../../components/dialog.tsx';
import { FormRow, FormRows } from '../../components/form.tsx';
import { Problem } from '../../components/problem.tsx';
import { Waiting } from '../../components/progress.tsx';
import { toast } from '../../components/toasts.tsx';
import { cn } from '../../lib/cn.ts';
import { engine } from '../../lib/engine.ts';
import { ago, fullTime } from '../../lib/format.ts';
import { saveFile } from '../../lib/save-file.ts';

const HOSTS = { desktop: 'Desktop application', headless: 'Headless, window in a browser', gateway: 'Gateway server' } as const;

/** What this engine is, and what helps somebody else to find a fault in it. */
export function About() {
  const { data: status } = useQuery(engine.status.get.queryOptions());
  return (
    <Card title="About and diagnostics">
      <FormRows>
        {status && (
          <dl className="grid grid-cols-[auto_1fr] gap-x-6 gap-y-1 px-3.5 py-3 text-xs">
            <Fact name="Version" value={status.version} />
            <Fact name="Runs as" value={`${HOSTS[status.host]}, process ${status.pid}, Node ${status.node.replace(/^v/, '')}`} />
            <Fact name="Started" value={ago(status.startedAt)} title={fullTime(status.startedAt)} />
            <Fact name="State folder" value={status.home} mono />
          </dl>
        )}
        <FormRow
          title="Diagnostics bundle"
          hint="State, settings and the end of the log, with secrets, names and addresses taken out. No call is in it. You read it before it is saved, and nothing is sent anywhere."
        >
          <Bundle />
        </FormRow>
        <FormRow title="First steps" hint="The way from nothing to your own client’s first call.">
          <Link to="/welcome" className={BUTTON_LINK}>
            Show them again
          </Link>
        </FormRow>
      </FormRows>
    </Card>
  );
}

function Fact({ name, value, title, mono = false }: { name: string; value: string; title?: string; mono?: boolean }) {
  return (
    <>
      <dt className="text-muted">{name}</dt>
      <dd title={title} className={cn('min-w-0 break-words', mono && 'font-mono')}>
        {value}
      </dd>
    </>
  );
}

function Bundle() {
  const [open, setOpen] = useState(false);
  return (
    <Dialog.Root open={open} onOpenChange={setOpen}>
      <Dialog.Trigger render={<Button />}>Look at it…</Dialog.Trigger>
      <Dialog.Portal>
        <Dialog.Backdrop className={BACKDROP} />
        <Dialog.Popup className={cn(POPUP, 'top-[6vh] max-h-[88vh] w-[46rem] grid-rows-[auto_minmax(0,1fr)_auto]')}>
          <BundleView onDone={() => setOpen(false)} />
        </Dialog.Popup>
      </Dialog.Portal>
    </Dialog.Root>
  );
}

function BundleView({ onDone }: { onDone: () => void }) {
  // Made anew each time: it tells of now.
  const { data, error, refetch } = useQuery({ ...engine.diagnostics.bundle.queryOptions({ input: {} }), gcTime: 0, staleTime: Infinity });
  return (
    <>
      <div className="grid gap-1">
        <Dialog.Title className="text-base font-semibold">Diagnostics bundle</Dialog.Title>
        <Dialog.Description className="text-muted">
          This is all that would be saved. Read it; what should not be given away can be cut from the file after.
        </Dialog.Description>
      </div>
      {data ? (
        <div className="min-h-0 overflow-y-auto rounded-md border bg-sunken" tabIndex={0} role="region" aria-label="Content of the bundle">
          {data.parts.map(({ title, text }) => (
            <section key={title} aria-label={title}>
              <h3 className="sticky top-0 border-b bg-sunken px-3 py-1.5 text-xs font-semibold not-first:border-t">{title}</h3>
              <pre className="px-3 py-2 font-mono text-2xs break-words whitespace-pre-wrap">{text || 'Nothing.'}</pre>
            </section>
          ))}
        </div>
      ) : error === null ? (
        <Waiting label="Putting the bundle together" />
      ) : (
        <Problem title="The bundle could not be made" error={error} onRetry={() => void refetch()} />
      )}
      <div className="flex justify-end gap-2">
        <Button onClick={onDone}>Close</Button>
        {data && (
          <>
            <CopyButton text={textOf(data)} label="Copy the bundle" caption="Copy" />
            <Button
              look="primary"
              onClick={() => {
                saveFile(data.name, textOf(data), 'text/plain');
                toast({ title: 'Saved the diagnostics bundle', detail: data.name });
                onDone();
              }}
            >
              Save as a file
            </Button>
          </>
        )}
      </div>
    </>
  );
}

/** The bundle as one text, each part below its title. */
function textOf({ createdAt, parts }: DiagnosticsBundle): string {
  return [`Drawbridge diagnostics, ${createdAt}`, ...parts.map(({ title, text }) => `## ${title}\n\n${text}`)].join('\n\n').concat('\n');
}
