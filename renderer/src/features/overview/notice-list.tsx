import { CircleAlert, Info, TriangleAlert } from 'lucide-react';
import type { Notice } from '../../../../bridges/contract/index.ts';
import { MendButton } from '../../components/mend-button.tsx';
import { cn } from '../../lib/cn.ts';

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
            {notice.mend && <MendButton mend={notice.mend} />}
          </li>
        );
      })}
    </ul>
  );
}
