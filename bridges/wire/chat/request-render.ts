import { dataUrl, fileName } from '../data-url.ts';
import { asArray, asObject, asString, isObject } from '../json.ts';
import { asksForNothing, Losses } from '../losses.ts';
import { isBillingHeader, MARKS } from '../marks.ts';
import { argumentSchema, SHARED_BY_OPENAI, writtenArguments } from '../openai.ts';
import { isPlain, openAiRules, takenEffort, takenOutput, takenSampling, takenShape } from '../openai-models.ts';
import { effortFor, SECTION_BREAK } from '../reasoning.ts';
import { standIn } from '../stand-in.ts';
import { MOST_CHAT_STOPS } from '../stop-sequences.ts';
import type {
  JsonObject,
  JsonValue,
  Loss,
  MessageItem,
  OutputShape,
  Part,
  ReasoningItem,
  ReasoningRequest,
  ToolCallItem,
  ToolChoice,
  ToolDefinition,
  ToolResultItem,
  TurnItem,
  TurnRequest,
} from '../turn.ts';
import { nothingBesides, readBesides, type Besides } from './besides.ts';

/** Renders a turn as a request body, with what could not cross. */
export function renderRequest(turn: TurnRequest): { body: JsonObject; lost: Loss[] } {
  const lost = new Losses(turn.from, 'chat', 'Chat Completions');
  const body: JsonObject = { model: turn.model, messages: renderMessages(turn, lost) };
  renderTools(turn, body, lost);
  renderLimits(turn, body, lost);
  renderShape(turn, body, lost);
  renderIdentity(turn, body, lost);
  renderExtra(turn, body, lost);
  if (turn.stream) {
    body.stream = true;
    // Without this the stream says nothing of the tokens used.
    body.stream_options = { ...asObject(body.stream_options), include_usage: true };
  } else {
    delete body.stream_options;
  }
  return { body, lost: lost.list };
}

/** Mistral's models, however a vendor spells them. Its API knows the older name of the limit alone, and refuses fields that it does not know. */
const MISTRALS = /mistral|mixtral|ministral|magistral|codestral|devstral|pixtral/i;

function renderLimits(turn: TurnRequest, body: JsonObject, lost: Losses): void {
  const most = takenOutput(turn, lost);
  if (most !== undefined) body[MISTRALS.test(turn.model) ? 'max_tokens' : 'max_completion_tokens'] = most;
  if (turn.topK !== undefined) {
    if (turn.from === 'chat') body.top_k = turn.topK;
    else lost.add('top_k', 'Chat Completions has no top_k.');
  }
  if (turn.stop !== undefined && turn.stop.length > 0) {
    body.stop = turn.stop.slice(0, MOST_CHAT_STOPS);
    if (turn.stop.length > MOST_CHAT_STOPS)
      lost.add(
        `${lost.paths.stop}[${MOST_CHAT_STOPS}]`,
        `Chat Completions takes ${MOST_CHAT_STOPS} stop sequences; the others were left out.`,
      );
  }
}

function renderShape(turn: TurnRequest, body: JsonObject, lost: Losses): void {
  renderReasoningRequest(turn, body, lost);
  Object.assign(body, takenSampling(turn, asString(body.reasoning_effort), lost));
  if (turn.verbosity !== undefined && (lost.own || !isPlain(turn.model))) body.verbosity = turn.verbosity;
  else if (turn.verbosity !== undefined) lost.add(lost.paths.verbosity, 'This model takes no verbosity.');
  const shape = takenShape(turn, lost);
  if (shape !== undefined) body.response_format = renderOutput(shape);
}

function renderReasoningRequest(turn: TurnRequest, body: JsonObject, lost: Losses): void {
  const { reasoning } = turn;
  if (reasoning === undefined) return;
  const path = lost.paths.reasoning;
  const wanted = wishedEffort(reasoning, turn.model, lost);
  const effort = wanted === undefined || lost.own ? wanted : takenEffort(wanted, turn.model, lost);
  if (effort !== undefined) body.reasoning_effort = effort;
  if (reasoning.budgetTokens !== undefined) lost.add(`${path}.budget_tokens`, 'Chat Completions knows an effort, not a budget of tokens.');
  if (reasoning.summary !== undefined && reasoning.summary !== 'none')
    lost.add(lost.paths.summary, 'Chat Completions does not offer summaries of the reasoning.');
}

