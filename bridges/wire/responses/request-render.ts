import type {
  JsonObject,
  JsonValue,
  Loss,
  MediaSource,
  MessageItem,
  Part,
  ReasoningItem,
  ReasoningRequest,
  ToolCallItem,
  ToolResultItem,
  TurnItem,
  TurnRequest,
} from '../turn.ts';
import { asArray, asObject } from '../json.ts';
import { isEmpty } from './fields.ts';
import { ENCRYPTED_REASONING } from './request-parse.ts';
import { renderToolChoice, renderTools } from './tools.ts';

/** What rendering carries along: whether the turn was written in this format, and what could not cross. */
type Crossing = { own: boolean; stored: boolean; lost: Loss[]; cacheHint?: string };

/** The smallest `max_output_tokens` the format accepts; others accept 1. */
const LEAST_OUTPUT_TOKENS = 16;

/** Top-level fields that mean the same in the other OpenAI format. */
const SHARED_WITH_CHAT = new Set(['metadata', 'safety_identifier', 'prompt_cache_retention', 'prompt_cache_options']);

/** Answered by the reply itself (`stream_options`) or always said anew (`store`). */
const SAID_OTHERWISE = new Set(['stream_options', 'store']);

/** Marks other parts of a codec put on items; they are no fields of any format. */
const MARKS = new Set(['instructions', 'billingHeader']);

/** Renders a turn from any format as a Responses request, with what could not cross. */
export function renderRequest(turn: TurnRequest): { body: JsonObject; lost: Loss[] } {
  const own = turn.from === 'responses';
  const crossing: Crossing = { own, stored: own && turn.extra.store !== false, lost: [] };
  const { lost } = crossing;
  const { instructions, rest } = takeInstructions(turn, crossing);
  const body: JsonObject = { ...renderExtra(turn, lost), model: turn.model, instructions };
  body.input = rest.flatMap(([item, path]) => renderItem(item, path, crossing));
  const tools = renderTools(turn, lost);
  if (tools.length > 0) body.tools = tools;
  body.tool_choice = renderToolChoice(turn, lost);
  body.parallel_tool_calls = turn.parallelToolCalls;
  body.stream = turn.stream;
  body.max_output_tokens = own ? turn.maxOutputTokens : atLeast(LEAST_OUTPUT_TOKENS, turn.maxOutputTokens);
  body.temperature = turn.temperature;
  body.top_p = turn.topP;
  body.prompt_cache_key = turn.cacheKey;
  body.service_tier = renderServiceTier(turn);
  body.user = renderUser(turn, lost);
  body.reasoning = renderReasoningRequest(turn, lost);
  body.include = renderInclude(turn);
  body.text = renderText(turn);
  if (!own) body.store = false;
  reportUnsayable(turn, crossing);
  for (const key of Object.keys(body)) if (body[key] === undefined) delete body[key];
  return { body, lost };
}

/** Splits off the text that goes into `instructions`: the marked item, or on a crossing all system text at the start. */
function takeInstructions(turn: TurnRequest, crossing: Crossing): { instructions: string | undefined; rest: [TurnItem, string][] } {
  const items = turn.items.map((item, i): [TurnItem, string] => [item, `items[${i}]`]);
  const taken = crossing.own ? items.filter(([item]) => isInstructions(item)) : leadingSystem(items);
  if (taken.length === 0) return { instructions: undefined, rest: items };
  const texts = taken.flatMap(([item, path]) => (item.type === 'message' ? systemTexts(item, path, crossing) : []));
  const rest = crossing.own ? items.filter(([item]) => !isInstructions(item)) : items.slice(taken.length);
  return { instructions: texts.length === 0 ? undefined : texts.join('\n\n'), rest };
}

function isInstructions(item: TurnItem): boolean {
  return item.type === 'message' && item.extra?.instructions === true;
}

function leadingSystem(items: [TurnItem, string][]): [TurnItem, string][] {
  const end = items.findIndex(([item]) => item.type !== 'message' || (item.role !== 'system' && item.role !== 'developer'));
  return end < 0 ? items : items.slice(0, end);
}

function systemTexts(item: MessageItem, path: string, crossing: Crossing): string[] {
  noteExtra(item.extra, path, crossing);
  return item.content.flatMap((part, i) => {
    if (isBilling(part)) return [];
    if (part.type === 'text') {
      noteExtra(part.extra, `${path}.content[${i}]`, crossing);
      noteCache(part.cacheControl, `${path}.content[${i}]`, crossing);
      return [part.text];
    }
    crossing.lost.push({ path: `${path}.content[${i}]`, why: 'Instructions in the Responses format are text alone.' });
    return [];
  });
}

