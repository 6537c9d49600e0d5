import { useId, useState, type ReactNode } from 'react';
import { cn } from '../lib/cn.ts';
import { Button } from './button.tsx';
import { FIELD } from './field.tsx';

/** One line of a form: what it is, what it means, and on the right what changes it. */
export function FormRow({ title, hint, error, children }: { title: string; hint?: ReactNode; error?: string | null; children: ReactNode }) {
  return (
    <div className="flex min-h-12 flex-wrap items-center gap-x-6 gap-y-2 px-3.5 py-2.5">
      <div className="min-w-0 flex-1 basis-64">
        <p className="font-medium">{title}</p>
        {hint !== undefined && <p className="text-xs text-pretty text-muted">{hint}</p>}
        {error != null && (
          <p role="alert" className="text-xs text-bad">
            {error}
          </p>
        )}
      </div>
      <div className="flex max-w-full shrink-0 items-center gap-2">{children}</div>
    </div>
  );
}

/** Lines of a form, a hair apart. */
export function FormRows({ children }: { children: ReactNode }) {
  return <div className="divide-y">{children}</div>;
}

/**
 * A value that is typed and then saved, by Enter or by the button that appears once it differs. What the engine refuses
 * is said by whoever saves; the field keeps what was typed. An emptied number is none to save, since it would be a zero:
 * unless it is `optional`, where none means something.
 */
export function EditField({
  label,
  value,
  unit,
  kind = 'text',
  placeholder,
  optional = false,
  busy = false,
  invalid = false,
  width = 'w-28',
  onSave,
}: {
  label: string;
  value: string;
  unit?: string;
  kind?: 'text' | 'number' | 'password';
  placeholder?: string;
  optional?: boolean;
  busy?: boolean;
  invalid?: boolean;
  /** A class. */
  width?: string;
  onSave: (value: string) => void;
}) {
  const id = useId();
  const [draft, setDraft] = useState<string | null>(null);
  const shown = draft ?? value;
  const typed = shown.trim();
  const changed = draft !== null && typed !== value && (kind !== 'number' || optional || typed !== '');
  return (
    <form
      className="flex items-center gap-2"
      onSubmit={(event) => {
        event.preventDefault();
        if (changed && !busy) onSave(typed);
      }}
    >
      <label htmlFor={id} className="sr-only">
        {label}
      </label>
      {changed && (
        <Button type="submit" look="primary" busy={busy}>
          Save
        </Button>
      )}
      <input
        id={id}
        type={kind === 'password' ? 'password' : 'text'}
        inputMode={kind === 'number' ? 'numeric' : undefined}
        autoComplete="off"
        spellCheck={false}
        value={shown}
        placeholder={placeholder}
        aria-invalid={invalid}
        onChange={(event) => setDraft(event.target.value === value ? null : event.target.value)}
        onKeyDown={(event) => {
          if (event.key === 'Escape') setDraft(null);
        }}
        className={cn(FIELD, width, kind === 'number' && 'tnum text-right')}
      />
      {unit !== undefined && <span className="w-9 text-xs whitespace-nowrap text-muted">{unit}</span>}
    </form>
  );
}
