import { answeredByAnother, isPageOfAnother } from '../accounts/unanswered.ts';
import type { Flow, ReplySink, Upstream, UpstreamFailure, UpstreamRequest } from '../upstreams/upstream.ts';
import type { ReplyContext, StreamRenderer } from '../wire/codec.ts';
import { codecs } from '../wire/codecs.ts';
import { asObject, asName, parseJson } from '../wire/json.ts';
import { isEventStream, type SseFrame } from '../wire/sse.ts';
import { stopAt, type Stopper } from '../wire/stop-sequences.ts';
import type { JsonValue, TurnError, TurnEvent, WireFormat } from '../wire/turn.ts';
import { Answer } from './answer.ts';
import { LooseSse } from './frames.ts';

/** One question to Copilot, and how its answer is told. */
export type Question = {
  /** The service of this call's back end. */
  service: Upstream;
  /** Where its conversations are. */
  conversations: string;
  wire: WireFormat;
  stream: boolean;
  prompt: string;
  stop: readonly string[];
  context: ReplyContext;
  /** The conversation that is gone on with; undefined begins one. */
  conversation: string | undefined;
  /** The body for a new conversation, with everything said so far in it. */
  fresh: Buffer;
  /** It is answered: the conversation ends like this now. */
  onAnswered: (conversation: string, text: string) => void;
  /** Nothing was asked in it after all. */
  onUnused: (conversation: string) => void;
  onError: (error: TurnError) => void;
};

/** Milliseconds after which a streaming client that heard nothing is told that we live (SPEC 2.5). */
const KEEP_ALIVE_MS = 10_000;
const MAX_BODY_BYTES = 16 * 1024 * 1024;

/** An upstream for one question: it begins a conversation where there is none, asks, and answers in the client's words. */
export function questionUpstream(question: Question): Upstream {
  return {
    id: 'm365',
    send(request, sink) {
      const exchange = new Exchange(question, request, sink);
      exchange.begin();
      return exchange;
    },
    stop: async () => {},
  };
}

class Exchange implements Flow {
  readonly #question: Question;
  readonly #request: UpstreamRequest;
  readonly #sink: ReplySink;
  readonly #answer: Answer;
  readonly #stopper: Stopper;
  readonly #reader = new LooseSse();
  #renderer: StreamRenderer | undefined;
  #flow: Flow | undefined;
  #keepAlive: NodeJS.Timeout | undefined;
  #conversation: string | undefined;
  #reused = false;
  /** The answer as the client has it. */
  #told = '';
  #over = false;

  constructor(question: Question, request: UpstreamRequest, sink: ReplySink) {
    this.#question = question;
    this.#request = request;
    this.#sink = sink;
    this.#answer = new Answer(question.prompt, question.wire === 'chat' ? 'content_filter' : 'refusal');
    this.#stopper = stopAt(question.stop);
  }

  begin(): void {
    const { conversation } = this.#question;
    if (conversation === undefined) return this.#create();
    this.#reused = true;
    this.#ask(conversation, this.#request.body);
  }

  resume(): void {
    this.#flow?.resume();
  }

  abort(): void {
    this.#release();
    this.#flow?.abort();
  }