function wishedEffort(reasoning: ReasoningRequest, model: string, lost: Losses): string | undefined {
  const path = lost.paths.reasoning;
  const { enabled, effort, budgetTokens } = reasoning;
  if (enabled === false && effort !== 'none') {
    if (openAiRules(model).efforts !== undefined) return 'none';
    lost.add(path, 'Chat Completions can not switch thinking off for every model; the model decides.');
    if (effort !== undefined) lost.add(lost.paths.effort, 'In Chat Completions an effort is one of thinking, which was switched off.');
    return undefined;
  }
  if (effort !== undefined) return effort;
  if (budgetTokens !== undefined) return effortFor(budgetTokens);
  if (enabled === true) lost.add(path, 'Chat Completions can ask for thinking by an effort alone; the model decides.');
  return undefined;
}

function renderOutput(output: OutputShape): JsonObject {
  if (output.type === 'text') return { type: 'text' };
  if (output.type === 'json') return { type: 'json_object' };
  const described: JsonObject = { name: output.name ?? 'output', schema: output.schema };
  if (output.description !== undefined) described.description = output.description;
  if (output.strict !== undefined) described.strict = output.strict;
  return { type: 'json_schema', json_schema: described };
}

/** OpenAI refuses longer ones. */
const LONGEST_KEY = 64;

function renderIdentity(turn: TurnRequest, body: JsonObject, lost: Losses): void {
  const fits = (value: string): boolean => turn.from === 'chat' || value.length <= LONGEST_KEY;
  if (turn.user !== undefined) {
    if (fits(turn.user)) body.user = turn.user;
    else lost.add(lost.paths.user, `Chat Completions takes at most ${LONGEST_KEY} characters.`);
  }
  if (turn.cacheKey !== undefined) {
    if (fits(turn.cacheKey)) body.prompt_cache_key = turn.cacheKey;
    else lost.add('prompt_cache_key', `Chat Completions takes at most ${LONGEST_KEY} characters.`);
  }
  if (turn.serviceTier !== undefined) {
    if (turn.from !== 'messages' || turn.serviceTier === 'auto') body.service_tier = turn.serviceTier;
    else lost.add('service_tier', 'The service tiers of Anthropic have no match in Chat Completions.');
  }
}

function renderExtra(turn: TurnRequest, body: JsonObject, lost: Losses): void {
  for (const [key, value] of Object.entries(turn.extra)) {
    if (turn.from === 'chat') body[key] = value;
    else if (asksForNothing(value)) continue;
    else if (turn.from === 'responses' && SHARED_BY_OPENAI.has(key)) body[key] = value;
    else if (turn.from !== 'responses' || !goesWithoutSaying(key, value)) lost.top(key, value);
  }
}

/** Fields of Responses that ask for what is so here anyway, or what the reply brings in its own way. */
function goesWithoutSaying(key: string, value: JsonValue | undefined): boolean {
  if (key === 'include') return asArray(value)?.every((each) => each === 'reasoning.encrypted_content') === true;
  return key === 'stream_options';
}

// Tools ---------------------------------------------------------------------------------------------

function renderTools(turn: TurnRequest, body: JsonObject, lost: Losses): void {
  const tools = turn.tools.flatMap((tool, i) => renderTool(tool, `tools[${i}]`, lost));
  if (tools.length > 0) {
    body.tools = tools;
    if (turn.toolChoice !== undefined) renderToolChoice(turn.toolChoice, turn, body, lost);
    if (turn.parallelToolCalls !== undefined) body.parallel_tool_calls = turn.parallelToolCalls;
  } else if (turn.toolChoice !== undefined && turn.toolChoice.type !== 'none' && turn.toolChoice.type !== 'auto') {
    lost.add('tool_choice', 'Chat Completions refuses a tool_choice where no tools are left.');
  }
}

