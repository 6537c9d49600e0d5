import type { Ready } from '../accounts/call.ts';
import { newId } from '../engine/ids.ts';
import type { Upstream, UpstreamRequest } from '../upstreams/upstream.ts';
import { RequestError, type ReplyContext } from '../wire/codec.ts';
import { codecs } from '../wire/codecs.ts';
import { asObject, parseJson } from '../wire/json.ts';
import { refuseUncrossable } from '../wire/translate.ts';
import type { Loss, TurnError, TurnRequest, WireFormat } from '../wire/turn.ts';
import { DROP_HEADER, fold, retold, type Context, type Droppable } from './ask.ts';
import { questionUpstream } from './exchange.ts';
import type { Grant } from './session.ts';
import type { Threads } from './threads.ts';

export type PrepareOptions = {
  threads: Threads;
  service: Upstream;
  /** IANA name. */
  timeZone: string;
  userAgent: string;
  /** Unix milliseconds. */
  now: number;
  onAnswered: () => void;
  onError: (error: TurnError) => void;
};

/**
 * A call as Copilot takes it: the new text alone where the conversation is known there, everything so far beside it
 * where it is not.
 */
export function prepare(request: UpstreamRequest, grant: Grant, options: PrepareOptions): Ready {
  const wire = wireOf(request.target);
  const turn = parse(wire, request.body);
  if ('error' in turn) return turn;
  const folded = fold(turn, allowed(request.headers));
  if ('error' in folded) return folded;
  const { threads } = options;
  const { account, backEnd, token } = grant;
  const conversation = folded.before.length === 0 ? undefined : threads.take(account, folded.before);
  const told = retold(folded);
  const body = (context: readonly Context[]): Buffer =>
    Buffer.from(
      JSON.stringify({
        message: { text: folded.prompt },
        locationHint: { timeZone: options.timeZone },
        ...(context.length === 0 ? {} : { additionalContext: context }),
      }),
    );
  const fresh = body(told.context);
  const headers = [
    'content-type',
    'application/json',
    'accept',
    'text/event-stream, application/json',
    'accept-encoding',
    'identity',
    'user-agent',
    options.userAgent,
    'authorization',
    `Bearer ${token}`,
  ];
  const lost: Loss[] = [...folded.lost, ...(conversation === undefined ? told.lost : [])];
  return {
    request: {
      method: 'POST',
      target: backEnd.conversations,
      headers,
      body: conversation === undefined ? fresh : body(folded.context),
    },
    lost,
    stream: turn.stream,
    upstream: questionUpstream({
      service: options.service,
      conversations: backEnd.conversations,
      wire,
      stream: turn.stream,
      prompt: folded.prompt,
      stop: turn.stop ?? [],
      context: contextOf(turn, options.now),
      conversation,
      fresh,
      onAnswered(id, text) {
        threads.keep(account, [...folded.before, { role: 'user', text: folded.prompt }, { role: 'assistant', text }], id);
        options.onAnswered();
      },
      onUnused: (id) => threads.keep(account, folded.before, id),
      onError: options.onError,
    }),
  };
}

function parse(wire: WireFormat, body: Buffer | null): TurnRequest | { error: TurnError } {
  const parsed = asObject(parseJson(body?.toString('utf8') ?? ''));
  if (parsed === undefined) return { error: { kind: 'invalid_request', message: 'The request body is not a JSON object.' } };
  try {
    refuseUncrossable(parsed, wire, false);
    return codecs[wire].parseRequest(parsed);
  } catch (error) {
    if (!(error instanceof RequestError)) throw error;
    return { error: { kind: 'invalid_request', message: `${error.path}: ${error.message}`, param: error.path } };
  }
}

/** What the client allows to be left out: `x-drawbridge-drop: tools, images`. */
function allowed(headers: readonly string[]): ReadonlySet<Droppable> {
  const at = headers.findIndex((name, index) => index % 2 === 0 && name.toLowerCase() === DROP_HEADER);
  const words = (at < 0 ? '' : (headers[at + 1] ?? '')).toLowerCase().split(/[\s,]+/);
  return new Set((['tools', 'images'] as const).filter((word) => words.includes(word)));
}

function contextOf(turn: TurnRequest, now: number): ReplyContext {
  return {
    model: turn.model,
    now,
    newId: (prefix) => newId(prefix),
    seal: () => '',
    includeUsage: asObject(turn.extra['stream_options'])?.['include_usage'] === true,
    wantsReasoning: false,
    request: turn,
  };
}

function wireOf(target: string): WireFormat {
  if (target.startsWith('/v1/messages')) return 'messages';
  return target.startsWith('/v1/responses') ? 'responses' : 'chat';
}
