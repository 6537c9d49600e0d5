import { ReplyError, type StreamParser } from '../codec.ts';
import { CUT, NAMELESS_CALL, UNREADABLE_EVENT } from '../failures.ts';
import { asArray, asName, asNumber, asObject, asString } from '../json.ts';
import { SECTION_BREAK } from '../reasoning.ts';
import { frameObject, type SseFrame } from '../sse.ts';
import type { ItemStart, JsonObject, JsonValue, OpaqueReasoning, StopReason, TurnError, TurnEvent } from '../turn.ts';
import { parseStreamError } from './errors.ts';
import { opaqueItem } from './request-parse.ts';
import { parseUsage } from './usage.ts';

/** Parses a complete reply. */
export function parseReply(body: JsonValue): TurnEvent[] {
  const response = asObject(body);
  if (response === undefined || (response.object !== 'response' && asArray(response.output) === undefined)) {
    throw new ReplyError('The reply is not a Responses object.');
  }
  const { status } = response;
  if (status === 'queued' || status === 'in_progress') throw new ReplyError(`The reply is not complete: its status is \`${status}\`.`);
  return new ReplyParser().whole(response, endingOf(status));
}

/** A parser of a streamed reply. */
export function streamParser(): StreamParser {
  return new ReplyParser();
}

/** A hub item that stands for (a part of) an item of the stream. */
type Piece = {
  item: number;
  kind: ItemStart['kind'];
  /** The deltas so far. */
  text: string;
  ended: boolean;
  annotations: JsonValue[];
};

/** An item of the stream: a message with its parts, a call, a piece of reasoning, or one only this format knows. */
type Slot = {
  type: string;
  outputIndex: number | undefined;
  id: string | undefined;
  callId: string | undefined;
  phase: string | undefined;
  /** By content index; calls and reasoning have one, at 0. */
  pieces: Map<number, Piece>;
  /** Whole texts told by `...done` events, by content index. They win over the deltas. */
  told: Map<number, string>;
  /** Reasoning: the summary or content part being written, and those of which anything was heard. */
  section: string;
  heard: Set<string>;
  /** A call whose name is not known yet: its input so far. */
  pending: string;
  done: boolean;
};

type Ending = 'completed' | 'incomplete' | 'failed' | 'cancelled';

class ReplyParser implements StreamParser {
  #started = false;
  #running = false;
  #over = false;
  #items = 0;
  #called = false;
  #refused = false;
  /** A call came in that nobody can run, because it has no name. */
  #nameless = false;
  readonly #slots: Slot[] = [];
  readonly #byIndex = new Map<number, Slot>();

