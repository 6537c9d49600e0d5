import { RequestError } from '../codec.ts';
import { mediaTypeOf, readDataUrl } from '../data-url.ts';
import {
  isEmpty,
  optionalArray,
  optionalBoolean,
  optionalNumber,
  optionalObject,
  optionalString,
  requiredModel,
  requiredObject,
  requiredString,
} from '../fields.ts';
import { asArray, asBoolean, asObject, asString, isObject } from '../json.ts';
import { MARKS } from '../marks.ts';
import {
  REASONING_FIELDS,
  type JsonObject,
  type JsonValue,
  type MediaSource,
  type MessageItem,
  type OutputShape,
  type Part,
  type ReasoningItem,
  type ToolCallItem,
  type ToolChoice,
  type ToolDefinition,
  type ToolResultItem,
  type TurnItem,
  type TurnRequest,
} from '../turn.ts';

const KNOWN_FIELDS = new Set([
  'model',
  'messages',
  'stream',
  'tools',
  'functions',
  'tool_choice',
  'function_call',
  'parallel_tool_calls',
  'max_completion_tokens',
  'max_tokens',
  'temperature',
  'top_p',
  'top_k',
  'stop',
  'reasoning_effort',
  'response_format',
  'verbosity',
  'prompt_cache_key',
  'user',
  'service_tier',
]);

/** Reads a request body. Throws RequestError where a field can't be meant as it stands. */
export function parseRequest(body: JsonValue): TurnRequest {
  if (!isObject(body)) throw new RequestError('', 'The request body must be a JSON object.');
  const turn: TurnRequest = {
    from: 'chat',
    model: requiredModel(body.model),
    stream: optionalBoolean(body.stream, 'stream') ?? false,
    items: parseMessages(body.messages),
    tools: [...parseTools(body.tools), ...parseFunctions(body.functions)],
    extra: without(body, KNOWN_FIELDS),
  };
  readLimits(body, turn);
  readTools(body, turn);
  readShape(body, turn);
  const cacheKey = optionalString(body.prompt_cache_key, 'prompt_cache_key');
  if (cacheKey !== undefined) turn.cacheKey = cacheKey;
  const user = optionalString(body.user, 'user');
  if (user !== undefined) turn.user = user;
  const serviceTier = optionalString(body.service_tier, 'service_tier');
  if (serviceTier !== undefined) turn.serviceTier = serviceTier;
  return turn;
}

function readLimits(body: JsonObject, turn: TurnRequest): void {
  const maxOutputTokens =
    optionalNumber(body.max_completion_tokens, 'max_completion_tokens') ?? optionalNumber(body.max_tokens, 'max_tokens');
  if (maxOutputTokens !== undefined) turn.maxOutputTokens = maxOutputTokens;
  const temperature = optionalNumber(body.temperature, 'temperature');
  if (temperature !== undefined) turn.temperature = temperature;
  const topP = optionalNumber(body.top_p, 'top_p');
  if (topP !== undefined) turn.topP = topP;
  const topK = optionalNumber(body.top_k, 'top_k');
  if (topK !== undefined) turn.topK = topK;
  const stop = parseStop(body.stop);
  if (stop.length > 0) turn.stop = stop;
}

function readTools(body: JsonObject, turn: TurnRequest): void {
  const choice = parseToolChoice(body.tool_choice) ?? parseFunctionChoice(body.function_call);
  if (choice !== undefined) turn.toolChoice = choice;
  const parallel = optionalBoolean(body.parallel_tool_calls, 'parallel_tool_calls');
  if (parallel !== undefined) turn.parallelToolCalls = parallel;
}

function readShape(body: JsonObject, turn: TurnRequest): void {
  const effort = optionalString(body.reasoning_effort, 'reasoning_effort');
  if (effort !== undefined) turn.reasoning = effort === 'none' ? { effort, enabled: false } : { effort };
  const verbosity = optionalString(body.verbosity, 'verbosity');
  if (verbosity !== undefined) turn.verbosity = verbosity;
  const format = optionalObject(body.response_format, 'response_format');
  if (format === undefined) return;
  const output = parseOutput(format);
  if (output === undefined) turn.extra.response_format = format;
  else turn.output = output;
}

