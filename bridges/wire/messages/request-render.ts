import { isEmpty } from '../fields.ts';
import { asArray, asObject, asString, isObject } from '../json.ts';
import { Losses } from '../losses.ts';
import { MARKS } from '../marks.ts';
import type { JsonObject, JsonValue, Loss, ToolChoice, ToolDefinition, TurnRequest } from '../turn.ts';
import { budgetFor, nearestEffort } from '../reasoning.ts';
import { answerSchema } from './answer-schema.ts';
import { claudeRules, type ClaudeRules } from './claude-models.ts';
import { cacheMark, displayOf, flatName, thinkingType } from './blocks.ts';
import { renderItems } from './conversation.ts';

/** The format demands a limit; this is what its own clients send for long work. */
const DEFAULT_MAX_TOKENS = 32_000;
/** The smallest `thinking.budget_tokens` the format accepts. */
const LEAST_BUDGET = 1024;
const LONGEST_USER = 256;
/** Answered by the reply itself, always given, or refused where it matters. */
const NEEDLESS = new Set(['stream_options', 'store', 'include', 'n']);
const EPHEMERAL: JsonObject = { type: 'ephemeral' };

/** Renders a turn from any format as a Messages request, with what could not cross. */
export function renderRequest(turn: TurnRequest): { body: JsonObject; lost: Loss[] } {
  const lost = new Losses(turn.from, 'messages', 'The Messages format');
  const { system, conversation } = renderItems(turn, lost);
  const rules = claudeRules(turn.model);
  const body: JsonObject = {
    ...renderExtra(turn, lost),
    model: turn.model,
    max_tokens: mostTokens(turn, rules, lost),
    ...(system.length > 0 && { system }),
    messages: conversation,
    stream: turn.stream,
  };
  renderTools(turn, body, rules, lost);
  renderThinking(turn, body, rules, lost);
  renderSampling(turn, body, rules, lost);
  renderOutput(turn, body, rules, lost);
  renderCaller(turn, body, lost);
  if (!lost.own && (turn.cacheKey !== undefined || goesOn(conversation))) markCache(system, conversation);
  return { body, lost: lost.list };
}

/** The format demands a number, and a model refuses one that is larger than it can write. */
function mostTokens({ maxOutputTokens: asked }: TurnRequest, { mostOutput = Infinity }: ClaudeRules, lost: Losses): number {
  if (lost.own) return asked ?? DEFAULT_MAX_TOKENS;
  if (asked !== undefined && asked > mostOutput) lost.add('max_tokens', `This model writes ${mostOutput} tokens at most.`);
  return Math.min(asked ?? DEFAULT_MAX_TOKENS, mostOutput);
}

// ---------------------------------------------------------------------------------------------- tools

