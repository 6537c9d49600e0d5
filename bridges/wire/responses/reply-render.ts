import { ReplyError, type ReplyContext, type StreamRenderer } from '../codec.ts';
import { asName, isObject } from '../json.ts';
import { SECTION_BREAK } from '../reasoning.ts';
import { sseEvent } from '../sse.ts';
import type { ItemStart, JsonObject, JsonValue, StopReason, TurnError, TurnEvent, Usage } from '../turn.ts';
import { streamError } from './errors.ts';
import { renderFormat } from './request-render.ts';
import { renderToolChoice } from './tools.ts';
import { renderUsage } from './usage.ts';

/** A renderer of a streamed reply, in the order of SPEC 9.3. */
export function streamRenderer(context: ReplyContext): StreamRenderer {
  return new ReplyRenderer(context);
}

/** Renders a complete reply as one `response` object. */
export function renderReply(events: readonly TurnEvent[], context: ReplyContext): JsonObject {
  const renderer = new ReplyRenderer(context);
  for (const event of events) renderer.push(event);
  if (renderer.response === undefined) throw new ReplyError('The reply has no end, so it can not be rendered.');
  return renderer.response;
}

type Start = ItemStart;
type End = Extract<TurnEvent, { type: 'item_end' }>;

/** An item of the reply that is still being written. */
type OpenItem = {
  start: Start;
  id: string;
  index: number;
  /** The text so far; of reasoning, that of the section being written. */
  text: string;
  /** Reasoning: the sections already written, and whether one is open. */
  sections: string[];
  inSection: boolean;
  /** A delta event around its sequence number and its text, made once: this is where most of the time goes. */
  head: string;
  middle: string;
  tail: string;
};

class ReplyRenderer implements StreamRenderer {
  /** The last state of the reply; undefined until it has ended. */
  response: JsonObject | undefined;
  readonly #context: ReplyContext;
  #base: JsonObject | undefined;
  #sequence = 0;
  #usage: Usage = {};
  #refused = false;
  /** By output index; an open item's place is kept free. */
  readonly #output: (JsonObject | undefined)[] = [];
  readonly #open = new Map<number, OpenItem>();
  /** The end of a call: whether it was cut is told by what follows. */
  #held: { open: OpenItem; end: End } | undefined;
  readonly #ids = new Set<string>();

  constructor(context: ReplyContext) {
    this.#context = context;
  }

  push(event: TurnEvent): string {
    if (this.response !== undefined) return '';
    if (this.#held === undefined || event.type === 'usage') return this.#push(event);
    const cut = event.type === 'end' && incompleteReason(event.stop, this.#refused) !== undefined;
    return this.#release(cut ? 'incomplete' : 'completed') + this.#push(event);
  }

  #release(status: 'completed' | 'incomplete'): string {
    const held = this.#held;
    this.#held = undefined;
    return held === undefined ? '' : this.#end(held.open, held.end, status);
  }

  #push(event: TurnEvent): string {
    switch (event.type) {
      case 'delta': {
        const open = this.#open.get(event.item);
        return open === undefined ? '' : this.#delta(open, event.text);
      }
      case 'start':
        Object.assign(this.#usage, event.usage);
        return this.#begin(event.id);
      case 'item_start':
        return this.#begin() + this.#start(event);
      case 'item_end': {
        const open = this.#open.get(event.item);
        if (open?.start.kind === 'tool_call') {
          this.#held = { open, end: event };
          return '';
        }
        return open === undefined ? '' : this.#end(open, event, 'completed');
      }
      case 'reasoning_break': {
        const open = this.#open.get(event.item);
        return open === undefined || !open.inSection ? '' : this.#closeSection(open) + this.#openSection(open);
      }
      case 'item':
        return event.value.from === 'responses' ? this.#begin() + this.#hosted(event.value.value) : '';
      case 'usage':
        Object.assign(this.#usage, event.usage);
        return '';
      case 'keep_alive':
        // Some clients take the reply so far from this event, so it must hold all of it.
        return this.#base === undefined ? this.#begin() : this.#state('response.in_progress', 'in_progress');
      case 'end':
        Object.assign(this.#usage, event.usage);
        return this.#begin() + this.#finish(event.stop);
      case 'error':
        return this.#begin() + this.#fail(event.error);
      case 'cut':
        return this.#begin() + this.#fail({ kind: 'stream_cut', message: event.message });
    }
  }

  #begin(id?: string): string {
    if (this.#base !== undefined) return '';
    this.#base = responseBase(this.#context, this.#uniqueId('resp_', id));
    return this.#state('response.created', 'in_progress') + this.#state('response.in_progress', 'in_progress');
  }

  // ------------------------------------------------------------------------------------------ items

  #start(start: Start): string {
    const index = this.#output.length;
    this.#output.push(undefined);
    const id = this.#uniqueId(idPrefix(start), start.id);
    const open: OpenItem = { start, id, index, text: '', sections: [], inSection: false, head: '', middle: '', tail: '}\n\n' };
    this.#open.set(start.item, open);
    if (start.kind === 'refusal') this.#refused = true;
    const added = this.#event('response.output_item.added', { output_index: index, item: emptyItem(open) });
    if (start.kind === 'reasoning') return added;
    this.#aim(open, deltaType(start), '');
    if (start.kind === 'tool_call') return added;
    if (start.kind === 'text') open.tail = ',"logprobs":[]}\n\n';
    return added + this.#partEvent('response.content_part.added', open, { content_index: 0, part: messagePart(start.kind, '', []) });
  }

  #delta(open: OpenItem, text: string): string {
    if (text === '') return '';
    const before = open.start.kind === 'reasoning' && !open.inSection ? this.#openSection(open) : '';
    open.text += text;
    return `${before}${open.head}${this.#sequence++}${open.middle}${JSON.stringify(text)}${open.tail}`;
  }

  /** Prepares the delta events of an item; `place` names its part. */
  #aim(open: OpenItem, type: string, place: string): void {
    const at = open.start.kind === 'text' || open.start.kind === 'refusal' ? ',"content_index":0' : place;
    open.head = `event: ${type}\ndata: {"type":"${type}","sequence_number":`;
    open.middle = `,"item_id":${JSON.stringify(open.id)},"output_index":${open.index}${at},"delta":`;
  }

