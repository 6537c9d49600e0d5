import type { Net } from '../../accounts/net.ts';
import type { Call, TelemetryStatus, TelemetryTrial } from '../../contract/index.ts';
import type { Logger } from '../../engine/log.ts';

/**
 * A span for each call that has ended, by OTLP/HTTP with JSON (opentelemetry-proto, trace v1) and the names of the
 * GenAI semantic conventions (status: development). What was said is never part of a span.
 */

export type TelemetryTarget = { endpoint: string; headers: Readonly<Record<string, string>> };

export type Telemetry = {
  /** Begins, ends or goes on elsewhere. */
  apply(target: TelemetryTarget | null): void;
  status(): TelemetryStatus;
  /** Sends what waits, for a moment at most. */
  stop(): Promise<void>;
};

export type TelemetryPorts = {
  net: Net;
  /** Tells of calls; the exporter listens only while it has somewhere to send them. */
  onCalls(listener: (calls: readonly Call[]) => void): () => void;
  log: Logger;
  version: string;
  /** So many random bytes, as hex. */
  randomHex: (bytes: number) => string;
  /** How long a span waits for company. Milliseconds. */
  batchMs?: number;
};

const BATCH_MS = 2_000;
const BATCH_SPANS = 512;
/** More than this are waiting only where a collector does not answer: what comes next is dropped. */
const MOST_WAITING = 4_096;
const STOP_MS = 1_000;

export function createTelemetry(ports: TelemetryPorts): Telemetry {
  const { log, batchMs = BATCH_MS } = ports;
  let target: TelemetryTarget | null = null;
  let off: (() => void) | undefined;
  let waiting: Call[] = [];
  let timer: NodeJS.Timeout | undefined;
  let sending: Promise<void> | undefined;
  let sent = 0;
  let dropped = 0;
  let problem: string | null = null;

  const take = (calls: readonly Call[]): void => {
    for (const call of calls) {
      if (call.state === 'open') continue;
      if (waiting.length >= MOST_WAITING) dropped += 1;
      else waiting.push(call);
    }
    schedule();
  };
  const schedule = (): void => {
    if (waiting.length === 0 || sending !== undefined) return;
    timer ??= setTimeout(flush, waiting.length >= BATCH_SPANS ? 0 : batchMs).unref();
  };
  const flush = (): void => {
    clearTimeout(timer);
    timer = undefined;
    if (target === null || sending !== undefined || waiting.length === 0) return;
    const batch = waiting.slice(0, BATCH_SPANS);
    waiting = waiting.slice(BATCH_SPANS);
    sending = send(target, batch).finally(() => {
      sending = undefined;
      schedule();
    });
  };
  /** Never rejects: a batch that is not taken is dropped and counted. */
  const send = async (to: TelemetryTarget, batch: readonly Call[]): Promise<void> => {
    try {
      const body = await post(ports.net, to, traceOf(batch, ports.version, ports.randomHex));
      const refused = Math.min(batch.length, rejectedOf(body));
      sent += batch.length - refused;
      dropped += refused;
      problem = refused === 0 ? null : `The collector refused ${refused} spans.`;
    } catch (error) {
      dropped += batch.length;
      problem = problemOf(error);
      log.warn('telemetry.dropped', { spans: batch.length, problem });
    }
  };

  const sendRest = async (): Promise<void> => {
    for (;;) {
      await sending;
      flush();
      if (sending === undefined) return;
    }
  };

  return {
    apply(next) {
      if (JSON.stringify(next) === JSON.stringify(target)) return;
      target = next;
      problem = null;
      if (next === null) {
        off?.();
        off = undefined;
        waiting = [];
        clearTimeout(timer);
        timer = undefined;
      } else off ??= ports.onCalls(take);
    },
    status: () => ({
      endpoint: target?.endpoint ?? null,
      headers: Object.keys(target?.headers ?? {}),
      sent,
      dropped,
      waiting: waiting.length,
      problem,
    }),
    async stop() {
      off?.();
      off = undefined;
      const last = Promise.withResolvers<void>();
      const deadline = setTimeout(last.resolve, STOP_MS);
      await Promise.race([last.promise, sendRest()]);
      clearTimeout(deadline);
      clearTimeout(timer);
      target = null;
    },
  };
}

