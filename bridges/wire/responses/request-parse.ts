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
import { asArray, isObject } from '../json.ts';
import { MARKS } from '../marks.ts';
import type {
  JsonObject,
  JsonValue,
  MediaSource,
  MessageItem,
  OpaqueItem,
  OutputShape,
  Part,
  ReasoningItem,
  ReasoningRequest,
  ToolCallItem,
  ToolResultItem,
  TurnItem,
  TurnRequest,
} from '../turn.ts';
import { parseToolChoice, parseTools } from './tools.ts';

/** What a client asks for in `include` to be given reasoning it can hand back. */
export const ENCRYPTED_REASONING = 'reasoning.encrypted_content';

/** Parses a Responses request. Unknown fields are kept in `extra`; what can't be meant throws RequestError. */
export function parseRequest(body: JsonValue): TurnRequest {
  if (!isObject(body)) throw new RequestError('', 'The request body must be a JSON object.');
  const {
    model,
    input,
    instructions,
    stream,
    tools,
    tool_choice,
    parallel_tool_calls,
    max_output_tokens,
    temperature,
    top_p,
    reasoning,
    text,
    prompt_cache_key,
    user,
    service_tier,
    ...extra
  } = body;
  const items = [...parseInstructions(instructions), ...parseInput(input, extra)];
  const turn: TurnRequest = {
    from: 'responses',
    model: requiredModel(model),
    stream: optionalBoolean(stream, 'stream') ?? false,
    items,
    tools: parseTools(tools, items),
    extra,
  };
  const toolChoice = parseToolChoice(tool_choice);
  const parallel = optionalBoolean(parallel_tool_calls, 'parallel_tool_calls');
  const maxOutputTokens = optionalNumber(max_output_tokens, 'max_output_tokens');
  const heat = optionalNumber(temperature, 'temperature');
  const topP = optionalNumber(top_p, 'top_p');
  const cacheKey = optionalString(prompt_cache_key, 'prompt_cache_key');
  const who = optionalString(user, 'user');
  const serviceTier = optionalString(service_tier, 'service_tier');
  if (toolChoice !== undefined) turn.toolChoice = toolChoice;
  if (parallel !== undefined) turn.parallelToolCalls = parallel;
  if (maxOutputTokens !== undefined) turn.maxOutputTokens = maxOutputTokens;
  if (heat !== undefined) turn.temperature = heat;
  if (topP !== undefined) turn.topP = topP;
  if (cacheKey !== undefined) turn.cacheKey = cacheKey;
  if (who !== undefined) turn.user = who;
  if (serviceTier !== undefined) turn.serviceTier = serviceTier;
  readReasoning(turn, optionalObject(reasoning, 'reasoning'));
  readText(turn, optionalObject(text, 'text'));
  return turn;
}

function parseInstructions(value: JsonValue | undefined): TurnItem[] {
  const text = optionalString(value, 'instructions');
  if (text === undefined || text === '') return [];
  return [{ type: 'message', role: 'system', content: [{ type: 'text', text }], extra: { [MARKS.instructions]: true } }];
}

function parseInput(input: JsonValue | undefined, extra: JsonObject): TurnItem[] {
  if (typeof input === 'string') return [{ type: 'message', role: 'user', content: [{ type: 'text', text: input }] }];
  if (input === undefined || input === null) {
    if (extra.previous_response_id !== undefined || extra.conversation !== undefined || extra.prompt !== undefined) return [];
    throw new RequestError('input', '`input` is missing: give a string or an array of items.');
  }
  const items = asArray(input);
  if (items === undefined) throw new RequestError('input', '`input` must be a string or an array of items.');
  return items.map((item, i) => parseItem(requiredObject(item, `input[${i}]`), `input[${i}]`));
}

function parseItem(item: JsonObject, path: string): TurnItem {
  const type = optionalString(item.type, `${path}.type`) ?? impliedType(item, path);
  switch (type) {
    case 'message':
      return parseMessage(item, path);
    case 'function_call':
    case 'custom_tool_call':
      return parseCall(item, path, type === 'custom_tool_call' ? 'custom' : 'function');
    case 'function_call_output':
    case 'custom_tool_call_output':
      return parseResult(item, path, type === 'custom_tool_call_output' ? 'custom' : 'function');
    case 'reasoning':
      return parseReasoning(item, path);
    default:
      return opaqueItem(type, item);
  }
}