  push(frame: SseFrame): TurnEvent[] {
    if (this.#over || frame.data === '' || frame.data === '[DONE]') return [];
    const event = frameObject(frame);
    const out: TurnEvent[] = [];
    if (event === undefined) this.#fail(UNREADABLE_EVENT, out);
    else this.#read(event, asString(event.type) ?? frame.event, out);
    return out;
  }

  end(): TurnEvent[] {
    if (this.#over) return [];
    this.#over = true;
    const out: TurnEvent[] = [];
    this.#start(undefined, out);
    return [...out, CUT];
  }

  /** Reads a reply that did not come as a stream. */
  whole(response: JsonObject, ending: Ending): TurnEvent[] {
    const out: TurnEvent[] = [];
    this.#start(response, out);
    this.#finish(response, ending, out);
    return out;
  }

  #read(event: JsonObject, type: string | undefined, out: TurnEvent[]): void {
    switch (type) {
      case 'response.output_text.delta':
        return this.#partDelta(event, 'text', out);
      case 'response.function_call_arguments.delta':
        return this.#callDelta(event, 'function_call', out);
      case 'response.reasoning_summary_text.delta':
        return this.#thought(event, 'summary', out);
      case 'response.reasoning_text.delta':
        return this.#thought(event, 'content', out);
      case 'response.custom_tool_call_input.delta':
        return this.#callDelta(event, 'custom_tool_call', out);
      case 'response.refusal.delta':
        return this.#partDelta(event, 'refusal', out);
      case 'response.created':
        return this.#start(asObject(event.response), out);
      case 'response.in_progress':
        return this.#progress(event, out);
      case 'response.output_item.added':
        return this.#added(event, out);
      case 'response.output_item.done':
        return this.#done(event, out);
      case 'response.content_part.added':
        return this.#partAdded(event, out);
      case 'response.content_part.done':
        return this.#partDone(event, out);
      case 'response.output_text.done':
        return this.#told(event, 'message', event.text);
      case 'response.refusal.done':
        return this.#told(event, 'message', event.refusal);
      case 'response.function_call_arguments.done':
        return this.#told(event, 'function_call', event.arguments);
      case 'response.custom_tool_call_input.done':
        return this.#told(event, 'custom_tool_call', event.input);
      case 'response.output_text.annotation.added':
        return this.#annotated(event);
      case 'response.reasoning_summary_part.added':
        return this.#thought(event, 'summary', out);
      case 'response.reasoning_summary_text.done':
        return this.#thoughtTold(event, 'summary', out);
      case 'response.reasoning_text.done':
        return this.#thoughtTold(event, 'content', out);
      case 'response.reasoning_summary_part.done':
        return;
      case 'response.completed':
      case 'response.incomplete':
      case 'response.failed':
      case 'response.cancelled':
        return this.#finish(asObject(event.response), endingOf(type.slice('response.'.length), asObject(event.response)?.status), out);
      case 'error':
      case undefined:
        if (type === 'error' || event.error !== undefined) this.#fail(parseStreamError({ ...event, ...asObject(event.error) }), out);
        else this.#alive(out);
        return;
      default:
        this.#alive(out);
    }
  }

  #fail(error: TurnError, out: TurnEvent[]): void {
    this.#start(undefined, out);
    this.#over = true;
    out.push({ type: 'error', error });
  }

  #start(response: JsonObject | undefined, out: TurnEvent[]): void {
    if (this.#started) return;
    this.#started = true;
    const event: TurnEvent = { type: 'start' };
    const id = asString(response?.id);
    const model = asString(response?.model);
    if (id !== undefined) event.id = id;
    if (model !== undefined) event.model = model;
    out.push(event);
  }

  /** The first `in_progress` belongs to the start; upstreams repeat it to keep the connection alive. */
  #progress(event: JsonObject, out: TurnEvent[]): void {
    if (this.#running) out.push({ type: 'keep_alive' });
    else this.#start(asObject(event.response), out);
    this.#running = true;
  }

  #alive(out: TurnEvent[]): void {
    if (this.#started) out.push({ type: 'keep_alive' });
  }

  // ------------------------------------------------------------------------------------------ items

