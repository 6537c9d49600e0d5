import { codecs } from '../../wire/codecs.ts';
import { RequestError } from '../../wire/codec.ts';
import type { ErrorKind, JsonValue, TurnError, TurnEvent, TurnRequest, WireFormat } from '../../wire/turn.ts';
import type { Flow, ReplySink, Upstream, UpstreamRequest } from '../upstream.ts';
import { practise, type Plan } from './model.ts';

export { PRACTICE_MODELS } from './model.ts';

export type PracticeOptions = {
  /** Milliseconds between the events of a stream. */
  paceMs: () => number;
  /** Makes an id unique to a reply. */
  newId: (prefix: string) => string;
  /** Unix milliseconds. */
  now: () => number;
};

/** The built-in model, as an upstream that speaks all three wire formats and needs no network. */
export function practiceUpstream(options: PracticeOptions): Upstream {
  const running = new Set<Performance>();
  return {
    id: 'practice',
    send(request, sink) {
      const performance = new Performance(request, sink, options, () => running.delete(performance));
      running.add(performance);
      // Never in the caller's own turn: an upstream answers later.
      setImmediate(() => performance.begin());
      return performance;
    },
    async stop() {
      for (const performance of running) performance.abort();
    },
  };
}

/** One practice reply: decided at once, played event by event. */
class Performance implements Flow {
  readonly #request: UpstreamRequest;
  readonly #sink: ReplySink;
  readonly #options: PracticeOptions;
  readonly #finished: () => void;
  #play: (() => void) | undefined;
  #timer: NodeJS.Timeout | undefined;
  #over = false;

  constructor(request: UpstreamRequest, sink: ReplySink, options: PracticeOptions, finished: () => void) {
    this.#request = request;
    this.#sink = sink;
    this.#options = options;
    this.#finished = finished;
  }

  begin(): void {
    if (!this.#over) this.#safely(() => this.#perform());
  }

  /** Nobody above a timer catches what it throws: the engine would end. */
  #safely(part: () => void): void {
    try {
      part();
    } catch (error) {
      if (this.#over) return;
      this.#over = true;
      this.#finished();
      const why = error instanceof Error ? error.message : String(error);
      this.#sink.fail({ kind: 'unreachable', message: `The practice model could not make this reply: ${why}.` });
    }
  }

  #perform(): void {
    const wire = wireOf(this.#request.target);
    let turn: TurnRequest;
    try {
      turn = codecs[wire].parseRequest(parseBody(this.#request.body));
    } catch (error) {
      if (!(error instanceof RequestError)) throw error;
      this.#refuse(wire, { kind: 'invalid_request', message: `${error.path}: ${error.message}`, param: error.path });
      return;
    }
    const plan = practise(turn);
    if (plan.kind === 'unknown_model') {
      this.#refuse(wire, {
        kind: 'model_unknown',
        message: `There is no practice model "${turn.model.slice(0, 100)}". Try practice/echo, practice/reason, practice/tool or practice/parallel.`,
      });
    } else if (plan.kind === 'error') this.#refuseWith(wire, plan.status);
    else if (turn.stream) this.#stream(wire, turn, plan);
    else this.#whole(wire, turn, plan);
  }

  resume(): void {
    this.#safely(() => this.#play?.());
  }

  abort(): void {
    this.#over = true;
    this.#play = undefined;
    clearTimeout(this.#timer);
    this.#finished();
  }

  #stream(wire: WireFormat, turn: TurnRequest, plan: Plan & { kind: 'reply' }): void {
    const renderer = codecs[wire].streamRenderer(this.#context(turn));
    const paceMs = plan.paceMs ?? this.#options.paceMs();
    this.#sink.start(200, { 'content-type': 'text/event-stream; charset=utf-8', 'cache-control': 'no-cache', ...this.#idHeader(wire) });
    const events = plan.events.values();
    const play = (): void => {
      this.#timer = undefined;
      for (;;) {
        if (this.#over) return;
        const next = events.next();
        if (next.done === true) return plan.cut ? this.#fail() : this.#end();
        const full = !this.#send(renderer.push(next.value));
        if (full) return;
        if (paceMs > 0 && isPaced(next.value)) {
          this.#timer = setTimeout(() => this.#safely(play), paceMs);
          return;
        }
      }
    };
    this.#play = () => {
      if (this.#timer === undefined) play();
    };
    play();
  }

  #whole(wire: WireFormat, turn: TurnRequest, plan: Plan & { kind: 'reply' }): void {
    if (plan.cut) {
      this.#sink.start(200, { 'content-type': 'application/json', ...this.#idHeader(wire) });
      this.#send('{"practice":');
      return this.#fail();
    }
    this.#answer(200, { ...this.#idHeader(wire) }, codecs[wire].renderReply(plan.events, this.#context(turn)));
  }

  #refuse(wire: WireFormat, error: TurnError, status?: number): void {
    const rendered = codecs[wire].renderError(error, { family: 'other', requestId: this.#options.newId('req') });
    this.#answer(status ?? rendered.status, { ...this.#idHeader(wire), ...rendered.headers }, rendered.body);
  }

  #refuseWith(wire: WireFormat, status: number): void {
    const kind = KIND_OF_STATUS[status] ?? (status >= 500 ? 'upstream_failed' : 'invalid_request');
    const message = `This is the practice model answering with status ${status}, as you asked.`;
    this.#refuse(wire, { kind, message, status, ...(status === 429 ? { retryAfter: 1 } : {}) }, status);
  }

  #answer(status: number, headers: Record<string, string>, body: unknown): void {
    const bytes = Buffer.from(JSON.stringify(body));
    this.#sink.start(status, { 'content-type': 'application/json', 'content-length': String(bytes.length), ...headers });
    this.#sink.data(bytes, true);
    this.#end();
  }

  #send(text: string): boolean {
    return text === '' || this.#sink.data(Buffer.from(text));
  }

