import { Outlet, useLocation } from '@tanstack/react-router';
import { Toasts } from '../components/toasts.tsx';
import { ConnectionStrip } from './connection-strip.tsx';
import { Shell } from './shell.tsx';
import { useKeptTheme } from './theme.ts';

/** What stands around a page: the shell, or for the small window at the icon nothing. */
export function Frame() {
  const isPopover = useLocation({ select: ({ pathname }) => pathname === '/popover' });
  return isPopover ? <Bare /> : <Shell />;
}

function Bare() {
  useKeptTheme();
  return (
    <div className="flex h-full flex-col">
      <ConnectionStrip />
      <main className="min-h-0 flex-1">
        <Outlet />
      </main>
      <Toasts />
    </div>
  );
}