function renderItem(item: TurnItem, path: string, crossing: Crossing): JsonObject[] {
  switch (item.type) {
    case 'message':
      return renderMessage(item, path, crossing);
    case 'tool_call':
      return [renderCall(item, path, crossing)];
    case 'tool_result':
      return [renderResult(item, path, crossing)];
    case 'reasoning':
      return renderReasoning(item, path, crossing);
    case 'opaque':
      if (item.from === 'responses') return [item.value];
      crossing.lost.push({ path, why: `The Responses format has no item like \`${item.name}\`.` });
      return [];
  }
}

function renderMessage(item: MessageItem, path: string, crossing: Crossing): JsonObject[] {
  const role = item.role === 'system' && !crossing.own ? 'developer' : item.role;
  const content = renderParts(item.content, path, crossing, role === 'assistant');
  if (item.name !== undefined) crossing.lost.push({ path: `${path}.name`, why: 'Participants have no names in the Responses format.' });
  if (content.length === 0 && item.content.length > 0) return [];
  return [{ type: 'message', ...ownFields(item, path, crossing), role, content, ...(item.phase !== undefined && { phase: item.phase }) }];
}

function renderCall(item: ToolCallItem, path: string, crossing: Crossing): JsonObject {
  noteCache(item.cacheControl, path, crossing);
  const call: JsonObject = {
    type: item.kind === 'custom' ? 'custom_tool_call' : 'function_call',
    ...ownFields(item, path, crossing),
    call_id: item.callId,
    name: item.name,
  };
  if (item.namespace !== undefined) call.namespace = item.namespace;
  if (item.kind === 'custom') call.input = item.input;
  else call.arguments = item.input === '' && !crossing.own ? '{}' : item.input;
  return call;
}

function renderResult(item: ToolResultItem, path: string, crossing: Crossing): JsonObject {
  noteCache(item.cacheControl, path, crossing);
  const parts = renderParts(item.isError === true ? markError(item.content) : item.content, path, crossing, false);
  const only = parts.length === 1 ? parts[0] : undefined;
  // Every upstream reads a plain string; lists are for images and for more than one part.
  const plain = only?.type === 'input_text' && Object.keys(only).length === 2 ? only.text : undefined;
  return {
    type: item.kind === 'custom' ? 'custom_tool_call_output' : 'function_call_output',
    ...ownFields(item, path, crossing),
    call_id: item.callId,
    output: parts.length === 0 ? '' : (plain ?? parts),
  };
}

/** The format has no flag for a failed tool, so its text says it. */
function markError(content: readonly Part[]): Part[] {
  const first = content.findIndex((part) => part.type === 'text');
  const text = content[first];
  if (text?.type !== 'text') return [{ type: 'text', text: 'Error: the tool failed.' }, ...content];
  if (text.text.startsWith('Error:')) return [...content];
  return content.with(first, { ...text, text: `Error: ${text.text}` });
}

function renderReasoning(item: ReasoningItem, path: string, crossing: Crossing): JsonObject[] {
  const data = item.opaque?.family === 'responses' ? item.opaque.data : undefined;
  // Without its encrypted form the upstream can only find reasoning it stored itself, or read what is spelt out.
  const readable = crossing.own && item.opaque === undefined && (crossing.stored || item.content !== undefined);
  if (data === undefined && !readable) {
    crossing.lost.push({ path, why: 'Reasoning can only be given back to the model family that wrote it.' });
    return [];
  }
  const reasoning: JsonObject = {
    type: 'reasoning',
    ...ownFields(item, path, crossing),
    summary: item.summary.map((text) => ({ type: 'summary_text', text })),
  };
  if (item.content !== undefined) reasoning.content = item.content.map((text) => ({ type: 'reasoning_text', text }));
  if (data !== undefined) reasoning.encrypted_content = data;
  return [reasoning];
}

function renderParts(parts: readonly Part[], path: string, crossing: Crossing, assistant: boolean): JsonObject[] {
  return parts.flatMap((part, i) => {
    if (isBilling(part)) return [];
    const partPath = `${path}.content[${i}]`;
    if ('cacheControl' in part) noteCache(part.cacheControl, partPath, crossing);
    if ('extra' in part) noteExtra(part.extra, partPath, crossing);
    const rendered = renderPart(part, partPath, crossing, assistant);
    return rendered === undefined ? [] : [rendered];
  });
}