function renderTool(tool: ToolDefinition, path: string, lost: Losses): JsonObject[] {
  if (tool.type === 'hosted') {
    if (tool.from === 'chat') return [tool.value];
    lost.add(path, `${tool.name} runs at the provider and Chat Completions has no such tool.`);
    return [];
  }
  if (tool.deferred === true) lost.add(`${path}.defer_loading`, 'Chat Completions can not hold tools back; they are all offered at once.');
  const outer = lost.extra('tools[]', tool.extra);
  if (tool.type === 'custom') return [{ ...outer, type: 'custom', custom: renderCustomTool(tool, asObject(outer.custom)) }];
  return [
    {
      ...outer,
      ...cacheMark(tool.cacheControl, lost),
      type: 'function',
      function: renderFunctionTool(tool, asObject(outer.function), lost.own),
    },
  ];
}

function renderFunctionTool(tool: Extract<ToolDefinition, { type: 'function' }>, inner: JsonObject | undefined, own: boolean): JsonObject {
  const described: JsonObject = { ...inner, name: tool.name };
  if (tool.description !== undefined) described.description = tool.description;
  if (tool.parameters !== undefined) described.parameters = own ? tool.parameters : argumentSchema(tool.parameters);
  if (tool.strict !== undefined) described.strict = tool.strict;
  return described;
}

function renderCustomTool(tool: Extract<ToolDefinition, { type: 'custom' }>, inner: JsonObject | undefined): JsonObject {
  const described: JsonObject = { ...inner, name: tool.name };
  if (tool.description !== undefined) described.description = tool.description;
  if (tool.format !== undefined) described.format = nestedFormat(tool.format);
  return described;
}

/** The hub keeps a grammar flat; here it is nested. */
function nestedFormat(format: JsonObject): JsonObject {
  if (format.type !== 'grammar' || isObject(format.grammar)) return format;
  const { type, ...grammar } = format;
  return { type, grammar };
}

function renderToolChoice(choice: ToolChoice, turn: TurnRequest, body: JsonObject, lost: Losses): void {
  const isCustom = (name: string): boolean => turn.tools.some((tool) => tool.type === 'custom' && tool.name === name);
  const reference = (name: string, custom: boolean): JsonObject =>
    custom ? { type: 'custom', custom: { name } } : { type: 'function', function: { name } };
  switch (choice.type) {
    case 'auto':
    case 'none':
      body.tool_choice = choice.type;
      break;
    case 'any':
      body.tool_choice = 'required';
      break;
    case 'tool':
      body.tool_choice = reference(choice.name, choice.custom ?? isCustom(choice.name));
      break;
    case 'allowed':
      body.tool_choice = {
        type: 'allowed_tools',
        allowed_tools: {
          mode: choice.mode === 'any' ? 'required' : 'auto',
          tools: choice.tools.map(({ name }) => reference(name, isCustom(name))),
        },
      };
      break;
    case 'opaque':
      if (choice.from === 'chat') body.tool_choice = choice.value;
      else lost.add('tool_choice', 'Chat Completions has no such tool choice.');
      break;
  }
}

// Messages ------------------------------------------------------------------------------------------

function renderMessages(turn: TurnRequest, lost: Losses): JsonObject[] {
  const writer = new MessageWriter(lost);
  for (const item of turn.items) writer.write(item);
  return writer.finish();
}

/** An assistant message in the making: text, refusal, reasoning and calls are one message here. */
type Draft = {
  parts: JsonObject[];
  refusals: string[];
  calls: JsonObject[];
  reasoning: string[];
  reasoningField: string;
  reasoningOpaque?: string;
  besides: Besides;
  /** It holds a message, not only what surrounds one. */
  spoken: boolean;
  fields: JsonObject;
};

class MessageWriter {
  readonly #lost: Losses;
  readonly #messages: JsonObject[] = [];
  #draft: Draft | undefined;
  /** Images and files of tool results: they may only stand in a user message, after all results of the batch. */
  #media: JsonObject[] = [];

  constructor(lost: Losses) {
    this.#lost = lost;
  }

