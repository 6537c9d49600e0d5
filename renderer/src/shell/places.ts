import { Activity, KeyRound, Waypoints, type LucideIcon } from 'lucide-react';

/** The pages of the window, as the navigation lists them. */
export const PLACES = [
  { to: '/', title: 'Overview', icon: Waypoints, keys: 'g o' },
  { to: '/calls', title: 'Calls', icon: Activity, keys: 'g c' },
  { to: '/clients', title: 'Clients', icon: KeyRound, keys: 'g k' },
] as const satisfies readonly { to: string; title: string; icon: LucideIcon; keys: string }[];

/** The title of the page at this path. */
export function titleAt(pathname: string): string {
  const place = PLACES.find(({ to }) => (to === '/' ? pathname === '/' : pathname === to || pathname.startsWith(`${to}/`)));
  return place?.title ?? 'Not found';
}
