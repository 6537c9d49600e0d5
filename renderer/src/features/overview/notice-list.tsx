import { CircleAlert, Info, TriangleAlert } from 'lucide-react';
import type { Notice } from '../../../../bridges/contract/index.ts';
import { BUTTON_LINK } from '../../components/button-link.ts';
import { MendButton } from '../../components/mend-button.tsx';
import { cn } from '../../lib/cn.ts';
import { PlaceLink } from '../../shell/place-link.tsx';

const LOOKS = {
  info: { icon: Info, box: 'border-line bg-surface', ink: 'text-accent' },
  warning: { icon: TriangleAlert, box: 'border-warn/30 bg-warn-soft', ink: 'text-warn' },
  error: { icon: CircleAlert, box: 'border-bad/30 bg-bad-soft', ink: 'text-bad' },
} as const;

/** What the engine wants someone to know: the cause, and the button that mends it. */
export function NoticeList({ notices }: { notices: readonly Notice[] }) {
  if (notices.length === 0) return null;
  return (
    <ul aria-label="Notices" className="grid gap-2">
      {notices.map((notice) => {
        const { icon: Icon, box, ink } = LOOKS[notice.level];
        return (
          <li key={notice.id} className={cn('flex flex-wrap items-center gap-x-4 gap-y-2 rounded-lg border px-3.5 py-2.5', box)}>
            <div className="flex min-w-0 flex-1 basis-80 items-start gap-2.5">
              <Icon aria-hidden size={15} className={cn('mt-0.5 shrink-0', ink)} />
              <div className="min-w-0">
                <p className="font-medium">{notice.title}</p>
                <p className="text-xs break-words text-muted">{notice.cause}</p>
              </div>
            </div>
            {notice.mend ? <MendButton mend={notice.mend} /> : <Way id={notice.id} />}
          </li>
        );
      })}
    </ul>
  );
}

/** Where a person goes to mend what no single button can. By the id of the notice; the first that matches. */
const WAYS: readonly { about: RegExp; to: string; hash?: string; label: string }[] = [
  { about: /^no-keys$/, to: '/clients', label: 'Create a key' },
  { about: /^tunnel-/, to: '/tunnels', label: 'See the tunnel' },
  { about: /^proxy$/, to: '/settings', hash: 'network', label: 'Set the proxy' },
  { about: /^settings$/, to: '/settings', label: 'See the settings' },
  { about: /-(?:account|listener|ceiling|off)$/, to: '/bridges', label: 'See the bridge' },
];

function Way({ id }: { id: string }) {
  const way = WAYS.find(({ about }) => about.test(id));
  return (
    way && (
      <PlaceLink to={way.to} hash={way.hash} className={BUTTON_LINK}>
        {way.label}
      </PlaceLink>
    )
  );
}
