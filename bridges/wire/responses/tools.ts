import { RequestError } from '../codec.ts';
import { isEmpty, optionalArray, optionalBoolean, optionalObject, optionalString, requiredObject, requiredString } from '../fields.ts';
import { asArray, asObject, asString, isObject } from '../json.ts';
import type { Losses } from '../losses.ts';
import { MARKS } from '../marks.ts';
import { argumentSchema } from '../openai.ts';
import type { JsonObject, JsonValue, ToolChoice, ToolDefinition, TurnItem, TurnRequest } from '../turn.ts';

/** The input item that offers more tools in the middle of a conversation. */
export const ADDITIONAL_TOOLS = 'additional_tools';
/** The input item that holds the tools a tool search loaded: some that `tools` defers, or some that are told nowhere else. */
const TOOL_SEARCH_OUTPUT = 'tool_search_output';

type Namespace = { name: string; fields: JsonObject };

/**
 * All tools a request offers: its `tools`, those its `additional_tools` items add, and those a tool search loaded. A later
 * definition replaces an earlier one; what a search tells of a tool that is known already is that it was found.
 */
export function parseTools(tools: JsonValue | undefined, items: readonly TurnItem[]): ToolDefinition[] {
  const union = new Map<string, ToolDefinition>();
  for (const tool of parseToolList(tools, 'tools')) union.set(keyOf(tool), tool);
  for (const tool of toolsOf(ADDITIONAL_TOOLS, items)) union.set(keyOf(tool), tool);
  for (const tool of toolsOf(TOOL_SEARCH_OUTPUT, items)) {
    if (tool.type === 'hosted') continue;
    const known = union.get(keyOf(tool));
    if (known === undefined) union.set(keyOf(tool), { ...tool, found: true, extra: { ...tool.extra, [MARKS.searched]: true } });
    else if (known.type !== 'hosted') union.set(keyOf(tool), { ...known, found: true });
  }
  return [...union.values()];
}

/** Reads `tool_choice`. What only this format knows is kept as it is. */
export function parseToolChoice(value: JsonValue | undefined): ToolChoice | undefined {
  if (value === undefined || value === null) return undefined;
  if (value === 'auto' || value === 'none') return { type: value };
  if (value === 'required') return { type: 'any' };
  const choice = asObject(value);
  const type = asString(choice?.type);
  if (choice === undefined || type === undefined) {
    throw new RequestError('tool_choice', '`tool_choice` must be "auto", "none", "required" or an object with a `type`.');
  }
  if (type === 'function' || type === 'custom') return { type: 'tool', ...parseToolName(choice, 'tool_choice'), custom: type === 'custom' };
  if (type === 'allowed_tools') return parseAllowed(choice);
  return { type: 'opaque', from: 'responses', value: choice };
}

/** Renders the tools; those an item of the same request already offers are not offered twice. */
export function renderTools(turn: TurnRequest, lost: Losses): JsonObject[] {
  if (turn.tools.length === 0) return [];
  const alreadyOffered = new Set(lost.own ? toolsOf(ADDITIONAL_TOOLS, turn.items).map(keyOf) : []);
  const rendered: JsonObject[] = [];
  const namespaces = new Map<string, JsonObject[]>();
  for (const [i, tool] of turn.tools.entries()) {
    if (alreadyOffered.has(keyOf(tool))) continue;
    if (tool.type === 'hosted') {
      if (tool.from === 'responses') rendered.push(tool.value);
      else lost.add(`tools[${i}]`, `\`${tool.name}\` is a tool its own provider runs; it does not exist in the Responses format.`);
      continue;
    }
    if (lost.own && tool.extra?.[MARKS.searched] === true) continue;
    if (tool.namespace === undefined) {
      rendered.push(renderTool(tool, lost));
      continue;
    }
    let members = namespaces.get(tool.namespace);
    if (members === undefined) {
      members = [];
      namespaces.set(tool.namespace, members);
      rendered.push({
        type: 'namespace',
        name: tool.namespace,
        description: '',
        ...asObject(tool.extra?.[MARKS.namespace]),
        tools: members,
      });
    }
    members.push(renderTool(tool, lost));
  }
  return rendered;
}

/** Renders `tool_choice`; undefined where nothing was chosen or it can't be said. */
export function renderToolChoice(turn: TurnRequest, lost?: Losses): JsonValue | undefined {
  const choice = turn.toolChoice;
  switch (choice?.type) {
    case undefined:
      return undefined;
    case 'any':
      return 'required';
    case 'auto':
    case 'none':
      return choice.type;
    case 'tool':
      return renderToolName(turn, choice, choice.custom);
    case 'allowed':
      return (
        choice.given ?? {
          type: 'allowed_tools',
          mode: choice.mode === 'any' ? 'required' : 'auto',
          tools: choice.tools.map((tool) => renderToolName(turn, tool)),
        }
      );
    case 'opaque':
      if (choice.from === 'responses') return choice.value;
      lost?.add('tool_choice', 'This choice of tools can not be said in the Responses format.');
      return undefined;
  }
}

function parseToolList(value: JsonValue | undefined, path: string): ToolDefinition[] {
  return (optionalArray(value, path) ?? []).flatMap((tool, i) => parseTool(requiredObject(tool, `${path}[${i}]`), `${path}[${i}]`));
}

