import { useEffect, useMemo, useState } from 'react';
import type { Body } from '../../../../../bridges/contract/index.ts';
import { layOut, runThrough, type FieldPath, type JsonLayout } from './json.ts';

/** Characters that are laid out at once; more is done piece by piece between frames. */
const AT_ONCE = 300_000;
/** Milliseconds of work between two frames. */
const SLICE_MS = 8;

/** A body as indented JSON. `working` while it is still being laid out; null where it is no JSON. */
export function useJsonLayout(body: Body | null, wanted: readonly FieldPath[]): JsonLayout | 'working' | null {
  const text = body?.encoding === 'utf8' ? body.content : '';
  const cutOff = body?.whole === false;
  // Paths are made anew on each render; their words tell whether they changed.
  const key = JSON.stringify(wanted);
  const short = useMemo(
    () => (text.length <= AT_ONCE ? runThrough(layOut(text, wanted, cutOff)) : undefined),
    // oxlint-disable-next-line react/exhaustive-deps
    [text, key, cutOff],
  );
  const [long, setLong] = useState<{ text: string; key: string; layout: JsonLayout | null } | null>(null);
  useEffect(() => {
    if (text.length <= AT_ONCE) return undefined;
    const work = layOut(text, wanted, cutOff);
    let timer: ReturnType<typeof setTimeout>;
    const run = (): void => {
      const until = performance.now() + SLICE_MS;
      while (performance.now() < until) {
        const step = work.next();
        if (step.done === true) {
          setLong({ text, key, layout: step.value });
          return;
        }
      }
      timer = setTimeout(run, 0);
    };
    timer = setTimeout(run, 0);
    return () => clearTimeout(timer);
    // oxlint-disable-next-line react/exhaustive-deps
  }, [text, key, cutOff]);
  if (short !== undefined) return short;
  return long !== null && long.text === text && long.key === key ? long.layout : 'working';
}
