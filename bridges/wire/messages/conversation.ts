import { asObject, isObject } from '../json.ts';
import type {
  JsonObject,
  JsonValue,
  MediaSource,
  MessageItem,
  Part,
  ReasoningItem,
  ToolCallItem,
  ToolResultItem,
  TurnItem,
  TurnRequest,
} from '../turn.ts';
import { isEmpty } from '../fields.ts';
import type { Losses } from '../losses.ts';
import { MARKS } from '../marks.ts';
import { SECTION_BREAK } from '../reasoning.ts';
import { standIn } from '../stand-in.ts';
import { cacheMark, flatName, toCitations, toolInput, toolInputObject } from './blocks.ts';

/** Renders the history: the system text at its beginning, and everything else as messages. */
export function renderItems(turn: TurnRequest, lost: Losses): { system: JsonObject[]; conversation: JsonObject[] } {
  const isLeading = (item: TurnItem): item is MessageItem => isSystem(item) && item.extra?.[MARKS.inline] !== true;
  const end = turn.items.findIndex((item) => !isLeading(item));
  const leading = turn.items.slice(0, end < 0 ? turn.items.length : end);
  const system = leading.flatMap((item) => (isLeading(item) ? systemBlocks(item, lost) : []));
  const writer = new ConversationWriter(lost);
  for (const item of turn.items.slice(leading.length)) writer.write(item);
  return { system, conversation: writer.messages() };
}

function isSystem(item: TurnItem): item is MessageItem {
  return item.type === 'message' && (item.role === 'system' || item.role === 'developer');
}

function systemBlocks(item: MessageItem, lost: Losses): JsonObject[] {
  lost.extra(`${lost.history}[]`, item.extra);
  return renderParts(item.content, 'system', lost);
}

type Role = 'user' | 'assistant' | 'system';
/** A message in the making. Results stand before everything else that the user says. */
type Draft = { role: Role; results: JsonObject[]; blocks: JsonObject[]; fields: JsonObject };

/** Gathers items into messages of alternating roles. */
class ConversationWriter {
  readonly #lost: Losses;
  readonly #drafts: Draft[] = [];

  constructor(lost: Losses) {
    this.#lost = lost;
  }

  messages(): JsonObject[] {
    return this.#drafts.map(({ role, results, blocks, fields }) => ({ role, content: [...results, ...blocks], ...fields }));
  }

  write(item: TurnItem): void {
    switch (item.type) {
      case 'message':
        return this.#message(item);
      case 'tool_call':
        this.#draft('assistant', item.extra).blocks.push(this.#call(item));
        return;
      case 'tool_result':
        this.#draft('user', item.extra).results.push(this.#result(item));
        return;
      case 'reasoning':
        return this.#reasoning(item);
      case 'opaque':
        if (item.from === 'messages') this.#draft(item.role ?? 'assistant').blocks.push(item.value);
        else this.#lost.add(this.#lost.history, `The Messages format has nothing like \`${item.name}\`.`);
    }
  }

  /** The message to write into: the last one where the role is the same and no fields of a message tell them apart. */
  #draft(role: Role, extra?: JsonObject): Draft {
    const fields = this.#lost.own ? asObject(extra?.[MARKS.message]) : undefined;
    return this.#open(role, fields ?? {});
  }

  #open(role: Role, fields: JsonObject): Draft {
    const last = this.#drafts.at(-1);
    if (last?.role === role && role !== 'system' && isEmpty(fields)) return last;
    const draft: Draft = { role, results: [], blocks: [], fields };
    this.#drafts.push(draft);
    return draft;
  }

  #message(item: MessageItem): void {
    const lost = this.#lost;
    const fields = lost.extra(`${lost.history}[]`, item.extra);
    if (item.name !== undefined) lost.add(`${lost.history}[].name`, 'Participants have no names in the Messages format.');
    if (item.phase !== undefined) lost.add(`${lost.history}[].phase`, 'The Messages format has no phases of a reply.');
    const role = this.#roleOf(item);
    const blocks = renderParts(item.content, placeOf(item), lost);
    if (blocks.length === 0 && !lost.own) {
      const text = role === 'user' ? standIn(item.content) : undefined;
      if (text === undefined) return;
      blocks.push({ type: 'text', text });
    }
    const draft = this.#open(role, fields);
    for (const block of blocks) draft.blocks.push(block);
  }

  /** Other formats' models take orders in mid-conversation for granted; here most read them only in the user's words. */
  #roleOf({ role }: MessageItem): Role {
    if (role === 'assistant' || role === 'user') return role;
    return this.#lost.own ? 'system' : 'user';
  }

  #call(item: ToolCallItem): JsonObject {
    const lost = this.#lost;
    return {
      type: 'tool_use',
      id: item.callId,
      name: flatName(item),
      input: this.#input(item),
      ...cacheMark(item.cacheControl),
      ...lost.extra(`${lost.history}[]`, item.extra),
    };
  }

  #input({ kind, input }: ToolCallItem): JsonValue {
    if (kind === 'custom') return { input };
    const value = toolInput(input);
    if (isObject(value) || (value !== undefined && this.#lost.own)) return value;
    this.#lost.add(
      `${this.#lost.history}[].arguments`,
      'The arguments of a call are no JSON object; their text is passed on under `input`.',
    );
    return toolInputObject(input);
  }

  #result(item: ToolResultItem): JsonObject {
    const lost = this.#lost;
    const content = renderParts(item.content, 'result', lost);
    return {
      type: 'tool_result',
      tool_use_id: item.callId,
      ...(content.length > 0 && { content }),
      ...(item.isError !== undefined && { is_error: item.isError }),
      ...cacheMark(item.cacheControl),
      ...lost.extra(`${lost.history}[]`, item.extra),
    };
  }

  #reasoning(item: ReasoningItem): void {
    const lost = this.#lost;
    const { opaque } = item;
    const isOurs = opaque === undefined ? lost.own : opaque.family === 'messages';
    if (!isOurs) {
      lost.add(lost.history, 'Reasoning can only be given back to the model family that wrote it.');
      return;
    }
    const fields = lost.extra(`${lost.history}[]`, item.extra);
    const block: JsonObject =
      opaque?.redacted === true
        ? { type: 'redacted_thinking', data: opaque.data }
        : { type: 'thinking', thinking: (item.content ?? item.summary).join(SECTION_BREAK), signature: opaque?.data ?? '' };
    this.#draft('assistant', item.extra).blocks.push({ ...block, ...fields });
  }
}