  #end(open: OpenItem, told: End, status: 'completed' | 'incomplete'): string {
    this.#open.delete(open.start.item);
    // Clients parse the arguments: a call without any must still be JSON.
    const end = status === 'completed' && isWithoutArguments(open, told) ? { ...told, text: `${open.text}{}` } : told;
    const rest = this.#delta(open, missingRest(open, end.text));
    const closing = open.start.kind === 'reasoning' ? this.#closeSection(open) : this.#closeText(open, end);
    const item = this.#wholeItem(open, end, status);
    this.#output[open.index] = item;
    return rest + closing + this.#event('response.output_item.done', { output_index: open.index, item });
  }

  #closeText(open: OpenItem, end: End): string {
    const { start } = open;
    const text = end.text || open.text;
    switch (start.kind) {
      case 'tool_call':
        return start.tool === 'custom'
          ? this.#partEvent('response.custom_tool_call_input.done', open, { input: text })
          : this.#partEvent('response.function_call_arguments.done', open, { name: start.name, arguments: text });
      case 'refusal':
        return (
          this.#partEvent('response.refusal.done', open, { content_index: 0, refusal: text }) +
          this.#partEvent('response.content_part.done', open, { content_index: 0, part: messagePart('refusal', text, []) })
        );
      case 'text': {
        const annotations = ownAnnotations(end.annotations);
        const noted = annotations.map((annotation, i) =>
          this.#partEvent('response.output_text.annotation.added', open, { content_index: 0, annotation_index: i, annotation }),
        );
        return (
          noted.join('') +
          this.#partEvent('response.output_text.done', open, { content_index: 0, text, logprobs: [] }) +
          this.#partEvent('response.content_part.done', open, { content_index: 0, part: messagePart('text', text, annotations) })
        );
      }
      case 'reasoning':
        return '';
    }
  }

  #wholeItem(open: OpenItem, end: End, status: string): JsonObject {
    const { start } = open;
    const text = end.text || open.text;
    const item = emptyItem(open);
    if (start.kind === 'reasoning') {
      const sealed = end.opaque === undefined ? {} : { encrypted_content: this.#context.seal(end.opaque) };
      return { ...item, ...reasoningParts(start, open.sections), ...sealed };
    }
    return { ...item, status, ...textFields(start, text, ownAnnotations(end.annotations)) };
  }

  #hosted(value: JsonObject): string {
    const item = { ...value, id: this.#uniqueId('', asName(value.id)) };
    const index = this.#output.length;
    const told =
      this.#event('response.output_item.added', { output_index: index, item }) +
      this.#event('response.output_item.done', { output_index: index, item });
    this.#output.push(item);
    return told;
  }

  // -------------------------------------------------------------------------------------- reasoning

  #openSection(open: OpenItem): string {
    open.inSection = true;
    const index = open.sections.length;
    if (isContent(open.start)) {
      this.#aim(open, 'response.reasoning_text.delta', `,"content_index":${index}`);
      return this.#partEvent('response.content_part.added', open, { content_index: index, part: { type: 'reasoning_text', text: '' } });
    }
    this.#aim(open, 'response.reasoning_summary_text.delta', `,"summary_index":${index}`);
    return this.#partEvent('response.reasoning_summary_part.added', open, {
      summary_index: index,
      part: { type: 'summary_text', text: '' },
    });
  }

  #closeSection(open: OpenItem): string {
    if (!open.inSection) return '';
    const { text } = open;
    const index = open.sections.length;
    open.sections.push(text);
    open.text = '';
    open.inSection = false;
    if (isContent(open.start)) {
      return (
        this.#partEvent('response.reasoning_text.done', open, { content_index: index, text }) +
        this.#partEvent('response.content_part.done', open, { content_index: index, part: { type: 'reasoning_text', text } })
      );
    }
    return (
      this.#partEvent('response.reasoning_summary_text.done', open, { summary_index: index, text }) +
      this.#partEvent('response.reasoning_summary_part.done', open, { summary_index: index, part: { type: 'summary_text', text } })
    );
  }

  // -------------------------------------------------------------------------------------------- end

  #finish(stop: StopReason): string {
    const left = this.#closeAll();
    if (stop === 'context_window' && this.#output.length === 0) {
      return left + this.#fail({ kind: 'context_too_long', message: 'The conversation is longer than the model can read. Shorten it.' });
    }
    const reason = incompleteReason(stop, this.#refused);
    if (reason === undefined) return left + this.#state('response.completed', 'completed');
    return left + this.#state('response.incomplete', 'incomplete', { incomplete_details: { reason } });
  }

  #fail(error: TurnError): string {
    return this.#state('response.failed', 'failed', { error: streamError(error) });
  }

  /** Items without an end are the sender's mistake; they are closed so that the reply stays well-formed. */
  #closeAll(): string {
    return [...this.#open.values()]
      .map((open) => this.#end(open, { type: 'item_end', item: open.start.item, text: '' }, 'incomplete'))
      .join('');
  }

  /** An event that tells the state of the whole reply. */
  #state(type: string, status: string, fields: JsonObject = {}): string {
    const output = [...this.#output];
    for (const open of this.#open.values()) output[open.index] = partialItem(open);
    const ended = status !== 'in_progress';
    const response: JsonObject = {
      ...this.#base,
      status,
      output: output.filter((item) => item !== undefined),
      usage: ended ? renderUsage(this.#usage) : null,
      ...fields,
    };
    if (ended) this.response = response;
    return this.#event(type, { response });
  }

  #partEvent(type: string, open: OpenItem, fields: JsonObject): string {
    return this.#event(type, { item_id: open.id, output_index: open.index, ...fields });
  }

  #event(type: string, fields: JsonObject): string {
    return sseEvent(type, JSON.stringify({ type, sequence_number: this.#sequence++, ...fields }));
  }

  /** Keeps the upstream's id where it is of the right kind and not used yet; clients tell items apart by it. */
  #uniqueId(prefix: string, id: string | undefined): string {
    const unique = id !== undefined && id.startsWith(prefix) && !this.#ids.has(id) ? id : this.#context.newId(prefix || 'item_');
    this.#ids.add(unique);
    return unique;
  }
}

/** The fields of `response` that stay the same. The client's tools are not repeated: they can be large, and nobody reads them here. */
function responseBase(context: ReplyContext, id: string): JsonObject {
  const { request } = context;
  return {
    id,
    object: 'response',
    created_at: Math.floor(context.now / 1000),
    status: 'in_progress',
    background: false,
    error: null,
    incomplete_details: null,
    instructions: null,
    max_output_tokens: request?.maxOutputTokens ?? null,
    model: context.model,
    output: [],
    parallel_tool_calls: request?.parallelToolCalls ?? true,
    previous_response_id: null,
    reasoning: { effort: request?.reasoning?.effort ?? null, summary: request?.reasoning?.summary ?? null },
    store: false,
    temperature: request?.temperature ?? null,
    text: { format: (request && renderFormat(request)) ?? { type: 'text' } },
    tool_choice: (request && renderToolChoice(request)) ?? 'auto',
    tools: [],
    top_p: request?.topP ?? null,
    truncation: 'disabled',
    usage: null,
    user: null,
    metadata: {},
  };
}

function isWithoutArguments({ start, text }: OpenItem, end: End): boolean {
  return start.kind === 'tool_call' && start.tool === 'function' && (end.text || text).trim() === '';
}

function idPrefix(start: Start): string {
  switch (start.kind) {
    case 'text':
    case 'refusal':
      return 'msg_';
    case 'reasoning':
      return 'rs_';
    case 'tool_call':
      return start.tool === 'custom' ? 'ctc_' : 'fc_';
  }
}

function deltaType(start: Exclude<Start, { kind: 'reasoning' }>): string {
  switch (start.kind) {
    case 'text':
      return 'response.output_text.delta';
    case 'refusal':
      return 'response.refusal.delta';
    case 'tool_call':
      return start.tool === 'custom' ? 'response.custom_tool_call_input.delta' : 'response.function_call_arguments.delta';
  }
}

/** An item as `output_item.added` shows it. */
function emptyItem({ start, id }: OpenItem): JsonObject {
  switch (start.kind) {
    case 'reasoning':
      return { id, type: 'reasoning', summary: [], ...(isContent(start) && { content: [] }) };
    case 'tool_call': {
      const call: JsonObject = start.tool === 'custom' ? { id, type: 'custom_tool_call' } : { id, type: 'function_call' };
      const namespace = start.namespace === undefined ? {} : { namespace: start.namespace };
      return { ...call, status: 'in_progress', call_id: start.callId, name: start.name, ...namespace, ...textFields(start, '', []) };
    }
    case 'text':
    case 'refusal': {
      const phase = start.kind === 'text' && start.phase !== undefined ? { phase: start.phase } : {};
      return { id, type: 'message', status: 'in_progress', role: 'assistant', ...phase, content: [] };
    }
  }
}

/** An open item as far as it has been told. */
function partialItem(open: OpenItem): JsonObject {
  const { start } = open;
  if (start.kind !== 'reasoning') return { ...emptyItem(open), ...textFields(start, open.text, []) };
  return { ...emptyItem(open), ...reasoningParts(start, open.inSection ? [...open.sections, open.text] : open.sections) };
}

function textFields(start: Exclude<Start, { kind: 'reasoning' }>, text: string, annotations: JsonValue[]): JsonObject {
  if (start.kind !== 'tool_call') return { content: [messagePart(start.kind, text, annotations)] };
  return start.tool === 'custom' ? { input: text } : { arguments: text };
}

function messagePart(kind: 'text' | 'refusal', text: string, annotations: JsonValue[]): JsonObject {
  return kind === 'refusal' ? { type: 'refusal', refusal: text } : { type: 'output_text', text, annotations, logprobs: [] };
}

function reasoningParts(start: Start, sections: string[]): JsonObject {
  if (isContent(start)) return { content: sections.map((text) => ({ type: 'reasoning_text', text })) };
  return { summary: sections.map((text) => ({ type: 'summary_text', text })) };
}

function isContent(start: Start): boolean {
  return start.kind === 'reasoning' && start.form === 'content';
}

/** What the whole text holds beyond the deltas. Breaks inside reasoning may or may not be spelt out in it. */
function missingRest(open: OpenItem, whole: string): string {
  if (open.start.kind !== 'reasoning') return whole.startsWith(open.text) ? whole.slice(open.text.length) : '';
  const told = open.inSection ? [...open.sections, open.text] : open.sections;
  const spelt = [SECTION_BREAK, ''].map((separator) => told.join(separator)).find((text) => whole.startsWith(text));
  return spelt === undefined ? '' : whole.slice(spelt.length);
}

const ANNOTATIONS = new Set<JsonValue | undefined>(['file_citation', 'url_citation', 'container_file_citation', 'file_path']);

/** The annotations that have this format's shape; those of other formats would break its clients. */
function ownAnnotations(annotations: readonly JsonValue[] | undefined): JsonObject[] {
  return (annotations ?? [])
    .filter(isObject)
    .filter(({ type, url }) => ANNOTATIONS.has(type) && (type !== 'url_citation' || typeof url === 'string'));
}

function incompleteReason(stop: StopReason, refused: boolean): string | undefined {
  switch (stop) {
    case 'max_tokens':
    case 'context_window':
      return 'max_output_tokens';
    case 'content_filter':
      return 'content_filter';
    case 'refusal':
      // A refusal that was said is a complete answer.
      return refused ? undefined : 'content_filter';
    case 'end_turn':
    case 'tool_use':
    case 'stop_sequence':
    case 'pause_turn':
      return undefined;
  }
}
