import { useQueryClient } from '@tanstack/react-query';
import { ExternalLink } from 'lucide-react';
import { useEffect, useState } from 'react';
import type { SignInOffer } from '../../../../bridges/contract/index.ts';
import { BUTTON_LINK } from '../../components/button-link.ts';
import { CopyButton } from '../../components/copy-button.tsx';
import { Spinner } from '../../components/progress.tsx';
import { cn } from '../../lib/cn.ts';
import { engine } from '../../lib/engine.ts';

/** A sign-in under way: the code to copy, the page to open, and how long both are good. */
export function OfferPanel({ label, offer }: { label: string; offer: SignInOffer }) {
  const { url, code, expiresAt } = offer;
  return (
    <section aria-label={`Sign in to ${label}`} className="grid gap-4 rounded-lg border bg-surface px-5 py-5">
      <div className="grid gap-1">
        <h3 className="text-base font-semibold">{code === null ? 'Go on in your browser' : 'Type in this code'}</h3>
        <p className="text-muted">
          {code === null
            ? 'A page of the provider asks you to sign in, and leads back to Drawbridge by itself.'
            : 'Copy it, open the provider’s page, and paste it there. Never type in a code that somebody sent you.'}
        </p>
      </div>
      {code !== null && (
        <div className="flex flex-wrap items-center gap-3">
          <output
            aria-label="Code"
            className="rounded-lg border bg-sunken px-5 py-3 font-mono text-[26px] leading-8 font-semibold tracking-[0.12em] select-all"
          >
            {code}
          </output>
          <CopyButton text={code} label="Copy code" caption="Copy code" />
        </div>
      )}
      <div className="flex flex-wrap items-center gap-3">
        <a
          href={url}
          target="_blank"
          rel="noreferrer"
          className={cn(BUTTON_LINK, 'h-8 border-transparent bg-accent-fill px-3.5 text-white hover:bg-accent-fill-hover')}
        >
          Open the sign-in page
          <ExternalLink aria-hidden size={13} />
        </a>
        <CopyButton text={url} label="Copy address of the sign-in page" caption="Copy address" />
        <span role="status" className="flex items-center gap-2 text-xs text-muted">
          <Spinner />
          Waiting for you
        </span>
        {expiresAt !== null && <Countdown until={expiresAt} />}
      </div>
    </section>
  );
}

/** Minutes and seconds that are left. Not read out each second. */
function Countdown({ until }: { until: string }) {
  const queries = useQueryClient();
  const [now, setNow] = useState(Date.now);
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), 1000);
    return () => clearInterval(timer);
  }, []);
  const left = Math.max(0, Math.round((Date.parse(until) - now) / 1000));
  const over = left === 0;
  useEffect(() => {
    if (over) void queries.invalidateQueries({ queryKey: engine.bridges.list.key() });
  }, [over, queries]);
  return (
    <span role="timer" className={cn('tnum text-xs', left < 60 ? 'text-warn' : 'text-muted')}>
      {over ? 'It has run out' : `Good for ${Math.floor(left / 60)}:${String(left % 60).padStart(2, '0')}`}
    </span>
  );
}
