import { page } from '../accounts/page.ts';
import { receiveBody } from '../http/body.ts';
import { pathOf } from '../http/guard.ts';
import { startListener } from '../http/listener.ts';

export type Landing = { redirectUri: string; stop(): Promise<void> };

/** What Entra's page sends back. */
export type Answer = { code: string; clientInfo: string } | { error: string; description: string };

const PATH = '/';
const LIMITS = { headersMs: 5_000, connections: 64, bodyBytes: 64 * 1024, idleMs: 5_000 };

/**
 * The loopback address a browser comes back to from Entra. Only a form with this sign-in's own `state` is believed, and
 * only once; codes in an address, which would stay in the browser's history, are not (`response_mode=form_post`).
 */
export async function startLanding(options: {
  state: string;
  /** Origin of the sign-in service. */
  from: string;
  onAnswer: (answer: Answer) => void;
}): Promise<Landing> {
  let spent = false;
  const listener = await startListener({
    port: 0,
    limits: LIMITS,
    landing: PATH,
    landingFrom: options.from,
    serve(req, res) {
      if (req.method !== 'POST' || pathOf(req.url ?? '') !== PATH) return page(res, 404, 'There is nothing here.');
      receiveBody(req, res, LIMITS, (received) => {
        if ('aborted' in received) return;
        const answer = 'bytes' in received ? read(received.bytes.toString('utf8'), options.state) : undefined;
        if (answer === undefined || spent) return page(res, 400, 'This is not an answer to the sign-in that is under way.');
        spent = true;
        page(
          res,
          200,
          'code' in answer
            ? 'Microsoft has answered. You can close this page and go back to Drawbridge.'
            : 'The sign-in was not completed. Drawbridge says why; you can close this page.',
        );
        options.onAnswer(answer);
      });
    },
    renderError: (refusal) => ({ status: refusal.status, headers: { 'content-type': 'text/plain; charset=utf-8' }, body: refusal.message }),
  });
  // Entra knows loopback addresses by this name, and ignores their port.
  return { redirectUri: `http://localhost:${listener.port}`, stop: () => listener.stop(500) };
}

function read(form: string, state: string): Answer | undefined {
  const fields = new URLSearchParams(form);
  if (fields.getAll('state').length !== 1 || fields.get('state') !== state) return undefined;
  const code = fields.get('code');
  const error = fields.get('error');
  if (code !== null && error === null) return { code, clientInfo: fields.get('client_info') ?? '' };
  return error === null ? undefined : { error, description: fields.get('error_description') ?? '' };
}
