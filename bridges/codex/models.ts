import { z } from 'zod';
import type { Net } from '../accounts/net.ts';
import type { Grant } from './lane.ts';

export type CodexModel = { id: string; title: string };

const PlatformList = z.object({ data: z.array(z.object({ id: z.string() })) });
const PlanList = z.object({
  models: z.array(z.object({ slug: z.string(), display_name: z.string().optional(), visibility: z.string().optional() })),
});
/** Of the platform's long list, what answers calls of text. */
const TEXT_MODEL = /^(?:gpt-|o\d|codex|chatgpt-)(?!.*(?:audio|realtime|tts|transcribe|image|search))/;

/** The models an account may be able to use, in the provider's order; listing one is no promise (SPEC 3.1.5). Rejects without an answer. */
export async function listModels(
  net: Net,
  grant: Grant,
  bases: { openai: string; chatgpt: string },
  version: string,
): Promise<readonly CodexModel[]> {
  const headers: Record<string, string> = { authorization: `Bearer ${grant.token}` };
  if (grant.lane !== 'backend') {
    const { body } = await net({ method: 'GET', url: `${bases.openai}/v1/models`, headers });
    return grant.lane === 'plan' ? planModels(body) : platformModels(body);
  }
  headers['originator'] = 'drawbridge';
  if (grant.accountId !== null) headers['chatgpt-account-id'] = grant.accountId;
  const { body } = await net({ method: 'GET', url: `${bases.chatgpt}/backend-api/codex/models?client_version=${version}`, headers });
  return planModels(body);
}

export function platformModels(body: unknown): readonly CodexModel[] {
  const list = PlatformList.safeParse(body);
  return list.success ? list.data.data.filter(({ id }) => TEXT_MODEL.test(id)).map(({ id }) => ({ id, title: id })) : [];
}

export function planModels(body: unknown): readonly CodexModel[] {
  const list = PlanList.safeParse(body);
  if (!list.success) return [];
  return list.data.models
    .filter(({ visibility }) => visibility === undefined || visibility === 'list')
    .map(({ slug, display_name: title }) => ({ id: slug, title: title ?? slug }));
}
