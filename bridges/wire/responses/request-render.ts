import type {
  JsonObject,
  JsonValue,
  Loss,
  MediaSource,
  MessageItem,
  OutputShape,
  Part,
  ReasoningItem,
  ReasoningRequest,
  ToolCallItem,
  ToolResultItem,
  TurnItem,
  TurnRequest,
} from '../turn.ts';
import { dataUrl, fileName } from '../data-url.ts';
import { isEmpty } from '../fields.ts';
import { asArray, asObject, asString } from '../json.ts';
import { Losses } from '../losses.ts';
import { isBillingHeader, MARKS } from '../marks.ts';
import { SHARED_BY_OPENAI, writtenArguments } from '../openai.ts';
import { isPlain, takenEffort, takenOutput, takenSampling, takenShape } from '../openai-models.ts';
import { effortFor } from '../reasoning.ts';
import { standIn } from '../stand-in.ts';
import { ENCRYPTED_REASONING } from './request-parse.ts';
import { renderToolChoice, renderTools } from './tools.ts';

/** The smallest `max_output_tokens` the format accepts; others accept 1. */
const LEAST_OUTPUT_TOKENS = 16;

/** Answered by the reply itself (`stream_options`), always said anew (`store`), or refused where it matters (`n`). */
const SAID_OTHERWISE = new Set(['stream_options', 'store', 'n']);

/** Renders a turn from any format as a Responses request, with what could not cross. */
export function renderRequest(turn: TurnRequest): { body: JsonObject; lost: Loss[] } {
  const lost = new Losses(turn.from, 'responses', 'The Responses format');
  const { own } = lost;
  const { instructions, rest } = takeInstructions(turn, lost);
  const body = renderExtra(turn, lost);
  const isStored = own && turn.extra.store !== false;
  const input: JsonObject[] = [];
  for (const item of rest) {
    const rendered = item.type === 'reasoning' ? renderReasoning(item, isStored, lost) : renderItem(item, lost);
    for (const each of rendered) input.push(each);
  }
  const tools = renderTools(turn, lost);
  body.model = turn.model;
  say(body, 'instructions', instructions);
  body.input = input;
  if (tools.length > 0) body.tools = tools;
  say(body, 'tool_choice', renderToolChoice(turn, lost));
  say(body, 'parallel_tool_calls', turn.parallelToolCalls);
  body.stream = turn.stream;
  say(body, 'max_output_tokens', own ? turn.maxOutputTokens : atLeast(LEAST_OUTPUT_TOKENS, takenOutput(turn, lost)));
  const reasoning = renderReasoningRequest(turn, lost);
  Object.assign(body, takenSampling(turn, asString(reasoning?.effort), lost));
  say(body, 'prompt_cache_key', turn.cacheKey);
  say(body, 'service_tier', renderServiceTier(turn));
  say(body, 'user', renderUser(turn, lost));
  say(body, 'reasoning', reasoning);
  say(body, 'include', renderInclude(turn));
  say(body, 'text', renderText(turn, takenShape(turn, lost)));
  if (!own) body.store = false;
  reportUnsayable(turn, lost);
  return { body, lost: lost.list };
}

function say(body: JsonObject, field: string, value: JsonValue | undefined): void {
  if (value !== undefined) body[field] = value;
}

/** Splits off the text that goes into `instructions`: the marked item, or on a crossing all system text at the start. */
function takeInstructions({ items }: TurnRequest, lost: Losses): { instructions: string | undefined; rest: TurnItem[] } {
  const texts: string[] = [];
  const rest: TurnItem[] = [];
  for (const [i, item] of items.entries()) {
    // Of a crossing's items one is left where all are system texts: a request without any input is refused.
    const leads = rest.length === 0 && i < items.length - 1;
    if (item.type === 'message' && (lost.own ? isInstructions(item) : leads && isSystem(item))) takeTexts(item, texts, lost);
    else rest.push(item);
  }
  return { instructions: texts.length === 0 ? undefined : texts.join('\n\n'), rest };
}

function isInstructions(item: MessageItem): boolean {
  return item.extra?.[MARKS.instructions] === true;
}

