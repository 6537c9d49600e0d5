/** What stands for a value the other side did not state. It is never a zero. */
export const NOT_STATED = 'not stated';

// The system's tables are slow to open: each is opened when it is first asked for.
const dayAndClock = lazy(
  () => new Intl.DateTimeFormat(undefined, { month: 'short', day: 'numeric', hour: '2-digit', minute: '2-digit', hourCycle: 'h23' }),
);
const full = lazy(() => new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'medium', hourCycle: 'h23' }));

function lazy<T>(make: () => T): () => T {
  let made: T | undefined;
  return () => (made ??= make());
}

/** `14:02:31` today, `Nov 19, 14:02` before. */
export function time(iso: string, now = new Date()): string {
  const at = new Date(iso);
  return at.toDateString() === now.toDateString() ? at.toTimeString().slice(0, 8) : dayAndClock().format(at);
}

/** Date and time to the second. */
export function fullTime(iso: string): string {
  return full().format(new Date(iso));
}

/** `just now`, `4 min ago`, `3 h ago`, else the day. */
export function ago(iso: string, now = Date.now()): string {
  const seconds = Math.max(0, (now - Date.parse(iso)) / 1000);
  if (seconds < 60) return 'just now';
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ago`;
  if (seconds < 86_400) return `${Math.floor(seconds / 3600)} h ago`;
  return dayAndClock().format(new Date(iso));
}

/** `420 ms`, `3.2 s`, `1 m 04 s`. */
export function duration(ms: number): string {
  if (ms < 1000) return `${Math.round(ms)} ms`;
  if (ms < 10_000) return `${(ms / 1000).toFixed(2)} s`;
  if (ms < 60_000) return `${(ms / 1000).toFixed(1)} s`;
  const seconds = Math.round(ms / 1000);
  return `${Math.floor(seconds / 60)} m ${String(seconds % 60).padStart(2, '0')} s`;
}

/** `312 B`, `4.1 kB`, `12.0 MB`. */
export function bytes(count: number): string {
  if (count < 1000) return `${count} B`;
  if (count < 1_000_000) return `${(count / 1000).toFixed(count < 100_000 ? 1 : 0)} kB`;
  if (count < 1_000_000_000) return `${(count / 1_000_000).toFixed(1)} MB`;
  return `${(count / 1_000_000_000).toFixed(1)} GB`;
}

/** `812`, `12.4k`, `1.2M`. */
export function compact(count: number): string {
  if (count < 10_000) return number(count);
  if (count < 1_000_000) return `${(count / 1000).toFixed(count < 100_000 ? 1 : 0)}k`;
  return `${(count / 1_000_000).toFixed(1)}M`;
}

/** `100,000` */
export function number(count: number): string {
  return String(count).replaceAll(/\B(?=(?:\d{3})+$)/g, ',');
}

/** `1 call`, `2 calls`. */
export function plural(count: number, one: string, many = `${one}s`): string {
  return `${number(count)} ${count === 1 ? one : many}`;
}

const STATUS_WORDS: Readonly<Record<number, string>> = {
  200: 'OK',
  201: 'Created',
  202: 'Accepted',
  204: 'No content',
  400: 'Bad request',
  401: 'Not signed in',
  402: 'Payment required',
  403: 'Forbidden',
  404: 'Not found',
  405: 'Wrong method',
  408: 'Timed out',
  409: 'Conflict',
  413: 'Too large',
  415: 'Wrong type',
  422: 'Not understood',
  429: 'Rate limited',
  499: 'Client left',
  500: 'Server error',
  501: 'Not offered',
  502: 'Bad upstream',
  503: 'Unavailable',
  504: 'Upstream silent',
  529: 'Overloaded',
};

/** The few words that go with an HTTP status; empty where there are none. */
export function statusWords(status: number): string {
  return STATUS_WORDS[status] ?? '';
}

/** `$0`, `$0.0042`, `$1.24`, `$1,240`. */
export function dollars(usd: number): string {
  if (usd === 0) return '$0';
  // Never with an exponent, as toPrecision would have it.
  if (usd < 0.01) return `$${usd.toLocaleString('en', { minimumSignificantDigits: 2, maximumSignificantDigits: 2 })}`;
  return `$${usd < 1000 ? usd.toFixed(2) : number(Math.round(usd))}`;
}
