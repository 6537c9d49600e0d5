import { codecs } from '../wire/codecs.ts';
import { UNREADABLE_EVENT } from '../wire/failures.ts';
import { asArray, asName, asObject, asString, isObject } from '../wire/json.ts';
import type { JsonObject, JsonValue, StopReason, TurnEvent } from '../wire/turn.ts';

/** How a frame that is not the last is marked (SPEC 7.1). */
const INTERMEDIATE = 'Intermediate Conversation Update';
const REWRITTEN = '\n\n(Microsoft 365 Copilot has rewritten its answer. It reads now:)\n\n';
const CUT = 'Microsoft 365 Copilot ended its stream before its answer was whole.';
const DISENGAGED = 'Microsoft 365 Copilot has ended this conversation and does not answer.';
/** Copilot tells no token counts: zeros stand for "unknown", and the calls page shows them so (SPEC 7.4). */
const UNKNOWN_USAGE = { input: 0, output: 0 };

/**
 * Copilot's snapshots as events of a reply. Each snapshot holds the whole text so far: what is new of it is told. Where
 * a snapshot changes what was told already, it is held back until one goes on from there, or until the end. Pure.
 */
export class Answer {
  readonly #prompt: string;
  readonly #refused: StopReason;
  /** What the client has of the answer's text. */
  #told = '';
  #open = false;
  #started = false;
  #over = false;

  /** `refused` is how a reply ends that the service would not give, in the client's wire format. */
  constructor(prompt: string, refused: StopReason) {
    this.#prompt = prompt;
    this.#refused = refused;
  }

  /** Nothing more will be told. */
  get over(): boolean {
    return this.#over;
  }

  /** Takes one frame of a stream, or the whole of a reply. */
  push(conversation: JsonValue | undefined): TurnEvent[] {
    if (this.#over) return [];
    if (!isObject(conversation)) return this.#fail(UNREADABLE_EVENT);
    if (conversation.error !== undefined) return this.#fail(codecs.chat.parseError(500, {}, { error: conversation.error }));
    const events: TurnEvent[] = this.#started ? [] : [{ type: 'start' }];
    this.#started = true;
    const message = this.#answerIn(conversation);
    const text = asString(message?.text) ?? '';
    if (conversation.state === 'disengagedForRai') return [...events, ...this.#refuse(text)];
    if (conversation.displayName === INTERMEDIATE) {
      if (text !== this.#told && text.startsWith(this.#told)) this.#tell(text.slice(this.#told.length), events);
      return events;
    }
    if (message === undefined) return events;
    if (text.startsWith(this.#told)) this.#tell(text.slice(this.#told.length), events);
    else this.#tell(REWRITTEN + text, events);
    return [...events, ...this.#finish(citationsOf(message, conversation))];
  }

  /** The bytes have ended. */
  end(): TurnEvent[] {
    if (this.#over) return [];
    this.#over = true;
    return [{ type: 'cut', message: CUT }];
  }

  /** The prompt comes back as the first message; a frame that holds nothing else is no answer yet. */
  #answerIn(conversation: JsonObject): JsonObject | undefined {
    const messages = (asArray(conversation.messages) ?? []).map((message) => asObject(message)).filter((message) => message !== undefined);
    const last = messages.at(-1);
    return messages.length === 1 && last?.text === this.#prompt ? undefined : last;
  }

  #tell(text: string, events: TurnEvent[]): void {
    if (text === '') return;
    if (!this.#open) events.push({ type: 'item_start', item: 0, kind: 'text' });
    this.#open = true;
    this.#told += text;
    events.push({ type: 'delta', item: 0, text });
  }

  #finish(citations: readonly Citation[]): TurnEvent[] {
    this.#over = true;
    const events: TurnEvent[] = [];
    const annotations = this.#cite(citations, events);
    if (!this.#open) events.push({ type: 'item_start', item: 0, kind: 'text' });
    events.push({ type: 'item_end', item: 0, text: this.#told, ...(annotations.length === 0 ? {} : { annotations }) });
    events.push({ type: 'end', stop: 'end_turn', usage: UNKNOWN_USAGE });
    return events;
  }

  /** A list of what was cited, for readers; annotations, for programs. */
  #cite(citations: readonly Citation[], events: TurnEvent[]): JsonValue[] {
    if (citations.length === 0) return [];
    const answer = this.#told;
    const annotations: JsonValue[] = [];
    let list = '\n';
    for (const { mark, title, url } of citations) {
      const line = `\n${mark} ${title}${url === '' ? '' : ` <${url}>`}`;
      const places = url === '' ? [] : placesOf(answer, mark);
      if (url !== '' && places.length === 0) places.push(answer.length + list.length + 1);
      for (const start of places)
        annotations.push({ type: 'url_citation', url, title, start_index: start, end_index: start + mark.length });
      list += line;
    }
    this.#tell(list, events);
    return annotations;
  }

  #refuse(text: string): TurnEvent[] {
    this.#over = true;
    const events: TurnEvent[] = [];
    if (this.#open) events.push({ type: 'item_end', item: 0, text: this.#told });
    const said = text === '' || text === this.#told ? DISENGAGED : text;
    const item = this.#open ? 1 : 0;
    events.push(
      { type: 'item_start', item, kind: 'refusal' },
      { type: 'delta', item, text: said },
      { type: 'item_end', item, text: said },
      { type: 'end', stop: this.#refused, usage: UNKNOWN_USAGE },
    );
    return events;
  }

  #fail(error: Extract<TurnEvent, { type: 'error' }>['error']): TurnEvent[] {
    this.#over = true;
    return [{ type: 'error', error }];
  }
}

type Citation = { mark: string; title: string; url: string };

/** What an answer cites: `attributions` at Graph, a `references` map at Work IQ (SPEC 7.1, 7.2). */
function citationsOf(message: JsonObject, conversation: JsonObject): Citation[] {
  const references = asObject(message.references) ?? asObject(conversation.references);
  const numbered: [string, JsonObject | undefined][] =
    references === undefined
      ? (asArray(message.attributions) ?? []).map((entry, index) => [String(index + 1), asObject(entry)])
      : Object.entries(references).map(([number, entry]) => [number, asObject(entry)]);
  return numbered.flatMap(([number, entry]) => {
    const url = asName(entry?.seeMoreWebUrl) ?? asName(entry?.url) ?? asName(entry?.webUrl) ?? '';
    const title = asName(entry?.providerDisplayName) ?? asName(entry?.title) ?? asName(entry?.name) ?? url;
    return title === '' ? [] : [{ mark: `[^${number.slice(0, 20)}^]`, title: oneLine(title), url: oneLine(url) }];
  });
}

function oneLine(text: string): string {
  return text.replace(/\s+/g, ' ').trim();
}

function placesOf(text: string, mark: string): number[] {
  const places: number[] = [];
  for (let at = text.indexOf(mark); at >= 0; at = text.indexOf(mark, at + mark.length)) places.push(at);
  return places;
}
