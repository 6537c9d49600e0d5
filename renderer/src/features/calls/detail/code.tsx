import { lazy, Suspense } from 'react';
import { cn } from '../../../lib/cn.ts';

const Coloured = lazy(() => import('./colouring.tsx'));

/** Longer code stays plain: colouring it would hold the window up. */
const LONGEST = 30_000;

/** Code in a conversation, coloured where its language is known. */
export function Code({ code, language, className }: { code: string; language: string | null; className?: string }) {
  return (
    <pre className={cn('font-mono text-xs leading-[18px] whitespace-pre-wrap [overflow-wrap:anywhere]', className)}>
      {language === null || code.length > LONGEST ? (
        code
      ) : (
        <Suspense fallback={code}>
          <Coloured code={code} language={language} />
        </Suspense>
      )}
    </pre>
  );
}