function renderPart(part: Part, path: string, crossing: Crossing, assistant: boolean): JsonObject | undefined {
  switch (part.type) {
    case 'text':
      return renderTextPart(part, crossing, assistant);
    case 'refusal':
      return assistant ? { type: 'refusal', refusal: part.text } : { type: 'input_text', text: part.text };
    case 'tool_reference':
      return { type: 'input_text', text: `Tool found: ${part.name}` };
    case 'image':
    case 'document':
      if (!assistant) return renderMedia(part, path, crossing);
      crossing.lost.push({ path, why: `The assistant's own ${part.type}s can not be repeated in the Responses format.` });
      return undefined;
    case 'opaque':
      if (part.from === 'responses') return part.value;
      crossing.lost.push({ path, why: `The Responses format has no part like \`${part.name}\`.` });
      return undefined;
  }
}

function renderTextPart(part: Part & { type: 'text' }, crossing: Crossing, assistant: boolean): JsonObject {
  const rendered: JsonObject = { ...(crossing.own && part.extra), type: assistant ? 'output_text' : 'input_text', text: part.text };
  if (crossing.own && part.annotations !== undefined) rendered.annotations = part.annotations;
  return rendered;
}

function renderMedia(part: Part & { type: 'image' | 'document' }, path: string, crossing: Crossing): JsonObject | undefined {
  const { source } = part;
  if (source.kind === 'text') {
    const name = part.type === 'document' ? part.name : undefined;
    return { type: 'input_text', text: name === undefined ? source.text : `${name}\n\n${source.text}` };
  }
  if (source.kind === 'file' && !crossing.own) {
    crossing.lost.push({ path, why: 'The file lies with another provider, so this one can not read it.' });
    return undefined;
  }
  const extra = crossing.own ? part.extra : undefined;
  if (part.type === 'document') return { type: 'input_file', ...fileFields(part.name, source, crossing), ...extra };
  const detail = part.detail === undefined ? {} : { detail: part.detail };
  return { type: 'input_image', ...(source.kind === 'file' ? { file_id: source.id } : { image_url: urlOf(source) }), ...detail, ...extra };
}

function fileFields(name: string | undefined, source: MediaSource, crossing: Crossing): JsonObject {
  const named = name === undefined ? {} : { filename: name };
  if (source.kind === 'file') return { ...named, file_id: source.id };
  if (source.kind === 'url') return { ...named, file_url: source.url };
  // Inline files need a name; formats without one leave it to us.
  const filename = name ?? (crossing.own ? undefined : `document.${extensionOf(source.mediaType)}`);
  return { ...(filename !== undefined && { filename }), file_data: urlOf(source) };
}

function extensionOf(mediaType: string): string {
  return mediaType === 'text/plain' ? 'txt' : mediaType.replace(/^.*[/+]/, '');
}

function urlOf(source: Exclude<MediaSource, { kind: 'file' }>): string {
  return source.kind === 'url' ? source.url : `data:${source.mediaType};base64,${source.data}`;
}

/** Ids and unknown fields go back only to the format they came from. */
function ownFields(item: { id?: string; extra?: JsonObject }, path: string, crossing: Crossing): JsonObject {
  if (crossing.own) return item.id === undefined ? { ...item.extra } : { id: item.id, ...item.extra };
  noteExtra(item.extra, path, crossing);
  return {};
}

function noteExtra(extra: JsonObject | undefined, path: string, crossing: Crossing): void {
  if (crossing.own || extra === undefined) return;
  for (const key of Object.keys(extra)) {
    if (!MARKS.has(key)) crossing.lost.push({ path: `${path}.${key}`, why: 'The Responses format has no such field here.' });
  }
}

function noteCache(cacheControl: JsonObject | undefined, path: string, crossing: Crossing): void {
  if (cacheControl !== undefined) crossing.cacheHint ??= path;
}

function isBilling(part: Part): boolean {
  return part.type === 'text' && part.extra?.billingHeader === true;
}

function renderExtra(turn: TurnRequest, lost: Loss[]): JsonObject {
  if (turn.from === 'responses') {
    const { reasoning: _reasoning, text: _text, ...extra } = turn.extra;
    return extra;
  }
  const shared: JsonObject = {};
  for (const [key, value] of Object.entries(turn.extra)) {
    if (turn.from === 'chat' && SHARED_WITH_CHAT.has(key)) shared[key] = value;
    else if (!SAID_OTHERWISE.has(key)) lost.push({ path: key, why: 'The Responses format has no such field.' });
  }
  return shared;
}

