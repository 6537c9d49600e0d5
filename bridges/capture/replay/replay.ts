import http from 'node:http';
import { DrawbridgeError } from '../../contract/errors.ts';
import type { Call, Upstream } from '../../contract/index.ts';
import { UpstreamName } from '../../contract/providers.ts';
import type { JsonObject } from '../../wire/turn.ts';
import type { UpstreamId } from '../../upstreams/upstreams.ts';
import type { Capture } from '../capture.ts';
import { plainBody, sideHeaders } from '../detail.ts';
import { isWhole } from '../uncoded.ts';
import type { StoredCall } from '../worker.ts';
import type { Tickets } from './tickets.ts';

export type ReplayRequest = {
  id: number;
  model?: string | undefined;
  upstream?: UpstreamId | undefined;
  /** In the place of the request's body. */
  body?: JsonObject | undefined;
  /** Of the caller's own, for an upstream that is reached with the client's: sent once, kept nowhere. */
  credential?: string | undefined;
};

export type ReplayPorts = {
  capture: Pick<Capture, 'get' | 'onCalls' | 'status'>;
  tickets: Tickets;
  /** `127.0.0.1:PORT` of the companion; null where it does not listen. */
  companion: string | null;
  upstreams: readonly Upstream[];
  version: string;
};

/** How long a row may take to be stored after its answer has ended. Milliseconds. */
const ROW_MS = 10_000;
/** Headers that say how a request is meant. All others are ours: a replay is our call, not the client's. */
const MEANT = new Set(['anthropic-version', 'anthropic-beta', 'openai-beta', 'accept']);

/**
 * Sends a kept call again through the companion, like any client, and waits for its row. `signal` aborts the call.
 * Throws DrawbridgeError not_found, bad_input (with what is missing), not_running.
 */
export async function replayCall(request: ReplayRequest, ports: ReplayPorts, signal: AbortSignal | undefined): Promise<Call> {
  const { capture, companion } = ports;
  if (companion === null)
    throw new DrawbridgeError('not_running', 'The companion is not listening, so nothing can be sent. See the overview for why.');
  if (capture.status().state !== 'recording')
    throw new DrawbridgeError('bad_input', 'Calls are not kept just now, so the answer could not be compared. Let capture go on first.');
  const stored = await capture.get(request.id);
  if (stored === null)
    throw new DrawbridgeError('not_found', `There is no call ${request.id}. It may have been removed.`, { id: request.id });
  const { upstream, target, body } = planOf(stored, request, ports.upstreams);

  let begun: number | undefined;
  const ticket = ports.tickets.issue({
    of: request.id,
    ...(upstream === undefined ? {} : { upstream }),
    began: (id) => {
      begun = id;
    },
  });
  const rows = followRows(capture, request.id);
  try {
    await post({
      url: `http://${companion}/k/${ticket.key}${target}`,
      headers: headersOf(stored, request.credential, ports.version),
      body,
      signal,
    });
    if (begun === undefined)
      throw new DrawbridgeError('failed', 'The companion refused the request before it became a call. Its log says why.');
    return await rows.final(begun);
  } finally {
    rows.stop();
    ticket.end();
  }
}

