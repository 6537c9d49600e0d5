import { useRef, useState, type KeyboardEvent, type PointerEvent, type ReactNode } from 'react';
import { cn } from '../../lib/cn.ts';
import { createStore, useStore } from '../../lib/store.ts';

const STORAGE_KEY = 'drawbridge.detail-width';
const LEAST = 490;
/** The list keeps at least this much. */
const LEAST_LIST = 300;
const STEP = 32;

/** Whether the pane takes all the room there is. */
export const widened = createStore(false);

/** A list with a pane beside it, whose width can be dragged, set by keys, and is remembered. */
export function Split({ children, aside }: { children: ReactNode; aside: ReactNode | null }) {
  const box = useRef<HTMLDivElement>(null);
  const [width, setWidth] = useState(storedWidth);
  const isWide = useStore(widened);
  const drag = useRef<{ x: number; width: number } | null>(null);

  const resize = (wanted: number): void => {
    const most = Math.max(LEAST, (box.current?.clientWidth ?? Infinity) - LEAST_LIST);
    const next = Math.round(Math.min(most, Math.max(LEAST, wanted)));
    setWidth(next);
    try {
      localStorage.setItem(STORAGE_KEY, String(next));
    } catch {
      // Storage may be forbidden; the width then lasts as long as the window.
    }
  };
  const press = (event: PointerEvent<HTMLDivElement>): void => {
    event.currentTarget.setPointerCapture(event.pointerId);
    drag.current = { x: event.clientX, width };
  };
  const key = (event: KeyboardEvent): void => {
    const by = event.key === 'ArrowLeft' ? STEP : event.key === 'ArrowRight' ? -STEP : 0;
    if (by === 0) return;
    event.preventDefault();
    resize(width + by);
  };

  return (
    <div ref={box} className="relative flex min-h-0 flex-1">
      <div className="@container relative min-w-0 flex-1">{children}</div>
      {aside !== null && (
        <>
          <div
            role="separator"
            aria-orientation="vertical"
            aria-label="Width of the detail pane"
            aria-valuenow={width}
            aria-valuemin={LEAST}
            aria-valuemax={2000}
            tabIndex={0}
            onPointerDown={press}
            onPointerMove={(event) => drag.current && resize(drag.current.width + drag.current.x - event.clientX)}
            onPointerUp={() => (drag.current = null)}
            onPointerCancel={() => (drag.current = null)}
            onKeyDown={key}
            className="relative z-10 -mr-px w-px shrink-0 cursor-col-resize touch-none bg-line before:absolute before:inset-y-0 before:-left-1 before:w-2.5 hover:bg-accent focus-visible:bg-accent max-[860px]:hidden"
          />
          <div
            style={{ width }}
            className={cn(
              'max-w-[calc(100%-300px)] min-w-[490px] shrink-0',
              isWide && 'absolute inset-0 z-20 !w-full max-w-full',
              'max-[860px]:absolute max-[860px]:inset-0 max-[860px]:z-20 max-[860px]:!w-full max-[860px]:max-w-full max-[860px]:min-w-0',
            )}
          >
            {aside}
          </div>
        </>
      )}
    </div>
  );
}

function storedWidth(): number {
  try {
    const stored = Number(localStorage.getItem(STORAGE_KEY));
    if (stored >= LEAST) return stored;
  } catch {
    // As above.
  }
  return Math.max(LEAST, Math.round(window.innerWidth * 0.46));
}
