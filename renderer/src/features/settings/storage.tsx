import { useMutation, useQuery } from '@tanstack/react-query';
import type { Settings, StoreSizes } from '../../../../bridges/contract/index.ts';
import { Button } from '../../components/button.tsx';
import { Card } from '../../components/card.tsx';
import { EditField, FormRow, FormRows } from '../../components/form.tsx';
import { Switch } from '../../components/switch.tsx';
import { toast, toastError } from '../../components/toasts.tsx';
import { client } from '../../host.ts';
import { cn } from '../../lib/cn.ts';
import { engine, queryClient } from '../../lib/engine.ts';
import { causeOf } from '../../lib/errors.ts';
import { bytes, fullTime, number, plural } from '../../lib/format.ts';
import { pauseCapture } from '../../lib/pause.ts';
import { useSaveSettings } from '../../lib/settings.ts';
import { Purge } from './purge.tsx';

const GIB = 1024 ** 3;
const PARTS: Readonly<Record<StoreSizes['parts'][number]['part'], { label: string; colour: string }>> = {
  messages: { label: 'Messages', colour: 'bg-accent' },
  bodies: { label: 'Bodies', colour: 'bg-wire-chat' },
  rows: { label: 'Rows', colour: 'bg-practice' },
  search: { label: 'Search', colour: 'bg-wire-messages' },
  other: { label: 'Other', colour: 'bg-faint' },
};

/** How long calls are kept, what they take, and how they are removed. */
export function Storage({ settings }: { settings: Settings }) {
  const { data: status } = useQuery(engine.status.get.queryOptions());
  const sizes = useQuery(engine.capture.sizes.queryOptions());
  const days = useSaveSettings('Saved how long calls are kept');
  const most = useSaveSettings('Saved how much the store may hold');
  const { retention } = settings.capture;
  const capture = status?.capture.state;
  return (
    <Card title="Stored calls">
      <FormRows>
        <FormRow title="Pause" hint="Until you resume, or Drawbridge starts anew: calls pass and are not recorded.">
          <Switch
            label="Pause recording"
            checked={capture === 'paused'}
            disabled={capture !== 'recording' && capture !== 'paused'}
            onChange={pauseCapture}
          />
        </FormRow>
        <Sizes sizes={sizes.data} error={sizes.error} />
        <FormRow
          title="Keep calls for"
          hint="Older ones are removed within the hour. Empty keeps them without end."
          error={days.isError ? causeOf(days.error) : null}
        >
          <EditField
            key={retention.days}
            label="Days that calls are kept"
            kind="number"
            unit="days"
            width="w-20"
            placeholder="no end"
            optional
            value={retention.days === null ? '' : String(retention.days)}
            busy={days.isPending}
            invalid={days.isError}
            onSave={(value) => days.mutate({ capture: { retention: { days: value === '' ? null : Number(value) } } })}
          />
        </FormRow>
        <FormRow
          title="At most"
          hint="What is too much goes, oldest calls first. Empty sets no limit."
          error={most.isError ? causeOf(most.error) : null}
        >
          <EditField
            key={retention.maxBytes}
            label="Most that the store may hold in GiB"
            kind="number"
            unit="GiB"
            width="w-20"
            placeholder="no limit"
            optional
            value={retention.maxBytes === null ? '' : String(Math.round((retention.maxBytes / GIB) * 100) / 100)}
            busy={most.isPending}
            invalid={most.isError}
            onSave={(value) => most.mutate({ capture: { retention: { maxBytes: value === '' ? null : Math.round(Number(value) * GIB) } } })}
          />
        </FormRow>
        <Upkeep />
        <Purge />
      </FormRows>
    </Card>
  );
}

function Sizes({ sizes, error }: { sizes: StoreSizes | undefined; error: Error | null }) {
  const span = sizes && sizes.oldest !== null && sizes.newest !== null ? `${fullTime(sizes.oldest)} to ${fullTime(sizes.newest)}` : null;
  const all = Math.max(1, sizes?.parts.reduce((sum, part) => sum + part.bytes, 0) ?? 1);
  return (
    <div className="grid gap-2 px-3.5 py-2.5">
      <div className="tnum flex flex-wrap items-baseline gap-x-6">
        <p className="mr-auto font-medium">On disk</p>
        {sizes && (
          <p className="text-xs text-muted">
            <strong className="font-semibold text-ink">{bytes(sizes.diskBytes)}</strong> for {plural(sizes.calls, 'call')}, which were{' '}
            {bytes(sizes.wireBytes)} over the wire
          </p>
        )}
      </div>
      {error !== null && <p className="text-xs text-bad">{causeOf(error)}</p>}
      {sizes && sizes.parts.length > 0 && (
        <>
          <div aria-hidden className="flex h-2 gap-px overflow-hidden rounded-full bg-sunken">
            {sizes.parts.map(({ part, bytes: held }) => (
              <span key={part} className={PARTS[part].colour} style={{ width: `${(100 * held) / all}%` }} />
            ))}
          </div>
          <ul aria-label="What takes the room" className="tnum flex flex-wrap gap-x-4 gap-y-1 text-2xs text-muted">
            {sizes.parts.map(({ part, bytes: held }) => (
              <li key={part} className="flex items-center gap-1.5">
                <span aria-hidden className={cn('size-2 rounded-xs', PARTS[part].colour)} />
                {PARTS[part].label} {bytes(held)}
              </li>
            ))}
          </ul>
        </>
      )}
      {sizes && (
        <p className="text-2xs break-all text-faint">
          {span === null ? 'No calls yet' : span}. {sizes.path}
        </p>
      )}
    </div>
  );
}

function Upkeep() {
  const retain = useMutation({
    mutationFn: () => client.capture.retain(),
    onSuccess: ({ calls, bytesBefore, bytesAfter }) =>
      toast({
        title: calls === 0 ? 'There was nothing to remove' : `Removed ${plural(calls, 'call')}`,
        detail: `The store holds ${bytes(bytesAfter)}${calls === 0 ? '' : `, and held ${bytes(bytesBefore)}`}.`,
      }),
    onError: (error) => toastError('The rules could not be applied', error),
    onSettled: () => queryClient.invalidateQueries(),
  });
  const check = useMutation({ mutationFn: () => client.capture.check() });
  return (
    <FormRow
      title="Upkeep"
      hint={
        check.data ? (
          <span role="status">
            {check.data.ok
              ? `All is sound: ${number(check.data.bodiesRead)} stored bodies were read through.`
              : `Damaged: ${check.data.problems.join('; ')}`}
            {check.data.movedAside !== null && ` A damaged database was moved to ${check.data.movedAside}.`}
          </span>
        ) : (
          'Remove now what is too old or too much, or read the whole store through for damage.'
        )
      }
      error={check.isError ? causeOf(check.error) : null}
    >
      <Button busy={retain.isPending} onClick={() => retain.mutate()}>
        Apply now
      </Button>
      <Button busy={check.isPending} onClick={() => check.mutate()}>
        Check the store
      </Button>
    </FormRow>
  );
}