function renderServiceTier(turn: TurnRequest): string | undefined {
  return turn.from === 'messages' && turn.serviceTier === 'standard_only' ? 'default' : turn.serviceTier;
}

function renderUser(turn: TurnRequest, lost: Loss[]): string | undefined {
  if (turn.from !== 'messages' || turn.user === undefined) return turn.user;
  lost.push({ path: 'metadata.user_id', why: "The client's id for its user is not passed on to another provider." });
  return undefined;
}

function renderReasoningRequest(turn: TurnRequest, lost: Loss[]): JsonObject | undefined {
  const own = turn.from === 'responses';
  const wanted = turn.reasoning ?? {};
  const reasoning: JsonObject = own ? { ...asObject(turn.extra.reasoning) } : {};
  const effort = own ? wanted.effort : crossedEffort(wanted, lost);
  // Messages hands out the thinking text without being asked; this format only on request.
  const summary = wanted.summary ?? (turn.from === 'messages' && wanted.enabled === true ? 'auto' : undefined);
  if (effort !== undefined) reasoning.effort = effort;
  if (summary !== undefined) reasoning.summary = summary;
  return isEmpty(reasoning) ? undefined : reasoning;
}

function crossedEffort(wanted: ReasoningRequest, lost: Loss[]): string | undefined {
  if (wanted.enabled === false) return 'none';
  if (wanted.effort === 'max') {
    lost.push({ path: 'effort', why: 'The Responses format knows no effort above `xhigh`, which is asked for instead of `max`.' });
    return 'xhigh';
  }
  if (wanted.effort !== undefined || wanted.budgetTokens === undefined) return wanted.effort;
  const effort = effortOf(wanted.budgetTokens);
  lost.push({
    path: 'thinking.budget_tokens',
    why: `Reasoning has no token budget in the Responses format; \`${effort}\` effort is asked for.`,
  });
  return effort;
}

function effortOf(budgetTokens: number): string {
  if (budgetTokens <= 4096) return 'low';
  return budgetTokens <= 16_384 ? 'medium' : 'high';
}

function renderInclude(turn: TurnRequest): JsonValue | undefined {
  const given = turn.from === 'responses' ? asArray(turn.extra.include) : undefined;
  const wanted = turn.reasoning;
  // On a crossing nothing is stored, so reasoning can only come back encrypted.
  const opaque = wanted?.wantsOpaque ?? (turn.from !== 'responses' && wanted !== undefined && wanted.enabled !== false);
  if (!opaque || given?.includes(ENCRYPTED_REASONING)) return given;
  return [...(given ?? []), ENCRYPTED_REASONING];
}

function renderText(turn: TurnRequest): JsonObject | undefined {
  const text: JsonObject = turn.from === 'responses' ? { ...asObject(turn.extra.text) } : {};
  const format = renderFormat(turn);
  if (format !== undefined) text.format = format;
  if (turn.verbosity !== undefined) text.verbosity = turn.verbosity;
  return isEmpty(text) ? undefined : text;
}

/** Renders the shape of the answer as `text.format`. */
export function renderFormat(turn: TurnRequest): JsonObject | undefined {
  const shape = turn.output;
  if (shape === undefined) return undefined;
  if (shape.type === 'text') return { type: 'text' };
  if (shape.type === 'json') return { type: 'json_object' };
  const { name, description, strict, schema } = shape;
  return {
    type: 'json_schema',
    ...((name !== undefined || turn.from !== 'responses') && { name: name ?? 'output' }),
    ...(description !== undefined && { description }),
    ...(strict !== undefined && { strict }),
    schema,
  };
}

function reportUnsayable(turn: TurnRequest, crossing: Crossing): void {
  const { lost } = crossing;
  if (turn.stop !== undefined && turn.stop.length > 0) {
    lost.push({ path: 'stop', why: 'The Responses format has no stop sequences; the reply is cut here instead.' });
  }
  if (turn.topK !== undefined) lost.push({ path: 'top_k', why: 'The Responses format has no top-k sampling.' });
  for (const [i, tool] of turn.tools.entries()) {
    if (tool.type === 'function') noteCache(tool.cacheControl, `tools[${i}]`, crossing);
  }
  if (crossing.cacheHint !== undefined && !crossing.own) {
    lost.push({ path: `${crossing.cacheHint}.cache_control`, why: 'The Responses format places cache marks by itself.' });
  }
}

function atLeast(least: number, value: number | undefined): number | undefined {
  return value === undefined ? undefined : Math.max(least, value);
}