/** The API lets `type` be left out on messages and item references. */
function impliedType(item: JsonObject, path: string): string {
  if (item.role !== undefined) return 'message';
  if (typeof item.id === 'string') return 'item_reference';
  throw new RequestError(`${path}.type`, `\`${path}.type\` is missing: say what kind of item this is.`);
}

/** An item that only this format knows, with the side of the conversation it was said on. */
export function opaqueItem(type: string, value: JsonObject): OpaqueItem {
  const item: OpaqueItem = { type: 'opaque', from: 'responses', name: type, value };
  if (/_(call|request|list_tools)$/.test(type)) item.role = 'assistant';
  else if (/_(output|response)$/.test(type)) item.role = 'user';
  return item;
}

function parseMessage(value: JsonObject, path: string): MessageItem {
  const { type: _type, role, content, id, phase, ...extra } = value;
  if (role !== 'user' && role !== 'assistant' && role !== 'system' && role !== 'developer') {
    throw new RequestError(`${path}.role`, `\`${path}.role\` must be "user", "assistant", "system" or "developer".`);
  }
  const item: MessageItem = { type: 'message', role, content: parseContent(content, `${path}.content`) };
  const itemPhase = optionalString(phase, `${path}.phase`);
  if (itemPhase !== undefined) item.phase = itemPhase;
  return identify(item, id, path, extra);
}

function parseCall(value: JsonObject, path: string, kind: 'function' | 'custom'): ToolCallItem {
  const { type: _type, call_id, name, namespace, id, ...extra } = value;
  const inputField = kind === 'custom' ? 'input' : 'arguments';
  const item: ToolCallItem = {
    type: 'tool_call',
    callId: requiredString(call_id, `${path}.call_id`),
    name: requiredString(name, `${path}.name`),
    kind,
    input: requiredString(value[inputField], `${path}.${inputField}`),
  };
  const group = optionalString(namespace, `${path}.namespace`);
  if (group !== undefined) item.namespace = group;
  delete extra[inputField];
  return identify(item, id, path, extra);
}

function parseResult(value: JsonObject, path: string, kind: 'function' | 'custom'): ToolResultItem {
  const { type: _type, call_id, output, id, ...extra } = value;
  const item: ToolResultItem = {
    type: 'tool_result',
    callId: requiredString(call_id, `${path}.call_id`),
    kind,
    content: parseContent(output, `${path}.output`),
  };
  return identify(item, id, path, extra);
}

function parseReasoning(value: JsonObject, path: string): ReasoningItem {
  const { type: _type, summary, content, encrypted_content, id, ...extra } = value;
  const item: ReasoningItem = { type: 'reasoning', summary: parseTexts(summary, `${path}.summary`) ?? [] };
  const thoughts = parseTexts(content, `${path}.content`);
  const data = optionalString(encrypted_content, `${path}.encrypted_content`);
  if (thoughts !== undefined) item.content = thoughts;
  if (data !== undefined) item.opaque = { family: 'responses', data };
  return identify(item, id, path, extra);
}

function identify<T extends { id?: string; extra?: JsonObject }>(item: T, id: JsonValue | undefined, path: string, extra: JsonObject): T {
  const itemId = optionalString(id, `${path}.id`);
  if (itemId !== undefined) item.id = itemId;
  if (!isEmpty(extra)) item.extra = extra;
  return item;
}

function parseTexts(value: JsonValue | undefined, path: string): string[] | undefined {
  return optionalArray(value, path)?.map((part, i) => requiredString(requiredObject(part, `${path}[${i}]`).text, `${path}[${i}].text`));
}

function parseContent(value: JsonValue | undefined, path: string): Part[] {
  if (typeof value === 'string') return [{ type: 'text', text: value }];
  const parts = asArray(value);
  if (parts === undefined) throw new RequestError(path, `\`${path}\` must be a string or an array of parts.`);
  return parts.map((part, i) => parsePart(requiredObject(part, `${path}[${i}]`), `${path}[${i}]`));
}

function parsePart(part: JsonObject, path: string): Part {
  const type = requiredString(part.type, `${path}.type`);
  switch (type) {
    case 'input_text':
    case 'output_text':
    case 'text':
      return parseText(part, path);
    case 'input_image':
      return parseImage(part, path);
    case 'input_file':
      return parseFile(part, path);
    case 'refusal':
      return { type: 'refusal', text: requiredString(part.refusal, `${path}.refusal`) };
    default:
      return { type: 'opaque', from: 'responses', name: type, value: part };
  }
}