  #added(event: JsonObject, out: TurnEvent[]): void {
    const item = asObject(event.item);
    const type = asName(item?.type);
    if (item === undefined || type === undefined) return this.#alive(out);
    const known = this.#find(event, type, asString(item.id));
    // Some upstreams announce an item twice.
    if (known !== undefined && sameId(known, item)) return;
    const slot = this.#open(type, event);
    identify(slot, item);
    if (isCall(type)) this.#startCall(slot, item, out);
    else if (type !== 'message' && type !== 'reasoning') this.#alive(out);
  }

  #done(event: JsonObject, out: TurnEvent[]): void {
    const item = asObject(event.item);
    const type = asName(item?.type);
    if (item === undefined || type === undefined) return this.#alive(out);
    if (this.#slots.some((slot) => slot.done && slot.type === type && sameId(slot, item))) return;
    this.#close(this.#find(event, type, asString(item.id)) ?? this.#open(type, event), item, out);
  }

  #open(type: string, event: JsonObject): Slot {
    const slot = newSlot(type, asNumber(event.output_index), asString(event.item_id));
    this.#slots.push(slot);
    if (slot.outputIndex !== undefined) this.#byIndex.set(slot.outputIndex, slot);
    return slot;
  }

  /**
   * The open item an event speaks of. The index decides, for some upstreams change an item's id from event to event;
   * without an index the id does, and without either the last open item of that type.
   */
  #find(event: JsonObject, type: string, id = asString(event.item_id)): Slot | undefined {
    const index = event.output_index;
    if (typeof index === 'number') {
      const slot = this.#byIndex.get(index) ?? this.#place(index, type, id);
      return slot !== undefined && slot.type === type && !slot.done ? slot : undefined;
    }
    const open = this.#slots.filter((slot) => slot.type === type && !slot.done);
    return (
      open.findLast((slot) => id !== undefined && slot.id === id) ?? open.findLast((slot) => id === undefined || slot.id === undefined)
    );
  }

  /** An item that was announced without its index, or under another, gets it from the first event that says it. */
  #place(index: number, type: string, id: string | undefined): Slot | undefined {
    const slot = this.#slots.find((each) => !each.done && each.type === type && each.id === id && id !== undefined);
    if (slot === undefined) return undefined;
    slot.outputIndex = index;
    this.#byIndex.set(index, slot);
    return slot;
  }

  /** Ends an item: everything of it that was not told yet is told now. `item` is missing where only deltas came. */
  #close(slot: Slot, item: JsonObject | undefined, out: TurnEvent[]): void {
    if (slot.done) return;
    slot.done = true;
    if (item !== undefined) identify(slot, item);
    if (slot.type === 'message') this.#closeMessage(slot, asArray(item?.content) ?? [], out);
    else if (slot.type === 'reasoning') this.#closeReasoning(slot, item ?? {}, out);
    else if (isCall(slot.type)) this.#closeCall(slot, item ?? {}, out);
    else if (item !== undefined) {
      this.#start(undefined, out);
      out.push({ type: 'item', item: this.#items++, value: opaqueItem(slot.type, item) });
    }
  }

  #startPiece(slot: Slot, index: number, start: ItemStart, out: TurnEvent[]): Piece {
    this.#start(undefined, out);
    const piece: Piece = { item: start.item, kind: start.kind, text: '', ended: false, annotations: [] };
    slot.pieces.set(index, piece);
    this.#items += 1;
    out.push(start);
    return piece;
  }

  // --------------------------------------------------------------------------------------- messages

  #partDelta(event: JsonObject, kind: 'text' | 'refusal', out: TurnEvent[]): void {
    const { delta } = event;
    if (typeof delta !== 'string') return;
    const piece = this.#part(event, kind, out);
    if (piece === undefined || piece.ended) return;
    piece.text += delta;
    out.push({ type: 'delta', item: piece.item, text: delta });
  }

  #partAdded(event: JsonObject, out: TurnEvent[]): void {
    const kind = partKind(asObject(event.part));
    if (kind === 'reasoning') this.#thought(event, 'content', out);
    else if (kind !== undefined) this.#part(event, kind, out);
  }

  #partDone(event: JsonObject, out: TurnEvent[]): void {
    const part = asObject(event.part);
    const kind = partKind(part);
    if (part === undefined || kind === undefined || kind === 'reasoning') return;
    const piece = this.#part(event, kind, out);
    const slot = this.#find(event, 'message');
    if (slot !== undefined && piece !== undefined) this.#endPart(slot, asNumber(event.content_index) ?? 0, piece, part, out);
  }

  /** The piece a part of a message stands for, started where it is new; undefined where its item is over. */
  #part(event: JsonObject, kind: 'text' | 'refusal', out: TurnEvent[]): Piece | undefined {
    let slot = this.#find(event, 'message');
    if (slot === undefined) {
      if (this.#isOver(event, 'message')) return undefined;
      slot = this.#open('message', event);
    }
    const index = typeof event.content_index === 'number' ? event.content_index : 0;
    return slot.pieces.get(index) ?? this.#startPart(slot, index, kind, out);
  }

  #startPart(slot: Slot, index: number, kind: 'text' | 'refusal', out: TurnEvent[]): Piece {
    if (kind === 'refusal') this.#refused = true;
    const start: ItemStart = { type: 'item_start', item: this.#items, kind };
    if (slot.id !== undefined) start.id = slot.id;
    if (start.kind === 'text' && slot.phase !== undefined) start.phase = slot.phase;
    return this.#startPiece(slot, index, start, out);
  }

  #endPart(slot: Slot, index: number, piece: Piece, part: JsonObject | undefined, out: TurnEvent[]): void {
    if (piece.ended) return;
    piece.ended = true;
    const whole = asString(piece.kind === 'refusal' ? part?.refusal : part?.text);
    const event: TurnEvent = { type: 'item_end', item: piece.item, text: agreed(piece.text, whole || slot.told.get(index)) };
    const annotations = asArray(part?.annotations);
    if (annotations !== undefined && annotations.length > 0) event.annotations = annotations;
    else if (piece.annotations.length > 0) event.annotations = piece.annotations;
    out.push(event);
  }

  #closeMessage(slot: Slot, content: JsonValue[], out: TurnEvent[]): void {
    for (const [index, value] of content.entries()) {
      const part = asObject(value);
      const kind = partKind(part);
      if (part === undefined || kind === undefined || kind === 'reasoning') continue;
      this.#endPart(slot, index, slot.pieces.get(index) ?? this.#startPart(slot, index, kind, out), part, out);
    }
    for (const [index, piece] of slot.pieces) this.#endPart(slot, index, piece, undefined, out);
  }

  #annotated(event: JsonObject): void {
    const piece = this.#find(event, 'message')?.pieces.get(asNumber(event.content_index) ?? 0);
    if (piece !== undefined && event.annotation !== undefined) piece.annotations.push(event.annotation);
  }

  // ------------------------------------------------------------------------------------------ calls

  #callDelta(event: JsonObject, type: 'function_call' | 'custom_tool_call', out: TurnEvent[]): void {
    const { delta } = event;
    if (typeof delta !== 'string') return;
    const slot = this.#find(event, type) ?? (this.#isOver(event, type) ? undefined : this.#open(type, event));
    if (slot === undefined) return;
    const piece = slot.pieces.get(0);
    if (piece === undefined) {
      slot.pending += delta;
      return;
    }
    piece.text += delta;
    out.push({ type: 'delta', item: piece.item, text: delta });
  }

  /** Starts a call as soon as its name is known. */
  #startCall(slot: Slot, item: JsonObject, out: TurnEvent[]): Piece | undefined {
    const name = asName(item.name);
    const callId = asName(item.call_id) ?? slot.id;
    if (name === undefined || callId === undefined) return undefined;
    this.#called = true;
    const tool = slot.type === 'custom_tool_call' ? 'custom' : 'function';
    const start: ItemStart = { type: 'item_start', item: this.#items, kind: 'tool_call', callId, name, tool };
    const namespace = asString(item.namespace);
    if (slot.id !== undefined) start.id = slot.id;
    if (namespace !== undefined) start.namespace = namespace;
    return this.#startPiece(slot, 0, start, out);
  }

  #closeCall(slot: Slot, item: JsonObject, out: TurnEvent[]): void {
    const piece = slot.pieces.get(0) ?? this.#startCall(slot, item, out);
    if (piece === undefined) {
      this.#nameless = true;
      return;
    }
    const whole = asString(slot.type === 'custom_tool_call' ? item.input : item.arguments);
    out.push({ type: 'item_end', item: piece.item, text: agreed(piece.text, whole || slot.told.get(0) || slot.pending) });
  }

  // -------------------------------------------------------------------------------------- reasoning

  /** A delta of reasoning, or the announcement of its next part. */
  #thought(event: JsonObject, form: 'summary' | 'content', out: TurnEvent[]): void {
    const slot = this.#find(event, 'reasoning') ?? (this.#isOver(event, 'reasoning') ? undefined : this.#open('reasoning', event));
    if (slot === undefined) return;
    const piece = this.#section(slot, form, sectionOf(event, form), out);
    const { delta } = event;
    if (typeof delta !== 'string') return;
    slot.heard.add(slot.section);
    piece.text += delta;
    out.push({ type: 'delta', item: piece.item, text: delta });
  }

  /** The whole text of a part of reasoning: news only where no delta of it came. */
  #thoughtTold(event: JsonObject, form: 'summary' | 'content', out: TurnEvent[]): void {
    const { text: delta } = event;
    if (typeof delta !== 'string' || delta === '' || this.#find(event, 'reasoning')?.heard.has(sectionOf(event, form))) return;
    this.#thought({ ...event, delta }, form, out);
  }

  #section(slot: Slot, form: 'summary' | 'content', section: string, out: TurnEvent[]): Piece {
    const piece = slot.pieces.get(0);
    if (piece === undefined) {
      slot.section = section;
      return this.#startReasoning(slot, form, out);
    }
    if (slot.section !== section) {
      slot.section = section;
      piece.text += SECTION_BREAK;
      out.push({ type: 'reasoning_break', item: piece.item });
    }
    return piece;
  }

  #startReasoning(slot: Slot, form: 'summary' | 'content', out: TurnEvent[]): Piece {
    const start: ItemStart = { type: 'item_start', item: this.#items, kind: 'reasoning', form };
    if (slot.id !== undefined) start.id = slot.id;
    return this.#startPiece(slot, 0, start, out);
  }

  #closeReasoning(slot: Slot, item: JsonObject, out: TurnEvent[]): void {
    const summary = texts(item.summary);
    const content = texts(item.content);
    const opaque = opaqueOf(item);
    const sections = [...summary, ...content];
    let piece = slot.pieces.get(0);
    if (piece === undefined) {
      if (sections.length === 0 && opaque === undefined) return;
      const form = summary.length === 0 && content.length > 0 ? 'content' : 'summary';
      piece = this.#startReasoning(slot, form, out);
      if (sections.length > 1) this.#tellSections(piece, sections, out);
    }
    const whole = sections.join(SECTION_BREAK);
    const event: TurnEvent = { type: 'item_end', item: piece.item, text: agreed(piece.text, whole) };
    if (opaque !== undefined) event.opaque = opaque;
    out.push(event);
  }

  /** Where nothing was streamed, this is what keeps the parts apart. */
  #tellSections(piece: Piece, sections: string[], out: TurnEvent[]): void {
    for (const [i, text] of sections.entries()) {
      if (i > 0) out.push({ type: 'reasoning_break', item: piece.item });
      out.push({ type: 'delta', item: piece.item, text });
    }
  }

  #told(event: JsonObject, type: string, text: JsonValue | undefined): void {
    if (typeof text !== 'string') return;
    const slot = this.#find(event, type) ?? (this.#isOver(event, type) ? undefined : this.#open(type, event));
    slot?.told.set(asNumber(event.content_index) ?? 0, text);
  }

  /** True where an event comes late: its item was already closed. */
  #isOver(event: JsonObject, type: string): boolean {
    const index = event.output_index;
    if (typeof index !== 'number') return false;
    const slot = this.#byIndex.get(index);
    return slot !== undefined && slot.type === type && slot.done;
  }

  // -------------------------------------------------------------------------------------------- end

  #finish(response: JsonObject | undefined, ending: Ending, out: TurnEvent[]): void {
    if (ending === 'failed' || ending === 'cancelled') {
      const why = asObject(response?.error) ?? { message: ending === 'cancelled' ? 'The upstream cancelled the reply.' : undefined };
      return this.#fail(parseStreamError(why), out);
    }
    this.#start(response, out);
    this.#reconcile(asArray(response?.output) ?? [], out);
    for (const slot of this.#slots) this.#close(slot, undefined, out);
    if (this.#nameless) return this.#fail(NAMELESS_CALL, out);
    this.#over = true;
    const end: TurnEvent = { type: 'end', stop: this.#stop(response, ending) };
    const usage = parseUsage(response?.usage);
    if (usage !== undefined) end.usage = usage;
    out.push(end);
  }

  #stop(response: JsonObject | undefined, ending: Ending): StopReason {
    if (ending === 'incomplete') {
      return asObject(response?.incomplete_details)?.reason === 'content_filter' ? 'content_filter' : 'max_tokens';
    }
    if (this.#called) return 'tool_use';
    return this.#refused ? 'refusal' : 'end_turn';
  }

  /** Tells what only the terminal event told: items that never came as events, and the rest of those left open. */
  #reconcile(output: JsonValue[], out: TurnEvent[]): void {
    const items = output.map(asObject);
    const seen = new Set<Slot>();
    const matches = new Map<JsonObject, Slot>();
    for (const fits of [sameId, samePlace, sameType]) {
      for (const [index, item] of items.entries()) {
        if (item === undefined || matches.has(item)) continue;
        const slot = this.#slots.find((candidate) => !seen.has(candidate) && candidate.type === item.type && fits(candidate, item, index));
        if (slot === undefined) continue;
        seen.add(slot);
        matches.set(item, slot);
      }
    }
    for (const item of items) {
      const type = asName(item?.type);
      if (item === undefined || type === undefined) continue;
      this.#close(matches.get(item) ?? this.#open(type, {}), item, out);
    }
  }
}

