import { isObject, parseJson } from '../../bridges/wire/json.ts';
import { isSilent } from '../../bridges/wire/marks.ts';
import type { JsonValue, Loss, Part, ToolDefinition, TurnItem, TurnRequest } from '../../bridges/wire/turn.ts';

type Who = 'system' | 'user' | 'assistant';
type Call = { name: string; input: JsonValue; result: string | undefined };
/** Who spoke, what they said without its white space, and which tools they called with what result. */
type Block = { who: Who; text: string; calls: Call[] };

/** What a turn means, whichever format it is said in. */
export type TurnGist = {
  said: Block[];
  images: string[];
  tools: { name: string; description: string | undefined; parameters: JsonValue }[];
};

/**
 * The gist of a turn. `foldsSystem`: on this way, orders in mid-conversation are said in the user's words, for most
 * Anthropic models read them nowhere else.
 */
export function gistOfTurn(turn: TurnRequest, foldsSystem: boolean): TurnGist {
  const said = new Conversation(foldsSystem);
  for (const item of turn.items) said.add(item);
  return { said: said.blocks, images: imagesOf(turn.items), tools: gistOfTools(turn) };
}

class Conversation {
  readonly blocks: Block[] = [];
  readonly #calls = new Map<string, Call>();
  readonly #foldsSystem: boolean;
  #leading = true;

  constructor(foldsSystem: boolean) {
    this.#foldsSystem = foldsSystem;
  }

  add(item: TurnItem): void {
    switch (item.type) {
      case 'message':
        return this.#say(this.#whoOf(item.role), textOf(item.content));
      case 'tool_call': {
        const call: Call = { name: flatName(item), input: inputOf(item.kind, item.input), result: undefined };
        this.#calls.set(item.callId, call);
        this.#block('assistant').calls.push(call);
        return;
      }
      case 'tool_result': {
        const text = textOf(item.content);
        const call = this.#calls.get(item.callId);
        this.#leading = false;
        if (call !== undefined) call.result = item.isError === true && !text.startsWith('Error:') ? `Error:${text}` : text;
        return;
      }
      case 'reasoning':
      case 'opaque':
        return;
    }
  }

  #whoOf(role: 'system' | 'developer' | 'user' | 'assistant'): Who {
    if (role === 'user' || role === 'assistant') return role;
    return this.#leading || !this.#foldsSystem ? 'system' : 'user';
  }

  #say(who: Who, text: string): void {
    if (text !== '') this.#block(who).text += text;
  }

  #block(who: Who): Block {
    if (who !== 'system') this.#leading = false;
    const last = this.blocks.at(-1);
    if (last?.who === who) return last;
    const block: Block = { who, text: '', calls: [] };
    this.blocks.push(block);
    return block;
  }
}

function textOf(parts: readonly Part[]): string {
  return parts.map(textOfPart).join('').replaceAll(/\s/g, '');
}

function textOfPart(part: Part): string {
  switch (part.type) {
    case 'text':
      return part.extra?.billingHeader === true ? '' : part.text;
    case 'refusal':
      return part.text;
    case 'tool_reference':
      return `Tool found: ${part.name}`;
    case 'document':
      return part.source.kind === 'text' ? part.source.text : '';
    case 'image':
    case 'opaque':
      return '';
  }
}

function imagesOf(items: readonly TurnItem[]): string[] {
  return items
    .flatMap((item) => (item.type === 'message' || item.type === 'tool_result' ? item.content : []))
    .flatMap((part) => (part.type === 'image' ? [JSON.stringify(part.source)] : []));
}

function flatName({ name, namespace }: { name: string; namespace?: string }): string {
  return namespace === undefined ? name : `${namespace}__${name}`;
}

function inputOf(kind: 'function' | 'custom', input: string): JsonValue {
  if (kind === 'custom') return { input };
  const value = input === '' ? {} : parseJson(input);
  return isObject(value) ? value : { input };
}

/** What is offered. A free-form tool is the same as one that takes its text as the one field of an object. */
function gistOfTools(turn: TurnRequest): TurnGist['tools'] {
  const found = new Set(JSON.stringify(turn.items).match(/(?<="type":"tool_(?:reference|call)".*?"name":")[^"]+/g));
  return turn.tools
    .filter((tool) => tool.type !== 'hosted')
    .filter((tool) => tool.deferred !== true || tool.found === true || found.has(tool.name))
    .map((tool) => ({ name: flatName(tool), description: wordsOf(tool), parameters: schemaOf(tool) }));
}