function isSystem({ role }: MessageItem): boolean {
  return role === 'system' || role === 'developer';
}

function takeTexts(item: MessageItem, texts: string[], lost: Losses): void {
  lost.extra(itemPath(lost), item.extra);
  for (const part of item.content) {
    if (isBillingHeader(part)) continue;
    if (part.type === 'text') {
      lost.extra(partPath(lost), part.extra);
      noteCache(part.cacheControl, lost);
      texts.push(part.text);
    } else lost.add(partPath(lost), 'Instructions in the Responses format are text alone.');
  }
}

function renderItem(item: Exclude<TurnItem, ReasoningItem>, lost: Losses): JsonObject[] {
  switch (item.type) {
    case 'message':
      return renderMessage(item, lost);
    case 'tool_call':
      return [renderCall(item, lost)];
    case 'tool_result':
      return [renderResult(item, lost)];
    case 'opaque':
      if (item.from === 'responses') return [item.value];
      lost.add(lost.history, `The Responses format has no item like \`${item.name}\`.`);
      return [];
  }
}

function renderMessage(item: MessageItem, lost: Losses): JsonObject[] {
  const role = item.role === 'system' && !lost.own ? 'developer' : item.role;
  const content = renderParts(item.content, lost, role === 'assistant');
  if (item.name !== undefined) lost.add(`${itemPath(lost)}.name`, 'Participants have no names in the Responses format.');
  if (content.length === 0 && item.content.length > 0) {
    const text = role === 'user' && !lost.own ? standIn(item.content) : undefined;
    if (text === undefined) return [];
    content.push({ type: 'input_text', text });
  }
  return [{ type: 'message', ...ownFields(item, lost), role, content, ...(item.phase !== undefined && { phase: item.phase }) }];
}

function renderCall(item: ToolCallItem, lost: Losses): JsonObject {
  noteCache(item.cacheControl, lost);
  const call: JsonObject = {
    type: item.kind === 'custom' ? 'custom_tool_call' : 'function_call',
    ...ownFields(item, lost),
    call_id: item.callId,
    name: item.name,
  };
  if (item.namespace !== undefined) call.namespace = item.namespace;
  if (item.kind === 'custom') call.input = item.input;
  else call.arguments = lost.own ? item.input : writtenArguments(item.input);
  return call;
}