/** The fields that have no word in the hub. A null says nothing and is left out. */
function without(value: JsonObject, known: ReadonlySet<string>): JsonObject {
  const rest = Object.entries(value).filter(([key, field]) => !known.has(key) && !UNSAFE.has(key) && field !== null && field !== undefined);
  return Object.fromEntries(rest);
}

/** Copied from object to object, this name would set a prototype instead of a field. No format has such a field. */
const UNSAFE = new Set(['__proto__']);

function parseStop(value: JsonValue | undefined): string[] {
  if (typeof value === 'string') return [value];
  return (optionalArray(value, 'stop') ?? []).map((each, i) => requiredString(each, `stop[${i}]`));
}

function parseOutput(format: JsonObject): OutputShape | undefined {
  if (format.type === 'text') return { type: 'text' };
  if (format.type === 'json_object') return { type: 'json' };
  if (format.type !== 'json_schema') return undefined;
  const path = 'response_format.json_schema';
  const described = requiredObject(format.json_schema, path);
  const output: OutputShape = { type: 'json_schema', schema: optionalObject(described.schema, `${path}.schema`) ?? {} };
  const name = asString(described.name);
  if (name !== undefined) output.name = name;
  const description = asString(described.description);
  if (description !== undefined) output.description = description;
  const strict = asBoolean(described.strict);
  if (strict !== undefined) output.strict = strict;
  return output;
}

// Tools ---------------------------------------------------------------------------------------------

const KNOWN_FUNCTION_TOOL_FIELDS = new Set(['type', 'function', 'cache_control']);
const KNOWN_CUSTOM_TOOL_FIELDS = new Set(['type', 'custom']);
const KNOWN_FUNCTION_FIELDS = new Set(['name', 'description', 'parameters', 'strict']);
const KNOWN_CUSTOM_FIELDS = new Set(['name', 'description', 'format']);

function parseTools(value: JsonValue | undefined): ToolDefinition[] {
  return (optionalArray(value, 'tools') ?? []).map((each, i) => parseTool(requiredObject(each, `tools[${i}]`), `tools[${i}]`));
}

function parseTool(tool: JsonObject, path: string): ToolDefinition {
  const type = asString(tool.type) ?? 'function';
  if (type === 'custom') return parseCustomTool(tool, path);
  if (type !== 'function') return { type: 'hosted', from: 'chat', name: type, value: tool };
  if (!isObject(tool.function)) {
    throw new RequestError(
      `${path}.function`,
      `${path}.function must be an object that holds the name and the parameters of the function.`,
    );
  }
  return parseFunctionTool(tool.function, `${path}.function`, tool);
}

function parseFunctionTool(described: JsonObject, path: string, wrapper: JsonObject): ToolDefinition {
  const tool: Extract<ToolDefinition, { type: 'function' }> = {
    type: 'function',
    name: requiredString(described.name, `${path}.name`, ' that names the function'),
  };
  const description = asString(described.description);
  if (description !== undefined) tool.description = description;
  const parameters = optionalObject(described.parameters, `${path}.parameters`);
  if (parameters !== undefined) tool.parameters = parameters;
  const strict = asBoolean(described.strict);
  if (strict !== undefined) tool.strict = strict;
  if (isObject(wrapper.cache_control)) tool.cacheControl = wrapper.cache_control;
  const extra = nestedExtra(without(wrapper, KNOWN_FUNCTION_TOOL_FIELDS), 'function', without(described, KNOWN_FUNCTION_FIELDS));
  if (extra !== undefined) tool.extra = extra;
  return tool;
}

function parseCustomTool(wrapper: JsonObject, path: string): ToolDefinition {
  const described = requiredObject(wrapper.custom, `${path}.custom`);
  const tool: Extract<ToolDefinition, { type: 'custom' }> = {
    type: 'custom',
    name: requiredString(described.name, `${path}.custom.name`, ' that names the tool'),
  };
  const description = asString(described.description);
  if (description !== undefined) tool.description = description;
  if (isObject(described.format)) tool.format = flatFormat(described.format);
  const extra = nestedExtra(without(wrapper, KNOWN_CUSTOM_TOOL_FIELDS), 'custom', without(described, KNOWN_CUSTOM_FIELDS));
  if (extra !== undefined) tool.extra = extra;
  return tool;
}