const FREE_FORM: JsonValue = { type: 'object', properties: { input: { type: 'string' } }, required: ['input'] };

function wordsOf(tool: Exclude<ToolDefinition, { type: 'hosted' }>): string | undefined {
  return tool.description?.split('\n\nThe input must follow this')[0];
}

function schemaOf(tool: Exclude<ToolDefinition, { type: 'hosted' }>): JsonValue {
  if (tool.type === 'custom') return FREE_FORM;
  return { type: 'object', properties: {}, ...tool.parameters };
}

// ---------------------------------------------------------------------------------------------- losses

/** Settings that must be the same on the other side, each with the path by which its loss is told. */
const SETTINGS: readonly [keyof TurnRequest, RegExp][] = [
  ['maxOutputTokens', /max_/],
  ['temperature', /temperature/],
  ['topP', /top_p/],
  ['topK', /top_k/],
  ['stop', /stop/],
  ['verbosity', /verbosity/],
  ['user', /user/],
  ['serviceTier', /service_tier/],
  ['parallelToolCalls', /parallel|tool_choice|tools/],
  ['stream', /^$/],
  ['model', /^$/],
];

/** What a setting comes to where nothing is said of it. */
const DEFAULTS: Partial<TurnRequest> = { maxOutputTokens: 32_000, temperature: 1, topP: 1, parallelToolCalls: true };

/** What is ordered anew, or answered, in each format's own way. */
const SAID_ANEW = new Set(['stream_options', 'store', 'include']);

/** What is in `before`, not in `after`, and not in the list of losses. */
export function unlistedLosses(before: TurnRequest, after: TurnRequest, lost: readonly Loss[]): string[] {
  const isListed = (path: RegExp): boolean => lost.some((loss) => path.test(loss.path) || path.test(loss.why));
  const missing: [string, RegExp][] = [
    ...SETTINGS.filter(([setting]) => !isSame(before[setting] ?? DEFAULTS[setting], after[setting] ?? DEFAULTS[setting])),
    ...(before.reasoning?.effort !== undefined && before.reasoning.effort !== after.reasoning?.effort
      ? [['effort', /effort|reasoning|thinking/] as [string, RegExp]]
      : []),
    ...(before.output !== undefined && !isSame(schemaOfOutput(before), schemaOfOutput(after))
      ? [['output', /format/] as [string, RegExp]]
      : []),
    ...Object.entries(before.extra)
      .filter(([key, value]) => !SAID_ANEW.has(key) && !isNothing(value) && !isSame(value, after.extra[key]))
      .map(([key]): [string, RegExp] => [key, new RegExp(key)]),
    ...before.items.flatMap((item) => lossesOfItem(item, before, after)),
    ...before.tools.flatMap((tool): [string, RegExp][] => (tool.type === 'hosted' ? [[tool.name, new RegExp(`"${tool.name}"`)]] : [])),
  ];
  return missing.filter(([, path]) => !isListed(path)).map(([what]) => what);
}

/** What a turn's item has that no other format has a word for. */
function lossesOfItem(item: TurnItem, before: TurnRequest, after: TurnRequest): [string, RegExp][] {
  if (before.from === after.from && after.items.some((other) => isSame(other, item))) return [];
  const fields = Object.keys(('extra' in item ? item.extra : undefined) ?? {}).filter((key) => !isSilent(key));
  const losses = fields.map((key): [string, RegExp] => [key, new RegExp(key)]);
  if (item.type === 'reasoning') losses.push(['reasoning', /reasoning/i]);
  if (item.type === 'opaque' && item.name !== 'additional_tools') losses.push([item.name, new RegExp(item.name)]);
  if (item.type === 'message' && item.phase !== undefined && after.from !== 'responses') losses.push(['phase', /phase/]);
  if (item.type === 'message' && item.name !== undefined && after.from !== 'chat') losses.push(['name', /name/]);
  return losses;
}

function schemaOfOutput({ output }: TurnRequest): JsonValue | undefined {
  return output?.type === 'json_schema' ? output.schema : output?.type;
}

function isNothing(value: JsonValue | undefined): boolean {
  return value === null || value === undefined || value === false || (isObject(value) && Object.keys(value).length === 0);
}

function isSame(a: unknown, b: unknown): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}