/** Whether a collector takes what is sent to it, told by a batch without spans. */
export async function tryCollector(net: Net, target: TelemetryTarget): Promise<TelemetryTrial> {
  try {
    await post(net, target, { resourceSpans: [] });
    return { taken: true, found: 'The collector took an empty batch.' };
  } catch (error) {
    return { taken: false, found: problemOf(error) };
  }
}

/** Resolves with the answer of a collector. Rejects where it did not take what was sent. */
async function post(net: Net, { endpoint, headers }: TelemetryTarget, json: object): Promise<unknown> {
  const { status, body } = await net({ method: 'POST', url: tracesUrl(endpoint), headers, json });
  if (status < 200 || status > 299) throw new Error(`The collector answered with status ${status}.`);
  return body;
}

function problemOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** The OTLP specification's rule: signals have paths of their own below a base URL. */
function tracesUrl(endpoint: string): string {
  return endpoint.endsWith('/v1/traces') ? endpoint : `${endpoint.replace(/\/$/, '')}/v1/traces`;
}

function rejectedOf(body: unknown): number {
  if (!isObject(body) || !isObject(body['partialSuccess'])) return 0;
  const rejected = Number(body['partialSuccess']['rejectedSpans'] ?? 0);
  return Number.isSafeInteger(rejected) && rejected > 0 ? rejected : 0;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}

type Attribute = { key: string; value: { stringValue: string } | { intValue: string } | { boolValue: boolean } };

/** An ExportTraceServiceRequest of calls. Pure but for the ids of its spans. */
export function traceOf(calls: readonly Call[], version: string, randomHex: (bytes: number) => string): object {
  return {
    resourceSpans: [
      {
        resource: { attributes: attributes({ 'service.name': 'drawbridge', 'service.version': version }) },
        scopeSpans: [{ scope: { name: 'drawbridge', version }, spans: calls.map((call) => spanOf(call, randomHex)) }],
      },
    ],
  };
}

const SPAN_KIND_CLIENT = 3;
const STATUS_ERROR = 2;

function spanOf(call: Call, randomHex: (bytes: number) => string): object {
  const startMs = Date.parse(call.startedAt);
  const failed = call.cut || (call.status ?? 0) >= 400;
  const model = call.modelRequested;
  return {
    traceId: randomHex(16),
    spanId: randomHex(8),
    name: model === null ? 'chat' : `chat ${model}`,
    kind: SPAN_KIND_CLIENT,
    startTimeUnixNano: nanos(startMs),
    endTimeUnixNano: nanos(startMs + (call.durationMs ?? 0)),
    attributes: attributes({
      'gen_ai.operation.name': 'chat',
      'gen_ai.provider.name': PROVIDERS[call.upstream ?? ''] ?? call.upstream,
      'gen_ai.request.model': model,
      'gen_ai.response.model': call.modelUsed,
      'gen_ai.usage.input_tokens': call.usage?.input ?? null,
      'gen_ai.usage.output_tokens': call.usage?.output ?? null,
      'gen_ai.usage.cache_read.input_tokens': call.usage?.cached ?? null,
      'gen_ai.usage.cache_creation.input_tokens': call.usage?.cacheWrite ?? null,
      'http.request.method': call.method,
      'http.response.status_code': call.status,
      'error.type': failed ? (call.cut ? 'cut' : String(call.status)) : null,
      'drawbridge.call.id': call.id,
      'drawbridge.client': call.client,
      'drawbridge.caller': call.caller,
      'drawbridge.upstream': call.upstream,
      'drawbridge.route': call.route,
      'drawbridge.streamed': call.streamed,
      'drawbridge.replay_of': call.replayOf ?? null,
    }),
    status: failed ? { code: STATUS_ERROR } : {},
  };
}

/** Well-known values of `gen_ai.provider.name`; any other upstream goes by its own name. */
const PROVIDERS: Readonly<Record<string, string>> = { anthropic: 'anthropic', openai: 'openai', chatgpt: 'openai', codex: 'openai' };

/** 64-bit integers are strings in OTLP's JSON. */
function nanos(ms: number): string {
  return String(BigInt(Math.round(ms * 1000)) * 1000n);
}

function attributes(values: Readonly<Record<string, string | number | boolean | null | undefined>>): Attribute[] {
  return Object.entries(values).flatMap(([key, value]): Attribute[] => {
    if (value === null || value === undefined) return [];
    if (typeof value === 'string') return [{ key, value: { stringValue: value } }];
    return [{ key, value: typeof value === 'boolean' ? { boolValue: value } : { intValue: String(value) } }];
  });
}
