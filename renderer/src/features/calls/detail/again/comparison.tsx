import type { ReactNode } from 'react';
import type { Comparison } from '../../../../../../bridges/contract/index.ts';
import { Cell, Table } from '../../../../components/table.tsx';
import { cn } from '../../../../lib/cn.ts';
import { sidesOf, type Piece } from './sides.ts';

const COLUMNS = [{ title: 'What', width: 'w-1/4' }, { title: 'Then' }, { title: 'Now' }];

/** Two answers side by side: what is told of both, their tool calls, and their words with what differs marked. */
export function ComparisonView({ comparison }: { comparison: Comparison }) {
  const { facts, tools, text } = comparison;
  const { original, other } = sidesOf(text.parts);
  const differ = facts.filter(({ same }) => !same).length;
  return (
    <div className="grid gap-4">
      <p className="text-xs text-muted">
        {text.same ? 'Both say the same' : 'They say different things'}
        {tools.length > 0 && (tools.every(({ same }) => same) ? ', and call the same tools' : ', and call other tools')}
        {differ > 0 && `. ${differ} of what is told of them ${differ === 1 ? 'differs' : 'differ'}`}.
      </p>
      <section aria-label="What is told of both" className="overflow-hidden rounded-md border">
        <Table label="What is told of both" columns={COLUMNS}>
          {facts.map(({ name, original, other, same }) => (
            <tr key={name} className={same ? 'text-muted' : undefined}>
              <Cell className="first-letter:uppercase">{name}</Cell>
              <Cell className="tnum truncate">{shown(original)}</Cell>
              <Cell className={cn('tnum truncate', !same && 'font-medium')}>{shown(other)}</Cell>
            </tr>
          ))}
        </Table>
      </section>
      {tools.length > 0 && (
        <section aria-label="Tool calls" className="grid gap-2">
          <h3 className="text-xs font-semibold">Tool calls</h3>
          {tools.map((pair, index) => (
            // Pairs have no identity but their place.
            // oxlint-disable-next-line react/no-array-index-key
            <div key={index} className="grid gap-2 min-[760px]:grid-cols-2">
              <Tool tool={pair.original} mark={pair.same ? '' : 'bg-bad-soft'} side="Then" />
              <Tool tool={pair.other} mark={pair.same ? '' : 'bg-ok-soft'} side="Now" />
            </div>
          ))}
        </section>
      )}
      <section aria-label="The words" className="grid gap-2 min-[760px]:grid-cols-2">
        <Side title="Then">
          <Words pieces={original} mark="bg-bad-soft" />
        </Side>
        <Side title="Now">
          <Words pieces={other} mark="bg-ok-soft" />
        </Side>
      </section>
    </div>
  );
}

function Side({ title, children }: { title: string; children: ReactNode }) {
  return (
    <div className="min-w-0">
      <h3 className="pb-1.5 text-xs font-semibold">{title}</h3>
      <div
        tabIndex={0}
        role="region"
        aria-label={title}
        className="max-h-[40vh] overflow-y-auto rounded-md border bg-sunken px-3 py-2 font-mono text-xs [overflow-wrap:anywhere] whitespace-pre-wrap"
      >
        {children}
      </div>
    </div>
  );
}

function Words({ pieces, mark }: { pieces: readonly Piece[]; mark: string }) {
  if (pieces.length === 0) return <span className="font-sans text-faint">No words.</span>;
  return pieces.map(({ text, marked, at }) => (
    <span key={at} className={marked ? mark : undefined}>
      {text}
    </span>
  ));
}

function Tool({ tool, mark, side }: { tool: { name: string | null; input: string } | null; mark: string; side: string }) {
  return (
    <div className={cn('min-w-0 rounded-md border px-3 py-2 text-xs', mark)}>
      <span className="sr-only">{side}: </span>
      {tool === null ? (
        <span className="text-faint">No such call.</span>
      ) : (
        <>
          <p className="font-medium">{tool.name ?? 'a tool without a name'}</p>
          <pre className="max-h-40 overflow-y-auto font-mono text-2xs [overflow-wrap:anywhere] whitespace-pre-wrap" tabIndex={0}>
            {tool.input}
          </pre>
        </>
      )}
    </div>
  );
}

function shown(value: string | number | null): string {
  return value === null ? 'not stated' : String(value);
}
