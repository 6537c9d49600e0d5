import { useMutation, useQuery } from '@tanstack/react-query';
import { useId, useState } from 'react';
import type { AttachableClient, Attachment, KnownClient } from '../../../../bridges/contract/index.ts';
import { Button } from '../../components/button.tsx';
import { FIELD } from '../../components/field.tsx';
import { Failed } from '../../components/problem.tsx';
import { Segmented } from '../../components/segmented.tsx';
import { StatusDot } from '../../components/status-dot.tsx';
import { toast } from '../../components/toasts.tsx';
import { client as host } from '../../host.ts';
import { cn } from '../../lib/cn.ts';
import { engine, queryClient } from '../../lib/engine.ts';
import { ago } from '../../lib/format.ts';

const ATTACHABLE: readonly AttachableClient[] = ['claude-code', 'codex'];

/** Writes a client's settings for its owner, and takes that out again; nothing for one that is set up by hand. */
export function AttachClient({ known }: { known: KnownClient }) {
  const client = ATTACHABLE.find((one) => one === known.client);
  return client !== undefined && known.attachable.length > 0 && <Attaching known={known} client={client} />;
}

function Attaching({ known, client }: { known: KnownClient; client: AttachableClient }) {
  const { label, attachable, attachment } = known;
  const seeAnew = async (): Promise<void> => {
    await queryClient.invalidateQueries({ queryKey: engine.clients.key() });
    await queryClient.invalidateQueries({ queryKey: engine.keys.key() });
  };
  const attach = useMutation({
    mutationFn: (model: string | null) => host.clients.attach({ client, ...(model === null ? {} : { model }) }),
    onSuccess: async ({ file }) => {
      toast({ title: `${label} is attached`, detail: `Written into ${file}. Restart sessions that run.` });
      await seeAnew();
    },
  });
  const detach = useMutation({
    mutationFn: () => host.clients.detach({ client }),
    onSuccess: async ({ file, left }) => {
      toast({
        title: `${label} is detached`,
        detail:
          left.length === 0 ? 'Restart sessions that run.' : `${left.join(', ')} in ${file} was changed since, and was left as it is.`,
      });
      await seeAnew();
    },
  });
  return (
    <section aria-label={`Attach ${label}`} className="rounded-md border px-3.5 py-2.5">
      {attachment === null ? (
        <AttachForm label={label} ways={attachable} busy={attach.isPending} onAttach={(model) => attach.mutate(model)} />
      ) : (
        <Attached
          attachment={attachment}
          busy={attach.isPending || detach.isPending}
          onAgain={() => attach.mutate(attachment.model)}
          onDetach={() => detach.mutate()}
        />
      )}
      <Failed error={attach.error ?? detach.error} className="mt-2" />
    </section>
  );
}

function Attached({
  attachment: { since, model, file, problem },
  busy,
  onAgain,
  onDetach,
}: {
  attachment: Attachment;
  busy: boolean;
  onAgain: () => void;
  onDetach: () => void;
}) {
  return (
    <div className="flex flex-wrap items-center gap-x-4 gap-y-2">
      <div className="min-w-0 flex-1 basis-72">
        <p className="flex items-center gap-2 font-medium">
          <StatusDot tone={problem === null ? 'ok' : 'warn'} />
          {model === null ? 'Attached, with its own account' : `Attached, with ${model}`}
        </p>
        <p className="text-xs break-words text-muted">
          {ago(since)}, in <code className="font-mono break-all">{file}</code>
        </p>
        {problem !== null && (
          <p role="alert" className="text-xs break-words text-bad">
            {problem}
          </p>
        )}
      </div>
      {problem !== null && (
        <Button busy={busy} onClick={onAgain}>
          Attach again
        </Button>
      )}
      <Button busy={busy} onClick={onDetach}>
        Detach
      </Button>
    </div>
  );
}

function AttachForm({
  label,
  ways,
  busy,
  onAttach,
}: {
  label: string;
  ways: KnownClient['attachable'];
  busy: boolean;
  /** With the model it is to use; null for its own account. */
  onAttach: (model: string | null) => void;
}) {
  const [chosen, setChosen] = useState(ways[0] ?? 'model');
  const { data: models = [] } = useQuery({ ...engine.clients.models.queryOptions(), enabled: chosen === 'model' });
  const known = useId();
  const [typed, setTyped] = useState('');
  const model = typed.trim();
  return (
    <form
      className="flex flex-wrap items-center gap-x-4 gap-y-2"
      onSubmit={(event) => {
        event.preventDefault();
        if (chosen === 'own') onAttach(null);
        else if (model !== '') onAttach(model);
      }}
    >
      <div className="min-w-0 flex-1 basis-72">
        <p className="font-medium">Let Drawbridge write its settings</p>
        <p className="text-xs text-pretty text-muted">{HINTS[chosen](label)}</p>
      </div>
      <div className="flex max-w-full flex-wrap items-center gap-2">
        {ways.length > 1 && (
          <Segmented
            label={`How ${label} is attached`}
            value={chosen}
            options={ways.map((way) => ({ value: way, label: way === 'own' ? 'Its own account' : 'A model of yours' }))}
            onChange={setChosen}
          />
        )}
        {chosen === 'model' && (
          <input
            aria-label={`Model for ${label}`}
            list={known}
            className={cn(FIELD, 'w-52 max-w-full')}
            placeholder="copilot/gpt-5.5"
            autoComplete="off"
            spellCheck={false}
            value={typed}
            onChange={(event) => setTyped(event.target.value)}
          />
        )}
        <datalist id={known}>
          {models.map(({ id, title }) => (
            <option key={id} value={id} label={title} />
          ))}
        </datalist>
        <Button type="submit" look="primary" busy={busy} disabled={chosen === 'model' && model === ''}>
          Attach
        </Button>
      </div>
    </form>
  );
}

const HINTS: Readonly<Record<KnownClient['attachable'][number], (label: string) => string>> = {
  own: (label) => `${label} keeps its sign-in and its models; its calls pass through here, and are captured.`,
  model: (label) => `${label} asks a model of a bridge or a provider here, with a key of its own. Detached, it is as it was.`,
};
