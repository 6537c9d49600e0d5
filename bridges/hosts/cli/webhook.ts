import { DrawbridgeError } from '../../contract/errors.ts';
import type { EngineClient, WebhookStatus } from '../../contract/index.ts';
import { localTime } from '../../engine/clock.ts';
import type { Output } from './output.ts';

export const WEBHOOK_USAGE = `  drawbridge webhook [set|try|clear] [--json]
                                      tells notices to a channel (Slack's form); its address is asked for, or read
                                      from stdin`;

/** `drawbridge webhook`. The address is a secret: it comes from the terminal or stdin, never from the arguments. */
export async function webhook(
  client: EngineClient,
  [action]: readonly string[],
  { json, output }: { json: boolean; output: Output },
): Promise<number> {
  if (action === 'try') {
    const { taken, found } = await client.webhook.try({});
    output.out(json ? JSON.stringify({ taken, found }) : found);
    return taken ? 0 : 1;
  }
  const status = await (async () => {
    switch (action) {
      case undefined:
        return client.webhook.status({});
      case 'clear':
        return client.webhook.set({ url: null });
      case 'set':
        return client.webhook.set({ url: (await output.secret('Address of the webhook: ')).trim() });
    }
    throw new DrawbridgeError('bad_input', 'Use: drawbridge webhook, drawbridge webhook set, drawbridge webhook try, or clear.');
  })();
  output.out(json ? JSON.stringify(status) : inWords(status));
  return 0;
}

function inWords({ isSet, host, sentAt, problem, lasting }: WebhookStatus): string {
  if (!isSet) return 'Notices are told to no channel.';
  const where = host === null ? 'Notices are to go to a channel, whose address is not known.' : `Notices go to a channel at ${host}.`;
  const kept = lasting ? '' : ' Its address is kept for this session only, as there is no keychain here.';
  const last = sentAt === null ? '' : ` The last one was taken at ${localTime(sentAt)}.`;
  return `${where}${kept}${last}${problem === null ? '' : ` ${problem}`}`;
}
