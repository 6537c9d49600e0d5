import { Outlet, useLocation } from '@tanstack/react-router';
import { Toasts } from '../components/toasts.tsx';
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
    <main className="h-full">
      <Outlet />
      <Toasts />
    </main>
  );
}
