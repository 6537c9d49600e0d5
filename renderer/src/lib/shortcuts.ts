import { useEffect, useRef } from 'react';

/** The shortcuts of the pages, for the list that `?` shows. Those of the places stand with the places. */
export const SHORTCUTS: readonly { keys: readonly string[]; does: string }[] = [
  { keys: ['/'], does: 'Query the calls' },
  { keys: ['j'], does: 'Next call (also ↓)' },
  { keys: ['k'], does: 'Previous call (also ↑)' },
  { keys: ['Enter'], does: 'Open the call' },
  { keys: ['['], does: 'Previous side of the call' },
  { keys: [']'], does: 'Next side of the call' },
  { keys: ['r'], does: 'Send the call again' },
  { keys: ['e'], does: 'Export the call, or the list' },
  { keys: ['w'], does: 'Widen the call, or give the list its room back' },
  { keys: ['Esc'], does: 'Close the call, leave a field' },
  { keys: ['Home'], does: 'Newest call' },
  { keys: ['End'], does: 'Oldest call' },
  { keys: ['F6'], does: 'Go to the messages in the corner' },
  { keys: ['?'], does: 'Show this list' },
];

type Handlers = Readonly<Record<string, (event: KeyboardEvent) => void>>;
const SEQUENCE_MS = 1200;
const bound: { current: Handlers }[] = [];

/**
 * Binds keys (`j`, `/`), sequences (`g c`) and chords (`mod k`: Ctrl, or Command on a Mac) while the component is shown.
 * Keys and sequences rest while someone types; chords do not.
 */
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
    if (event.defaultPrevented || event.altKey) return;
    const isChord = event.ctrlKey || event.metaKey;
    if (!isChord && isBusyWithKeys(event.target)) return;
    const inSequence = began !== null && performance.now() - began < SEQUENCE_MS;
    began = event.key === 'g' && !inSequence && !isChord ? performance.now() : null;
    const wanted = isChord ? `mod ${event.key.toLowerCase()}` : inSequence ? `g ${event.key}` : event.key;
    // The innermost component bound its keys last, and is asked first.
    const handler = bound.findLast(({ current }) => Object.hasOwn(current, wanted))?.current[wanted];
    if (!handler) return;
    event.preventDefault();
    handler(event);
  };
  window.addEventListener('keydown', press);
  return () => window.removeEventListener('keydown', press);
}

/** How the key of a chord is called on this machine. */
export const MOD = /Mac|iPhone|iPad/.test(navigator.userAgent) ? '⌘' : 'Ctrl';

/** A shortcut as keys to draw: `g c` is two, `mod k` begins with this machine's name for it. */
export function keysOf(shortcut: string): string[] {
  return shortcut.split(' ').map((key) => (key === 'mod' ? MOD : shortcut.startsWith('mod ') ? key.toUpperCase() : key));
}

/** In a field, a dialog or an open menu, keys mean what they mean there. */
function isBusyWithKeys(target: EventTarget | null): boolean {
  if (!(target instanceof HTMLElement)) return false;
  const isField = target.isContentEditable || ['INPUT', 'TEXTAREA', 'SELECT'].includes(target.tagName);
  return isField || target.closest('[role="dialog"], [role="alertdialog"], [role="listbox"]') !== null;
}
