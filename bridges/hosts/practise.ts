import http from 'node:http';
import { DrawbridgeError } from '../contract/errors.ts';
import type { Call } from '../contract/index.ts';
import type { Engine } from '../engine/engine.ts';

const KEY_NAME = 'Drawbridge itself';
const WAIT_MS = 10_000;

/**
 * Makes one practice call through the companion, the way any client does: over HTTP, with a key of its own. The key
 * is made for this call and revoked after it. Resolves with the call's row once it is stored.
 */
export async function practise(engine: Engine, model: string, version: string): Promise<Call> {
  const address = engine.companionAddress();
  if (address === null)
    throw new DrawbridgeError('not_running', 'The companion is not listening, so there is nothing to call. See the overview for why.');
  for (const stale of engine.keys.list().filter((key) => key.name === KEY_NAME)) engine.keys.revoke(stale.id);
  const key = engine.keys.create(KEY_NAME, 'app');
  const row = nextRow(engine);
  try {
    const question = { role: 'user', content: 'Hello from Drawbridge. Is anybody there?' };
    const [call] = await Promise.all([row.came, post(address, key.key, version, { model, stream: true, messages: [question] })]);
    return call;
  } finally {
    row.stop();
    engine.keys.revoke(key.id);
  }
}

/** The next finished row of our own calls, until `stop`. */
function nextRow(engine: Engine): { came: Promise<Call>; stop(): void } {
  const { promise, resolve, reject } = Promise.withResolvers<Call>();
  const timer = setTimeout(
    () => reject(new DrawbridgeError('failed', 'The practice call was made, but its row did not arrive. Is capture paused?')),
    WAIT_MS,
  );
  const off = engine.capture.onCalls((calls) => {
    const mine = calls.find((call) => call.caller === KEY_NAME && call.state !== 'open');
    if (mine !== undefined) resolve(mine);
  });
  return {
    came: promise,
    stop() {
      clearTimeout(timer);
      off();
    },
  };
}

function post(address: string, key: string, version: string, body: object): Promise<void> {
  return new Promise((resolve, reject) => {
    const call = http.request(`http://${address}/v1/chat/completions`, {
      method: 'POST',
      headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json', 'user-agent': `drawbridge/${version}` },
    });
    call.once('error', reject);
    call.once('response', (reply) => {
      reply.resume();
      reply.once('end', () => resolve());
      reply.once('error', reject);
    });
    call.end(JSON.stringify(body));
  });
}
