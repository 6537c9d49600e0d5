import { Outlet, useNavigate } from '@tanstack/react-router';
import { useState } from 'react';
import { useShortcuts } from '../lib/shortcuts.ts';
import { ConnectionStrip } from './connection-strip.tsx';
import { Header } from './header.tsx';
import { ShortcutsDialog } from './shortcuts-dialog.tsx';
import { Sidebar } from './sidebar.tsx';

/** What stands around every page. */
export function Shell() {
  const navigate = useNavigate();
  const [showsShortcuts, setShowsShortcuts] = useState(false);
  useShortcuts({
    'g o': () => void navigate({ to: '/' }),
    'g c': () => void navigate({ to: '/calls' }),
    'g k': () => void navigate({ to: '/clients' }),
    '?': () => setShowsShortcuts(true),
  });
  return (
    <div className="flex h-full">
      <Sidebar />
      <div className="flex min-w-0 flex-1 flex-col bg-canvas">
        <Header onShortcuts={() => setShowsShortcuts(true)} />
        <ConnectionStrip />
        <main className="min-h-0 flex-1">
          <Outlet />
        </main>
      </div>
      <ShortcutsDialog open={showsShortcuts} onOpenChange={setShowsShortcuts} />
    </div>
  );
}