  #end(): void {
    this.#over = true;
    this.#sink.end();
    this.#finished();
  }

  #fail(): void {
    this.#over = true;
    this.#sink.fail({ kind: 'cut', message: 'The practice model ended its reply in the middle, as you asked.' });
    this.#finished();
  }

  #context(turn: TurnRequest) {
    return {
      model: turn.model,
      now: this.#options.now(),
      newId: this.#options.newId,
      seal: () => '',
      includeUsage: includesUsage(turn),
      wantsReasoning: true,
      request: turn,
    };
  }

  #idHeader(wire: WireFormat): Record<string, string> {
    return { [wire === 'messages' ? 'request-id' : 'x-request-id']: this.#options.newId('req') };
  }
}

const KIND_OF_STATUS: Readonly<Record<number, ErrorKind>> = {
  401: 'key_rejected',
  402: 'quota_exceeded',
  403: 'not_entitled',
  404: 'model_unknown',
  408: 'timeout',
  413: 'body_too_large',
  429: 'rate_limited',
  503: 'overloaded',
  529: 'overloaded',
};

/** Only what a reader would see arrive is paced; the frames around it follow at once. */
function isPaced(event: TurnEvent): boolean {
  return event.type === 'delta';
}

function includesUsage(turn: TurnRequest): boolean {
  const options = turn.extra['stream_options'];
  return typeof options === 'object' && options !== null && !Array.isArray(options) && options['include_usage'] === true;
}

function wireOf(target: string): WireFormat {
  if (target.startsWith('/v1/messages')) return 'messages';
  return target.includes('/responses') ? 'responses' : 'chat';
}

function parseBody(body: Buffer | null): JsonValue {
  try {
    return JSON.parse(body?.toString('utf8') ?? '');
  } catch {
    throw new RequestError('body', 'the request body is not valid JSON; send one JSON object');
  }
}