  finish(): JsonObject[] {
    this.#endAssistant();
    this.#endResults();
    return this.#messages;
  }

  write(item: TurnItem): void {
    if (item.type !== 'tool_result') this.#endResults();
    switch (item.type) {
      case 'message':
        if (item.role === 'assistant') this.#assistantText(item);
        else this.#plainMessage(item, item.role);
        break;
      case 'tool_call':
        this.#call(item);
        break;
      case 'tool_result':
        this.#result(item);
        break;
      case 'reasoning':
        this.#reasoning(item);
        break;
      case 'opaque':
        this.#endAssistant();
        if (item.from === 'chat') this.#messages.push(item.value);
        else this.#lost.add(this.#lost.history, `Chat Completions has nothing like ${item.name}.`);
        break;
    }
  }

  #plainMessage(item: MessageItem, role: 'system' | 'developer' | 'user'): void {
    this.#endAssistant();
    const parts = this.#parts(item.content, role);
    // The billing header of an Anthropic client is no message of its own.
    if (parts.length === 0 && item.content.some(isBillingHeader)) return;
    const missed = parts.length === 0 && role === 'user' && !this.#lost.own ? standIn(item.content) : undefined;
    if (missed !== undefined) parts.push({ type: 'text', text: missed });
    // Models of OpenAI's take either role alike; DeepSeek and others refuse `developer`.
    const shown = role === 'developer' && !this.#lost.own ? 'system' : role;
    const content = role === 'user' || this.#lost.own ? contentOf(parts) : joined(parts, '\n\n');
    this.#messages.push({ role: shown, content, ...this.#fields(item) });
  }

  /** The name and the unknown fields of a message; those of another format are lost. */
  #fields(item: MessageItem | ToolResultItem): JsonObject {
    const fields: JsonObject = {};
    if (item.type === 'message') {
      if (item.name !== undefined) fields.name = item.name;
      if (item.phase !== undefined) this.#lost.add(`${this.#lost.history}[].phase`, 'Chat Completions has no phases of a reply.');
    }
    return { ...this.#lost.extra(`${this.#lost.history}[]`, item.extra), ...fields };
  }

  #openDraft(): Draft {
    this.#draft ??= {
      parts: [],
      refusals: [],
      calls: [],
      reasoning: [],
      reasoningField: 'reasoning_text',
      besides: nothingBesides(),
      spoken: false,
      fields: {},
    };
    return this.#draft;
  }

  #assistantText(item: MessageItem): void {
    // A chat client that sent two messages meant two; elsewhere the pieces of one reply are separate items.
    if (this.#lost.own && this.#draft?.spoken === true && this.#draft.calls.length === 0) this.#endAssistant();
    const draft = this.#openDraft();
    draft.spoken = true;
    const refusals = item.content.filter((part) => part.type === 'refusal');
    const parts = this.#parts(
      item.content.filter((part) => part.type !== 'refusal'),
      'assistant',
    );
    if (this.#lost.own) for (const part of parts) draft.parts.push(part);
    else if (parts.length > 0) draft.parts.push({ type: 'text', text: joined(parts, '') });
    for (const { text } of refusals) draft.refusals.push(text);
    Object.assign(draft.fields, this.#fields(item));
  }

  #call(item: ToolCallItem): void {
    const extra = { ...this.#lost.extra(`${this.#lost.history}[]`, item.extra), ...cacheMark(item.cacheControl, this.#lost) };
    const { callId: id, name, input } = item;
    this.#openDraft().calls.push(
      item.kind === 'custom'
        ? { ...extra, id, type: 'custom', custom: { name, input } }
        : { ...extra, id, type: 'function', function: { name, arguments: this.#lost.own ? input : writtenArguments(input) } },
    );
  }

  /** Reasoning only goes back to where it came from. */
  #reasoning(item: ReasoningItem): void {
    const isOurs = item.opaque === undefined ? this.#lost.own : item.opaque.family === 'chat';
    if (!isOurs) {
      this.#lost.add(this.#lost.history, 'Reasoning of another provider can not be handed to this one.');
      return;
    }
    if (item.opaque?.besides === true) {
      const { details, calls } = readBesides(item.opaque);
      const { besides } = this.#openDraft();
      besides.details.push(...details);
      Object.assign(besides.calls, calls);
      return;
    }
    // Reasoning comes before what it led to; it stays where calls wait for their results, which must come next.
    if (this.#draft?.spoken === true && this.#draft.calls.length === 0) this.#endAssistant();
    const draft = this.#openDraft();
    const text = (item.content ?? item.summary).join(SECTION_BREAK);
    if (text !== '') draft.reasoning.push(text);
    draft.reasoningField = (this.#lost.own ? asString(item.extra?.[MARKS.field]) : undefined) ?? draft.reasoningField;
    if (item.opaque === undefined) return;
    if (item.opaque.field !== undefined) {
      draft.reasoningField = item.opaque.field;
      return;
    }
    if (draft.reasoningOpaque !== undefined)
      this.#lost.add(this.#lost.history, 'An assistant message holds one piece of opaque reasoning; the last one was kept.');
    draft.reasoningOpaque = item.opaque.data;
  }

  #endAssistant(): void {
    const draft = this.#draft;
    if (draft === undefined) return;
    this.#draft = undefined;
    const isEmptyMessage = draft.parts.length === 0;
    if (isEmptyMessage && !draft.spoken && draft.calls.length === 0) {
      this.#lost.add(this.#lost.history, 'Reasoning that no text and no call follows has no place in Chat Completions.');
      return;
    }
    const text = this.#lost.own ? contentOf(draft.parts) : joined(draft.parts, '\n\n');
    const mayBeNull = draft.calls.length > 0 || draft.refusals.length > 0;
    const message: JsonObject = { ...draft.fields, role: 'assistant', content: isEmptyMessage && mayBeNull ? null : text };
    if (draft.refusals.length > 0) message.refusal = draft.refusals.join('');
    if (draft.reasoning.length > 0) message[draft.reasoningField] = draft.reasoning.join(SECTION_BREAK);
    if (draft.reasoningOpaque !== undefined) message.reasoning_opaque = draft.reasoningOpaque;
    const { details, calls: extras } = draft.besides;
    if (details.length > 0) message.reasoning_details = details;
    const withExtra = (call: JsonObject): JsonObject => {
      const extra = extras[asString(call.id) ?? ''];
      return extra === undefined ? call : { ...call, extra_content: extra };
    };
    if (draft.calls.length > 0) message.tool_calls = draft.calls.map(withExtra);
    this.#messages.push(message);
  }

  #result(item: ToolResultItem): void {
    this.#endAssistant();
    const parts = this.#parts(item.content, 'tool');
    const texts = parts.filter((part) => !isMedia(part));
    const media = parts.filter(isMedia);
    for (const part of media) this.#media.push(part);
    if (texts.length === 0 && media.length > 0) texts.push({ type: 'text', text: 'The result is in the next user message.' });
    const content = this.#lost.own ? contentOf(texts) : joined(texts, '\n');
    this.#messages.push({
      ...this.#fields(item),
      ...cacheMark(item.cacheControl, this.#lost),
      role: 'tool',
      tool_call_id: item.callId,
      content: item.isError === true ? asErrorText(content) : content,
    });
  }

  #endResults(): void {
    if (this.#media.length === 0) return;
    this.#messages.push({ role: 'user', content: this.#media });
    this.#media = [];
  }

  #parts(parts: readonly Part[], place: Place): JsonObject[] {
    return parts.map((part) => this.#part(part, place)).filter((part) => part !== undefined);
  }

  #part(part: Part, place: Place): JsonObject | undefined {
    switch (part.type) {
      case 'text':
        if (isBillingHeader(part)) return undefined;
        if (part.annotations !== undefined && part.annotations.length > 0) {
          this.#lost.add(`${this.#lost.history}[].annotations`, 'Chat Completions takes no citations back.');
        }
        return this.#hints(part, { type: 'text', text: part.text });
      case 'image':
        return this.#image(part, place);
      case 'document':
        return this.#document(part, place);
      case 'refusal':
        return { type: 'text', text: part.text };
      case 'tool_reference':
        this.#lost.add(this.#lost.history, 'Chat Completions has no references to tools; the name of the tool stands as text.');
        return { type: 'text', text: part.name };
      case 'opaque':
        if (part.from === 'chat') return part.value;
        this.#lost.add(this.#lost.history, `Chat Completions has nothing like ${part.name}.`);
        return undefined;
    }
  }

  #hints(part: Extract<Part, { type: 'text' | 'image' | 'document' }>, rendered: JsonObject): JsonObject {
    return {
      ...this.#lost.extra(`${this.#lost.history}[].content[]`, part.extra),
      ...rendered,
      ...cacheMark(part.cacheControl, this.#lost),
    };
  }

  #image(part: Extract<Part, { type: 'image' }>, place: Place): JsonObject | undefined {
    if (part.source.kind === 'file') {
      this.#lost.add(this.#lost.history, 'Chat Completions takes no images by file id.');
      return undefined;
    }
    if (!this.#takesMedia(place)) return undefined;
    const image: JsonObject = { url: part.source.kind === 'url' ? part.source.url : dataUrl(part.source) };
    if (part.detail !== undefined) image.detail = part.detail;
    return this.#hints(part, { type: 'image_url', image_url: image });
  }

  #document(part: Extract<Part, { type: 'document' }>, place: Place): JsonObject | undefined {
    const { source } = part;
    const titled = (text: string): string => (part.name === undefined ? text : `${part.name}\n\n${text}`);
    if (source.kind === 'text') return this.#hints(part, { type: 'text', text: titled(source.text) });
    if (source.kind === 'url') {
      this.#lost.add(this.#lost.history, 'Chat Completions can not fetch documents; the address stands as text.');
      return this.#hints(part, { type: 'text', text: titled(source.url) });
    }
    if (source.kind === 'file' && this.#lost.from === 'messages') {
      this.#lost.add(this.#lost.history, 'A file kept at Anthropic can not be read elsewhere.');
      return undefined;
    }
    if (!this.#takesMedia(place)) return undefined;
    const file: JsonObject =
      source.kind === 'file'
        ? { file_id: source.id }
        : { filename: (this.#lost.own ? part.name : undefined) ?? fileName(part.name, source.mediaType), file_data: dataUrl(source) };
    if (source.kind === 'file' && part.name !== undefined) file.filename = part.name;
    return this.#hints(part, { type: 'file', file });
  }

  /** Results may hold media because they are moved to a user message afterwards. */
  #takesMedia(place: Place): boolean {
    if (place === 'user' || place === 'tool' || this.#lost.own) return true;
    this.#lost.add(this.#lost.history, `In Chat Completions ${place} messages hold text only.`);
    return false;
  }
}

type Place = MessageItem['role'] | 'tool';

function isMedia(part: JsonObject): boolean {
  return part.type === 'image_url' || part.type === 'file';
}

/** The field that marks a place for the prompt cache; only some servers that speak this format know it. */
function cacheMark(mark: JsonObject | undefined, lost: Losses): JsonObject {
  if (mark === undefined) return {};
  if (lost.own) return { cache_control: mark };
  lost.add('cache_control', 'Chat Completions has no marks for the prompt cache.');
  return {};
}

/** Text alone is a plain string: every server reads that. */
function contentOf(parts: JsonObject[]): string | JsonObject[] {
  const [only] = parts;
  if (only === undefined) return '';
  const isPlain = parts.length === 1 && only.type === 'text' && Object.keys(only).length === 2;
  return isPlain ? (asString(only.text) ?? parts) : parts;
}

/** Many servers read lists of parts only in user messages, so texts from elsewhere are joined. */
function joined(parts: readonly JsonObject[], seam: string): string {
  return parts.map((part) => asString(part.text) ?? '').join(seam);
}

function asErrorText(content: string | JsonObject[]): string | JsonObject[] {
  if (typeof content === 'string') return content.startsWith('Error:') ? content : `Error: ${content}`;
  return [{ type: 'text', text: 'Error:' }, ...content];
}
