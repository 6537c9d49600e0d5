import { asArray, asObject, isObject } from './json.ts';
import type { Losses } from './losses.ts';
import { nearestEffort } from './reasoning.ts';
import type { JsonValue, OutputShape, TurnRequest } from './turn.ts';

/** How a model of OpenAI's wants to be asked, where models differ and refuse what others take. */
export type OpenAiRules = {
  /** The efforts it takes, least first; none where it does not reason. Undefined where the model is not known: any goes. */
  efforts: readonly string[] | undefined;
  /** When it takes a temperature and `top_p`. */
  samples: 'always' | 'unless reasoning' | 'never';
  /** The most tokens it may be asked for; undefined where that is not known, or more than clients ask for. */
  mostOutput?: number;
};

const UNKNOWN: OpenAiRules = { efforts: undefined, samples: 'always' };
const EFFORTS = ['none', 'low', 'medium', 'high', 'xhigh', 'max'];

/**
 * The rules for a model by its name, with or without a vendor before it. Newer versions are taken to be as the newest known.
 * Sources, read on 2026-11-23: developers.openai.com/api/docs/models, and what the service itself answers to an effort that a
 * model does not take ("Supported values are: ...", as quoted in public issues).
 */
export function openAiRules(model: string): OpenAiRules {
  const name = model.slice(model.lastIndexOf('/') + 1).toLowerCase();
  if (/^(?:gpt-[34](?!\d)|chatgpt-4|o1-(?:mini|preview)|gpt-5-chat)/.test(name)) {
    const mostOutput = mostOf(name);
    return { efforts: [], samples: 'always', ...(mostOutput !== undefined && { mostOutput }) };
  }
  if (/^(?:o\d|codex-mini)/.test(name)) return { efforts: between('low', 'high'), samples: 'never' };
  const [, major, minor = '0', variant = ''] = /^gpt-([5-9])(?:\.(\d+))?(?!\d)(.*)$/.exec(name) ?? [];
  if (major === undefined) return UNKNOWN;
  const version = Number(major) * 100 + Number(minor);
  if (version === 500 && variant.startsWith('-pro')) return { efforts: ['high'], samples: 'never' };
  const most = version >= 506 ? 'max' : version >= 502 || variant.includes('-max') ? 'xhigh' : 'high';
  if (variant.startsWith('-pro')) return { efforts: between('medium', most), samples: 'never' };
  if (variant.includes('-codex')) return { efforts: between('low', most), samples: 'never' };
  if (variant.startsWith('-chat')) return { efforts: ['medium'], samples: 'never' };
  if (version < 501) return { efforts: ['minimal', ...between('low', most)], samples: 'never' };
  if (version > 600 || variant.startsWith('-astra')) return { efforts: between('low', most), samples: 'never' };
  return { efforts: between('none', most), samples: 'unless reasoning' };
}

/** What models that don't reason write at most, and refuse to be asked for more of. Tokens. */
function mostOf(name: string): number | undefined {
  if (/^gpt-4o-2024-05-13|^gpt-4-turbo|^gpt-4-(?:\d{4}-preview|vision)|^gpt-3\.5/.test(name)) return 4_096;
  if (name.startsWith('gpt-4.1')) return 32_768;
  if (/^(?:gpt-4o|chatgpt-4o|gpt-4\.5|gpt-5-chat)/.test(name)) return 16_384;
  return /^gpt-4(?:-\d{4})?$/.test(name) ? 8_192 : undefined;
}

/** As many tokens as were asked for, and no more than the model is known to write. */
export function takenOutput(turn: TurnRequest, lost: Losses): number | undefined {
  const { maxOutputTokens: wanted } = turn;
  const most = lost.own ? undefined : openAiRules(turn.model).mostOutput;
  if (wanted === undefined || most === undefined || wanted <= most) return wanted;
  lost.add(turn.from === 'responses' ? 'max_output_tokens' : 'max_tokens', `This model writes ${most} tokens at most.`);
  return most;
}

