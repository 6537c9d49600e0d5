import { WINDOW_ORIGIN } from '../../bridges/contract/port.ts';

/** Which addresses are ours, and where in the window things are. Pure. */

const OWN = new URL(WINDOW_ORIGIN);

/** True for addresses of our own window. Compared part by part: `URL.origin` is "null" for schemes of one's own. */
export function isOwn(url: string): boolean {
  const parsed = URL.parse(url);
  return parsed !== null && parsed.protocol === OWN.protocol && parsed.host === OWN.host && parsed.username === '' && parsed.port === '';
}

/** True for what may be handed to the system's browser. */
export function isForBrowser(url: string): boolean {
  return URL.parse(url)?.protocol === 'https:';
}

/** Pages of the window the menu leads to. */
export const PAGES = {
  overview: '/',
  bridge: (name: string) => `/bridges?bridge=${encodeURIComponent(name)}`,
  tunnels: '/tunnels',
  call: (id: number) => `/calls/${id}`,
  calls: '/calls',
  usage: '/usage',
} as const;

/** Scheme of links that open the window. Any web page can hold one, so such a link shows a page and does nothing else. */
export const LINK_SCHEME = 'drawbridge';

/** The page a link leads to; null where it leads nowhere. `drawbridge://calls/12` is `/calls/12`. */
export function pageOfLink(link: string): string | null {
  const url = URL.parse(link);
  if (url?.protocol !== `${LINK_SCHEME}:`) return null;
  return pageOf(`/${url.host}${url.pathname.replace(/\/$/, '')}`);
}

/** The path where it is a page that may be asked for from outside of the window; else null. */
export function pageOf(path: unknown): string | null {
  return typeof path === 'string' && SHOWN.test(path) ? path : null;
}

const SHOWN = /^\/(?:|(?:bridges|tunnels)(?:\/[a-z0-9-]{1,31})?|calls(?:\/\d{1,15})?|usage|clients|settings)$/;
