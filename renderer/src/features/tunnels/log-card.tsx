import { useEffect, useRef, useState } from 'react';
import { Button } from '../../components/button.tsx';
import { Card } from '../../components/card.tsx';
import { CopyButton } from '../../components/copy-button.tsx';
import { client } from '../../host.ts';
import { causeOf } from '../../lib/errors.ts';
import { time } from '../../lib/format.ts';

type Line = { id: number; at: string; line: string };
const KEPT = 500;

/** What ssh and the connector say, as they say it. It stays at the end until somebody scrolls up. */
export function LogCard({ name }: { name: string }) {
  const [attempt, setAttempt] = useState(0);
  return <Following key={attempt} name={name} again={() => setAttempt(attempt + 1)} />;
}

function Following({ name, again }: { name: string; again: () => void }) {
  const { lines, problem } = useLog(name);
  const box = useRef<HTMLDivElement>(null);
  const atEnd = useRef(true);
  useEffect(() => {
    if (atEnd.current && box.current) box.current.scrollTop = box.current.scrollHeight;
  });
  return (
    <Card
      title="Log"
      actions={
        lines.length > 0 && (
          <CopyButton
            text={lines.map(({ at, line }) => `${at}  ${line}`).join('\n')}
            label="Copy the log"
            caption="Copy"
            className="h-6.5"
          />
        )
      }
    >
      {problem !== null && (
        <p role="alert" className="flex items-center gap-3 border-b px-3.5 py-2 text-xs text-bad">
          <span className="mr-auto">{problem}</span>
          <Button onClick={again}>Follow again</Button>
        </p>
      )}
      <div
        ref={box}
        role="log"
        aria-label={`Log of ${name}`}
        aria-live="off"
        tabIndex={0}
        onScroll={({ currentTarget: { scrollTop, clientHeight, scrollHeight } }) => {
          atEnd.current = scrollHeight - scrollTop - clientHeight < 24;
        }}
        className="h-56 overflow-y-auto bg-sunken px-3.5 py-2 font-mono text-xs leading-5 focus-visible:-outline-offset-2"
      >
        {lines.length === 0 && problem === null && <p className="font-sans text-muted">Nothing has been said yet. Start the tunnel.</p>}
        {lines.map(({ id, at, line }) => (
          <p key={id} className="flex gap-3">
            <time dateTime={at} className="shrink-0 text-faint">
              {time(at)}
            </time>
            <span className="min-w-0 break-words whitespace-pre-wrap">{line}</span>
          </p>
        ))}
      </div>
    </Card>
  );
}

/** The last lines, and each new one as it comes. */
function useLog(name: string): { lines: readonly Line[]; problem: string | null } {
  const [lines, setLines] = useState<readonly Line[]>([]);
  const [problem, setProblem] = useState<string | null>(null);
  useEffect(() => {
    const left = new AbortController();
    follow(name, left.signal, (next) => setLines((before) => [...before.slice(1 - KEPT), next])).catch((error: unknown) => {
      if (!left.signal.aborted) setProblem(causeOf(error));
    });
    return () => left.abort();
  }, [name]);
  return { lines, problem };
}

async function follow(name: string, signal: AbortSignal, onLine: (line: Line) => void): Promise<void> {
  let id = 0;
  for await (const { at, line } of await client.tunnels.follow({ name }, { signal })) {
    id += 1;
    onLine({ id, at, line });
  }
}