/** Decides where a replay goes and what it says. Pure. */
function planOf(
  stored: StoredCall,
  { model, upstream, body, credential }: ReplayRequest,
  upstreams: readonly Upstream[],
): { upstream: UpstreamId | undefined; target: string; body: Buffer } {
  const { call } = stored;
  if (upstream !== undefined && !BRIDGES.has(upstream) && !upstreams.some(({ id }) => id === upstream))
    throw new DrawbridgeError('bad_input', `There is no upstream "${upstream}".`, { upstream });
  const wire = call.wireIn;
  if (wire === null || call.method !== 'POST' || call.path.includes('count_tokens'))
    throw new DrawbridgeError('bad_input', `Call ${call.id} asked no model, so it can't be sent again.`);
  const original = upstreams.find(({ id }) => id === call.upstream);
  const wanted = upstreams.find(({ id }) => id === (upstream ?? call.upstream));
  // Another model may belong to another upstream: the rules decide. Without one a call goes where it went.
  const decided = upstream ?? (model === undefined ? idOf(original) : undefined);
  if (wanted?.credential === 'client' && credential === undefined)
    throw new DrawbridgeError(
      'bad_input',
      `${upstream === undefined ? `Call ${call.id} went` : 'Such a call goes'} to ${wanted.label} with the client's own credential, which is never kept. Give one, or name another upstream.`,
      { upstream: wanted.id },
    );
  const kept = plainBody(stored, 'clientRequest');
  if (body === undefined && (kept === undefined || isCutShort(stored)))
    throw new DrawbridgeError('bad_input', `The request of call ${call.id} was not kept whole. Give a body to send instead.`);
  const target = wanted === original && !call.path.startsWith('/k/') ? call.path : TARGETS[wire];
  if (body === undefined && model === undefined) return { upstream: decided, target, body: kept ?? Buffer.alloc(0) };
  const said = body ?? objectOf(kept ?? Buffer.alloc(0), call.id);
  return { upstream: decided, target, body: Buffer.from(JSON.stringify(model === undefined ? said : { ...said, model })) };
}

/** They are told of elsewhere. */
const BRIDGES: ReadonlySet<string> = new Set(['codex', 'copilot', 'm365']);

const TARGETS = { chat: '/v1/chat/completions', responses: '/v1/responses', messages: '/v1/messages' } as const;

function idOf(upstream: Upstream | undefined): UpstreamId | undefined {
  return UpstreamName.safeParse(upstream?.id).data;
}

function isCutShort({ call, sides }: StoredCall): boolean {
  const side = sides.find((one) => one.side === 'clientRequest');
  return side === undefined || !isWhole(side, call.requestBytes);
}

function objectOf(body: Buffer, id: number): JsonObject {
  const value: unknown = JSON.parse(body.toString('utf8'));
  if (isObject(value)) return value;
  throw new DrawbridgeError('bad_input', `The request of call ${id} is no JSON object, so its model can't be changed.`);
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function headersOf(stored: StoredCall, credential: string | undefined, version: string): Record<string, string> {
  const kept = sideHeaders(stored, 'clientRequest').filter(([name]) => MEANT.has(name.toLowerCase()));
  return {
    ...Object.fromEntries(kept.map(([name, value]) => [name.toLowerCase(), value])),
    'content-type': 'application/json',
    'user-agent': `drawbridge/${version}`,
    ...(credential === undefined
      ? {}
      : stored.call.wireIn === 'messages'
        ? { 'x-api-key': credential }
        : { authorization: `Bearer ${credential}` }),
  };
}

/** Hears of the rows of replays of a call from now on. */
function followRows(capture: ReplayPorts['capture'], of: number): { final(id: number): Promise<Call>; stop(): void } {
  const ended = new Map<number, Call>();
  let wake = (): void => undefined;
  const off = capture.onCalls((calls) => {
    for (const call of calls) if (call.replayOf === of && call.state !== 'open') ended.set(call.id, call);
    wake();
  });
  let timer: NodeJS.Timeout | undefined;
  return {
    final: (id) =>
      new Promise((resolve, reject) => {
        timer = setTimeout(
          () => reject(new DrawbridgeError('failed', 'The call was sent again, but its row did not arrive. Is capture paused?')),
          ROW_MS,
        );
        wake = () => {
          const call = ended.get(id);
          if (call !== undefined) resolve(call);
        };
        wake();
      }),
    stop() {
      clearTimeout(timer);
      off();
    },
  };
}

type Post = { url: string; headers: Record<string, string>; body: Buffer; signal: AbortSignal | undefined };

/** Resolves when the answer has ended, whole or not: its row tells how. */
function post({ url, headers, body, signal }: Post): Promise<void> {
  return new Promise((resolve, reject) => {
    const call = http.request(url, { method: 'POST', headers, ...(signal === undefined ? {} : { signal }) });
    call.once('error', reject);
    call.once('response', (reply) => {
      reply.resume();
      reply.once('close', () => resolve());
      reply.once('error', () => resolve());
    });
    call.end(body);
  });
}
