import { Brain, CornerDownRight, FileText, Image, Package, Wrench, type LucideIcon } from 'lucide-react';
import { useState, type ReactNode } from 'react';
import type { AssembledPart } from '../../../../../bridges/contract/index.ts';
import { CopyButton } from '../../../components/copy-button.tsx';
import { cn } from '../../../lib/cn.ts';
import { number } from '../../../lib/format.ts';
import { prettyJson } from './json.ts';

const ROLES: Readonly<Record<AssembledPart['role'], string>> = {
  system: 'System',
  developer: 'Developer',
  user: 'User',
  assistant: 'Assistant',
  tool: 'Tool',
};

/** One part of a conversation: said, thought, called or returned. */
export function Part({ part, first }: { part: AssembledPart; first: boolean }) {
  return (
    <li className={cn('group grid grid-cols-[5.25rem_minmax(0,1fr)] px-4 py-1 [content-visibility:auto]', first && 'pt-2.5')}>
      <span className={cn('text-xs leading-5', part.role === 'assistant' ? 'text-accent' : 'text-muted', !first && 'sr-only')}>
        {ROLES[part.role]}
      </span>
      <div className="col-start-2 min-w-0">{content(part)}</div>
    </li>
  );
}

function content(part: AssembledPart): ReactNode {
  switch (part.kind) {
    case 'text':
      return <LongText text={part.text} least={isInstruction(part) ? 320 : 1200} />;
    case 'refusal':
      return (
        <div className="border-l-2 border-bad pl-3">
          <p className="text-xs font-medium text-bad">Refused</p>
          <LongText text={part.text} />
        </div>
      );
    case 'reasoning':
      return (
        <Box icon={Brain} title="Reasoning">
          <LongText text={part.text} least={400} className="text-muted" />
        </Box>
      );
    case 'tool_call':
      return (
        <Box icon={Wrench} title={part.name ?? 'Tool call'} note={part.callId} copy={part.text}>
          <LongText text={prettyJson(part.text) ?? part.text} code />
        </Box>
      );
    case 'tool_result':
      return (
        <Box icon={CornerDownRight} title={part.name === null ? 'Result' : `Result of ${part.name}`} note={part.callId} copy={part.text}>
          <LongText text={part.text} least={600} code />
        </Box>
      );
    case 'image':
      return <Chip icon={Image} label={part.name ?? 'Image'} text={part.text} />;
    case 'document':
      return <Chip icon={FileText} label={part.name ?? 'Document'} text={part.text} />;
    case 'other':
      return <Chip icon={Package} label={part.name ?? 'Something else'} text={part.text} />;
  }
}

function Box({
  icon: Icon,
  title,
  note,
  copy,
  children,
}: {
  icon: LucideIcon;
  title: string;
  note?: string | null;
  copy?: string;
  children: ReactNode;
}) {
  return (
    <div className="rounded-md border bg-sunken">
      <div className="flex h-7 items-center gap-2 border-b px-2.5 text-xs">
        <Icon aria-hidden size={13} className="shrink-0 text-faint" />
        <span className="truncate font-medium">{title}</span>
        {note !== undefined && note !== null && <span className="min-w-0 truncate font-mono text-2xs text-faint">{note}</span>}
        {copy !== undefined && copy !== '' && <CopyButton text={copy} label={`Copy: ${title}`} className="-mr-1 ml-auto size-5" />}
      </div>
      <div className="px-2.5 py-1.5">{children}</div>
    </div>
  );
}

function Chip({ icon: Icon, label, text }: { icon: LucideIcon; label: string; text: string }) {
  return (
    <span className="inline-flex max-w-full items-center gap-1.5 rounded-md border bg-sunken px-2 py-0.5 text-xs">
      <Icon aria-hidden size={13} className="shrink-0 text-faint" />
      <span className="shrink-0">{label}</span>
      {text !== '' && <span className="min-w-0 truncate text-faint">{text.slice(0, 200)}</span>}
    </span>
  );
}

/** Instructions are long and the same in each call of a client: their beginning is enough to know them again. */
function isInstruction({ role }: AssembledPart): boolean {
  return role === 'system' || role === 'developer';
}

const STEP = 50_000;

/** Text that opens in steps: a short beginning, then as much as a window lays out without a pause. */
function LongText({ text, least = 1200, code = false, className }: { text: string; least?: number; code?: boolean; className?: string }) {
  const [shown, setShown] = useState(least);
  // Hiding a last few words behind a button would cost more than they take.
  const cut = text.length > shown * 1.15;
  const rest = text.length - shown;
  return (
    <>
      <p className={cn('whitespace-pre-wrap [overflow-wrap:anywhere]', code && 'font-mono text-xs leading-[18px]', className)}>
        {cut ? text.slice(0, shown) : text}
        {cut && '…'}
      </p>
      {cut && (
        <button type="button" className="mt-1 rounded text-xs text-accent hover:underline" onClick={() => setShown(shown + STEP)}>
          Show {rest > STEP ? `${number(STEP)} more of ${number(rest)}` : `${number(rest)} more`} characters
        </button>
      )}
      {!cut && text.length > least * 1.15 && (
        <button type="button" className="mt-1 rounded text-xs text-accent hover:underline" onClick={() => setShown(least)}>
          Show less
        </button>
      )}
    </>
  );
}
