import { useMemo, useState } from 'react';
import type { CallDetail, Message } from '../../../../../bridges/contract/index.ts';
import { PRACTICE } from '../../../components/call-bits.tsx';
import { BodyView, type LoadAll } from './body-view.tsx';
import type { GoTo } from './code-text.tsx';
import { readPath, type FieldPath, type JsonLayout } from './json.ts';
import { LossList } from './losses.tsx';
import { useJsonLayout } from './use-layout.ts';

/**
 * Both ends of a request or of a reply. Where the call was translated, what went in stands on the left and what came
 * out on the right, with the fields that could not cross marked where they went in.
 */
export function SidesTab({ detail, side, ...load }: { detail: CallDetail; side: 'request' | 'reply' } & LoadAll) {
  const { call, client, upstream } = detail;
  const other = upstream?.[side] ?? null;
  // A request goes in at the client, a reply at the upstream.
  const source: Message = side === 'reply' && other !== null ? other : client[side];
  const target: Message | null = other === null ? null : side === 'reply' ? client.reply : other;
  const wanted = useMemo<FieldPath[]>(() => call.lost.map(({ path }) => readPath(path) ?? []), [call]);
  const sourceLayout = useJsonLayout(source.body, wanted);
  const targetLayout = useJsonLayout(target?.body ?? null, NONE);
  const [goTo, setGoTo] = useState<GoTo>(null);
  const places = placesOf(sourceLayout);
  const marks = useMemo(() => marksOf(places, detail), [places, detail]);
  const name = call.upstream ?? 'the upstream';
  const titles = side === 'request' ? ([`${call.client} sent`, `${name} got`] as const) : ([`${name} sent`, `${call.client} got`] as const);
  const whats =
    side === 'request' ? (['client’s request', 'upstream’s request'] as const) : (['upstream’s reply', 'reply to the client'] as const);

  if (target === null) {
    return (
      <>
        <p className="shrink-0 border-b px-4 py-2 text-xs text-muted">{untouched(detail)}</p>
        <BodyView message={source} layout={sourceLayout} what={side === 'request' ? whats[0] : whats[1]} {...load} />
      </>
    );
  }
  return (
    <div className="@container flex min-h-0 flex-1 flex-col">
      {side === 'request' && (
        <LossList
          lost={call.lost}
          linesFound={(index) => (places[index]?.exact === true ? places[index].lines.length : 0)}
          onGoTo={(index) => {
            const line = places[index]?.lines[0];
            if (line !== undefined) setGoTo({ line });
          }}
        />
      )}
      <div className="grid min-h-0 flex-1 grid-cols-1 grid-rows-2 @[640px]:grid-cols-2 @[640px]:grid-rows-1">
        <section aria-label={titles[0]} className="flex min-h-0 min-w-0 flex-col">
          <BodyView message={source} layout={sourceLayout} what={whats[0]} title={titles[0]} marks={marks} goTo={goTo} {...load} />
        </section>
        <section aria-label={titles[1]} className="flex min-h-0 min-w-0 flex-col border-t @[640px]:border-t-0 @[640px]:border-l">
          <BodyView message={target} layout={targetLayout} what={whats[1]} title={titles[1]} {...load} />
        </section>
      </div>
    </div>
  );
}

const NONE: readonly FieldPath[] = [];
const NO_PLACES: JsonLayout['places'] = [];

function placesOf(layout: JsonLayout | 'working' | null): JsonLayout['places'] {
  return layout === null || layout === 'working' ? NO_PLACES : layout.places;
}

/** What is said about each line: only fields that a loss names exactly are marked. */
function marksOf(places: JsonLayout['places'], { call }: CallDetail): Map<number, string> {
  const marks = new Map<number, string>();
  for (const [index, { lines, exact }] of places.entries()) {
    const loss = call.lost[index];
    if (!exact || loss === undefined) continue;
    for (const line of lines) marks.set(line, [marks.get(line), `Lost: ${loss.why}`].filter((part) => part !== undefined).join('\n'));
  }
  return marks;
}

function untouched({ call }: CallDetail): string {
  if (call.upstream === null) return 'This call was not sent on: the companion answered it.';
  if (call.upstream === PRACTICE) return 'The practice model is built in: nothing left this machine.';
  return `The bytes went through untouched: ${call.client} and ${call.upstream} saw the same.`;
}
