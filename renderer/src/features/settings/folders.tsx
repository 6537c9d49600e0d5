import { X } from 'lucide-react';
import { useState } from 'react';
import type { Settings } from '../../../../bridges/contract/index.ts';
import { Button, IconButton } from '../../components/button.tsx';
import { Card } from '../../components/card.tsx';
import { FIELD } from '../../components/field.tsx';
import { Segmented } from '../../components/segmented.tsx';
import { Failed } from '../../components/problem.tsx';
import { cn } from '../../lib/cn.ts';
import { useSaveSettings } from '../../lib/settings.ts';

type Rule = Settings['capture']['folders'][number];

const KEEPS = [
  { value: 'keep', label: 'All' },
  { value: 'metadata', label: 'Only the row' },
  { value: 'ignore', label: 'Nothing' },
] as const satisfies readonly { value: Rule['keep']; label: string }[];

/** What is kept of calls that are made from a folder or below it. */
export function Folders({ settings }: { settings: Settings }) {
  const rules = settings.capture.folders;
  const [folder, setFolder] = useState('');
  const save = useSaveSettings('Saved the rules for folders');
  const write = (next: Rule[], done?: () => void): void =>
    save.mutate({ capture: { folders: next } }, done === undefined ? {} : { onSuccess: done });
  return (
    <Card title="Rules for folders">
      <p className="px-3.5 py-2.5 text-xs text-muted">
        What is kept of calls whose client works in a folder or below it; the longest folder that fits decides. “Only the row” keeps who
        called, when and how much, without bodies and headers. Clients that do not say where they work are kept.
      </p>
      {rules.length > 0 && (
        <ul aria-label="Rules" className="divide-y border-t">
          {rules.map((rule) => (
            <li key={rule.folder} className="flex min-h-11 flex-wrap items-center gap-3 px-3.5 py-1.5">
              <code className="mr-auto min-w-0 font-mono text-xs break-all">{rule.folder}</code>
              <Segmented
                label={`Keep of ${rule.folder}`}
                value={rule.keep}
                options={KEEPS}
                onChange={(keep) => write(rules.map((one) => (one === rule ? { ...one, keep } : one)))}
              />
              <IconButton label={`Remove the rule for ${rule.folder}`} onClick={() => write(rules.filter((one) => one !== rule))}>
                <X aria-hidden size={14} />
              </IconButton>
            </li>
          ))}
        </ul>
      )}
      <form
        className="flex flex-wrap items-center gap-2 border-t px-3.5 py-2.5"
        onSubmit={(event) => {
          event.preventDefault();
          const wanted = folder.trim();
          if (wanted === '') return;
          write([...rules.filter((rule) => rule.folder !== wanted), { folder: wanted, keep: 'metadata' }], () => setFolder(''));
        }}
      >
        <input
          aria-label="Folder of a new rule"
          placeholder="~/work/secret"
          autoComplete="off"
          spellCheck={false}
          aria-invalid={save.isError}
          className={cn(FIELD, 'min-w-0 flex-1 font-mono')}
          value={folder}
          onChange={(event) => setFolder(event.target.value)}
        />
        <Button type="submit" busy={save.isPending} disabled={folder.trim() === ''}>
          Add rule
        </Button>
        <Failed error={save.error} className="w-full" />
      </form>
    </Card>
  );
}