/** What the hub has no word for, at both levels of a tool. */
function nestedExtra(outer: JsonObject, level: 'function' | 'custom', inner: JsonObject): JsonObject | undefined {
  const extra = isEmpty(inner) ? outer : { ...outer, [level]: inner };
  return isEmpty(extra) ? undefined : extra;
}

/** Chat nests a grammar under `grammar`; the hub keeps it flat, as Responses writes it. */
function flatFormat(format: JsonObject): JsonObject {
  if (!isObject(format.grammar)) return format;
  const { grammar, ...rest } = format;
  return { ...rest, ...grammar };
}

/** The older `functions`, which were tools before there were others. */
function parseFunctions(value: JsonValue | undefined): ToolDefinition[] {
  return (optionalArray(value, 'functions') ?? []).map((each, i) =>
    parseFunctionTool(requiredObject(each, `functions[${i}]`), `functions[${i}]`, {}),
  );
}

function parseToolChoice(value: JsonValue | undefined): ToolChoice | undefined {
  if (value === undefined || value === null) return undefined;
  if (value === 'auto' || value === 'none') return { type: value };
  if (value === 'required' || value === 'any') return { type: 'any' };
  if (!isObject(value))
    throw new RequestError('tool_choice', 'tool_choice must be "auto", "none", "required" or an object that names a tool.');
  if (value.type === 'function' || value.type === 'custom') {
    const path = `tool_choice.${value.type}`;
    const name = requiredString(requiredObject(value[value.type], path).name, `${path}.name`, ' that names a tool');
    return value.type === 'custom' ? { type: 'tool', name, custom: true } : { type: 'tool', name };
  }
  if (value.type === 'allowed_tools') return parseAllowedTools(requiredObject(value.allowed_tools, 'tool_choice.allowed_tools'));
  return { type: 'opaque', from: 'chat', value };
}

function parseAllowedTools(allowed: JsonObject): ToolChoice {
  const path = 'tool_choice.allowed_tools.tools';
  const tools = (optionalArray(allowed.tools, path) ?? []).map((each, i) => {
    const tool = requiredObject(each, `${path}[${i}]`);
    const described = asObject(tool.function) ?? asObject(tool.custom);
    return { name: requiredString(described?.name ?? tool.name, `${path}[${i}]`, ' that names a tool') };
  });
  return { type: 'allowed', mode: allowed.mode === 'required' ? 'any' : 'auto', tools };
}

/** The older `function_call`. */
function parseFunctionChoice(value: JsonValue | undefined): ToolChoice | undefined {
  if (value === undefined || value === null) return undefined;
  if (value === 'auto' || value === 'none') return { type: value };
  const name = isObject(value) ? asString(value.name) : undefined;
  if (name === undefined)
    throw new RequestError('function_call', 'function_call must be "auto", "none" or an object that names a function.');
  return { type: 'tool', name };
}

// Messages ------------------------------------------------------------------------------------------

/** What a later message must know of the earlier ones. */
type Calls = {
  kinds: Map<string, ToolCallItem['kind']>;
  /** Calls of the older kind that have no id and no result yet, by the function's name. */
  unnumbered: Map<string, string[]>;
};

function parseMessages(value: JsonValue | undefined): TurnItem[] {
  const messages = asArray(value);
  if (messages === undefined || messages.length === 0)
    throw new RequestError('messages', 'messages must be a list with at least one message.');
  const calls: Calls = { kinds: new Map(), unnumbered: new Map() };
  return messages.flatMap((each, i) => parseMessage(requiredObject(each, `messages[${i}]`), i, calls));
}

function parseMessage(message: JsonObject, i: number, calls: Calls): TurnItem[] {
  const path = `messages[${i}]`;
  switch (message.role) {
    case 'system':
    case 'developer':
    case 'user':
      return [parsePlainMessage(message, message.role, path)];
    case 'assistant':
      return parseAssistant(message, i, calls);
    case 'tool':
      return [parseToolMessage(message, path, calls)];
    case 'function':
      return [parseFunctionMessage(message, i, calls)];
    default:
      throw new RequestError(`${path}.role`, `${path}.role must be one of system, developer, user, assistant and tool.`);
  }
}