function parseTool(tool: JsonObject, path: string, namespace?: Namespace): ToolDefinition[] {
  const type = requiredString(tool.type, `${path}.type`);
  if (type === 'function') return [parseFunction(tool, path, namespace)];
  if (type === 'custom') return [parseCustom(tool, path, namespace)];
  if (namespace !== undefined) {
    const { name, fields } = namespace;
    return [{ type: 'hosted', from: 'responses', name: type, value: { type: 'namespace', name, ...fields, tools: [tool] } }];
  }
  if (type === 'namespace') return parseNamespace(tool, path);
  return [{ type: 'hosted', from: 'responses', name: type, value: tool }];
}

function parseNamespace(tool: JsonObject, path: string): ToolDefinition[] {
  const { type: _type, name, tools, ...fields } = tool;
  const namespace = { name: requiredString(name, `${path}.name`), fields };
  return (optionalArray(tools, `${path}.tools`) ?? []).flatMap((member, i) => {
    const memberPath = `${path}.tools[${i}]`;
    return parseTool(requiredObject(member, memberPath), memberPath, namespace);
  });
}

function parseFunction(tool: JsonObject, path: string, namespace?: Namespace): ToolDefinition {
  const { type: _type, name, description, parameters, strict, defer_loading, ...extra } = tool;
  // An explicit null differs from an absent field for some upstreams, so it is kept for the way back.
  if (parameters === null) extra.parameters = null;
  if (strict === null) extra.strict = null;
  const definition: ToolDefinition = { type: 'function', name: requiredString(name, `${path}.name`) };
  const schema = optionalObject(parameters, `${path}.parameters`);
  const isStrict = optionalBoolean(strict, `${path}.strict`);
  if (schema !== undefined) definition.parameters = schema;
  if (isStrict !== undefined) definition.strict = isStrict;
  describe(definition, path, description, defer_loading, extra, namespace);
  return definition;
}

function parseCustom(tool: JsonObject, path: string, namespace?: Namespace): ToolDefinition {
  const { type: _type, name, description, format, defer_loading, ...extra } = tool;
  const definition: ToolDefinition = { type: 'custom', name: requiredString(name, `${path}.name`) };
  const grammar = optionalObject(format, `${path}.format`);
  if (grammar !== undefined) definition.format = grammar;
  describe(definition, path, description, defer_loading, extra, namespace);
  return definition;
}

/** Fills in what functions and free-form tools have in common. */
function describe(
  definition: Exclude<ToolDefinition, { type: 'hosted' }>,
  path: string,
  description: JsonValue | undefined,
  deferLoading: JsonValue | undefined,
  extra: JsonObject,
  namespace: Namespace | undefined,
): void {
  const text = optionalString(description, `${path}.description`);
  const deferred = optionalBoolean(deferLoading, `${path}.defer_loading`);
  if (text !== undefined) definition.description = text;
  if (deferred !== undefined) definition.deferred = deferred;
  if (namespace !== undefined) {
    definition.namespace = namespace.name;
    extra[MARKS.namespace] = namespace.fields;
  }
  if (!isEmpty(extra)) definition.extra = extra;
}

function parseAllowed(choice: JsonObject): ToolChoice {
  const allowed = optionalArray(choice.tools, 'tool_choice.tools') ?? [];
  const tools = allowed.flatMap((tool, i) =>
    isObject(tool) && (tool.type === 'function' || tool.type === 'custom') ? [parseToolName(tool, `tool_choice.tools[${i}]`)] : [],
  );
  const isWhole = tools.length === allowed.length;
  return { type: 'allowed', mode: choice.mode === 'required' ? 'any' : 'auto', tools, ...(!isWhole && { given: choice }) };
}

function parseToolName(tool: JsonObject, path: string): { name: string; namespace?: string } {
  const name = requiredString(tool.name, `${path}.name`);
  const namespace = optionalString(tool.namespace, `${path}.namespace`);
  return namespace === undefined ? { name } : { name, namespace };
}

function renderToolName(turn: TurnRequest, tool: { name: string; namespace?: string }, custom = isCustom(turn, tool)): JsonObject {
  return { type: custom ? 'custom' : 'function', name: tool.name, ...(tool.namespace !== undefined && { namespace: tool.namespace }) };
}

function isCustom(turn: TurnRequest, wanted: { name: string; namespace?: string }): boolean {
  return turn.tools.some((tool) => tool.type === 'custom' && tool.name === wanted.name && tool.namespace === wanted.namespace);
}

function renderTool(tool: Exclude<ToolDefinition, { type: 'hosted' }>, lost: Losses): JsonObject {
  const extra = lost.extra('tools[]', tool.extra);
  const common: JsonObject = { type: tool.type, name: tool.name, description: tool.description, ...extra };
  if (lost.own && tool.deferred !== undefined) common.defer_loading = tool.deferred;
  if (tool.type === 'custom') return tool.format === undefined ? common : { ...common, format: tool.format };
  if (lost.own) {
    if (tool.parameters !== undefined) common.parameters = tool.parameters;
    if (tool.strict !== undefined) common.strict = tool.strict;
    return common;
  }
  // This format takes a function without `strict` for a strict one; the other formats do not.
  return { ...common, parameters: argumentSchema(tool.parameters), strict: tool.strict ?? false };
}

/** The tools in the input items of one kind. */
function toolsOf(kind: string, items: readonly TurnItem[]): ToolDefinition[] {
  return items.flatMap((item, i) => {
    if (item.type !== 'opaque' || item.from !== 'responses' || item.name !== kind) return [];
    return parseToolList(asArray(item.value.tools), `input[${i}].tools`);
  });
}

function keyOf(tool: ToolDefinition): string {
  if (tool.type === 'hosted') return `hosted ${JSON.stringify(tool.value)}`;
  return `${tool.namespace ?? ''} ${tool.name}`;
}
