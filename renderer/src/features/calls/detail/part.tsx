import { Brain, ChevronRight, CornerDownRight, FileDiff, FileText, Image, Package, Wrench, type LucideIcon } from 'lucide-react';
import { lazy, Suspense, useMemo, useState, type ReactNode } from 'react';
import type { AssembledPart } from '../../../../../bridges/contract/index.ts';
import { CopyButton } from '../../../components/copy-button.tsx';
import { cn } from '../../../lib/cn.ts';
import { number } from '../../../lib/format.ts';
import { Code } from './code.tsx';
import { editsOf, type Edit } from './edits.ts';
import { cutAtFences, languageOf } from './fences.ts';
import { isDrawn, type Picture } from './images.ts';
import { prettyJson } from './json.ts';
import { withRedacted } from './redacted.tsx';

const DiffView = lazy(() => import('./diff-view.tsx'));
const PatchView = lazy(() => import('./diff-view.tsx').then((module) => ({ default: module.PatchView })));

const ROLES: Readonly<Record<AssembledPart['role'], string>> = {
  system: 'System',
  developer: 'Developer',
  user: 'User',
  assistant: 'Assistant',
  tool: 'Tool',
};

type PartProps = {
  part: AssembledPart;
  /** The role is said once for all parts that follow one another. */
  first: boolean;
  /** Name and arguments of the call that a result answers, where it stands in the same conversation. */
  tool: { name: string | null; text: string } | undefined;
  /** The picture that this part is, where the request tells. */
  picture: Picture | undefined;
};

/** One part of a conversation: said, thought, called or returned. */
export function Part({ part, first, tool, picture }: PartProps) {
  return (
    <li className={cn('group grid grid-cols-[5.25rem_minmax(0,1fr)] px-4 py-1 [content-visibility:auto]', first && 'pt-2.5')}>
      <span className={cn('text-xs leading-5', part.role === 'assistant' ? 'text-accent' : 'text-muted', !first && 'sr-only')}>
        {ROLES[part.role]}
      </span>
      <div className="col-start-2 min-w-0">{content(part, tool, picture)}</div>
    </li>
  );
}

function content(part: AssembledPart, tool: PartProps['tool'], picture: PartProps['picture']): ReactNode {
  switch (part.kind) {
    case 'text':
      return <Said text={part.text} least={isInstruction(part) ? 320 : 1200} />;
    case 'refusal':
      return (
        <div className="border-l-2 border-bad pl-3">
          <p className="text-xs font-medium text-bad">Refused</p>
          <LongText text={part.text} />
        </div>
      );
    case 'reasoning':
      return (
        <Folded icon={Brain} title="Thinking" note={part.text === '' ? 'not shown by the provider' : part.text}>
          <LongText text={part.text} least={2000} className="text-muted" />
        </Folded>
      );
    case 'tool_call':
      return <ToolCall part={part} />;
    case 'tool_result': {
      const name = part.name ?? tool?.name ?? null;
      return (
        <Box icon={CornerDownRight} title={name === null ? 'Result' : `Result of ${name}`} note={part.callId} copy={part.text}>
          <LongText text={part.text} least={600} code language={languageOfResult(tool?.text)} />
        </Box>
      );
    }
    case 'image':
      return <PictureOf part={part} picture={picture} />;
    case 'document':
      return <Chip icon={FileText} label={part.name ?? 'Document'} text={part.text} />;
    case 'other':
      return <Chip icon={Package} label={part.name ?? 'Something else'} text={part.text} />;
  }
}

/** A call of a tool: the change it asks for where it edits a file, else its arguments. */
function ToolCall({ part }: { part: AssembledPart }) {
  const edits = useMemo(() => editsOf(part.name, part.text), [part]);
  const [asArguments, setAsArguments] = useState(false);
  const showsEdits = edits.length > 0 && !asArguments;
  return (
    <Box icon={edits.length > 0 ? FileDiff : Wrench} title={part.name ?? 'Tool call'} note={part.callId} copy={part.text}>
      {showsEdits ? (
        edits.map((edit, index) => (
          // Edits have no identity but their place, and never move.
          // oxlint-disable-next-line react/no-array-index-key
          <EditView key={index} edit={edit} />
        ))
      ) : (
        <LongText text={prettyJson(part.text) ?? part.text} code language="json" />
      )}
      {edits.length > 0 && (
        <button type="button" className="mt-1.5 rounded text-xs text-accent hover:underline" onClick={() => setAsArguments(!asArguments)}>
          {asArguments ? 'Show the change' : 'Show the arguments'}
        </button>
      )}
    </Box>
  );
}

