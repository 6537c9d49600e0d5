import { isEmpty } from '../fields.ts';
import { asArray, asObject, asString, isObject } from '../json.ts';
import { Losses } from '../losses.ts';
import { MARKS } from '../marks.ts';
import type { JsonObject, JsonValue, Loss, ToolChoice, ToolDefinition, TurnRequest } from '../turn.ts';
import { cacheMark, displayOf, flatName, thinkingType } from './blocks.ts';
import { renderItems } from './conversation.ts';

/** The format demands a limit; this is what its own clients send for long work. */
const DEFAULT_MAX_TOKENS = 32_000;
/** The smallest `thinking.budget_tokens` the format accepts. */
const LEAST_BUDGET = 1024;
const LONGEST_USER = 256;
const EFFORTS = new Set(['low', 'medium', 'high', 'xhigh', 'max']);
/** Answered by the reply itself, always given, or refused where it matters. */
const NEEDLESS = new Set(['stream_options', 'store', 'include', 'n']);
const EPHEMERAL: JsonObject = { type: 'ephemeral' };

/** Renders a turn from any format as a Messages request, with what could not cross. */
export function renderRequest(turn: TurnRequest): { body: JsonObject; lost: Loss[] } {
  const lost = new Losses(turn.from, 'messages', 'The Messages format');
  const { system, conversation } = renderItems(turn, lost);
  const body: JsonObject = {
    ...renderExtra(turn, lost),
    model: turn.model,
    max_tokens: turn.maxOutputTokens ?? DEFAULT_MAX_TOKENS,
    ...(system.length > 0 && { system }),
    messages: conversation,
    stream: turn.stream,
  };
  renderTools(turn, body, lost);
  renderThinking(turn, body, lost);
  renderSampling(turn, body, lost);
  renderOutput(turn, body, lost);
  renderCaller(turn, body, lost);
  if (!lost.own && turn.cacheKey !== undefined) markCache(system, conversation);
  return { body, lost: lost.list };
}

// ---------------------------------------------------------------------------------------------- tools

function renderTools(turn: TurnRequest, body: JsonObject, lost: Losses): void {
  const tools = turn.tools.flatMap((tool, i) => renderTool(tool, `tools[${i}]`, lost));
  if (tools.length > 0) body.tools = tools;
  // Without tools there is nothing to choose, and saying so all the same is refused.
  if (tools.length === 0 && !lost.own) return;
  const choice = renderToolChoice(turn, lost);
  if (choice !== undefined) body.tool_choice = choice;
}

function renderTool(tool: ToolDefinition, path: string, lost: Losses): JsonObject[] {
  if (tool.type === 'hosted') {
    if (tool.from === 'messages') return [tool.value];
    lost.add(path, `"${tool.name}" is a tool that only ${tool.from} providers run.`);
    return [];
  }
  if (lost.own && tool.extra?.[MARKS.searched] === true) return [];
  const definition: JsonObject = { name: flatName(tool) };
  if (tool.description !== undefined) definition.description = tool.description;
  definition.input_schema = tool.type === 'custom' ? inputSchema() : objectSchema(tool.parameters);
  if (tool.deferred !== undefined) definition.defer_loading = tool.deferred;
  if (tool.type === 'custom') {
    if (tool.format !== undefined) lost.add(`${path}.format`, 'The Messages format can not hold an input to a grammar.');
  } else {
    Object.assign(definition, cacheMark(tool.cacheControl));
    if (lost.own && tool.strict !== undefined) definition.strict = tool.strict;
    else if (tool.strict === true) lost.add(`${path}.strict`, 'Not every model of the Messages format keeps strictly to a schema.');
  }
  return [{ ...definition, ...lost.extra('tools[]', tool.extra) }];
}

function inputSchema(): JsonObject {
  return { type: 'object', properties: { input: { type: 'string' } }, required: ['input'] };
}

/** The format demands an object; other formats let a tool without arguments do without a schema. */
function objectSchema(parameters: JsonObject = {}): JsonObject {
  return parameters.type === undefined ? { type: 'object', ...parameters } : parameters;
}

function renderToolChoice(turn: TurnRequest, lost: Losses): JsonValue | undefined {
  const single = turn.parallelToolCalls === false;
  const choice = choiceFields(turn.toolChoice ?? (single ? { type: 'auto' } : undefined), lost);
  if (!isObject(choice) || turn.toolChoice?.type === 'opaque') return choice;
  if (single && choice.type !== 'none') choice.disable_parallel_tool_use = true;
  else if (lost.own && turn.parallelToolCalls !== undefined) choice.disable_parallel_tool_use = !turn.parallelToolCalls;
  return lost.own ? { ...choice, ...asObject(turn.extra.tool_choice) } : choice;
}

