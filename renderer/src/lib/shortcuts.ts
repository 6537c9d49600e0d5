import { useEffect, useRef } from 'react';

/** Every shortcut of the window, for the list that `?` shows. */
export const SHORTCUTS: readonly { keys: readonly string[]; does: string }[] = [
  { keys: ['g', 'o'], does: 'Go to Overview' },
  { keys: ['g', 'c'], does: 'Go to Calls' },
  { keys: ['g', 'k'], does: 'Go to Clients and their keys' },
  { keys: ['/'], does: 'Filter the calls' },
  { keys: ['j'], does: 'Next call (also ↓)' },
  { keys: ['k'], does: 'Previous call (also ↑)' },
  { keys: ['Enter'], does: 'Open the call' },
  { keys: ['Esc'], does: 'Close the call, leave a field' },
  { keys: ['Home'], does: 'Newest call' },
  { keys: ['End'], does: 'Oldest call' },
  { keys: ['?'], does: 'Show this list' },
];

type Handlers = Readonly<Record<string, (event: KeyboardEvent) => void>>;
const SEQUENCE_MS = 1200;
const bound: { current: Handlers }[] = [];

/** Binds keys (`j`, `/`) and sequences (`g c`) while the component is shown. They rest while someone types. */
export function useShortcuts(handlers: Handlers): void {
  const latest = useRef(handlers);
  useEffect(() => {
    latest.current = handlers;
  });
  useEffect(() => {
    bound.push(latest);
    return () => void bound.splice(bound.indexOf(latest), 1);
  }, []);
}

/** Listens for the keys that components bind. Returns the function that stops. */
export function startShortcuts(): () => void {
  let began: number | null = null;
  const press = (event: KeyboardEvent): void => {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || isBusyWithKeys(event.target)) return;
    const inSequence = began !== null && performance.now() - began < SEQUENCE_MS;
    began = event.key === 'g' && !inSequence ? performance.now() : null;
    const wanted = inSequence ? `g ${event.key}` : event.key;
    // The innermost component bound its keys last, and is asked first.
    const handler = bound.findLast(({ current }) => Object.hasOwn(current, wanted))?.current[wanted];
    if (!handler) return;
    event.preventDefault();
    handler(event);
  };
  window.addEventListener('keydown', press);
  return () => window.removeEventListener('keydown', press);
}

/** In a field, a dialog or an open menu, keys mean what they mean there. */
function isBusyWithKeys(target: EventTarget | null): boolean {
  if (!(target instanceof HTMLElement)) return false;
  const isField = target.isContentEditable || ['INPUT', 'TEXTAREA', 'SELECT'].includes(target.tagName);
  return isField || target.closest('[role="dialog"], [role="alertdialog"], [role="listbox"]') !== null;
}
