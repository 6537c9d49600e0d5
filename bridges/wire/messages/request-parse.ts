import { RequestError } from '../codec.ts';
import {
  isEmpty,
  optionalArray,
  optionalBoolean,
  optionalNumber,
  optionalObject,
  optionalString,
  requiredArray,
  requiredModel,
  requiredObject,
  requiredString,
} from '../fields.ts';
import { asArray, asName, asObject, asString, isObject } from '../json.ts';
import { MARKS } from '../marks.ts';
import type {
  JsonObject,
  JsonValue,
  MediaSource,
  MessageItem,
  Part,
  ReasoningItem,
  ReasoningRequest,
  ToolChoice,
  ToolDefinition,
  TurnItem,
  TurnRequest,
} from '../turn.ts';
import { summaryOf, thinkingType, toAnnotation } from './blocks.ts';

const BILLING_HEADER = 'x-anthropic-billing-header:';

/** Parses a Messages request. Unknown fields are kept in `extra`; what can't be meant throws RequestError. */
export function parseRequest(body: JsonValue): TurnRequest {
  if (!isObject(body)) throw new RequestError('', 'The request body must be a JSON object.');
  const {
    model,
    messages,
    system,
    stream,
    tools,
    tool_choice,
    max_tokens,
    temperature,
    top_p,
    top_k,
    stop_sequences,
    thinking,
    output_config,
    output_format,
    metadata,
    service_tier,
    ...extra
  } = body;
  const items = parseSystem(system);
  parseMessages(messages, items);
  const turn: TurnRequest = {
    from: 'messages',
    model: requiredModel(model),
    stream: optionalBoolean(stream, 'stream') ?? false,
    items,
    tools: parseTools(tools, items),
    extra,
  };
  const maxOutputTokens = optionalNumber(max_tokens, 'max_tokens');
  const heat = optionalNumber(temperature, 'temperature');
  const topP = optionalNumber(top_p, 'top_p');
  const topK = optionalNumber(top_k, 'top_k');
  const stop = optionalArray(stop_sequences, 'stop_sequences');
  const serviceTier = optionalString(service_tier, 'service_tier');
  if (maxOutputTokens !== undefined) turn.maxOutputTokens = maxOutputTokens;
  if (heat !== undefined) turn.temperature = heat;
  if (topP !== undefined) turn.topP = topP;
  if (topK !== undefined) turn.topK = topK;
  if (stop !== undefined) turn.stop = stop.map((text, i) => requiredString(text, `stop_sequences[${i}]`));
  if (serviceTier !== undefined) turn.serviceTier = serviceTier;
  readToolChoice(turn, optionalObject(tool_choice, 'tool_choice'));
  readReasoning(turn, optionalObject(thinking, 'thinking'), outputConfig(output_config, output_format));
  readMetadata(turn, optionalObject(metadata, 'metadata'));
  return turn;
}

// ---------------------------------------------------------------------------------------------- history

function parseSystem(value: JsonValue | undefined): TurnItem[] {
  if (value === undefined || value === null) return [];
  const content = parseParts(value, 'system');
  return content.length === 0 ? [] : [{ type: 'message', role: 'system', content }];
}

function parseMessages(value: JsonValue | undefined, items: TurnItem[]): void {
  let leading = true;
  for (const [i, message] of requiredArray(value, 'messages').entries()) {
    const path = `messages[${i}]`;
    const parsed = parseMessage(requiredObject(message, path), path);
    const [first] = parsed;
    if (leading && first?.type === 'message' && first.role === 'system') first.extra = { ...first.extra, [MARKS.inline]: true };
    else leading = false;
    for (const item of parsed) items.push(item);
  }
}

function parseMessage(message: JsonObject, path: string): TurnItem[] {
  const { role, content, ...extra } = message;
  if (role !== 'user' && role !== 'assistant' && role !== 'system') {
    throw new RequestError(`${path}.role`, `\`${path}.role\` must be "user", "assistant" or "system".`);
  }
  const items: TurnItem[] = role === 'system' ? [] : parseBlocks(role, content, `${path}.content`);
  if (items.length === 0) items.push({ type: 'message', role, content: parseParts(content, `${path}.content`) });
  const [first] = items;
  if (first !== undefined && !isEmpty(extra)) {
    if (first.type === 'message') first.extra = extra;
    else if (first.type !== 'opaque') first.extra = { ...first.extra, [MARKS.message]: extra };
  }
  return items;
}