/** The whole text of a piece. What its deltas said was handed on already, so a whole that contradicts them comes too late. */
function agreed(said: string, whole: string | undefined): string {
  return whole !== undefined && whole.startsWith(said) ? whole : said;
}

function newSlot(type: string, outputIndex: number | undefined, id: string | undefined): Slot {
  return {
    type,
    outputIndex,
    id,
    callId: undefined,
    phase: undefined,
    pieces: new Map(),
    told: new Map(),
    section: '',
    heard: new Set(),
    pending: '',
    done: false,
  };
}

function sectionOf(event: JsonObject, form: 'summary' | 'content'): string {
  const index = form === 'summary' ? event.summary_index : event.content_index;
  return `${form} ${typeof index === 'number' ? index : 0}`;
}

function identify(slot: Slot, item: JsonObject): void {
  slot.id ??= asName(item.id);
  slot.callId ??= asName(item.call_id);
  slot.phase ??= asString(item.phase);
}

function isCall(type: string): boolean {
  return type === 'function_call' || type === 'custom_tool_call';
}

function partKind(part: JsonObject | undefined): 'text' | 'refusal' | 'reasoning' | undefined {
  switch (part?.type) {
    case 'output_text':
    case 'text':
      return 'text';
    case 'refusal':
      return 'refusal';
    case 'reasoning_text':
      return 'reasoning';
    default:
      return undefined;
  }
}

