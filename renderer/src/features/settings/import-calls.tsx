import { useMutation } from '@tanstack/react-query';
import { useRef, useState } from 'react';
import type { Imported } from '../../../../bridges/contract/index.ts';
import { Button } from '../../components/button.tsx';
import { FormRow } from '../../components/form.tsx';
import { Progress } from '../../components/progress.tsx';
import { client } from '../../host.ts';
import { queryClient } from '../../lib/engine.ts';
import { causeOf } from '../../lib/errors.ts';
import { number, plural } from '../../lib/format.ts';
import { linesOf } from '../../lib/lines-of.ts';

/** Lines that are handed over at once, and how much text they may be. */
const MOST_LINES = 200;
const MOST_CHARACTERS = 4_000_000;
/** Wrong lines that are named. */
const NAMED = 20;

/** Takes calls of another store, from a file that "Export" made. */
export function ImportCalls() {
  const picker = useRef<HTMLInputElement>(null);
  const stop = useRef(new AbortController());
  const [share, setShare] = useState(0);
  const run = useMutation({
    mutationFn: async (file: File) => {
      stop.current = new AbortController();
      setShare(0);
      return importFile(file, stop.current.signal, setShare);
    },
    onSuccess: () => queryClient.invalidateQueries(),
  });
  return (
    <FormRow
      title="Import calls"
      hint="From a JSONL file of another store. Calls that are here already are skipped, so it may be repeated."
      error={run.isError ? causeOf(run.error) : null}
    >
      <input
        ref={picker}
        type="file"
        accept=".jsonl,application/jsonl"
        aria-label="File of calls"
        className="sr-only"
        tabIndex={-1}
        onChange={(event) => {
          const file = event.target.files?.[0];
          event.target.value = '';
          if (file) run.mutate(file);
        }}
      />
      {run.isPending ? (
        <div className="flex items-center gap-3">
          <Progress label="Importing calls" value={share} className="w-32" />
          <Button onClick={() => stop.current.abort()}>Stop</Button>
        </div>
      ) : (
        <Button onClick={() => picker.current?.click()}>Choose calls…</Button>
      )}
      {run.data && <Outcome {...run.data} />}
    </FormRow>
  );
}

function Outcome({ imported: { stored, duplicates, bad }, stopped }: Import) {
  return (
    <div role="status" className="text-xs text-muted">
      <p>
        {stopped && 'Stopped before the end of the file: '}
        {plural(stored, 'call')} taken{duplicates > 0 && `, ${number(duplicates)} were here already`}
        {bad.length > 0 && `, ${plural(bad.length, 'line')} could not be read`}.
      </p>
      {bad.length > 0 && (
        <ul className="max-h-32 overflow-y-auto" tabIndex={0} aria-label="Lines that could not be read">
          {bad.slice(0, NAMED).map(({ line, why }) => (
            <li key={line}>
              Line {number(line)}: {why}
            </li>
          ))}
        </ul>
      )}
    </div>
  );
}

/** `stopped` where it was ended before all of the file was handed over. */
type Import = { imported: Imported; stopped: boolean };

/** Once the signal says so, it ends with the lines that are on their way: what became of those is to be told, too. */
async function importFile(file: File, signal: AbortSignal, onShare: (share: number) => void): Promise<Import> {
  const sum: Imported = { stored: 0, duplicates: 0, bad: [] };
  let read = 0;
  let lines: string[] = [];
  let characters = 0;
  let firstLine = 1;
  const hand = async (): Promise<void> => {
    if (lines.length === 0) return;
    const part = await client.exchange.import({ lines, firstLine });
    sum.stored += part.stored;
    sum.duplicates += part.duplicates;
    sum.bad.push(...part.bad);
    firstLine += lines.length;
    lines = [];
    characters = 0;
    onShare(file.size === 0 ? 1 : read / file.size);
  };
  for await (const line of linesOf(file.stream(), (bytes) => (read = bytes))) {
    if (signal.aborted) return { imported: sum, stopped: true };
    lines.push(line);
    characters += line.length;
    if (lines.length >= MOST_LINES || characters >= MOST_CHARACTERS) await hand();
  }
  await hand();
  return { imported: sum, stopped: false };
}