function parseText(value: JsonObject, path: string): Part {
  const { type: _type, text, annotations, ...extra } = value;
  const part: Part = { type: 'text', text: requiredString(text, `${path}.text`) };
  const notes = optionalArray(annotations, `${path}.annotations`);
  if (notes !== undefined) part.annotations = notes;
  if (!isEmpty(extra)) part.extra = extra;
  return part;
}

function parseImage(value: JsonObject, path: string): Part {
  const { type: _type, image_url, file_id, detail, ...extra } = value;
  const url = optionalString(image_url, `${path}.image_url`);
  const id = optionalString(file_id, `${path}.file_id`);
  const source = url === undefined ? fileSource(id) : urlSource(url);
  if (source === undefined) throw new RequestError(path, `\`${path}\` holds no image: give \`image_url\` or \`file_id\`.`);
  const part: Part = { type: 'image', source };
  const wanted = optionalString(detail, `${path}.detail`);
  if (wanted !== undefined) part.detail = wanted;
  if (!isEmpty(extra)) part.extra = extra;
  return part;
}

function parseFile(value: JsonObject, path: string): Part {
  const { type: _type, file_data, file_url, file_id, filename, ...extra } = value;
  const data = optionalString(file_data, `${path}.file_data`);
  const url = optionalString(file_url, `${path}.file_url`);
  const id = optionalString(file_id, `${path}.file_id`);
  const name = optionalString(filename, `${path}.filename`);
  let source = url === undefined ? fileSource(id) : urlSource(url);
  if (data !== undefined) {
    source = readDataUrl(data);
    if (source === undefined) {
      source = { kind: 'base64', mediaType: mediaTypeOf(name), data };
      // Bare base64 does not say what it is, so the field is kept as it was for the way back.
      extra.file_data = data;
    }
  }
  if (source === undefined) throw new RequestError(path, `\`${path}\` holds no file: give \`file_data\`, \`file_url\` or \`file_id\`.`);
  const part: Part = { type: 'document', source };
  if (name !== undefined) part.name = name;
  if (!isEmpty(extra)) part.extra = extra;
  return part;
}

function fileSource(id: string | undefined): MediaSource | undefined {
  return id === undefined ? undefined : { kind: 'file', id };
}

function urlSource(url: string): MediaSource {
  return readDataUrl(url) ?? { kind: 'url', url };
}

function readReasoning(turn: TurnRequest, value: JsonObject | undefined): void {
  const { effort, summary, ...rest } = value ?? {};
  const reasoning: ReasoningRequest = {};
  const level = optionalString(effort, 'reasoning.effort');
  const told = optionalString(summary, 'reasoning.summary');
  if (level !== undefined) reasoning.effort = level;
  if (level === 'none') reasoning.enabled = false;
  if (told !== undefined) reasoning.summary = told;
  if (asArray(turn.extra.include)?.includes(ENCRYPTED_REASONING)) reasoning.wantsOpaque = true;
  if (Object.keys(reasoning).length > 0) turn.reasoning = reasoning;
  if (!isEmpty(rest)) turn.extra.reasoning = rest;
}

function readText(turn: TurnRequest, value: JsonObject | undefined): void {
  const { verbosity, format, ...rest } = value ?? {};
  const length = optionalString(verbosity, 'text.verbosity');
  const shape = parseFormat(optionalObject(format, 'text.format'));
  if (length !== undefined) turn.verbosity = length;
  if (shape !== undefined) turn.output = shape;
  else if (isObject(format)) rest.format = format;
  if (!isEmpty(rest)) turn.extra.text = rest;
}

function parseFormat(format: JsonObject | undefined): OutputShape | undefined {
  switch (format?.type) {
    case 'text':
      return { type: 'text' };
    case 'json_object':
      return { type: 'json' };
    case 'json_schema': {
      const shape: OutputShape = { type: 'json_schema', schema: requiredObject(format.schema, 'text.format.schema') };
      const name = optionalString(format.name, 'text.format.name');
      const description = optionalString(format.description, 'text.format.description');
      const strict = optionalBoolean(format.strict, 'text.format.strict');
      if (name !== undefined) shape.name = name;
      if (description !== undefined) shape.description = description;
      if (strict !== undefined) shape.strict = strict;
      return shape;
    }
    default:
      return undefined;
  }
}
