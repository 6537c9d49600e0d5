import { Dialog } from '@base-ui/react/dialog';
import { useMutation } from '@tanstack/react-query';
import { Plus, TriangleAlert } from 'lucide-react';
import { useState } from 'react';
import { Button } from '../../components/button.tsx';
import { CopyButton } from '../../components/copy-button.tsx';
import { BACKDROP, POPUP } from '../../components/dialog.tsx';
import { TextField } from '../../components/field.tsx';
import { Failed } from '../../components/problem.tsx';
import { queryClient } from '../../lib/engine.ts';
import { CLIENT_KEYS, type NewKey, type Ring } from './rings.ts';

/** Makes a key: asks for a name, then shows the key once. `name` is suggested. */
export function CreateKey({
  ring = CLIENT_KEYS,
  name = '',
  caption = 'Create key',
  look = 'primary',
  onMade,
}: {
  ring?: Ring;
  name?: string;
  caption?: string;
  look?: 'primary' | 'plain';
  /** Hears when the dialog is closed after a key was made. */
  onMade?: () => void;
}) {
  const [open, setOpen] = useState(false);
  const create = useMutation({
    mutationFn: ring.create,
    // The answer is the only place that ever holds the key: it must not outlive the dialog.
    gcTime: 0,
    onSettled: () => queryClient.invalidateQueries({ queryKey: ring.queryKey }),
  });
  return (
    <Dialog.Root
      open={open}
      onOpenChange={(next, details) => {
        // A stray click beside the dialog must not take the only sight of a key away.
        if (create.isSuccess && details.reason === 'outside-press') return;
        setOpen(next);
      }}
      // Not sooner: the dialog would show the form again while it fades.
      onOpenChangeComplete={(isOpen) => {
        if (isOpen) return;
        if (create.isSuccess) onMade?.();
        create.reset();
      }}
    >
      <Dialog.Trigger render={<Button look={look} />}>
        <Plus aria-hidden size={13} />
        {caption}
      </Dialog.Trigger>
      <Dialog.Portal>
        <Dialog.Backdrop className={BACKDROP} />
        <Dialog.Popup className={POPUP}>
          {create.data ? (
            <KeyOnce name={create.data.name} secret={create.data.key} onDone={() => setOpen(false)} />
          ) : (
            <NameForm
              ring={ring}
              suggested={name}
              busy={create.isPending}
              error={create.error}
              onSubmit={(key) => create.mutate(key)}
              onCancel={() => setOpen(false)}
            />
          )}
        </Dialog.Popup>
      </Dialog.Portal>
    </Dialog.Root>
  );
}

/** The app makes its own keys itself. */
const KINDS = [
  { id: 'clients', title: 'Local clients', about: 'Programs on this machine.' },
  {
    id: 'gateway',
    title: 'The gateway',
    about: 'Calls that your gateway sends through a tunnel. A sign-in serves them only where its scope says so.',
  },
] as const satisfies readonly { id: NewKey['use']; title: string; about: string }[];

function NameForm({
  ring,
  suggested,
  busy,
  error,
  onSubmit,
  onCancel,
}: {
  ring: Ring;
  suggested: string;
  busy: boolean;
  error: Error | null;
  onSubmit: (key: NewKey) => void;
  onCancel: () => void;
}) {
  const [name, setName] = useState(suggested);
  const [use, setUse] = useState<NewKey['use']>('clients');
  const ready = name.trim() !== '';
  return (
    <form
      className="grid gap-4"
      onSubmit={(event) => {
        event.preventDefault();
        if (ready && !busy) onSubmit({ name: name.trim(), use });
      }}
    >
      <Dialog.Title className="text-base font-semibold">{ring.make.title}</Dialog.Title>
      <div className="grid gap-1.5">
        <TextField
          label="Name"
          hint={ring.make.hint}
          placeholder={ring.make.placeholder}
          value={name}
          maxLength={64}
          autoComplete="off"
          spellCheck={false}
          aria-invalid={error !== null}
          onChange={(event) => setName(event.target.value)}
        />
        <Failed error={error} />
      </div>
      {ring.hasUse && (
        <fieldset className="grid gap-2">
          <legend className="pb-1.5 text-xs font-medium">For</legend>
          {KINDS.map(({ id, title, about }) => (
            <label key={id} className="flex items-start gap-2.5 text-xs">
              <input
                type="radio"
                name="use"
                className="mt-0.5 accent-accent"
                checked={use === id}
                onChange={() => setUse(id)}
                aria-label={title}
              />
              <span>
                <span className="font-medium">{title}</span>
                <span className="block text-muted">{about}</span>
              </span>
            </label>
          ))}
        </fieldset>
      )}
      <div className="flex justify-end gap-2">
        <Button onClick={onCancel}>Cancel</Button>
        <Button type="submit" look="primary" busy={busy} disabled={!ready}>
          Create key
        </Button>
      </div>
    </form>
  );
}

function KeyOnce({ name, secret, onDone }: { name: string; secret: string; onDone: () => void }) {
  return (
    <>
      <div className="grid gap-1">
        <Dialog.Title className="text-base font-semibold">Key for {name}</Dialog.Title>
        <Dialog.Description className="flex items-start gap-2 text-muted">
          <TriangleAlert aria-hidden size={15} className="mt-0.5 shrink-0 text-warn" />
          Copy it now. It will not be shown again: only a hash of it is kept.
        </Dialog.Description>
      </div>
      <output aria-label="New key" className="rounded-md border bg-sunken px-3 py-2 font-mono text-xs break-all select-all">
        {secret}
      </output>
      <div className="flex justify-end gap-2">
        <CopyButton text={secret} label="Copy the key" caption="Copy key" />
        <Button look="primary" onClick={onDone}>
          Done
        </Button>
      </div>
    </>
  );
}
