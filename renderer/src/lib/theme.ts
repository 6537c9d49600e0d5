import { createStore } from './store.ts';

/** `system` follows the desktop. */
export type Theme = 'system' | 'light' | 'dark';

const STORAGE_KEY = 'drawbridge.theme';
const ORDER: readonly Theme[] = ['system', 'light', 'dark'];

/** The chosen theme. `theme.js` applies it before the first paint; `cycleTheme` changes it. */
export const theme = createStore<Theme>(read());

/** Goes to the next theme and keeps the choice. */
export function cycleTheme(): void {
  const next = ORDER[(ORDER.indexOf(theme.get()) + 1) % ORDER.length] ?? 'system';
  if (next === 'system') delete document.documentElement.dataset['theme'];
  else document.documentElement.dataset['theme'] = next;
  try {
    if (next === 'system') localStorage.removeItem(STORAGE_KEY);
    else localStorage.setItem(STORAGE_KEY, next);
  } catch {
    // Storage may be forbidden; the choice then lasts as long as the window.
  }
  theme.set(next);
}

function read(): Theme {
  const chosen = document.documentElement.dataset['theme'];
  return chosen === 'light' || chosen === 'dark' ? chosen : 'system';
}