  #create(): void {
    this.#send(this.#question.conversations, Buffer.from('{}'), (status, headers, body) => {
      const id = asName(asObject(body)?.id);
      if (status >= 400 || id === undefined) return this.#refuse(status, headers, body);
      this.#ask(id, this.#question.fresh);
    });
  }

  #ask(id: string, body: Buffer | null): void {
    this.#conversation = id;
    const { stream, conversations } = this.#question;
    const target = `${conversations}/${encodeURIComponent(id)}/${stream ? 'chatOverStream' : 'chat'}`;
    const whole = (status: number, headers: Record<string, string>, reply: JsonValue): void => {
      // A conversation is not kept for ever at Microsoft; one that is gone is begun anew.
      if (status === 404 && this.#reused) {
        this.#reused = false;
        return this.#create();
      }
      if (status >= 400) return this.#refuse(status, headers, reply);
      this.#answerWhole([...this.#answer.push(reply), ...this.#answer.end()]);
    };
    this.#send(target, body, whole, stream ? () => this.#openStream() : undefined);
  }

  /** Sends one request; `whole` gets the reply's body, unless it is a good one and `stream` wants it piece by piece. */
  #send(
    target: string,
    body: Buffer | null,
    whole: (status: number, headers: Record<string, string>, body: JsonValue) => void,
    stream?: () => void,
  ): void {
    const chunks: Buffer[] = [];
    let size = 0;
    let status = 0;
    let headers: Record<string, string> = {};
    let streams = false;
    const sink: ReplySink = {
      start: (code, given) => {
        if (this.#over) return;
        status = code;
        headers = flat(given);
        // The one before us renews the sign-in and asks again.
        if (status === 401) {
          this.#giveBack();
          this.#release();
          return this.#sink.start(401, given);
        }
        streams = stream !== undefined && status < 400 && isEventStream(headers['content-type']);
        if (streams) stream?.();
      },
      data: (chunk) => {
        if (this.#over) return true;
        if (streams) return this.#frames(() => this.#reader.push(chunk));
        size += chunk.length;
        if (size > MAX_BODY_BYTES)
          this.#fail({ kind: 'upstream_failed', message: 'Microsoft 365 Copilot sent a reply that is too large.' });
        else chunks.push(chunk);
        return true;
      },
      end: () => {
        if (this.#over) return;
        if (!streams) return whole(status, headers, readBody(Buffer.concat(chunks)));
        this.#frames(() => this.#reader.end());
        if (!this.#over) this.#tell(this.#answer.end());
      },
      fail: (failure) => {
        if (this.#over) return;
        if (streams) return void this.#tell([{ type: 'cut', message: failure.message }]);
        this.#giveBack();
        this.#release();
        this.#sink.fail(failure);
      },
    };
    this.#flow = this.#question.service.send({ method: 'POST', target, headers: this.#request.headers, body, readHere: true }, sink);
  }

  #openStream(): void {
    this.#renderer = codecs[this.#question.wire].streamRenderer(this.#question.context);
    this.#sink.start(200, { 'content-type': 'text/event-stream; charset=utf-8', 'cache-control': 'no-cache', ...this.#ids() });
    this.#keepAlive = setTimeout(() => this.#tell([{ type: 'keep_alive' }]), KEEP_ALIVE_MS);
    this.#keepAlive.unref();
  }

  #frames(read: () => SseFrame[]): boolean {
    let room = true;
    try {
      for (const { data } of read()) {
        if (this.#over) return true;
        room = this.#tell(this.#answer.push(parseJson(data))) && room;
      }
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      this.#tell([{ type: 'cut', message: error.message }]);
    }
    return room;
  }

  /** Tells a streaming client. Returns false where it should be waited for. */
  #tell(events: readonly TurnEvent[]): boolean {
    return this.#say(this.#pass(events));
  }

  #say(seen: readonly TurnEvent[]): boolean {
    const text = seen.map((event) => this.#renderer?.push(event) ?? '').join('');
    // Only what the client gets counts: a snapshot that is held back is silence to it.
    if (text !== '') this.#keepAlive?.refresh();
    const room = text === '' || this.#sink.data(Buffer.from(text));
    const last = seen.at(-1);
    if (last?.type === 'end') this.#finish();
    else if (last?.type === 'cut') this.#break(last.message);
    else if (last?.type === 'error') {
      this.#question.onError(last.error);
      this.#break(last.error.message);
    }
    return room;
  }

  /** Takes events past the stop sequences, and remembers the text in them. */
  #pass(events: readonly TurnEvent[]): TurnEvent[] {
    const seen = events.flatMap((event) => this.#stopper.push(event));
    for (const event of seen) if (event.type === 'delta') this.#told += event.text;
    return seen;
  }

  /** A reply that came in one piece, whether or not a stream was asked for. */
  #answerWhole(events: readonly TurnEvent[]): void {
    const seen = this.#pass(events);
    const failed = seen.find((event) => event.type === 'error' || event.type === 'cut');
    if (failed?.type === 'error') return this.#fail(failed.error);
    if (failed !== undefined) return this.#fail({ kind: 'upstream_failed', message: 'Microsoft 365 Copilot’s reply holds no answer.' });
    if (this.#question.stream) {
      this.#openStream();
      return void this.#say(seen);
    }
    const body = Buffer.from(JSON.stringify(codecs[this.#question.wire].renderReply(seen, this.#question.context)));
    this.#sink.start(200, { 'content-type': 'application/json', 'content-length': String(body.length), ...this.#ids() });
    this.#sink.data(body, true);
    this.#finish();
  }

  #finish(): void {
    if (this.#conversation !== undefined && !this.#stopper.done) this.#question.onAnswered(this.#conversation, this.#told);
    this.#release();
    if (this.#stopper.done) this.#flow?.abort();
    this.#sink.end();
  }

  /** What was told is not passed off as whole: the client's connection breaks. */
  #break(message: string): void {
    this.#release();
    this.#flow?.abort();
    this.#sink.fail({ kind: 'cut', message });
  }

  #refuse(status: number, headers: Record<string, string>, body: JsonValue): void {
    if (status < 400) return this.#fail({ kind: 'upstream_failed', message: 'Microsoft began no conversation, and did not say why.' });
    this.#giveBack();
    const isPage = isPageOfAnother(status, headers['content-type']);
    this.#fail(
      isPage ? { kind: 'upstream_failed', message: answeredByAnother('Microsoft') } : codecs.chat.parseError(status, headers, body),
    );
  }

  #fail(error: TurnError): void {
    this.#release();
    this.#flow?.abort();
    this.#question.onError(error);
    const failure: UpstreamFailure = { kind: 'refused', message: error.message, error };
    this.#sink.fail(failure);
  }

  /** The header by which each vendor's clients name a request (SPEC 2.7). */
  #ids(): Record<string, string> {
    return { [this.#question.wire === 'messages' ? 'request-id' : 'x-request-id']: this.#question.context.newId('req') };
  }

  #giveBack(): void {
    if (this.#reused && this.#conversation !== undefined) this.#question.onUnused(this.#conversation);
  }

  #release(): void {
    this.#over = true;
    clearTimeout(this.#keepAlive);
  }
}

function flat(headers: Record<string, string | string[]>): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, [value].flat().join(', ')]));
}

function readBody(bytes: Buffer): JsonValue {
  const text = bytes.toString('utf8');
  return parseJson(text) ?? text;
}
