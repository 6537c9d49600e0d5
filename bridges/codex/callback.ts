import { page } from '../accounts/page.ts';
import { startListener, type Listener } from '../http/listener.ts';
import { pathOf } from '../http/guard.ts';
import { CALLBACK_PATH } from './siwc.ts';

export type CallbackListener = { port: number; stop(): Promise<void> };

/**
 * The loopback address a browser comes back to after signing in. `onQuery` returns the sentence the person reads, or
 * undefined where the query is not an answer to this sign-in.
 */
export async function startCallback(onQuery: (query: URLSearchParams) => string | undefined): Promise<CallbackListener> {
  const listener: Listener = await startListener({
    port: 0,
    limits: { headersMs: 5_000, connections: 64 },
    landing: CALLBACK_PATH,
    serve(req, res) {
      const target = req.url ?? '';
      if (req.method !== 'GET' || pathOf(target) !== CALLBACK_PATH) return page(res, 404, 'There is nothing here.');
      const said = onQuery(new URLSearchParams(target.slice(CALLBACK_PATH.length + 1)));
      if (said === undefined) page(res, 400, 'This is not an answer to the sign-in that is under way.');
      else page(res, 200, said);
    },
    renderError: (refusal) => ({ status: refusal.status, headers: { 'content-type': 'text/plain; charset=utf-8' }, body: refusal.message }),
  });
  return { port: listener.port, stop: () => listener.stop(500) };
}
