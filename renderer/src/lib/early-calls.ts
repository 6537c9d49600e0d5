import type { CallFilter } from '../../../bridges/contract/index.ts';
import { client } from '../host.ts';
import type { CallPage } from './call-feed.ts';

/** Rows of the calls page's first page. `public/start.js` asks for as many. */
export const HEAD_PAGE = 100;

type Asked = { limit: number; before?: number; filter: CallFilter; query?: string };
let asked: { key: string; page: Promise<CallPage>; come: CallPage | null } | null = null;

/** Asks for calls while the code of the page that shows them is still on its way. */
export function askEarly(input: Asked): void {
  const early = { key: JSON.stringify(input), page: client.calls.list(input), come: null as CallPage | null };
  asked = early;
  early.page.then(
    (page) => (early.come = page),
    // Whoever takes it tells what went wrong; where nobody does, nobody asked.
    () => undefined,
  );
}

/** The answer that was asked for early, where it is the same question and has come already. */
export function cameEarly(input: Asked): CallPage | null {
  return asked?.key === JSON.stringify(input) ? asked.come : null;
}

/** What was asked for early is older than what happened since: whoever comes now asks anew. */
export function forgetEarly(): void {
  asked = null;
}

/** Asks for calls; takes the answer that was asked for early, once, where it is the same question. */
export function listCalls(input: Asked): Promise<CallPage> {
  const early = asked;
  asked = null;
  return early?.key === JSON.stringify(input) ? early.page : client.calls.list(input);
}