/** The items of one message: runs of text and media are one item, everything else is its own. */
function parseBlocks(role: 'user' | 'assistant', value: JsonValue | undefined, path: string): TurnItem[] {
  if (typeof value === 'string') return [{ type: 'message', role, content: [plainText(value)] }];
  const items: TurnItem[] = [];
  let message: MessageItem | undefined;
  for (const [block, blockPath] of contentBlocks(value, path)) {
    const item = parseItem(role, block, blockPath);
    if (item !== undefined) {
      items.push(item);
      message = undefined;
      continue;
    }
    if (message === undefined) {
      message = { type: 'message', role, content: [] };
      items.push(message);
    }
    message.content.push(parsePart(block, blockPath));
  }
  return items;
}

function parseItem(role: 'user' | 'assistant', block: JsonObject, path: string): TurnItem | undefined {
  const type = requiredString(block.type, `${path}.type`);
  switch (type) {
    case 'tool_use':
      return parseCall(block, path);
    case 'tool_result':
      return parseResult(block, path);
    case 'thinking':
    case 'redacted_thinking':
      return parseReasoning(block, path);
    case 'text':
    case 'image':
    case 'document':
    case 'tool_reference':
      return undefined;
    case 'compaction':
      return { type: 'message', role, content: [opaquePart(type, block, asString(block.content))] };
    default:
      // What an assistant did by itself (a hosted search and its results) stands alone; in a user's words it is a part.
      return role === 'assistant' ? { type: 'opaque', from: 'messages', role, name: type, value: block } : undefined;
  }
}

function parseCall(block: JsonObject, path: string): TurnItem {
  const { type: _type, id, name, input, cache_control, ...extra } = block;
  const call: TurnItem = {
    type: 'tool_call',
    callId: requiredString(id, `${path}.id`),
    name: requiredString(name, `${path}.name`),
    kind: 'function',
    input: JSON.stringify(input ?? {}),
  };
  return withHints(call, cache_control, extra, path);
}

function parseResult(block: JsonObject, path: string): TurnItem {
  const { type: _type, tool_use_id, content, is_error, cache_control, ...extra } = block;
  const result: TurnItem = {
    type: 'tool_result',
    callId: requiredString(tool_use_id, `${path}.tool_use_id`),
    kind: 'function',
    content: content === undefined || content === null ? [] : parseParts(content, `${path}.content`),
  };
  const isError = optionalBoolean(is_error, `${path}.is_error`);
  if (isError !== undefined) result.isError = isError;
  return withHints(result, cache_control, extra, path);
}

function parseReasoning(block: JsonObject, path: string): ReasoningItem {
  const { type, thinking, signature, data, ...extra } = block;
  const item: ReasoningItem = { type: 'reasoning', summary: [] };
  if (type === 'redacted_thinking') {
    item.opaque = { family: 'messages', data: requiredString(data, `${path}.data`), redacted: true };
  } else {
    const text = optionalString(thinking, `${path}.thinking`) ?? '';
    const signed = optionalString(signature, `${path}.signature`) ?? '';
    if (text !== '') item.summary.push(text);
    if (signed !== '') item.opaque = { family: 'messages', data: signed };
  }
  if (!isEmpty(extra)) item.extra = extra;
  return item;
}

// ---------------------------------------------------------------------------------------------- parts

/** The blocks of some content that is no plain string, each with its path. */
function contentBlocks(value: JsonValue | undefined, path: string): [JsonObject, string][] {
  const blocks = asArray(value);
  if (blocks === undefined) throw new RequestError(path, `\`${path}\` must be a string or an array of content blocks.`);
  return blocks.map((block, i) => [requiredObject(block, `${path}[${i}]`), `${path}[${i}]`]);
}

function parseParts(value: JsonValue | undefined, path: string): Part[] {
  if (typeof value === 'string') return [plainText(value)];
  return contentBlocks(value, path).map(([block, blockPath]) => parsePart(block, blockPath));
}

function parsePart(block: JsonObject, path: string): Part {
  const type = requiredString(block.type, `${path}.type`);
  switch (type) {
    case 'text':
      return parseText(block, path);
    case 'image': {
      const { type: _type, source, cache_control, ...extra } = block;
      const media = parseSource(requiredObject(source, `${path}.source`), `${path}.source`);
      return media === undefined ? opaquePart(type, block) : withHints<ImagePart>({ type, source: media }, cache_control, extra, path);
    }
    case 'document':
      return parseDocument(block, path);
    case 'tool_reference':
      return withHints<ToolReference>({ type, name: requiredString(block.tool_name, `${path}.tool_name`) }, block.cache_control, {}, path);
    case 'tool_addition': {
      const name = addedName(block);
      return name === undefined
        ? opaquePart(type, block)
        : withHints<ToolReference>({ type: 'tool_reference', name, value: block }, block.cache_control, {}, path);
    }
    case 'search_result':
      return opaquePart(type, block, wordsOf([block.title, block.source], block.content));
    default:
      return opaquePart(type, block);
  }
}

