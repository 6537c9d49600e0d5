import { z } from 'zod';
import type { Net } from '../accounts/net.ts';
import type { Grant } from './lane.ts';

const Check = z.object({ accounts: z.array(z.object({ id: z.string(), account_routing_override: z.string().nullish() })) });
/** The values that are sent on; all others mean that there is nothing to say (SPEC 3.3). */
const SENT = new Set(['us', 'us_cr']);

/** Asks the backend once per account where its calls are to be led. No answer means: nowhere in particular, asked again next time. */
export function accountRouting(net: Net, backend: () => string): (grant: Grant) => Promise<string | null> {
  const known = new Map<string, string | null>();
  return async ({ token, accountId }) => {
    if (accountId === null) return null;
    const kept = known.get(accountId);
    if (kept !== undefined) return kept;
    const headers = { authorization: `Bearer ${token}`, originator: 'drawbridge', 'chatgpt-account-id': accountId };
    const reply = await net({ method: 'GET', url: `${backend()}/backend-api/wham/accounts/check`, headers }).catch(() => undefined);
    const checked = Check.safeParse(reply?.body);
    if (reply?.status !== 200 || !checked.success) return null;
    const override = checked.data.accounts.find(({ id }) => id === accountId)?.account_routing_override?.toLowerCase() ?? '';
    const routing = SENT.has(override) ? override : null;
    known.set(accountId, routing);
    return routing;
  };
}
