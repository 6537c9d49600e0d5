import type { OfferedModel } from '../contract/index.ts';
import { PRACTICE_MODELS } from '../upstreams/practice/index.ts';

export type { OfferedModel };

/**
 * One `/v1/models` body for every client (SPEC 2.12): OpenAI's list, each entry with Anthropic's fields too, and the
 * shape Codex reads beside it.
 */
export function modelsBody(ids: readonly OfferedModel[]): object {
  const data = ids.map(modelBody);
  return {
    object: 'list',
    data,
    models: ids.map(({ id, title }, index) => codexModel(id, title, index)),
    has_more: false,
    first_id: data[0]?.id ?? null,
    last_id: data.at(-1)?.id ?? null,
  };
}

/** One model for both vendors' clients. */
export function modelBody({ id, title, owner }: OfferedModel): { id: string; object: 'model' } & Record<string, string | number> {
  return {
    id,
    object: 'model',
    created: CREATED,
    owned_by: owner,
    type: 'model',
    display_name: title,
    created_at: new Date(CREATED * 1000).toISOString(),
  };
}

/** All that can be asked for at the companion: its own, the names its owner gave, and `others`. */
export function offeredModels(aliases: Readonly<Record<string, string>>, others: readonly OfferedModel[]): OfferedModel[] {
  return [...OWN_MODELS, ...aliasModels(aliases), ...others];
}

/** What the companion itself offers. */
const OWN_MODELS: readonly OfferedModel[] = PRACTICE_MODELS.map(({ id, title }) => ({ id, title, owner: 'drawbridge-practice' }));

/** The names its owner gave to models. */
function aliasModels(aliases: Readonly<Record<string, string>>): OfferedModel[] {
  return Object.entries(aliases).map(([id, model]) => ({ id, title: `${id} (${model})`, owner: 'drawbridge-alias' }));
}

/** A fixed date: these entries stand for a door, not for a release. Unix seconds. */
const CREATED = Date.UTC(2026, 0, 1) / 1000;

/** The fields Codex requires of an entry (SPEC 4.5). */
function codexModel(slug: string, title: string, priority: number): object {
  return {
    slug,
    display_name: title,
    description: title,
    supported_reasoning_levels: [],
    shell_type: 'default',
    visibility: 'list',
    supported_in_api: true,
    priority,
    base_instructions: '',
    supports_reasoning_summaries: false,
    support_verbosity: false,
    truncation_policy: { mode: 'bytes', limit: 10_000 },
    supports_parallel_tool_calls: true,
    experimental_supported_tools: [],
  };
}
