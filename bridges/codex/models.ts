import { z } from 'zod';
import type { Net } from '../accounts/net.ts';
import type { Grant } from './lane.ts';

/**
 * Both ChatGPT lists hide models that a client would be too old for, by the release of Codex it names (SPEC 3.1.5, 3.3).
 * This is the release whose requests are known here; who is asking is told by the user agent.
 */
const CLIENT_VERSION = '0.169.0';

export type CodexModel = { id: string; title: string };

const PlatformList = z.object({ data: z.array(z.object({ id: z.string() })) });
const PlanList = z.object({
  models: z.array(z.object({ slug: z.string(), display_name: z.string().optional(), visibility: z.string().optional() })),
});
/** Of the platform's long list, what answers calls of text. */
const TEXT_MODEL = /^(?:gpt-|o\d|codex|chatgpt-)(?!.*(?:audio|realtime|tts|transcribe|image|search))/;

/** The models an account may be able to use, in the provider's order; listing one is no promise (SPEC 3.1.5). Rejects without an answer. */
export async function listModels(net: Net, grant: Grant, bases: { openai: string; chatgpt: string }): Promise<readonly CodexModel[]> {
  const headers: Record<string, string> = { authorization: `Bearer ${grant.token}` };
  if (grant.lane !== 'backend') {
    const isPlan = grant.lane === 'plan';
    const { body } = await net({
      method: 'GET',
      url: `${bases.openai}/v1/models${isPlan ? `?client_version=${CLIENT_VERSION}` : ''}`,
      headers,
    });
    return isPlan ? planModels(body) : platformModels(body);
  }
  headers['originator'] = 'drawbridge';
  if (grant.accountId !== null) headers['chatgpt-account-id'] = grant.accountId;
  const { body } = await net({ method: 'GET', url: `${bases.chatgpt}/backend-api/codex/models?client_version=${CLIENT_VERSION}`, headers });
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
