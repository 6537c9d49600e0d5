import { Outlet, useNavigate } from '@tanstack/react-router';
import { Keyboard, Rocket } from 'lucide-react';
import { lazy, Suspense, useState } from 'react';
import { Toasts } from '../components/toasts.tsx';
import { useCommands } from '../lib/commands.ts';
import { useShortcuts } from '../lib/shortcuts.ts';
import { ConnectionStrip } from './connection-strip.tsx';
import { useEngineCommands } from './engine-commands.ts';
import { useFirstRun } from './first-run.ts';
import { Header } from './header.tsx';
import { PLACES } from './places.ts';
import { ShortcutsDialog } from './shortcuts-dialog.tsx';
import { Sidebar } from './sidebar.tsx';
import { useKeptTheme } from './theme.ts';

const Palette = lazy(async () => ({ default: (await import('../features/palette/index.ts')).Palette }));

/** What stands around every page. */
export function Shell() {
  const navigate = useNavigate();
  const [showsShortcuts, setShowsShortcuts] = useState(false);
  const [palette, setPalette] = useState<'unused' | 'open' | 'closed'>('unused');
  const openPalette = (): void => setPalette('open');
  useKeptTheme();
  useFirstRun();
  useEngineCommands();
  useCommands([
    ...PLACES.map(({ to, title, icon, keys }) => ({
      id: `go ${to}`,
      title: `Go to ${title}`,
      group: 'Pages',
      icon,
      keys,
      run: () => void navigate({ to }),
    })),
    {
      id: 'go welcome',
      title: 'Go to Welcome',
      group: 'Pages',
      icon: Rocket,
      words: 'first steps',
      run: () => void navigate({ to: '/welcome' }),
    },
    { id: 'shortcuts', title: 'Show the keyboard shortcuts', group: 'Help', icon: Keyboard, keys: '?', run: () => setShowsShortcuts(true) },
  ]);
  useShortcuts({
    ...Object.fromEntries(PLACES.map(({ to, keys }) => [keys, () => void navigate({ to })])),
    '?': () => setShowsShortcuts(true),
    'mod k': openPalette,
  });
  return (
    <div className="flex h-full">
      <a
        href="#page"
        className="fixed top-2 left-2 z-50 -translate-y-16 rounded-md bg-accent-fill px-3 py-1.5 text-xs font-medium text-white focus:translate-y-0"
      >
        Skip to the page
      </a>
      <Sidebar />
      <div className="flex min-w-0 flex-1 flex-col bg-canvas">
        <Header onPalette={openPalette} onShortcuts={() => setShowsShortcuts(true)} />
        <ConnectionStrip />
        <main id="page" tabIndex={-1} className="min-h-0 flex-1 outline-none">
          <Outlet />
        </main>
      </div>
      <ShortcutsDialog open={showsShortcuts} onOpenChange={setShowsShortcuts} />
      {palette !== 'unused' && (
        <Suspense>
          <Palette open={palette === 'open'} onOpenChange={(open) => setPalette(open ? 'open' : 'closed')} />
        </Suspense>
      )}
      <Toasts />
    </div>
  );
}
