import type { Settings } from '../../../../bridges/contract/index.ts';
import { Card } from '../../components/card.tsx';
import { EditField, FormRow, FormRows } from '../../components/form.tsx';
import { Segmented } from '../../components/segmented.tsx';
import { Switch } from '../../components/switch.tsx';
import { causeOf } from '../../lib/errors.ts';
import { useSaveSettings } from '../../lib/settings.ts';

const MIB = 1024 * 1024;

/** What is kept of calls. */
export function Privacy({ settings }: { settings: Settings }) {
  const record = useSaveSettings('Saved whether calls are recorded');
  const body = useSaveSettings('Saved how much of a body is kept');
  const seal = useSaveSettings('Saved how the history is kept. It holds from the next start.');
  const replies = useSaveSettings('Saved how streamed replies are kept');
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
          title="Encrypt the history"
          hint="From the next start, with a key in your keychain: what was said, titles and sessions. It can’t be searched for words then. The history there is is written anew."
          error={seal.isError ? causeOf(seal.error) : null}
        >
          <Switch
            label="Encrypt the history"
            checked={settings.capture.seal}
            onChange={(next) => seal.mutate({ capture: { seal: next } })}
          />
        </FormRow>
        <FormRow
          title="Streamed replies"
          hint="As they came, event by event, or put together to what they said, which takes less room. Those that broke off stay as they came."
          error={replies.isError ? causeOf(replies.error) : null}
        >
          <Segmented
            label="Keep streamed replies"
            value={settings.capture.replies}
            options={[
              { value: 'raw', label: 'As they came' },
              { value: 'assembled', label: 'Put together' },
            ]}
            onChange={(next) => replies.mutate({ capture: { replies: next } })}
          />
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
