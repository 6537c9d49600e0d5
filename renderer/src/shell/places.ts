import { Activity, Cable, ChartColumn, GitFork, KeyRound, Settings, Share2, Waypoints, type LucideIcon } from 'lucide-react';

/**
 * The pages of the window, as the navigation lists them. A page joins by a line here and its route in `router.tsx`; the
 * shortcut, the palette and the title of the window follow from the line.
 */
export const PLACES = [
  { to: '/', title: 'Overview', icon: Waypoints, keys: 'g o', part: 'way' },
  { to: '/bridges', title: 'Bridges', icon: Cable, keys: 'g b', part: 'way' },
  { to: '/tunnels', title: 'Tunnels', icon: Share2, keys: 'g t', part: 'way' },
  { to: '/calls', title: 'Calls', icon: Activity, keys: 'g c', part: 'record' },
  { to: '/conversations', title: 'Conversations', icon: GitFork, keys: 'g v', part: 'record' },
  { to: '/usage', title: 'Usage', icon: ChartColumn, keys: 'g u', part: 'record' },
  { to: '/clients', title: 'Clients', icon: KeyRound, keys: 'g k', part: 'setup' },
  { to: '/settings', title: 'Settings', icon: Settings, keys: 'g s', part: 'setup' },
] as const satisfies readonly { to: string; title: string; icon: LucideIcon; keys: string; part: Part }[];

/** What a page is about: the way of a call, what was recorded of it, or how it is set up. Parts stand a little apart. */
export type Part = 'way' | 'record' | 'setup';

/** Pages that are reached from elsewhere than the navigation. */
const UNLISTED = [{ to: '/welcome', title: 'Welcome' }] as const;

/** The title of the page at this path. */
export function titleAt(pathname: string): string {
  const place = [...PLACES, ...UNLISTED].find(({ to }) =>
    to === '/' ? pathname === '/' : pathname === to || pathname.startsWith(`${to}/`),
  );
  return place?.title ?? 'Not found';
}
