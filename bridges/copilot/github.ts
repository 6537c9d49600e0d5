import { z } from 'zod';
import { isPageOfAnother } from '../accounts/unanswered.ts';
import type { Net, NetReply } from '../accounts/net.ts';
import type { Clock } from '../engine/clock.ts';
import { readModels } from './models.ts';
import { isoDate, quotaOf, type Snapshot } from './quota.ts';
import {
  allowedApi,
  FOREIGN_ADDRESS,
  NO_COPILOT,
  REJECTED,
  unreached,
  UNREACHED,
  UNREADABLE,
  type CopilotSource,
  type CopilotUser,
  type SourceProblem,
} from './source.ts';

const SnapshotReply = z.object({
  percent_remaining: z.number().nullish(),
  unlimited: z.boolean().nullish(),
  entitlement: z.number().nullish(),
  overage_count: z.number().nullish(),
  overage_permitted: z.boolean().nullish(),
});
const UserReply = z.object({
  login: z.string(),
  copilot_plan: z.string().nullish(),
  chat_enabled: z.boolean().nullish(),
  endpoints: z.object({ api: z.url() }),
  quota_reset_date_utc: z.string().nullish(),
  quota_snapshots: z.record(z.string(), SnapshotReply).nullish(),
});

/** Milliseconds for which what GitHub told of an account holds. */
const KEPT_MS = 10 * 60_000;

/** The account asked about directly (SPEC 5.2), with headers of our own and no other product's name. */
export function directSource({
  net,
  clock,
  api,
  userAgent,
}: {
  net: Net;
  clock: Clock;
  api: () => string;
  userAgent: string;
}): CopilotSource {
  const headers = { 'user-agent': userAgent, 'openai-intent': 'conversation-agent', 'x-github-api-version': '2026-08-01' };
  let known: { of: string; until: number; user: CopilotUser; api: string } | undefined;

  const look = async (token: string): Promise<NonNullable<typeof known> | SourceProblem> => {
    if (known?.of === token && clock.now() < known.until) return known;
    const url = `${api()}/copilot_internal/user`;
    const reply = await net({ method: 'GET', url, headers: { authorization: `Bearer ${token}` } }).catch(unreached);
    if ('problem' in reply) return reply;
    const refusal = refusalOf(reply);
    if (refusal !== undefined) return refusal;
    if (reply.body === undefined) return UNREADABLE;
    const user = UserReply.safeParse(reply.body);
    if (reply.status !== 200 || !user.success || user.data.chat_enabled === false) return NO_COPILOT;
    const base = allowedApi(user.data.endpoints.api, api());
    if (base === undefined) return FOREIGN_ADDRESS;
    known = { of: token, until: clock.now() + KEPT_MS, user: userOf(user.data, clock.now()), api: base };
    return known;
  };

  return {
    async user(token) {
      const found = await look(token);
      return 'problem' in found ? found : { user: found.user };
    },
    async models(token) {
      const found = await look(token);
      if ('problem' in found) return found;
      const reply = await net({
        method: 'GET',
        url: `${found.api}/models`,
        headers: { ...headers, 'openai-intent': 'model-access', authorization: `Bearer ${token}` },
      }).catch(unreached);
      if ('problem' in reply) return reply;
      const refusal = refusalOf(reply);
      if (refusal !== undefined) return refusal;
      return reply.status === 200 ? readModels(reply.body) : UNREACHED;
    },
    async endpoint(token) {
      const found = await look(token);
      return 'problem' in found ? found : { endpoint: { token, api: found.api, headers } };
    },
    async forget() {
      known = undefined;
    },
    stop: async () => {},
  };
}

/** What an answer says by its status alone. */
function refusalOf(reply: NetReply): SourceProblem | undefined {
  if (reply.status >= 500 || isRateLimit(reply)) return UNREACHED;
  if (reply.status === 401) return REJECTED;
  if (isPageOfAnother(reply.status, reply.headers['content-type'])) return UNREADABLE;
  return reply.status === 403 ? NO_COPILOT : undefined;
}

/** GitHub tells its limits by 429, and by 403 as well (docs.github.com/rest, "Rate limits"): no word about the account. */
function isRateLimit({ status, headers }: NetReply): boolean {
  return status === 429 || (status === 403 && (headers['x-ratelimit-remaining'] === '0' || headers['retry-after'] !== undefined));
}

function userOf({ login, copilot_plan: plan, ...told }: z.infer<typeof UserReply>, now: number): CopilotUser {
  const snapshots = Object.entries(told.quota_snapshots ?? {}).map(([name, snapshot]): Snapshot => ({
    name,
    unlimited: snapshot.unlimited === true,
    percentLeft: snapshot.percent_remaining ?? null,
    included: snapshot.entitlement ?? null,
    overage: snapshot.overage_count ?? 0,
    overageAllowed: snapshot.overage_permitted === true,
    resetsAt: isoDate(told.quota_reset_date_utc),
  }));
  return { login, plan: plan ?? null, quota: quotaOf(plan ?? null, snapshots, now) };
}
