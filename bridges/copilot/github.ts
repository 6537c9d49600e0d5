import { z } from 'zod';
import type { Net } from '../accounts/net.ts';
import type { BridgeDetail, WireFormat } from '../contract/index.ts';

/** What GitHub tells of a signed-in account (SPEC 5.2). */
export type CopilotUser = { login: string; plan: string | null; api: string; quota: NonNullable<BridgeDetail['quota']> };

const Snapshot = z.object({ percent_remaining: z.number().nullish(), unlimited: z.boolean().nullish() });
const User = z.object({
  login: z.string(),
  copilot_plan: z.string().nullish(),
  chat_enabled: z.boolean().nullish(),
  endpoints: z.object({ api: z.url() }),
  quota_reset_date_utc: z.string().nullish(),
  quota_snapshots: z.record(z.string(), Snapshot).nullish(),
});

export type UserAnswer = { user: CopilotUser } | { problem: 'rejected' | 'not_entitled' | 'passing'; reason: string };

/** Asks who a token belongs to and where their calls go. `isAllowed` holds the origins a token may be sent to. */
export async function readUser(
  net: Net,
  api: string,
  token: string,
  isAllowed: (origin: string) => boolean,
  now: number,
): Promise<UserAnswer> {
  const headers = { authorization: `Bearer ${token}` };
  const reply = await net({ method: 'GET', url: `${api}/copilot_internal/user`, headers }).catch(() => undefined);
  if (reply === undefined || reply.status >= 500)
    return { problem: 'passing', reason: 'GitHub could not be reached. It is tried again by itself.' };
  if (reply.status === 401) return { problem: 'rejected', reason: 'GitHub does not accept this sign-in any more.' };
  const user = User.safeParse(reply.body);
  if (reply.status !== 200 || !user.success || user.data.chat_enabled === false)
    return { problem: 'not_entitled', reason: 'This GitHub account has no Copilot that may be used this way.' };
  const base = new URL(user.data.endpoints.api);
  if (!isAllowed(base.origin))
    return { problem: 'not_entitled', reason: 'GitHub named an address for Copilot that is not one of its own.' };
  const resetsAt = user.data.quota_reset_date_utc ?? null;
  const windows = Object.entries(user.data.quota_snapshots ?? {})
    .filter(([, { unlimited }]) => unlimited !== true)
    .map(([name, { percent_remaining: left }]) => ({
      name,
      usedPercent: typeof left === 'number' ? 100 - left : null,
      minutes: null,
      resetsAt,
    }));
  const plan = user.data.copilot_plan ?? null;
  return {
    user: { login: user.data.login, plan, api: base.href.replace(/\/+$/, ''), quota: { plan, windows, asOf: new Date(now).toISOString() } },
  };
}

export type CopilotModel = { id: string; title: string; owner: string; wires: readonly WireFormat[] };

const Models = z.object({
  data: z.array(
    z.object({
      id: z.string(),
      name: z.string().optional(),
      vendor: z.string().optional(),
      model_picker_enabled: z.boolean().optional(),
      policy: z.object({ state: z.string() }).nullish(),
      supported_endpoints: z.array(z.string()).optional(),
      capabilities: z.object({ type: z.string() }).optional(),
    }),
  ),
});
const WIRES: readonly [string, WireFormat][] = [
  ['/v1/messages', 'messages'],
  ['/responses', 'responses'],
  ['/chat/completions', 'chat'],
];

/** The models an account may use, each with the wire formats it takes natively. Pure. */
export function readModels(body: unknown): readonly CopilotModel[] {
  const list = Models.safeParse(body);
  if (!list.success) return [];
  return list.data.data
    .filter((model) => (model.policy?.state ?? 'enabled') === 'enabled' && (model.capabilities?.type ?? 'chat') === 'chat')
    .map((model) => {
      const wires = WIRES.filter(([endpoint]) => model.supported_endpoints?.includes(endpoint) === true).map(([, wire]) => wire);
      return {
        id: model.id,
        title: model.name ?? model.id,
        owner: (model.vendor ?? 'github').toLowerCase(),
        wires: wires.length === 0 ? ['chat'] : wires,
      };
    });
}
