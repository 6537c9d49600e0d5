import { createStore } from './store.ts';

/** `system` follows the desktop. */
export type Theme = 'system' | 'light' | 'dark';

const STORAGE_KEY = 'drawbridge.theme';

/** The theme that is shown. `start.js` applies it before the first paint. */
export const theme = createStore<Theme>(read());

/** Shows a theme, and leaves it for the next first paint. */
export function applyTheme(next: Theme): void {
  if (next === 'system') delete document.documentElement.dataset['theme'];
  else document.documentElement.dataset['theme'] = next;
  try {
    if (next === 'system') localStorage.removeItem(STORAGE_KEY);
    else localStorage.setItem(STORAGE_KEY, next);
  } catch {
    // Storage may be forbidden; the first paint then follows the system.
  }
  theme.set(next);
}

function read(): Theme {
  const chosen = document.documentElement.dataset['theme'];
  return chosen === 'light' || chosen === 'dark' ? chosen : 'system';
}
