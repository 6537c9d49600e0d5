import { answeredByAnother, isPageOfAnother } from '../accounts/unanswered.ts';
import type { ReplySink, UpstreamFailure } from '../upstreams/upstream.ts';
import { codecs } from '../wire/codecs.ts';
import { streamError } from '../wire/responses/errors.ts';
import { asNumber, asObject, asString } from '../wire/json.ts';
import { SseReader, type SseFrame } from '../wire/sse.ts';
import type { JsonObject, JsonValue, TurnError } from '../wire/turn.ts';

/** An error reply larger than this says nothing more. */
const MAX_ERROR_BYTES = 256 * 1024;

/**
 * A plan's reply on its way back. A plan only streams, and its last event may hold no output (SPEC 2.6, 3.1.5): the
 * output is rebuilt from the items that passed, and a client that wants no stream gets the whole reply as JSON.
 * Errors come in shapes of their own (3.1.6) and go on in neutral words.
 */
export class PlanReply implements ReplySink {
  readonly #sink: ReplySink;
  readonly #stream: boolean;
  readonly #onError: (error: TurnError) => void;
  readonly #onAnswered: () => void;
  readonly #reader = new SseReader();
  readonly #items: JsonObject[] = [];
  #status = 0;
  #headers: Record<string, string | string[]> = {};
  #errorBytes: Buffer[] = [];
  #terminal: JsonObject | undefined;
  #failed: TurnError | undefined;
  #over = false;

  constructor(sink: ReplySink, stream: boolean, onError: (error: TurnError) => void, onAnswered: () => void) {
    this.#sink = sink;
    this.#stream = stream;
    this.#onError = onError;
    this.#onAnswered = onAnswered;
  }

  start(status: number, headers: Record<string, string | string[]>): void {
    this.#status = status;
    const { 'content-length': _length, 'content-encoding': _encoding, 'openai-model': _model, ...kept } = headers;
    this.#headers = kept;
    if (status < 400 && this.#stream) this.#sink.start(200, { ...kept, 'content-type': 'text/event-stream; charset=utf-8' });
  }

  data(chunk: Buffer): boolean {
    if (this.#over) return true;
    if (this.#status >= 400) {
      if (this.#errorBytes.reduce((sum, bytes) => sum + bytes.length, 0) < MAX_ERROR_BYTES) this.#errorBytes.push(chunk);
      return true;
    }
    return this.#frames(() => this.#reader.push(chunk));
  }

  end(): void {
    if (this.#over) return;
    if (this.#status >= 400) return this.#refuse();
    this.#frames(() => this.#reader.end());
    if (this.#over) return;
    if (this.#stream) {
      this.#over = true;
      // A stream without its end is not passed off as whole: the client's connection breaks.
      if (this.#terminal === undefined) this.#sink.fail({ kind: 'cut', message: CUT });
      else this.#sink.end();
      return;
    }
    this.#whole();
  }

  fail(failure: UpstreamFailure): void {
    if (this.#over) return;
    this.#over = true;
    this.#sink.fail(failure);
  }

  #frames(read: () => SseFrame[]): boolean {
    let text = '';
    try {
      for (const frame of read()) text += this.#frame(frame);
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      this.fail({ kind: 'cut', message: error.message });
      return true;
    }
    return !this.#stream || text === '' ? true : this.#sink.data(Buffer.from(text));
  }

  #frame(frame: SseFrame): string {
    const event = asObject(parse(frame.data));
    const type = asString(event?.type) ?? frame.event;
    if (event !== undefined && type === 'response.output_item.done') this.#keep(event);
    if (type === 'response.failed' || type === 'error') this.#fails({ event: type, data: frame.data });
    if (event === undefined || type === undefined || !TERMINAL.has(type)) return render(type, frame.data);
    const response = asObject(event.response) ?? {};
    const output = Array.isArray(response.output) && response.output.length > 0 ? response.output : this.#items.filter(Boolean);
    this.#terminal = { ...response, output };
    if (type !== 'response.failed') {
      this.#failed = undefined;
      this.#onAnswered();
    }
    return render(type, JSON.stringify({ ...event, response: this.#inKnownWords(this.#terminal) }));
  }

  #fails(frame: SseFrame): void {
    for (const event of codecs.responses.streamParser().push(frame)) {
      if (event.type !== 'error') continue;
      this.#failed = event.error;
      this.#onError(event.error);
    }
  }

  /** A used-up or overloaded plan has codes of its own; Codex repeats a call whose failure it can't read (SPEC 4.4). */
  #inKnownWords(response: JsonObject): JsonObject {
    const failed = this.#failed;
    const error = asObject(response.error);
    if (failed === undefined || !PLANS_OWN.test(asString(error?.code) ?? '')) return response;
    const isKnown = failed.kind === 'quota_exceeded' || failed.kind === 'overloaded';
    return isKnown ? { ...response, error: { ...error, ...streamError(failed) } } : response;
  }

  #keep(event: JsonObject): void {
    const item = asObject(event.item);
    const index = asNumber(event.output_index) ?? this.#items.length;
    if (item !== undefined && index >= 0 && index < MAX_ITEMS) this.#items[index] = item;
  }

  #whole(): void {
    this.#over = true;
    const failed = this.#failed;
    if (failed !== undefined) return this.#sink.fail({ kind: 'refused', message: failed.message, error: failed });
    if (this.#terminal === undefined) return this.#sink.fail({ kind: 'cut', message: CUT });
    this.#sink.start(200, { ...this.#headers, 'content-type': 'application/json' });
    this.#sink.data(Buffer.from(JSON.stringify(this.#terminal)), true);
    this.#sink.end();
  }

  #refuse(): void {
    this.#over = true;
    const text = Buffer.concat(this.#errorBytes).toString('utf8');
    const flat = Object.fromEntries(Object.entries(this.#headers).map(([name, value]) => [name, [value].flat().join(', ')]));
    const error: TurnError = isPageOfAnother(this.#status, flat['content-type'])
      ? { kind: 'upstream_failed', message: answeredByAnother('OpenAI') }
      : codecs.responses.parseError(this.#status, flat, parse(text) ?? text);
    this.#onError(error);
    this.#sink.fail({ kind: 'refused', message: error.message, error });
  }
}

const TERMINAL = new Set(['response.completed', 'response.incomplete', 'response.failed']);
const PLANS_OWN = /^subscription_sharing_/;
const MAX_ITEMS = 10_000;
const CUT = 'The upstream ended without finishing its reply.';

function render(type: string | undefined, data: string): string {
  return `${type === undefined ? '' : `event: ${type}\n`}${data
    .split('\n')
    .map((line) => `data: ${line}\n`)
    .join('')}\n`;
}

function parse(text: string): JsonValue | undefined {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