function renderTools(turn: TurnRequest, body: JsonObject, rules: ClaudeRules, lost: Losses): void {
  const tools = turn.tools.flatMap((tool, i) => renderTool(tool, `tools[${i}]`, lost));
  if (tools.length > 0) body.tools = tools;
  // Without tools there is nothing to choose, and saying so all the same is refused.
  if (tools.length === 0 && !lost.own) return;
  const choice = renderToolChoice(turn, rules, lost);
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

function renderToolChoice(turn: TurnRequest, rules: ClaudeRules, lost: Losses): JsonValue | undefined {
  const single = turn.parallelToolCalls === false;
  const choice = choiceFields(crossedChoice(turn, rules, lost) ?? (single ? { type: 'auto' } : undefined), lost);
  if (!isObject(choice) || turn.toolChoice?.type === 'opaque') return choice;
  if (single && choice.type !== 'none') choice.disable_parallel_tool_use = true;
  else if (lost.own && turn.parallelToolCalls !== undefined) choice.disable_parallel_tool_use = !turn.parallelToolCalls;
  return lost.own ? { ...choice, ...asObject(turn.extra.tool_choice) } : choice;
}

function crossedChoice({ toolChoice }: TurnRequest, rules: ClaudeRules, lost: Losses): ToolChoice | undefined {
  if (lost.own || rules.canBeForced || !isForced(toolChoice)) return toolChoice;
  lost.add('tool_choice', 'This model can not be forced to make a call.');
  return { type: 'auto' };
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

function renderThinking(turn: TurnRequest, body: JsonObject, rules: ClaudeRules, lost: Losses): void {
  if (!lost.own) {
    crossThinking(turn, body, rules, lost);
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

function crossThinking(turn: TurnRequest, body: JsonObject, rules: ClaudeRules, lost: Losses): void {
  const thinking = crossedThinking(turn, Number(body.max_tokens), rules, lost);
  if (thinking === undefined) return;
  // Chat has no word for it, and its clients read what a model thinks where they are given it: newer models show it on request.
  const summary = turn.reasoning?.summary ?? (turn.from === 'chat' && rules.thinksMidway ? 'auto' : undefined);
  // Models that take no more than a budget show their thinking anyway.
  const display = rules.thinks === 'adaptive' ? displayOf(summary) : undefined;
  body.thinking = display === undefined || thinking.type === rules.off ? thinking : { ...thinking, display };
}

function crossedThinking(turn: TurnRequest, maxTokens: number, rules: ClaudeRules, lost: Losses): JsonObject | undefined {
  const { reasoning, toolChoice } = turn;
  if (reasoning === undefined) return undefined;
  if (reasoning.enabled === false || reasoning.effort === 'none') return thinkingOff(rules, lost);
  const wished = thinkingType(reasoning) ?? (reasoning.effort === undefined ? undefined : 'adaptive');
  if (wished === undefined) return undefined;
  if (rules.thinks === 'never') {
    lost.add(lost.paths.reasoning, 'This model does not think.');
    return undefined;
  }
  const byBudget = rules.thinks === 'budget' || (wished === 'enabled' && rules.takesBudget);
  if (isForced(toolChoice) && rules.canBeForced && (byBudget || !rules.thinksMidway)) {
    lost.add(lost.paths.reasoning, 'In the Messages format a model can not think before a call it is forced to make.');
    return undefined;
  }
  if (wished === 'enabled' && byBudget) return withBudget(fittingBudget(reasoning.budgetTokens ?? 0, maxTokens, lost));
  if (wished === 'enabled') lost.add(lost.paths.reasoning, 'This model takes no budget: it thinks as much as it sees fit.');
  if (!byBudget) return { type: 'adaptive' };
  // What is left of the output is the answer's: a client that names an effort knows of no budget to leave room for.
  const budget = Math.min(budgetFor(reasoning.effort) ?? 0, Math.floor(maxTokens / 2));
  if (budget >= LEAST_BUDGET) return withBudget(budget);
  lost.add(lost.paths.reasoning, 'The output limit leaves no room for thinking.');
  return undefined;
}

function thinkingOff({ off }: ClaudeRules, lost: Losses): JsonObject | undefined {
  if (off === undefined) lost.add(lost.paths.reasoning, 'This model can not be kept from thinking; it is asked for little.');
  return off === undefined || off === 'unsaid' ? undefined : { type: off };
}

function withBudget(budget: number | undefined): JsonObject | undefined {
  return budget === undefined ? undefined : { type: 'enabled', budget_tokens: budget };
}

function isForced(choice: ToolChoice | undefined): boolean {
  return choice?.type === 'any' || choice?.type === 'tool' || (choice?.type === 'allowed' && choice.mode === 'any');
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

function renderSampling(turn: TurnRequest, body: JsonObject, rules: ClaudeRules, lost: Losses): void {
  const { temperature, topP, topK, stop } = lost.own ? turn : crossedSampling(turn, { thinks: isOn(body.thinking), rules }, lost);
  if (temperature !== undefined) body.temperature = temperature;
  if (topP !== undefined) body.top_p = topP;
  if (topK !== undefined) body.top_k = topK;
  if (stop !== undefined && stop.length > 0) body.stop_sequences = stop;
}

type Sampling = Pick<TurnRequest, 'temperature' | 'topP' | 'topK' | 'stop'>;

function isOn(thinking: JsonValue | undefined): boolean {
  return isObject(thinking) && thinking.type !== 'disabled';
}

function crossedSampling(
  { temperature, topP, topK, stop }: TurnRequest,
  { thinks, rules }: { thinks: boolean; rules: ClaudeRules },
  lost: Losses,
): Sampling {
  const crossed: Sampling = {};
  if (stop !== undefined) crossed.stop = stop.filter((text) => text.trim() !== '');
  if (stop !== undefined && stop.length !== crossed.stop?.length)
    lost.add(lost.paths.stop, 'The Messages format can not stop at blank text.');
  if (thinks || !rules.samples) {
    const why = rules.samples ? 'A model that thinks takes no such setting in the Messages format.' : 'This model takes no such setting.';
    // 1 is what such a model samples with anyway.
    const moved = { temperature: temperature === 1 ? undefined : temperature, top_p: topP === 1 ? undefined : topP, top_k: topK };
    for (const [path, value] of Object.entries(moved)) {
      if (value !== undefined) lost.add(path, why);
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

function renderOutput(turn: TurnRequest, body: JsonObject, rules: ClaudeRules, lost: Losses): void {
  const given = lost.own ? asObject(turn.extra.output_config) : undefined;
  const config: JsonObject = { ...given };
  const effort = lost.own ? turn.reasoning?.effort : crossedEffort(turn, rules, lost);
  if (effort !== undefined) config.effort = effort;
  const shape = turn.output;
  if (shape?.type === 'json_schema') {
    const schema = lost.own ? shape.schema : crossedSchema(shape.schema, rules, lost);
    if (schema !== undefined) config.format = { ...asObject(given?.format), type: 'json_schema', schema };
    if (shape.description !== undefined)
      lost.add(`${lost.paths.format}.description`, 'The Messages format has no description of an answer.');
  } else if (shape?.type === 'json') {
    lost.add(lost.paths.format, 'The Messages format knows JSON answers by a schema alone.');
  }
  if (!isEmpty(config)) body.output_config = config;
  if (turn.verbosity !== undefined) lost.add(lost.paths.verbosity, 'The Messages format has no verbosity.');
}

function crossedSchema(wanted: JsonObject, rules: ClaudeRules, lost: Losses): JsonObject | undefined {
  if (!rules.takesFormat) {
    lost.add(lost.paths.format, 'This model can not be held to a schema.');
    return undefined;
  }
  const { schema, isWhole } = answerSchema(wanted);
  if (!isWhole)
    lost.add(lost.paths.format, 'The Messages format can not hold an answer to all of this schema; the rest stands in its descriptions.');
  return schema;
}

function crossedEffort({ reasoning }: TurnRequest, { efforts, off, offEffort }: ClaudeRules, lost: Losses): string | undefined {
  const isOff = reasoning?.enabled === false || reasoning?.effort === 'none';
  if (isOff && off === undefined) return efforts[0];
  const wanted = reasoning?.effort;
  // Where a model takes none, its thinking says it as far as it can be said.
  if (wanted === undefined || wanted === 'none' || efforts.length === 0) return undefined;
  const most = isOff && offEffort !== undefined ? efforts.slice(0, efforts.indexOf(offEffort) + 1) : efforts;
  const effort = nearestEffort(wanted, most);
  if (effort === undefined) lost.add(lost.paths.effort, `The Messages format knows no effort \`${wanted}\`.`);
  else if (effort !== wanted && wanted !== 'minimal')
    lost.add(lost.paths.effort, `This model takes no such effort; it is \`${effort}\` instead.`);
  return effort;
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

/** Whether this is a further request of a conversation: what it repeats costs a tenth where it was kept, and keeping it a quarter more. */
function goesOn(conversation: readonly JsonObject[]): boolean {
  return conversation.some(({ role }) => role === 'assistant');
}

/**
 * Other formats cache prompts unasked, or under a key, this one up to marked places: after what never changes, and after what
 * was said so far. Where the client set marks of its own, these are left to work.
 */
function markCache(system: readonly JsonObject[], conversation: readonly JsonObject[]): void {
  const blocks = conversation.flatMap((message) => asArray(message.content) ?? []);
  if ([...system, ...blocks].some((block) => isObject(block) && block.cache_control !== undefined)) return;
  const last = blocks.at(-1);
  const lastSystem = system.at(-1);
  if (lastSystem !== undefined) lastSystem.cache_control = EPHEMERAL;
  if (isObject(last) && last.type !== 'thinking' && last.type !== 'redacted_thinking') last.cache_control = EPHEMERAL;
}