function renderResult(item: ToolResultItem, lost: Losses): JsonObject {
  noteCache(item.cacheControl, lost);
  const parts = renderParts(item.isError === true ? markError(item.content) : item.content, lost, false);
  const only = parts.length === 1 ? parts[0] : undefined;
  // Every upstream reads a plain string; lists are for images and for more than one part.
  const plain = only?.type === 'input_text' && Object.keys(only).length === 2 ? only.text : undefined;
  return {
    type: item.kind === 'custom' ? 'custom_tool_call_output' : 'function_call_output',
    ...ownFields(item, lost),
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

function renderReasoning(item: ReasoningItem, isStored: boolean, lost: Losses): JsonObject[] {
  const data = item.opaque?.family === 'responses' ? item.opaque.data : undefined;
  // Without its encrypted form the upstream can only find reasoning it stored itself, or read what is spelt out.
  const readable = lost.own && item.opaque === undefined && (isStored || item.content !== undefined);
  if (data === undefined && !readable) {
    lost.add(lost.history, 'Reasoning can only be given back to the model family that wrote it.');
    return [];
  }
  const reasoning: JsonObject = {
    type: 'reasoning',
    ...ownFields(item, lost),
    summary: item.summary.map((text) => ({ type: 'summary_text', text })),
  };
  if (item.content !== undefined) reasoning.content = item.content.map((text) => ({ type: 'reasoning_text', text }));
  if (data !== undefined) reasoning.encrypted_content = data;
  return [reasoning];
}

function renderParts(parts: readonly Part[], lost: Losses, assistant: boolean): JsonObject[] {
  return parts.flatMap((part) => {
    if (isBillingHeader(part)) return [];
    if ('cacheControl' in part) noteCache(part.cacheControl, lost);
    if ('extra' in part) lost.extra(partPath(lost), part.extra);
    const rendered = renderPart(part, lost, assistant);
    return rendered === undefined ? [] : [rendered];
  });
}

function renderPart(part: Part, lost: Losses, assistant: boolean): JsonObject | undefined {
  switch (part.type) {
    case 'text':
      return renderTextPart(part, lost, assistant);
    case 'refusal':
      return assistant ? { type: 'refusal', refusal: part.text } : { type: 'input_text', text: part.text };
    case 'tool_reference':
      return { type: 'input_text', text: `Tool found: ${part.name}` };
    case 'image':
    case 'document':
      if (!assistant) return renderMedia(part, lost);
      lost.add(partPath(lost), `The assistant's own ${part.type}s can not be repeated in the Responses format.`);
      return undefined;
    case 'opaque':
      if (part.from === 'responses') return part.value;
      lost.add(partPath(lost), `The Responses format has no part like \`${part.name}\`.`);
      return undefined;
  }
}

function renderTextPart(part: Part & { type: 'text' }, lost: Losses, assistant: boolean): JsonObject {
  const rendered: JsonObject = { ...(lost.own && part.extra), type: assistant ? 'output_text' : 'input_text', text: part.text };
  if (lost.own && part.annotations !== undefined) rendered.annotations = part.annotations;
  return rendered;
}

function renderMedia(part: Part & { type: 'image' | 'document' }, lost: Losses): JsonObject | undefined {
  const { source } = part;
  if (source.kind === 'text') {
    const name = part.type === 'document' ? part.name : undefined;
    return { type: 'input_text', text: name === undefined ? source.text : `${name}\n\n${source.text}` };
  }
  if (source.kind === 'file' && !lost.own) {
    lost.add(partPath(lost), 'The file lies with another provider, so this one can not read it.');
    return undefined;
  }
  const extra = lost.own ? part.extra : undefined;
  if (part.type === 'document') return { type: 'input_file', ...fileFields(part.name, source, lost), ...extra };
  const detail = part.detail === undefined ? {} : { detail: part.detail };
  return { type: 'input_image', ...(source.kind === 'file' ? { file_id: source.id } : { image_url: urlOf(source) }), ...detail, ...extra };
}

function fileFields(name: string | undefined, source: MediaSource, lost: Losses): JsonObject {
  const named = name === undefined ? {} : { filename: name };
  if (source.kind === 'file') return { ...named, file_id: source.id };
  if (source.kind === 'url') return { ...named, file_url: source.url };
  const filename = lost.own ? name : fileName(name, source.mediaType);
  return { ...(filename !== undefined && { filename }), file_data: urlOf(source) };
}

function urlOf(source: Exclude<MediaSource, { kind: 'file' }>): string {
  return source.kind === 'url' ? source.url : dataUrl(source);
}

/** Ids and unknown fields go back only to the format they came from. */
function ownFields(item: { id?: string; extra?: JsonObject }, lost: Losses): JsonObject {
  const fields = lost.extra(itemPath(lost), item.extra);
  return lost.own && item.id !== undefined ? { id: item.id, ...fields } : fields;
}

function itemPath(lost: Losses): string {
  return `${lost.history}[]`;
}

function partPath(lost: Losses): string {
  return `${lost.history}[].content[]`;
}

function noteCache(cacheControl: JsonObject | undefined, lost: Losses): void {
  if (cacheControl !== undefined && !lost.own) lost.add('cache_control', 'The Responses format places cache marks by itself.');
}

function renderExtra(turn: TurnRequest, lost: Losses): JsonObject {
  if (turn.from === 'responses') {
    const { reasoning: _reasoning, text: _text, include: _include, ...extra } = turn.extra;
    return extra;
  }
  const shared: JsonObject = {};
  for (const [key, value] of Object.entries(turn.extra)) {
    if (turn.from === 'chat' && SHARED_BY_OPENAI.has(key)) shared[key] = value;
    else if (!SAID_OTHERWISE.has(key)) lost.top(key, value);
  }
  return shared;
}

function renderServiceTier(turn: TurnRequest): string | undefined {
  return turn.from === 'messages' && turn.serviceTier === 'standard_only' ? 'default' : turn.serviceTier;
}

function renderUser(turn: TurnRequest, lost: Losses): string | undefined {
  if (turn.from !== 'messages' || turn.user === undefined) return turn.user;
  lost.add(lost.paths.user, "The client's id for its user is not passed on to another provider.");
  return undefined;
}

function renderReasoningRequest(turn: TurnRequest, lost: Losses): JsonObject | undefined {
  const { own } = lost;
  const wanted = turn.reasoning ?? {};
  const reasoning: JsonObject = own ? { ...asObject(turn.extra.reasoning) } : {};
  const effort = own ? wanted.effort : crossedEffort(wanted, turn.model, lost);
  if (!own && wanted.enabled === true && wanted.effort === undefined && isPlain(turn.model))
    lost.add(lost.paths.reasoning, 'This model does not reason.');
  // Messages hands out the thinking text without being asked; this format only on request.
  const summary = wanted.summary ?? (turn.from === 'messages' && wanted.enabled === true ? 'auto' : undefined);
  if (effort !== undefined) reasoning.effort = effort;
  if (summary !== undefined && (own || (summary !== 'none' && !isPlain(turn.model)))) reasoning.summary = summary;
  return isEmpty(reasoning) ? undefined : reasoning;
}

function crossedEffort(wanted: ReasoningRequest, model: string, lost: Losses): string | undefined {
  const effort = wishedEffort(wanted, lost);
  return effort === undefined ? undefined : takenEffort(effort, model, lost);
}

function wishedEffort(wanted: ReasoningRequest, lost: Losses): string | undefined {
  if (wanted.enabled === false) return 'none';
  if (wanted.effort !== undefined || wanted.budgetTokens === undefined) return wanted.effort;
  const effort = effortFor(wanted.budgetTokens);
  lost.add(
    `${lost.paths.reasoning}.budget_tokens`,
    `Reasoning has no token budget in the Responses format; \`${effort}\` effort is asked for.`,
  );
  return effort;
}

function renderInclude(turn: TurnRequest): JsonValue | undefined {
  const given = turn.from === 'responses' ? asArray(turn.extra.include) : undefined;
  const wanted = turn.reasoning;
  // On a crossing nothing is stored, so reasoning can only come back encrypted.
  const opaque =
    wanted?.wantsOpaque ?? (turn.from !== 'responses' && wanted !== undefined && wanted.enabled !== false && !isPlain(turn.model));
  if (!opaque || given?.includes(ENCRYPTED_REASONING)) return given;
  return [...(given ?? []), ENCRYPTED_REASONING];
}

function renderText(turn: TurnRequest, output: OutputShape | undefined): JsonObject | undefined {
  const text: JsonObject = turn.from === 'responses' ? { ...asObject(turn.extra.text) } : {};
  const format = renderFormat({ from: turn.from, ...(output && { output }) });
  if (format !== undefined) text.format = format;
  if (turn.verbosity !== undefined) text.verbosity = turn.verbosity;
  return isEmpty(text) ? undefined : text;
}

/** Renders the shape of the answer as `text.format`. */
export function renderFormat({ from, output: shape }: Pick<TurnRequest, 'from' | 'output'>): JsonObject | undefined {
  if (shape === undefined) return undefined;
  if (shape.type === 'text') return { type: 'text' };
  if (shape.type === 'json') return { type: 'json_object' };
  const { name, description, strict, schema } = shape;
  return {
    type: 'json_schema',
    ...((name !== undefined || from !== 'responses') && { name: name ?? 'output' }),
    ...(description !== undefined && { description }),
    ...(strict !== undefined && { strict }),
    schema,
  };
}

function reportUnsayable(turn: TurnRequest, lost: Losses): void {
  if (turn.stop !== undefined && turn.stop.length > 0)
    lost.add(lost.paths.stop, 'The Responses format has no stop sequences; the reply is cut here instead.');
  if (turn.topK !== undefined) lost.add('top_k', 'The Responses format has no top-k sampling.');
  for (const tool of turn.tools) if (tool.type === 'function') noteCache(tool.cacheControl, lost);
}

function atLeast(least: number, value: number | undefined): number | undefined {
  return value === undefined ? undefined : Math.max(least, value);
}