const KNOWN_MESSAGE_FIELDS = new Set(['role', 'content', 'name']);
const KNOWN_TOOL_MESSAGE_FIELDS = new Set(['role', 'content', 'tool_call_id']);
const KNOWN_ASSISTANT_FIELDS = new Set([
  ...KNOWN_MESSAGE_FIELDS,
  'refusal',
  'tool_calls',
  'function_call',
  ...REASONING_FIELDS,
  'reasoning_opaque',
]);

function parsePlainMessage(message: JsonObject, role: MessageItem['role'], path: string): MessageItem {
  return named({ type: 'message', role, content: parseContent(message.content, `${path}.content`) }, message, KNOWN_MESSAGE_FIELDS);
}

function named(item: MessageItem, message: JsonObject, known: ReadonlySet<string>): MessageItem {
  const name = asString(message.name);
  if (name !== undefined) item.name = name;
  const extra = without(message, known);
  if (!isEmpty(extra)) item.extra = extra;
  return item;
}

function parseAssistant(message: JsonObject, i: number, calls: Calls): TurnItem[] {
  const path = `messages[${i}]`;
  const content = parseContent(message.content, `${path}.content`);
  const refusal = asString(message.refusal);
  if (refusal !== undefined && refusal !== '') content.push({ type: 'refusal', text: refusal });
  const made = parseCalls(message, i, calls);
  const items: TurnItem[] = [];
  const reasoning = parseReasoning(message);
  if (reasoning !== undefined) items.push(reasoning);
  const said = named({ type: 'message', role: 'assistant', content }, message, KNOWN_ASSISTANT_FIELDS);
  // A message that only calls tools has nothing to say; any other stands, even where it is empty.
  if (content.length > 0 || made.length === 0 || said.name !== undefined || said.extra !== undefined) items.push(said);
  return [...items, ...made];
}

function parseReasoning(message: JsonObject): ReasoningItem | undefined {
  const field = REASONING_FIELDS.find((name) => typeof message[name] === 'string' && message[name] !== '');
  const text = field === undefined ? undefined : asString(message[field]);
  const opaque = asString(message.reasoning_opaque);
  if (text === undefined && (opaque === undefined || opaque === '')) return undefined;
  const item: ReasoningItem = { type: 'reasoning', summary: text === undefined ? [] : [text] };
  if (opaque !== undefined && opaque !== '') item.opaque = { family: 'chat', data: opaque };
  if (field !== undefined) item.extra = { [MARKS.field]: field };
  return item;
}

function parseCalls(message: JsonObject, i: number, calls: Calls): ToolCallItem[] {
  const path = `messages[${i}]`;
  const made = (optionalArray(message.tool_calls, `${path}.tool_calls`) ?? []).map((each, j) => {
    const at = `${path}.tool_calls[${j}]`;
    return parseCall(requiredObject(each, at), at);
  });
  if (isObject(message.function_call)) made.push(parseFunctionCall(message.function_call, i, calls));
  for (const call of made) calls.kinds.set(call.callId, call.kind);
  return made;
}

const KNOWN_CALL_FIELDS = new Set(['id', 'type', 'function', 'custom', 'index']);

function parseCall(call: JsonObject, path: string): ToolCallItem {
  const callId = requiredString(call.id, `${path}.id`, ', the id the tool message refers to');
  const kind = call.type === 'custom' ? 'custom' : 'function';
  const described = requiredObject(call[kind], `${path}.${kind}`);
  const item: ToolCallItem = {
    type: 'tool_call',
    callId,
    name: requiredString(described.name, `${path}.${kind}.name`, ' that names the tool'),
    kind,
    input: inputText(kind === 'custom' ? described.input : described.arguments),
  };
  const extra = without(call, KNOWN_CALL_FIELDS);
  if (!isEmpty(extra)) item.extra = extra;
  return item;
}

/** Arguments are JSON text; an object is what some clients make of it. */
function inputText(value: JsonValue | undefined): string {
  if (typeof value === 'string') return value;
  return value === undefined || value === null ? '' : JSON.stringify(value);
}

