import { asObject, asString, isObject } from '../wire/json.ts';
import type { JsonObject, JsonValue, Loss, TurnError } from '../wire/turn.ts';
import type { Lane } from './lane.ts';

export type Rewritten = { body: JsonObject; lost: Loss[]; stream: boolean } | { error: TurnError };

const PREFIX = 'codex/';

/** The model as OpenAI knows it. */
export function plainModel(model: string): string {
  return model.startsWith(PREFIX) ? model.slice(PREFIX.length) : model;
}

/** What points at state the provider does not hold for us: leaving it out would change what was asked. */
const STATEFUL = ['previous_response_id', 'conversation', 'prompt'];
/** What a plan refuses, or is only uneven about (SPEC 3.1.5). */
const REFUSED = [
  'background',
  'max_output_tokens',
  'max_tool_calls',
  'metadata',
  'moderation',
  'multi_agent',
  'prompt_cache_retention',
  'prompt_cache_options',
  'prompt_cache_breakpoint',
  'safety_identifier',
  'temperature',
  'top_logprobs',
  'top_p',
  'truncation',
  'user',
];
/** Tools that run at the client: everything else is hosted, and of those a plan has web search alone. */
const OWN_TOOLS = new Set(['function', 'custom']);
const HOSTED_TOOLS: Record<Exclude<Lane, 'platform'>, ReadonlySet<string>> = {
  plan: new Set(['namespace', 'web_search', 'web_search_preview']),
  // Where Codex itself finds its tools (SPEC 4.2).
  backend: new Set(['namespace', 'web_search', 'web_search_preview', 'tool_search']),
};

const PLAN = 'a ChatGPT plan does not accept it';

/**
 * A Responses request as a ChatGPT plan takes it (SPEC 3.1.5, 3.3): rewritten where that keeps its meaning, and what
 * is left out is told. Only what would silently lose the conversation is refused. Pure.
 */
export function planRequest(request: JsonObject, lane: Exclude<Lane, 'platform'>): Rewritten {
  const stateful = STATEFUL.find((name) => request[name] !== undefined && request[name] !== null);
  if (stateful !== undefined) {
    const message = `${stateful} needs a provider that stores replies, and a ChatGPT plan stores none. Send the whole history in input.`;
    return { error: { kind: 'invalid_request', param: stateful, message } };
  }
  const lost: Loss[] = [];
  const body: JsonObject = { ...request, store: false, stream: true };
  const model = asString(request.model);
  if (model !== undefined) body.model = plainModel(model);
  for (const name of STATEFUL) delete body[name];
  for (const name of REFUSED) {
    if (body[name] !== undefined && body[name] !== null) lost.push({ path: name, why: PLAN });
    delete body[name];
  }
  if (body.service_tier === 'flex') {
    lost.push({ path: 'service_tier', why: PLAN });
    delete body.service_tier;
  }
  body.input = inputItems(request.input);
  const tools = planTools(request.tools, HOSTED_TOOLS[lane], lost);
  if (lane === 'plan') moveOwnTools(body, tools);
  else if (tools.length > 0) body.tools = tools;
  else delete body.tools;
  dropDanglingChoice(body, tools, lost);
  return { body, lost, stream: request.stream === true };
}

/** Text alone becomes one message; a system message is a developer's in everything but name. */
function inputItems(input: JsonValue | undefined): JsonValue[] {
  if (typeof input === 'string') return [{ type: 'message', role: 'user', content: [{ type: 'input_text', text: input }] }];
  if (!Array.isArray(input)) return [];
  return input.map((item) => (isObject(item) && item.role === 'system' ? { ...item, role: 'developer' } : item));
}

function planTools(tools: JsonValue | undefined, hosted: ReadonlySet<string>, lost: Loss[]): JsonObject[] {
  if (!Array.isArray(tools)) return [];
  return tools.flatMap((tool, index) => {
    const known = asObject(tool);
    const type = asString(known?.type) ?? '';
    if (known !== undefined && OWN_TOOLS.has(type)) return [type === 'function' ? explicit(known) : known];
    if (known !== undefined && hosted.has(type)) return [known];
    lost.push({ path: `tools[${index}]`, why: `the hosted tool "${type}" is not part of a ChatGPT plan` });
    return [];
  });
}

/** A plan wants both fields said, be it as null. */
function explicit(tool: JsonObject): JsonObject {
  return { ...tool, parameters: tool.parameters ?? null, strict: tool.strict ?? null };
}

/** Tools of the client's own go into the history, where the plan promises to take them; at top level it does not. */
function moveOwnTools(body: JsonObject, tools: readonly JsonObject[]): void {
  const own = tools.filter((tool) => OWN_TOOLS.has(asString(tool.type) ?? ''));
  const hosted = tools.filter((tool) => !own.includes(tool));
  if (hosted.length > 0) body.tools = hosted;
  else delete body.tools;
  if (own.length === 0) return;
  const input = Array.isArray(body.input) ? body.input : [];
  body.input = [{ type: 'additional_tools', role: 'developer', tools: own }, ...input];
}

function dropDanglingChoice(body: JsonObject, tools: readonly JsonObject[], lost: Loss[]): void {
  const choice = asObject(body.tool_choice);
  if (choice === undefined) return;
  const name = asString(choice.name);
  const kept = tools.some((tool) => tool.type === choice.type && (name === undefined || tool.name === name));
  const inNamespace = choice.namespace !== undefined || choice.type === 'allowed_tools';
  if (kept || inNamespace) return;
  lost.push({ path: 'tool_choice', why: 'the tool it names is not part of a ChatGPT plan' });
  delete body.tool_choice;
}
