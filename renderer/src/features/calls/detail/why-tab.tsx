import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { lazy, Suspense } from 'react';
import type { CallDetail, PromptElement, Why } from '../../../../../bridges/contract/index.ts';
import { Problem } from '../../../components/problem.tsx';
import { Waiting } from '../../../components/progress.tsx';
import { engine } from '../../../lib/engine.ts';
import { bytes, number, plural } from '../../../lib/format.ts';
import { Nothing } from './body-view.tsx';

const DiffView = lazy(() => import('./diff-view.tsx'));
const MOST_ADDED = 100;

/** What this request changed against the one before it, and with that where the provider's prompt cache ended. */
export function WhyTab({ detail: { call } }: { detail: CallDetail }) {
  const why = useQuery(engine.conversations.why.queryOptions({ input: { call: call.id }, retry: false }));
  if (why.isPending) return <Waiting label="Comparing with the request before" />;
  if (why.isError) return <Problem title="This request cannot be compared with the one before" error={why.error} className="m-4" />;
  const { previous, shared, broke, added, cached } = why.data;
  if (previous === null) {
    return (
      <Nothing>
        This is the first request of its conversation: there is none before it to compare with.
        {cached !== null &&
          cached > 0 &&
          ` The reply still says that ${number(cached)} tokens came from a cache: another conversation began the same.`}
      </Nothing>
    );
  }
  const addedBytes = added.reduce((sum, element) => sum + element.bytes, 0);
  return (
    <div
      tabIndex={0}
      role="region"
      aria-label="Why"
      className="grid min-h-0 flex-1 auto-rows-max content-start gap-4 overflow-y-auto px-4 py-4 focus-visible:-outline-offset-2"
    >
      <p className="text-pretty">
        {broke === null ? (
          <>This request begins with all of the one before and only adds to it: everything shared could be read from the cache.</>
        ) : (
          <>
            <strong className="font-semibold text-warn">The cache ends at {nameOf(broke)}:</strong> {broke.reason}. Nothing after it could
            be read from the cache.
          </>
        )}{' '}
        <Link to="/calls/$id" params={{ id: String(previous) }} search className="text-accent underline">
          The request before
        </Link>
      </p>
      <div>
        <div aria-hidden className="flex h-3 gap-px overflow-hidden rounded-full bg-sunken">
          <div className="bg-ok" style={{ flexGrow: shared.bytes }} />
          <div className={broke === null ? 'bg-accent' : 'bg-warn'} style={{ flexGrow: addedBytes }} />
        </div>
        <dl className="mt-2 flex flex-wrap gap-x-6 gap-y-1 text-xs">
          <Share name="The same as before" tone="bg-ok" value={`${plural(shared.elements, 'element')}, ${bytes(shared.bytes)}`} />
          <Share
            name={broke === null ? 'Added' : 'After the break'}
            tone={broke === null ? 'bg-accent' : 'bg-warn'}
            value={`${plural(added.length, 'element')}, ${bytes(addedBytes)}`}
          />
          <Share
            name="Read from cache, as the reply stated"
            tone={null}
            value={cached === null ? 'not stated' : `${number(cached)} tokens`}
          />
        </dl>
      </div>
      {broke !== null && <Broke broke={broke} />}
      {added.length > 0 && <Added added={added} />}
    </div>
  );
}

function Broke({ broke }: { broke: NonNullable<Why['broke']> }) {
  return (
    <section aria-label="Where it broke" className="overflow-hidden rounded-md border">
      <h3 className="flex h-8 items-center gap-2 border-b bg-sunken px-2.5 text-xs font-semibold">
        {nameOf(broke)} <span className="font-normal text-faint">{bytes(broke.bytes)}</span>
      </h3>
      <div className="px-2.5 py-1.5">
        <Suspense fallback={<p className="text-xs text-faint">Comparing…</p>}>
          <DiffView before={broke.before ?? ''} after={broke.after ?? ''} label={`${broke.label}, before and now`} />
        </Suspense>
      </div>
    </section>
  );
}

function Added({ added }: { added: readonly PromptElement[] }) {
  return (
    <section aria-label="After the shared part">
      <h3 className="pb-1.5 text-xs font-semibold">After the shared part</h3>
      <ol className="divide-y divide-line/60 border-y border-line/60 text-xs">
        {added.slice(0, MOST_ADDED).map((element) => (
          <li key={`${element.section} ${element.index}`} className="flex h-7 items-center gap-3">
            <span className="w-16 shrink-0 text-faint">{element.section}</span>
            <span className="min-w-0 truncate">{element.label}</span>
            <span className="tnum ml-auto shrink-0 text-muted">{bytes(element.bytes)}</span>
          </li>
        ))}
      </ol>
      {added.length > MOST_ADDED && <p className="pt-1.5 text-xs text-faint">and {number(added.length - MOST_ADDED)} more</p>}
    </section>
  );
}

function Share({ name, tone, value }: { name: string; tone: string | null; value: string }) {
  return (
    <div className="flex items-center gap-1.5">
      {tone !== null && <span aria-hidden className={`size-2 rounded-full ${tone}`} />}
      <dt className="text-muted">{name}</dt>
      <dd className="tnum">{value}</dd>
    </div>
  );
}

const SECTIONS: Readonly<Record<PromptElement['section'], string>> = { tools: 'tool', system: 'system part', history: 'message' };

function nameOf({ section, index, label }: PromptElement): string {
  return `${SECTIONS[section]} ${index + 1} (${label})`;
}