/** A call of the older kind has no id: its place gives it one, the same each time the history is sent. */
function parseFunctionCall(call: JsonObject, i: number, calls: Calls): ToolCallItem {
  const name = requiredString(call.name, `messages[${i}].function_call.name`, ' that names the function');
  const callId = `call_${i}`;
  calls.unnumbered.set(name, [...(calls.unnumbered.get(name) ?? []), callId]);
  return { type: 'tool_call', callId, name, kind: 'function', input: inputText(call.arguments) };
}

function parseToolMessage(message: JsonObject, path: string, calls: Calls): ToolResultItem {
  const callId = requiredString(message.tool_call_id, `${path}.tool_call_id`, ', the id of the call this is the result of');
  const item: ToolResultItem = {
    type: 'tool_result',
    callId,
    kind: calls.kinds.get(callId) ?? 'function',
    content: parseContent(message.content, `${path}.content`),
  };
  const extra = without(message, KNOWN_TOOL_MESSAGE_FIELDS);
  if (!isEmpty(extra)) item.extra = extra;
  return item;
}

function parseFunctionMessage(message: JsonObject, i: number, calls: Calls): ToolResultItem {
  const name = requiredString(message.name, `messages[${i}].name`, ', the name of the function this is the result of');
  const callId = calls.unnumbered.get(name)?.shift() ?? `call_${i}`;
  return { type: 'tool_result', callId, kind: 'function', content: parseContent(message.content, `messages[${i}].content`) };
}

function parseContent(value: JsonValue | undefined, path: string): Part[] {
  if (typeof value === 'string') return value === '' ? [] : [{ type: 'text', text: value }];
  if (value === undefined || value === null) return [];
  const parts = asArray(value);
  if (parts === undefined) throw new RequestError(path, `${path} must be a string or a list of content parts.`);
  return parts.map((part, i) => parsePart(requiredObject(part, `${path}[${i}]`), `${path}[${i}]`));
}

function parsePart(part: JsonObject, path: string): Part {
  switch (part.type) {
    case 'text':
      return hinted({ type: 'text', text: requiredString(part.text, `${path}.text`) }, part, 'text');
    case 'image_url':
      return parseImage(part, path);
    case 'file':
      return parseFile(part, path);
    case 'refusal':
      return { type: 'refusal', text: requiredString(part.refusal, `${path}.refusal`) };
    default:
      return {
        type: 'opaque',
        from: 'chat',
        name: requiredString(part.type, `${path}.type`, ' such as "text" or "image_url"'),
        value: part,
      };
  }
}

type Hinted = Extract<Part, { type: 'text' | 'image' | 'document' }>;

/** Takes over the cache mark and the unknown fields of a part. */
function hinted<P extends Hinted>(parsed: P, part: JsonObject, field: string): P {
  if (isObject(part.cache_control)) parsed.cacheControl = part.cache_control;
  const extra = without(part, new Set(['type', 'cache_control', field]));
  if (!isEmpty(extra)) parsed.extra = extra;
  return parsed;
}

function parseImage(part: JsonObject, path: string): Part {
  const image = typeof part.image_url === 'string' ? { url: part.image_url } : requiredObject(part.image_url, `${path}.image_url`);
  const url = requiredString(image.url, `${path}.image_url.url`, ' with the address or the data: URL of the image');
  const parsed: Extract<Part, { type: 'image' }> = { type: 'image', source: readDataUrl(url) ?? { kind: 'url', url } };
  const detail = asString(image.detail);
  if (detail !== undefined) parsed.detail = detail;
  return hinted(parsed, part, 'image_url');
}

function parseFile(part: JsonObject, path: string): Part {
  const file = requiredObject(part.file, `${path}.file`);
  const id = asString(file.file_id);
  const data = asString(file.file_data);
  if (id === undefined && data === undefined) throw new RequestError(`${path}.file`, `${path}.file must have a file_id or file_data.`);
  const name = asString(file.filename);
  const parsed: Extract<Part, { type: 'document' }> = {
    type: 'document',
    source: id === undefined ? fileSource(data ?? '', name) : { kind: 'file', id },
  };
  if (name !== undefined) parsed.name = name;
  return hinted(parsed, part, 'file');
}

/** `file_data` is a data: URL, or bare base64, of which the name tells what it is. */
function fileSource(data: string, name: string | undefined): MediaSource {
  return readDataUrl(data) ?? { kind: 'base64', mediaType: mediaTypeOf(name), data };
}