function EditView({ edit }: { edit: Edit }) {
  const plain = 'patch' in edit ? edit.patch : edit.after;
  return (
    <>
      {'path' in edit && edit.path !== null && <p className="mb-1.5 font-mono text-2xs break-all text-muted">{edit.path}</p>}
      <Suspense fallback={<pre className="font-mono text-xs whitespace-pre-wrap">{plain}</pre>}>
        {'patch' in edit ? (
          <PatchView patch={edit.patch} label="The patch" />
        ) : (
          <DiffView before={edit.before} after={edit.after} label={edit.path === null ? 'The change' : `The change to ${edit.path}`} />
        )}
      </Suspense>
    </>
  );
}

/** A picture: drawn where its bytes are here. What stands at an address is never fetched by looking at a call. */
function PictureOf({ part, picture }: { part: AssembledPart; picture: Picture | undefined }) {
  const [large, setLarge] = useState(false);
  if (picture === undefined || !isDrawn(picture)) {
    return (
      <Chip icon={Image} label={part.name ?? 'Image'} text={picture?.kind === 'address' ? `${picture.url} (not fetched)` : part.text} />
    );
  }
  return (
    <button
      type="button"
      aria-expanded={large}
      title={large ? 'Make it small' : 'Make it large'}
      onClick={() => setLarge(!large)}
      className="block max-w-full rounded-md border bg-sunken p-1"
    >
      <img
        src={picture.url}
        alt={`${part.name ?? 'Image'}, ${part.text}`}
        className={cn('max-w-full rounded object-contain', !large && 'max-h-40')}
      />
      <span className="mt-1 block text-left text-2xs text-faint">
        {part.name} · {part.text}
      </span>
    </button>
  );
}

/** What was thought: put away, since there is much of it, with its beginning in sight. */
function Folded({ icon: Icon, title, note, children }: { icon: LucideIcon; title: string; note: string; children: ReactNode }) {
  const [open, setOpen] = useState(false);
  return (
    <div className="rounded-md border bg-sunken">
      <button
        type="button"
        aria-expanded={open}
        onClick={() => setOpen(!open)}
        className="flex h-7 w-full items-center gap-2 px-2.5 text-left text-xs hover:bg-hover focus-visible:-outline-offset-2"
      >
        <ChevronRight aria-hidden size={13} className={cn('shrink-0 text-faint', open && 'rotate-90')} />
        <Icon aria-hidden size={13} className="shrink-0 text-faint" />
        <span className="font-medium">{title}</span>
        {!open && <span className="min-w-0 truncate text-faint">{note.slice(0, 200)}</span>}
      </button>
      {open && <div className="border-t px-2.5 py-1.5">{children}</div>}
    </div>
  );
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

/** The language of a file that a tool read, told by its name. */
function languageOfResult(input: string | undefined): string | null {
  const [, name] = /"(?:file_path|path|filePath|filename)"\s*:\s*"[^"]*?([^"/\\]+\.[A-Za-z]+)"/.exec(input ?? '') ?? [];
  return name === undefined ? null : languageOf(name);
}

const STEP = 50_000;

/** Words as they were said, with code between fences in colours. */
function Said({ text, least }: { text: string; least: number }) {
  const pieces = useMemo(() => (text.length <= STEP && /^ {0,3}(?:```|~~~)/m.test(text) ? cutAtFences(text) : null), [text]);
  if (pieces === null || least < 1000) return <LongText text={text} least={least} />;
  return (
    <div className="grid gap-2">
      {pieces.map((piece, index) =>
        piece.kind === 'words' ? (
          // Pieces have no identity but their place, and never move.
          // oxlint-disable-next-line react/no-array-index-key
          <LongText key={index} text={piece.text} least={least} />
        ) : (
          // oxlint-disable-next-line react/no-array-index-key
          <div key={index} className="relative rounded-md border bg-sunken px-2.5 py-1.5 pr-9">
            <Code code={piece.text} language={piece.language} />
            <CopyButton text={piece.text} label="Copy the code" className="absolute top-1 right-1" />
          </div>
        ),
      )}
    </div>
  );
}

type LongTextProps = { text: string; least?: number; code?: boolean; language?: string | null; className?: string };

/** Text that opens in steps: a short beginning, then as much as a window lays out without a pause. */
function LongText({ text, least = 1200, code = false, language = null, className }: LongTextProps) {
  const [shown, setShown] = useState(least);
  // Hiding a last few words behind a button would cost more than they take.
  const cut = text.length > shown * 1.15;
  const rest = text.length - shown;
  const visible = cut ? `${text.slice(0, shown)}…` : text;
  return (
    <>
      {code ? (
        <Code code={visible} language={language} {...(className === undefined ? {} : { className })} />
      ) : (
        <p className={cn('whitespace-pre-wrap [overflow-wrap:anywhere]', className)}>{withRedacted(visible)}</p>
      )}
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