function parseText(block: JsonObject, path: string): Part {
  const { type: _type, text, citations, cache_control, ...extra } = block;
  const part: Part = { type: 'text', text: requiredString(text, `${path}.text`) };
  const cited = optionalArray(citations, `${path}.citations`);
  if (cited !== undefined) part.annotations = cited.map((citation) => toAnnotation(citation, part.text));
  if (isBilling(part.text)) extra[MARKS.billing] = true;
  return withHints(part, cache_control, extra, path);
}

/** Content that is a plain string is one block of text. */
function plainText(text: string): Part {
  return isBilling(text) ? { type: 'text', text, extra: { [MARKS.billing]: true } } : { type: 'text', text };
}

function isBilling(text: string): boolean {
  return text.startsWith(BILLING_HEADER);
}

function parseDocument(block: JsonObject, path: string): Part {
  const { type: _type, source, title, cache_control, ...extra } = block;
  const given = requiredObject(source, `${path}.source`);
  const media =
    given.type === 'text'
      ? { kind: 'text' as const, text: requiredString(given.data, `${path}.source.data`) }
      : parseSource(given, `${path}.source`);
  if (media === undefined) return opaquePart('document', block, wordsOf([title], given.content));
  const part: Part = { type: 'document', source: media };
  const name = optionalString(title, `${path}.title`);
  if (name !== undefined) part.name = name;
  return withHints(part, cache_control, extra, path);
}

function parseSource(source: JsonObject, path: string): MediaSource | undefined {
  switch (requiredString(source.type, `${path}.type`)) {
    case 'base64':
      return {
        kind: 'base64',
        mediaType: requiredString(source.media_type, `${path}.media_type`),
        data: requiredString(source.data, `${path}.data`),
      };
    case 'url':
      return { kind: 'url', url: requiredString(source.url, `${path}.url`) };
    case 'file':
      return { kind: 'file', id: requiredString(source.file_id, `${path}.file_id`) };
    default:
      return undefined;
  }
}

type ImagePart = Extract<Part, { type: 'image' }>;
type ToolReference = Extract<Part, { type: 'tool_reference' }>;

function opaquePart(name: string, value: JsonObject, text = ''): Part {
  return { type: 'opaque', from: 'messages', name, value, ...(text !== '' && { text }) };
}

/** The texts of some content, a string or a list of blocks, under their headings. */
function wordsOf(headings: (JsonValue | undefined)[], content: JsonValue | undefined): string {
  const blocks = typeof content === 'string' ? [content] : (asArray(content) ?? []).map((block) => asObject(block)?.text);
  return [...headings, ...blocks].flatMap((text) => asName(text) ?? []).join('\n\n');
}

function withHints<T extends { cacheControl?: JsonObject; extra?: JsonObject }>(
  value: T,
  cacheControl: JsonValue | undefined,
  extra: JsonObject,
  path: string,
): T {
  const mark = optionalObject(cacheControl, `${path}.cache_control`);
  if (mark !== undefined) value.cacheControl = mark;
  if (!isEmpty(extra)) value.extra = extra;
  return value;
}

// ---------------------------------------------------------------------------------------------- tools and settings

function parseTools(value: JsonValue | undefined, items: readonly TurnItem[]): ToolDefinition[] {
  const tools = (optionalArray(value, 'tools') ?? []).map((tool, i) => parseTool(requiredObject(tool, `tools[${i}]`), `tools[${i}]`));
  const known = new Set(tools.map(({ name }) => name));
  for (const item of items) {
    if (item.type !== 'message') continue;
    for (const part of item.content) {
      const added = part.type === 'tool_reference' && !known.has(part.name) ? definitionIn(part.value) : undefined;
      if (added === undefined) continue;
      const tool = parseTool(added, 'messages[].content[].tool.definition');
      known.add(tool.name);
      if (tool.type !== 'hosted') tools.push({ ...tool, found: true, extra: { ...tool.extra, [MARKS.searched]: true } });
    }
  }
  return tools;
}

/** The client's own tool that a `tool_addition` adds by its name or its definition; undefined for one that the provider runs. */
function addedName(addition: JsonObject): string | undefined {
  const tool = asObject(addition.tool);
  return asName(tool?.type === 'tool_reference' ? tool.name : definitionIn(addition)?.name);
}