function between(least: string, most: string): string[] {
  return EFFORTS.slice(EFFORTS.indexOf(least), EFFORTS.indexOf(most) + 1);
}

/** Whether the model is known to do without reasoning: to such a one no word about it may be said. */
export function isPlain(model: string): boolean {
  return openAiRules(model).efforts?.length === 0;
}

/** The effort that comes closest to the one asked for among those the model takes; undefined where it takes none. */
export function takenEffort(wanted: string, model: string, lost: Losses): string | undefined {
  const { efforts } = openAiRules(model);
  if (efforts === undefined) return wanted;
  const effort = nearestEffort(wanted, efforts);
  if (effort === wanted || (effort === undefined && wanted === 'none')) return effort;
  const why = efforts.length === 0 ? 'This model does not reason' : `This model takes no effort \`${wanted}\``;
  lost.add(lost.paths.effort, effort === undefined ? `${why}.` : `${why}; it is \`${effort}\` instead.`);
  return effort;
}

/** What the model takes of a temperature and `top_p`. `effort`: what it is asked for. */
export function takenSampling(turn: TurnRequest, effort: string | undefined, lost: Losses): { temperature?: number; top_p?: number } {
  const { temperature, topP } = turn;
  if (temperature === undefined && topP === undefined) return {};
  const given = { ...(temperature !== undefined && { temperature }), ...(topP !== undefined && { top_p: topP }) };
  const { samples } = openAiRules(turn.model);
  const isTaken = samples === 'always' || (samples === 'unless reasoning' && (effort ?? 'none') === 'none');
  if (lost.own || isTaken) return given;
  // 1 is what such a model samples with anyway.
  for (const [path, value] of Object.entries(given)) if (value !== 1) lost.add(path, 'This model takes no such setting.');
  return {};
}

/**
 * The shape of an answer as the model is asked for it. A client of Messages need not say that its schema is to be kept; here a
 * model only tries to keep one unless that is said, and then it may not leave a property open.
 */
export function takenShape({ output, from, model }: TurnRequest, lost: Losses): OutputShape | undefined {
  if (output?.type !== 'json_schema' || from !== 'messages' || openAiRules(model).efforts === undefined) return output;
  if (isClosed(output.schema, true)) return { ...output, strict: true };
  lost.add(
    lost.paths.format,
    'This model tries to keep to this schema, but can not be held to it: OpenAI does that for plainer ones, with nothing optional.',
  );
  return output;
}

/** The parts of schemas that a model of OpenAI's is held to, without those that only some take. */
const HELD = ['type', 'properties', 'required', 'additionalProperties', 'items', 'enum', 'const', 'anyOf', '$defs', 'description', 'title'];

/** Whether a schema is one that a model of OpenAI's can be held to: each part has a type, and nothing in it is optional. */
function isClosed(schema: JsonValue | undefined, isRoot = false): boolean {
  if (!isObject(schema)) return false;
  const { type, properties, required, additionalProperties, items, anyOf, $ref, $defs } = schema;
  const names = Object.keys(schema);
  // A reference takes nothing beside it.
  if ($ref !== undefined && !isRoot) return names.length === 1;
  if (!names.every((name) => HELD.includes(name)) || (isRoot ? type !== 'object' : type === undefined && anyOf === undefined)) return false;
  const members = asObject(properties) ?? {};
  const isObjects = properties !== undefined || (asArray(type) ?? [type]).includes('object');
  const isWhole = Object.keys(members).every((name) => asArray(required)?.includes(name) === true);
  if (isObjects && (additionalProperties !== false || required === undefined || !isWhole)) return false;
  const inner = [...Object.values(members), ...Object.values(asObject($defs) ?? {}), ...(asArray(anyOf) ?? [])];
  return [...inner, ...(items === undefined ? [] : [items])].every((each) => isClosed(each));
}
