import { useQuery } from '@tanstack/react-query';
import { useEffect } from 'react';
import { toastError } from '../components/toasts.tsx';
import { client } from '../host.ts';
import { engine } from '../lib/engine.ts';
import { applyTheme, theme, type Theme } from '../lib/theme.ts';

const ORDER: readonly Theme[] = ['system', 'light', 'dark'];

/**
 * Follows the theme that the settings hold. Each start of a headless engine is another origin to the browser, whose own
 * storage is then empty: it only serves the first paint.
 */
export function useKeptTheme(): void {
  const { data } = useQuery(engine.settings.get.queryOptions());
  const kept = data?.settings.ui.theme;
  useEffect(() => {
    if (kept !== undefined) applyTheme(kept);
  }, [kept]);
}

/** Shows a theme at once, and keeps it in the settings. */
export function chooseTheme(next: Theme): void {
  applyTheme(next);
  client.settings.update({ patch: { ui: { theme: next } } }).catch((error: unknown) => toastError('The theme could not be kept', error));
}

/** Goes to the next theme. */
export function cycleTheme(): void {
  chooseTheme(ORDER[(ORDER.indexOf(theme.get()) + 1) % ORDER.length] ?? 'system');
}