function choiceFields(choice: ToolChoice | undefined, lost: Losses): JsonValue | undefined {
  switch (choice?.type) {
    case 'auto':
    case 'any':
    case 'none':
      return { type: choice.type };
    case 'tool':
      return { type: 'tool', name: flatName(choice) };
    case 'allowed':
      lost.add('tool_choice', 'The Messages format can not narrow the choice to some of the tools.');
      return { type: choice.mode };
    case 'opaque':
      if (choice.from === 'messages') return choice.value;
      lost.add('tool_choice', 'The Messages format has no such choice.');
      return undefined;
    case undefined:
      return undefined;
  }
}

// ---------------------------------------------------------------------------------------------- thinking and output

function renderThinking(turn: TurnRequest, body: JsonObject, lost: Losses): void {
  if (!lost.own) {
    crossThinking(turn, body, lost);
    return;
  }
  const type = turn.reasoning === undefined ? undefined : thinkingType(turn.reasoning);
  const { display = displayOf(turn.reasoning?.summary), ...given } = asObject(turn.extra.thinking) ?? {};
  const thinking: JsonObject = { ...(type !== undefined && { type }), ...given };
  if (type === 'disabled') {
    keepNoThinking(body);
  } else {
    // Thinking that is off takes neither a budget nor a wish how to show it.
    if (turn.reasoning?.budgetTokens !== undefined) thinking.budget_tokens = turn.reasoning.budgetTokens;
    if (display !== undefined) thinking.display = display;
  }
  if (!isEmpty(thinking)) body.thinking = thinking;
}

function crossThinking(turn: TurnRequest, body: JsonObject, lost: Losses): void {
  const type = crossedThinking(turn, lost);
  if (type === undefined) return;
  const { budgetTokens, summary } = turn.reasoning ?? {};
  const thinking: JsonObject = { type };
  if (type === 'enabled') {
    const budget = fittingBudget(budgetTokens ?? 0, Number(body.max_tokens), lost);
    if (budget === undefined) return;
    thinking.budget_tokens = budget;
  }
  const display = displayOf(summary);
  if (type !== 'disabled' && display !== undefined) thinking.display = display;
  body.thinking = thinking;
}

function crossedThinking(turn: TurnRequest, lost: Losses): 'adaptive' | 'enabled' | 'disabled' | undefined {
  const { reasoning = {}, toolChoice } = turn;
  const wished = reasoning.effort === 'none' ? 'disabled' : thinkingType(reasoning);
  const type = wished ?? (reasoning.effort === undefined ? undefined : 'adaptive');
  const isForced =
    toolChoice?.type === 'any' || toolChoice?.type === 'tool' || (toolChoice?.type === 'allowed' && toolChoice.mode === 'any');
  if (!isForced || type === undefined || type === 'disabled') return type;
  lost.add(lost.paths.reasoning, 'In the Messages format a model can not think before a call it is forced to make.');
  return undefined;
}

/** A context edit about thinking is refused in a request that has none. */
function keepNoThinking(body: JsonObject): void {
  const management = asObject(body.context_management);
  const edits = asArray(management?.edits);
  if (management === undefined || edits === undefined) return;
  const kept = edits.filter((edit) => !(isObject(edit) && asString(edit.type)?.startsWith('clear_thinking_') === true));
  if (kept.length === edits.length) return;
  if (kept.length > 0) body.context_management = { ...management, edits: kept };
  else delete body.context_management;
}

/** The budget must leave room in `max_tokens`, and has a least size. */
function fittingBudget(asked: number, maxTokens: number, lost: Losses): number | undefined {
  if (maxTokens <= LEAST_BUDGET) {
    lost.add(lost.paths.reasoning, 'The output limit leaves no room for thinking.');
    return undefined;
  }
  const budget = Math.min(maxTokens - 1, Math.max(LEAST_BUDGET, asked));
  if (budget !== asked) lost.add(lost.paths.reasoning, `The thinking budget is ${budget} tokens instead of ${asked}.`);
  return budget;
}

function renderSampling(turn: TurnRequest, body: JsonObject, lost: Losses): void {
  const { temperature, topP, topK, stop } = lost.own ? turn : crossedSampling(turn, isOn(body.thinking), lost);
  if (temperature !== undefined) body.temperature = temperature;
  if (topP !== undefined) body.top_p = topP;
  if (topK !== undefined) body.top_k = topK;
  if (stop !== undefined && stop.length > 0) body.stop_sequences = stop;
}

type Sampling = Pick<TurnRequest, 'temperature' | 'topP' | 'topK' | 'stop'>;

function isOn(thinking: JsonValue | undefined): boolean {
  return isObject(thinking) && thinking.type !== 'disabled';
}

