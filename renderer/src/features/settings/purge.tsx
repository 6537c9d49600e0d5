import { Dialog } from '@base-ui/react/dialog';
import { useMutation } from '@tanstack/react-query';
import { useRef, useState } from 'react';
import type { PurgeScope, Removed } from '../../../../bridges/contract/index.ts';
import { Button } from '../../components/button.tsx';
import { BACKDROP, POPUP } from '../../components/dialog.tsx';
import { FIELD, TextField } from '../../components/field.tsx';
import { FormRow } from '../../components/form.tsx';
import { Segmented } from '../../components/segmented.tsx';
import { toast } from '../../components/toasts.tsx';
import { Failed } from '../../components/problem.tsx';
import { client } from '../../host.ts';
import { cn } from '../../lib/cn.ts';
import { queryClient } from '../../lib/engine.ts';
import { causeOf } from '../../lib/errors.ts';
import { bytes, plural } from '../../lib/format.ts';

const DAY_MS = 86_400_000;
/** What has to be typed before anything is removed. */
const WORD = 'remove';

type Kind = 'before' | 'query' | 'all';

/** Removes calls for good: says first how many, and asks for a typed word. */
export function Purge() {
  const opener = useRef<HTMLButtonElement>(null);
  const [kind, setKind] = useState<Kind>('before');
  const [days, setDays] = useState('30');
  const [query, setQuery] = useState('');
  const [asked, setAsked] = useState<{ scope: PurgeScope; found: Removed } | null>(null);
  const count = useMutation({
    mutationFn: async (scope: PurgeScope) => ({ scope, found: await client.capture.purge({ scope, dryRun: true }) }),
    onSuccess: setAsked,
  });
  const isReady = kind === 'all' || (kind === 'query' ? query.trim() !== '' : /^\d+$/.test(days.trim()));
  return (
    <FormRow
      title="Remove calls"
      hint="For good, with all they said. You see how many before anything goes."
      error={count.isError ? causeOf(count.error) : null}
    >
      <form
        className="flex flex-wrap items-center justify-end gap-2"
        onSubmit={(event) => {
          event.preventDefault();
          if (isReady) count.mutate(scopeOf(kind, days, query));
        }}
      >
        <Segmented
          label="Which calls to remove"
          value={kind}
          options={[
            { value: 'before', label: 'Old ones' },
            { value: 'query', label: 'By query' },
            { value: 'all', label: 'All' },
          ]}
          onChange={setKind}
        />
        {kind === 'before' && (
          <span className="flex items-center gap-2 text-xs text-muted">
            older than
            <input
              aria-label="Older than, in days"
              inputMode="numeric"
              className={cn(FIELD, 'tnum w-14 text-right')}
              value={days}
              onChange={(event) => setDays(event.target.value)}
            />
            days
          </span>
        )}
        {kind === 'query' && (
          <input
            aria-label="Query of the calls to remove"
            placeholder='model:gpt-5* "my words"'
            spellCheck={false}
            className={cn(FIELD, 'w-56')}
            value={query}
            onChange={(event) => setQuery(event.target.value)}
          />
        )}
        <Button ref={opener} type="submit" busy={count.isPending} disabled={!isReady}>
          Remove…
        </Button>
      </form>
      <Dialog.Root open={asked !== null} onOpenChange={(open) => !open && setAsked(null)}>
        <Dialog.Portal>
          <Dialog.Backdrop className={BACKDROP} />
          {/* The button was off while it counted, and had lost the focus by then. */}
          <Dialog.Popup className={POPUP} finalFocus={opener}>
            {asked && <Confirm scope={asked.scope} found={asked.found} onDone={() => setAsked(null)} />}
          </Dialog.Popup>
        </Dialog.Portal>
      </Dialog.Root>
    </FormRow>
  );
}

function Confirm({ scope, found, onDone }: { scope: PurgeScope; found: Removed; onDone: () => void }) {
  const [typed, setTyped] = useState('');
  const purge = useMutation({
    mutationFn: () => client.capture.purge({ scope }),
    onSuccess: ({ calls, bytesAfter }) => {
      toast({ title: `Removed ${plural(calls, 'call')} for good`, detail: `The store holds ${bytes(bytesAfter)} now.` });
      onDone();
    },
    onSettled: () => queryClient.invalidateQueries(),
  });
  const takesDamaged = scope.kind === 'all' && found.damaged.length > 0;
  if (found.calls === 0 && !takesDamaged) {
    return (
      <>
        <Dialog.Title className="text-base font-semibold">No call fits</Dialog.Title>
        <Dialog.Description className="text-muted">There is nothing to remove.</Dialog.Description>
        <div className="flex justify-end">
          <Dialog.Close render={<Button look="primary" />}>Close</Dialog.Close>
        </div>
      </>
    );
  }
  return (
    <form
      className="grid gap-4"
      onSubmit={(event) => {
        event.preventDefault();
        if (typed.trim().toLowerCase() === WORD) purge.mutate();
      }}
    >
      <Dialog.Title className="text-base font-semibold">Remove {plural(found.calls, 'call')} for good?</Dialog.Title>
      <Dialog.Description render={<div className="grid gap-2 text-muted" />}>
        <p>
          Gone will be their requests and replies on both sides, headers, streams and times, their places in conversations, and what search
          knows of them. Nobody can bring them back, and there is no undo.
        </p>
        <p>Kept are the sums of usage by the hour, your settings and your keys.</p>
        {found.damaged.length > 0 && (
          <p className="break-all">
            {takesDamaged
              ? 'What was damaged and moved aside goes with them: '
              : 'What they said may still stand in what was damaged and moved aside. That stays, but goes with all calls: '}
            {found.damaged.join(', ')}
          </p>
        )}
      </Dialog.Description>
      <TextField
        label={`Type “${WORD}” to go on`}
        autoComplete="off"
        spellCheck={false}
        value={typed}
        onChange={(event) => setTyped(event.target.value)}
      />
      <Failed error={purge.error} />
      <div className="flex justify-end gap-2">
        <Dialog.Close render={<Button />}>Keep them</Dialog.Close>
        <Button type="submit" look="danger" busy={purge.isPending} disabled={typed.trim().toLowerCase() !== WORD}>
          Remove {plural(found.calls, 'call')}
        </Button>
      </div>
    </form>
  );
}

function scopeOf(kind: Kind, days: string, query: string): PurgeScope {
  switch (kind) {
    case 'all':
      return { kind };
    case 'before':
      return { kind, time: new Date(Date.now() - Number(days) * DAY_MS).toISOString() };
    case 'query':
      return { kind, query: query.trim() };
  }
}
