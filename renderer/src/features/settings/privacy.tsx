import type { Settings } from '../../../../bridges/contract/index.ts';
import { Card } from '../../components/card.tsx';
import { EditField, FormRow, FormRows } from '../../components/form.tsx';
import { Switch } from '../../components/switch.tsx';
import { causeOf } from '../../lib/errors.ts';
import { useSaveSettings } from '../../lib/settings.ts';

const MIB = 1024 * 1024;

/** What is kept of calls. */
export function Privacy({ settings }: { settings: Settings }) {
  const record = useSaveSettings('Saved whether calls are recorded');
  const body = useSaveSettings('Saved how much of a body is kept');
  const { enabled, maxBodyBytes } = settings.capture;
  return (
    <Card title="Privacy">
      <FormRows>
        <FormRow
          title="Record calls"
          hint="Each call with both its sides, in a database that only you can read. Keys and tokens are taken out before anything is kept."
          error={record.isError ? causeOf(record.error) : null}
        >
          <Switch label="Record calls" checked={enabled} onChange={(next) => record.mutate({ capture: { enabled: next } })} />
        </FormRow>
        <FormRow
          title="Longest body"
          hint="What is longer is kept in part. The call itself is never cut."
          error={body.isError ? causeOf(body.error) : null}
        >
          <EditField
            key={maxBodyBytes}
            label="Longest body in MiB"
            kind="number"
            unit="MiB"
            width="w-20"
            value={String(Math.round(maxBodyBytes / MIB))}
            busy={body.isPending}
            invalid={body.isError}
            onSave={(value) => body.mutate({ capture: { maxBodyBytes: Math.round(Number(value) * MIB) } })}
          />
        </FormRow>
      </FormRows>
    </Card>
  );
}
