import { DrawbridgeError } from '../../contract/errors.ts';
import type { EngineClient } from '../../contract/index.ts';
import type { Output } from './output.ts';

/** `drawbridge gateway set URL` and `clear`. The key comes from the terminal or stdin, never from the arguments. */
export async function gateway(
  client: EngineClient,
  [action, baseUrl]: readonly string[],
  { json, output }: { json: boolean; output: Output },
): Promise<number> {
  if (action === 'clear') {
    await client.gateway.set({ baseUrl: null });
    output.out(json ? JSON.stringify({ baseUrl: null }) : 'The gateway and its key are taken out.');
    return 0;
  }
  if (action !== 'set' || baseUrl === undefined)
    throw new DrawbridgeError('bad_input', 'Use: drawbridge gateway set URL, or drawbridge gateway clear.');
  const key = (await output.secret('Key of the gateway: ')).trim();
  const set = await client.gateway.set({ baseUrl, ...(key === '' ? {} : { key }) });
  const kept = set.lasting ? 'Its key is in the keychain.' : 'There is no keychain here, so its key is kept for this session only.';
  output.out(json ? JSON.stringify(set) : `The gateway is ${set.baseUrl ?? ''}. ${kept}`);
  return 0;
}