function texts(value: JsonValue | undefined): string[] {
  return (asArray(value) ?? []).map((part) => asString(asObject(part)?.text) ?? '');
}

function opaqueOf(item: JsonObject): OpaqueReasoning | undefined {
  const data = asString(item.encrypted_content);
  return data === undefined || data === '' ? undefined : { family: 'responses', data };
}

/** Some upstreams end every stream with `response.completed`, and `status` alone tells how the reply ended. */
function endingOf(told: JsonValue | undefined, status?: JsonValue): Ending {
  if (told === 'incomplete' || told === 'failed' || told === 'cancelled') return told;
  return status === undefined ? 'completed' : endingOf(status);
}

function sameId(slot: Slot, item: JsonObject): boolean {
  const callId = asString(item.call_id);
  if (callId !== undefined && slot.callId !== undefined) return callId === slot.callId;
  return item.id !== undefined && item.id === slot.id;
}

function samePlace(slot: Slot, item: JsonObject, index: number): boolean {
  return slot.outputIndex === index && !differentCalls(slot, item);
}

/** Ids that changed on the way, or were never there: the first of its type that is left. */
function sameType(slot: Slot, item: JsonObject): boolean {
  return !differentCalls(slot, item);
}

function differentCalls(slot: Slot, item: JsonObject): boolean {
  const callId = asString(item.call_id);
  return callId !== undefined && slot.callId !== undefined && callId !== slot.callId;
}