function crossedSampling({ temperature, topP, topK, stop }: TurnRequest, thinks: boolean, lost: Losses): Sampling {
  const crossed: Sampling = {};
  if (stop !== undefined) crossed.stop = stop.filter((text) => text.trim() !== '');
  if (stop !== undefined && stop.length !== crossed.stop?.length)
    lost.add(lost.paths.stop, 'The Messages format can not stop at blank text.');
  if (thinks) {
    // 1 is what a model that thinks samples with anyway.
    const moved = { temperature: temperature === 1 ? undefined : temperature, top_p: topP === 1 ? undefined : topP, top_k: topK };
    for (const [path, value] of Object.entries(moved)) {
      if (value !== undefined) lost.add(path, 'A model that thinks takes no such setting in the Messages format.');
    }
    return crossed;
  }
  if (topK !== undefined) crossed.topK = topK;
  if (temperature === undefined) {
    if (topP !== undefined) crossed.topP = topP;
    return crossed;
  }
  crossed.temperature = Math.min(1, temperature);
  if (temperature > 1) lost.add('temperature', 'The Messages format knows no temperature above 1.');
  if (topP !== undefined && topP !== 1) lost.add('top_p', 'Most models of the Messages format take a temperature or top_p, not both.');
  return crossed;
}

function renderOutput(turn: TurnRequest, body: JsonObject, lost: Losses): void {
  const given = lost.own ? asObject(turn.extra.output_config) : undefined;
  const config: JsonObject = { ...given };
  const effort = lost.own ? turn.reasoning?.effort : crossedEffort(turn.reasoning?.effort, lost);
  if (effort !== undefined) config.effort = effort;
  const shape = turn.output;
  if (shape?.type === 'json_schema') {
    config.format = { ...asObject(given?.format), type: 'json_schema', schema: shape.schema };
    if (shape.description !== undefined)
      lost.add(`${lost.paths.format}.description`, 'The Messages format has no description of an answer.');
  } else if (shape?.type === 'json') {
    lost.add(lost.paths.format, 'The Messages format knows JSON answers by a schema alone.');
  }
  if (!isEmpty(config)) body.output_config = config;
  if (turn.verbosity !== undefined) lost.add(lost.paths.verbosity, 'The Messages format has no verbosity.');
}

function crossedEffort(effort: string | undefined, lost: Losses): string | undefined {
  if (effort === undefined || effort === 'none' || EFFORTS.has(effort)) return effort === 'none' ? undefined : effort;
  if (effort === 'minimal') return 'low';
  lost.add(lost.paths.effort, `The Messages format knows no effort \`${effort}\`.`);
  return undefined;
}

// ---------------------------------------------------------------------------------------------- everything else

function renderCaller(turn: TurnRequest, body: JsonObject, lost: Losses): void {
  const { user, serviceTier } = turn;
  const metadata: JsonObject = lost.own ? { ...asObject(turn.extra.metadata) } : {};
  if (user !== undefined && (lost.own || user.length <= LONGEST_USER)) metadata.user_id = user;
  else if (user !== undefined) lost.add(lost.paths.user, `The Messages format takes at most ${LONGEST_USER} characters here.`);
  if (!isEmpty(metadata)) body.metadata = metadata;
  if (serviceTier === undefined) return;
  if (lost.own || serviceTier === 'auto') body.service_tier = serviceTier;
  else if (serviceTier === 'default') body.service_tier = 'standard_only';
  else lost.add('service_tier', `The Messages format has no service tier \`${serviceTier}\`.`);
}

/** Fields that are rendered with what they belong to. */
const REJOINED = new Set(['thinking', 'output_config', 'metadata', 'tool_choice']);

function renderExtra(turn: TurnRequest, lost: Losses): JsonObject {
  const body: JsonObject = {};
  for (const [key, value] of Object.entries(turn.extra)) {
    if (lost.own) {
      if (!REJOINED.has(key)) body[key] = value;
    } else if (!NEEDLESS.has(key)) lost.top(key, value);
  }
  return body;
}

/**
 * Other formats cache prompts under a key, this one up to marked places: after what never changes, and after what was
 * said so far. Where the client set marks of its own, these are left to work.
 */
function markCache(system: readonly JsonObject[], conversation: readonly JsonObject[]): void {
  const blocks = conversation.flatMap((message) => asArray(message.content) ?? []);
  if ([...system, ...blocks].some((block) => isObject(block) && block.cache_control !== undefined)) return;
  const last = blocks.at(-1);
  const lastSystem = system.at(-1);
  if (lastSystem !== undefined) lastSystem.cache_control = EPHEMERAL;
  if (isObject(last) && last.type !== 'thinking' && last.type !== 'redacted_thinking') last.cache_control = EPHEMERAL;
}
