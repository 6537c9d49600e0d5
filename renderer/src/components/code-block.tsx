import { cn } from '../lib/cn.ts';
import { CopyButton } from './copy-button.tsx';

/** A few lines to copy: a command, settings, the content of a file. */
export function CodeBlock({ text, label, className }: { text: string; label: string; className?: string }) {
  return (
    <div className={cn('flex items-start rounded-md border bg-sunken', className)}>
      <pre
        // A long command scrolls sideways, so it must be reachable by keyboard.
        tabIndex={0}
        role="group"
        aria-label={label}
        className="min-w-0 flex-1 overflow-x-auto rounded-md py-2 pl-3 font-mono text-xs leading-5 whitespace-pre"
      >
        {text}
      </pre>
      <CopyButton text={text} label={`Copy ${label}`} className="sticky top-1.5 m-1.5 shrink-0" />
    </div>
  );
}