function definitionIn(addition: JsonObject | undefined): JsonObject | undefined {
  const definition = asObject(asObject(addition?.tool)?.definition);
  return definition?.type === undefined || definition.type === 'custom' ? definition : undefined;
}

function parseTool(tool: JsonObject, path: string): ToolDefinition {
  const { type, name, description, input_schema, strict, defer_loading, cache_control, ...extra } = tool;
  const kind = optionalString(type, `${path}.type`) ?? 'custom';
  if (kind !== 'custom') return { type: 'hosted', from: 'messages', name: asString(name) ?? kind, value: tool };
  const definition: ToolDefinition = { type: 'function', name: requiredString(name, `${path}.name`) };
  const told = optionalString(description, `${path}.description`);
  const parameters = optionalObject(input_schema, `${path}.input_schema`);
  const isStrict = optionalBoolean(strict, `${path}.strict`);
  const deferred = optionalBoolean(defer_loading, `${path}.defer_loading`);
  if (told !== undefined) definition.description = told;
  if (parameters !== undefined) definition.parameters = parameters;
  if (isStrict !== undefined) definition.strict = isStrict;
  if (deferred !== undefined) definition.deferred = deferred;
  return withHints(definition, cache_control, extra, path);
}

function readToolChoice(turn: TurnRequest, value: JsonObject | undefined): void {
  if (value === undefined) return;
  const { type, name, disable_parallel_tool_use, ...rest } = value;
  const single = optionalBoolean(disable_parallel_tool_use, 'tool_choice.disable_parallel_tool_use');
  if (single !== undefined) turn.parallelToolCalls = !single;
  turn.toolChoice = parseToolChoice(requiredString(type, 'tool_choice.type'), name, value);
  if (turn.toolChoice.type !== 'opaque' && !isEmpty(rest)) turn.extra.tool_choice = rest;
}

function parseToolChoice(type: string, name: JsonValue | undefined, value: JsonObject): ToolChoice {
  switch (type) {
    case 'auto':
    case 'any':
    case 'none':
      return { type };
    case 'tool':
      return { type, name: requiredString(name, 'tool_choice.name') };
    default:
      return { type: 'opaque', from: 'messages', value };
  }
}

/** What is told of the output. The shape of the answer stood in a field of its own at first, which is still taken. */
function outputConfig(value: JsonValue | undefined, format: JsonValue | undefined): JsonObject | undefined {
  const config = optionalObject(value, 'output_config');
  const first = optionalObject(format, 'output_format');
  return first === undefined || config?.format !== undefined ? config : { ...config, format: first };
}

function readReasoning(turn: TurnRequest, thinking: JsonObject | undefined, config: JsonObject | undefined): void {
  if (thinking === undefined && config === undefined) return;
  const { type, budget_tokens, display, ...rest } = thinking ?? {};
  const { effort, format, ...settings } = config ?? {};
  const kind = optionalString(type, 'thinking.type');
  const budget = optionalNumber(budget_tokens, 'thinking.budget_tokens');
  const level = optionalString(effort, 'output_config.effort');
  const reasoning: ReasoningRequest = {};
  if (kind !== undefined) reasoning.enabled = kind !== 'disabled';
  if (budget !== undefined) reasoning.budgetTokens = budget;
  if (level !== undefined) reasoning.effort = level;
  const summary = summaryOf(display);
  if (summary !== undefined) reasoning.summary = summary;
  else if (display !== undefined) rest.display = display;
  if (kind !== thinkingType(reasoning) && kind !== undefined) rest.type = kind;
  if (!isEmpty(rest)) turn.extra.thinking = rest;
  if (Object.keys(reasoning).length > 0) turn.reasoning = reasoning;
  const shape = optionalObject(format, 'output_config.format');
  if (shape?.type === 'json_schema') {
    const { type: _type, schema, ...others } = shape;
    turn.output = { type: 'json_schema', schema: requiredObject(schema, 'output_config.format.schema') };
    if (!isEmpty(others)) settings.format = others;
  } else if (shape !== undefined) settings.format = shape;
  if (!isEmpty(settings)) turn.extra.output_config = settings;
}

function readMetadata(turn: TurnRequest, metadata: JsonObject | undefined): void {
  if (metadata === undefined) return;
  const { user_id, ...rest } = metadata;
  const user = optionalString(user_id, 'metadata.user_id');
  if (user !== undefined) turn.user = user;
  if (!isEmpty(rest)) turn.extra.metadata = rest;
}
