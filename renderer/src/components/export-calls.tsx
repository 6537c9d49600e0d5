import { Dialog } from '@base-ui/react/dialog';
import { useMutation } from '@tanstack/react-query';
import { useEffect, useRef, useState } from 'react';
import { client } from '../host.ts';
import { bytes } from '../lib/format.ts';
import { saveFile } from '../lib/save-file.ts';
import { Button } from './button.tsx';
import { BACKDROP, POPUP } from './dialog.tsx';
import { Progress } from './progress.tsx';
import { toast } from './toasts.tsx';
import { Failed } from './problem.tsx';

/** Which calls leave, and what their file is called, without its ending. `conversation` is a call of the one that may leave as a page. */
export type Exported = { what: string; query?: string; conversation?: number; name: string };

const FORMATS = [
  { id: 'jsonl', label: 'JSONL', about: 'Everything that was kept. The one form that can be imported again.', type: 'application/jsonl' },
  { id: 'har', label: 'HAR', about: 'HTTP Archive, for the tools that read it.', type: 'application/json' },
  { id: 'html', label: 'HTML', about: 'The whole conversation as one page, without script or network.', type: 'text/html' },
] as const;
type Format = (typeof FORMATS)[number];

/** Asks in which form calls are to leave, and hands them over as a file. */
export function ExportCalls({
  exported,
  open,
  onOpenChange,
}: {
  exported: Exported;
  open: boolean;
  onOpenChange: (open: boolean) => void;
}) {
  return (
    <Dialog.Root open={open} onOpenChange={onOpenChange}>
      <Dialog.Portal>
        <Dialog.Backdrop className={BACKDROP} />
        <Dialog.Popup className={POPUP}>
          <ExportForm exported={exported} onDone={() => onOpenChange(false)} />
        </Dialog.Popup>
      </Dialog.Portal>
    </Dialog.Root>
  );
}

function ExportForm({ exported, onDone }: { exported: Exported; onDone: () => void }) {
  const formats = FORMATS.filter(({ id }) => (id === 'html' ? exported.conversation !== undefined : exported.query !== undefined));
  const [format, setFormat] = useState<Format>(formats[0] ?? FORMATS[0]);
  const [withBodies, setWithBodies] = useState(true);
  const [size, setSize] = useState(0);
  const stop = useRef<AbortController | null>(null);
  // However the dialog is closed: a file that nobody waits for any more is not to come.
  useEffect(() => () => stop.current?.abort(), []);
  const run = useMutation({
    mutationFn: async () => {
      const ended = new AbortController();
      stop.current = ended;
      setSize(0);
      const pieces: string[] = [];
      let length = 0;
      const file = await client.exchange.export(
        {
          format: format.id,
          bodies: withBodies,
          ...(format.id === 'html' ? { conversation: exported.conversation } : { query: exported.query }),
        },
        { signal: ended.signal },
      );
      for await (const piece of file) {
        ended.signal.throwIfAborted();
        pieces.push(piece);
        length += piece.length;
        setSize(length);
      }
      return pieces;
    },
    onSuccess: (pieces) => {
      const name = `${exported.name}.${format.id}`;
      saveFile(name, pieces, format.type);
      toast({ title: `Exported ${exported.what}`, detail: name });
      onDone();
    },
  });
  return (
    <form
      className="grid gap-4"
      onSubmit={(event) => {
        event.preventDefault();
        run.mutate();
      }}
    >
      <Dialog.Title className="text-base font-semibold">Export {exported.what}</Dialog.Title>
      <fieldset className="grid gap-2" disabled={run.isPending}>
        <legend className="sr-only">Form of the file</legend>
        {formats.map((one) => (
          <label
            key={one.id}
            className="flex items-start gap-2.5 rounded-md border p-2.5 has-checked:border-accent has-checked:bg-accent-soft"
          >
            <input
              type="radio"
              name="format"
              className="mt-1 accent-accent"
              checked={one === format}
              onChange={() => setFormat(one)}
              aria-label={one.label}
            />
            <span>
              <span className="font-medium">{one.label}</span>
              <span className="block text-xs text-muted">{one.about}</span>
            </span>
          </label>
        ))}
        <label className="flex items-start gap-2.5 p-1 text-xs">
          <input
            type="checkbox"
            className="mt-0.5 accent-accent"
            checked={withBodies}
            onChange={(event) => setWithBodies(event.target.checked)}
          />
          <span>With what was said. Credentials were taken out when the calls were kept; what stands in a prompt was not.</span>
        </label>
      </fieldset>
      {run.isPending && (
        <div role="status" className="grid gap-1.5 text-xs text-muted">
          {bytes(size)} so far
          <Progress label="Exporting" value={null} />
        </div>
      )}
      <Failed error={run.error} />
      <div className="flex justify-end gap-2">
        <Button
          onClick={() => {
            stop.current?.abort();
            onDone();
          }}
        >
          Cancel
        </Button>
        <Button type="submit" look="primary" busy={run.isPending}>
          Export
        </Button>
      </div>
    </form>
  );
}