// ---------------------------------------------------------------------------------------------- parts

type Place = Role | 'result';

function placeOf({ role }: MessageItem): Place {
  return role === 'developer' ? 'system' : role;
}

function renderParts(parts: readonly Part[], place: Place, lost: Losses): JsonObject[] {
  const blocks: JsonObject[] = [];
  for (const part of parts) {
    const block = renderPart(part, place, lost);
    if (block === undefined) continue;
    const hints = 'extra' in part ? lost.extra(`${lost.history}[].content[]`, part.extra) : {};
    blocks.push({ ...block, ...('cacheControl' in part && cacheMark(part.cacheControl)), ...hints });
  }
  return blocks;
}

function renderPart(part: Part, place: Place, lost: Losses): JsonObject | undefined {
  switch (part.type) {
    case 'text':
      return renderText(part, lost);
    case 'refusal':
      return { type: 'text', text: part.text };
    case 'image':
      return holdsMedia(part, place, lost) ? renderImage(part, lost) : undefined;
    case 'document':
      return holdsMedia(part, place, lost) ? renderDocument(part, lost) : undefined;
    case 'tool_reference':
      // Only this format's own clients hold tools back until they are referred to; to others the tool is there already.
      if (!lost.own) return { type: 'text', text: `Tool found: ${part.name}` };
      return part.value ?? { type: 'tool_reference', tool_name: part.name };
    case 'opaque':
      if (part.from === 'messages') return part.value;
      lost.add(lost.history, `The Messages format has nothing like \`${part.name}\`.`);
      return undefined;
  }
}

function renderText(part: Extract<Part, { type: 'text' }>, lost: Losses): JsonObject | undefined {
  // Empty texts are refused; the format's own clients are left to say what they say.
  if (part.text === '' && !lost.own) return undefined;
  const block: JsonObject = { type: 'text', text: part.text };
  if (part.annotations === undefined || part.annotations.length === 0) return block;
  if (lost.own) block.citations = toCitations(part.annotations);
  else lost.add(`${lost.history}[].annotations`, "Another provider's citations can not be given back in the Messages format.");
  return block;
}

function holdsMedia(part: Part, place: Place, lost: Losses): boolean {
  if (lost.own || place === 'user' || place === 'result') return true;
  lost.add(lost.history, `In the Messages format ${place} messages hold no ${part.type}s.`);
  return false;
}

function renderImage(part: Extract<Part, { type: 'image' }>, lost: Losses): JsonObject | undefined {
  if (part.detail !== undefined) lost.add(`${lost.history}[].detail`, 'The Messages format knows no level of detail for images.');
  const source = renderSource(part.source, lost);
  if (source === undefined) return undefined;
  // A common misspelling that other providers let pass.
  if (source.media_type === 'image/jpg' && !lost.own) source.media_type = 'image/jpeg';
  return { type: 'image', source };
}

function renderDocument(part: Extract<Part, { type: 'document' }>, lost: Losses): JsonObject | undefined {
  const source = documentSource(part.source, lost);
  if (source === undefined) return undefined;
  return { type: 'document', source, ...(part.name !== undefined && { title: part.name }) };
}

function documentSource(source: MediaSource | { kind: 'text'; text: string }, lost: Losses): JsonObject | undefined {
  if (source.kind === 'text') return textSource(source.text);
  if (source.kind !== 'base64' || source.mediaType === 'application/pdf' || lost.own) return renderSource(source, lost);
  if (isText(source.mediaType)) return textSource(Buffer.from(source.data, 'base64').toString('utf8'));
  lost.add(lost.history, `The Messages format takes PDF and plain text as documents, not \`${source.mediaType}\`.`);
  return undefined;
}

function textSource(text: string): JsonObject {
  return { type: 'text', media_type: 'text/plain', data: text };
}

function isText(mediaType: string): boolean {
  return mediaType.startsWith('text/') || mediaType === 'application/json';
}

function renderSource(source: MediaSource, lost: Losses): JsonObject | undefined {
  switch (source.kind) {
    case 'base64':
      return { type: 'base64', media_type: source.mediaType, data: source.data };
    case 'url':
      return { type: 'url', url: source.url };
    case 'file':
      if (lost.own) return { type: 'file', file_id: source.id };
      lost.add(lost.history, 'A file that lies with another provider can not be read by this one.');
      return undefined;
  }
}
