import { randomBytes } from 'node:crypto';
import { isUtf8 } from 'node:buffer';
import { IncomingMessage, ServerResponse, type IncomingHttpHeaders } from 'node:http';
import { setImmediate } from 'node:timers/promises';
import express from 'express';
import type { CallStart, OpenCall, Recorder } from '../capture/recorder.ts';
import type { Settings, Use, WireFormat } from '../contract/index.ts';
import type { Replaying, Tickets } from '../capture/replay/tickets.ts';
import type { Clock } from '../engine/clock.ts';
import { newId } from '../engine/ids.ts';
import type { Logger } from '../engine/log.ts';
import type { Room, Rooms } from '../engine/rooms.ts';
import { decodeBody, hasBody, receiveBody, type BodyReader, type BodyResult } from '../http/body.ts';
import type { Refusal } from '../http/guard.ts';
import { answerRefusal, closeAfterAnswer, startListener, type ErrorAnswer, type Listener } from '../http/listener.ts';
import type { ServedReply, ServedRequest } from '../http/served.ts';
import { cutUnread } from '../http/unread.ts';
import { begunBy, type Beginner } from '../wire/begun-by.ts';
import { RequestError } from '../wire/codec.ts';
import { exactNumbers, readBody } from '../wire/exact-numbers.ts';
import { lifting, restored, type Lifted } from '../wire/lift.ts';
import { crossRequest, returnReasoning, type Crossing } from '../wire/translate.ts';
import { holdsHandle } from '../wire/opaque.ts';
import type { JsonValue, Loss, TurnError } from '../wire/turn.ts';
import { outOfScope, type KnownUpstream, type UpstreamId, type Upstreams } from '../upstreams/upstreams.ts';
import type { UpstreamFailure, UpstreamRequest } from '../upstreams/upstream.ts';
import { Ahead } from './ahead.ts';
import { clientOf, errorFamily, errorWire, MODEL_PATH, readTarget, type Surface, type Target } from './client.ts';
import { CrossedReply } from './crossed.ts';
import { failureError, renderRefusal, renderTurnError, requestIdHeader } from './errors.ts';
import { answer, ForwardedReply } from './forward.ts';
import { credentialsOf, forwardHeaders, forwardToken, type Credential } from './headers.ts';
import type { LastingHandles } from './handles.ts';
import type { KeyRing } from './keys.ts';
import { modelBody, modelsBody, type OfferedModel } from './models.ts';
import { modelAhead, peek, withModel } from './peek.ts';
import type { TokenCounter } from './token-counter.ts';
import { chooseRoute, modelAt, type RouteAnswer, type RouteQuestion } from './route.ts';
import { SlicedBody } from './sliced-body.ts';

export type CompanionOptions = Omit<DoorOptions, 'decide' | 'ownProviders' | 'health'>;

/** What a data listener is made of: the companion, and each bridge's own. */
export type DoorOptions = {
  /** Chooses the upstream of a call. */
  decide: (question: RouteQuestion) => RouteAnswer;
  /** Calls may go on to the client's own provider with the client's own credential. */
  ownProviders: boolean;
  models: () => Promise<readonly OfferedModel[]>;
  /** What /health tells; `known` where the caller brought a client key. */
  health: (known: boolean) => object;
  settings: () => Settings;
  keys: KeyRing;
  /** Memory for large bodies. */
  rooms: Rooms;
  upstreams: Pick<Upstreams, 'get'>;
  recorder: Recorder;
  tokens: TokenCounter;
  /** Reasoning that clients hold a handle of. */
  handles: LastingHandles;
  clock: Clock;
  log: Logger;
  version: string;
  /** The gateway's key, where one is kept. */
  gatewayKey: () => string | undefined;
  /** Keys of calls that are sent again; see tickets.ts. */
  tickets?: Pick<Tickets, 'identify'>;
};

/** The name that calls with this key go by, or undefined where it is not valid here. */
export type Identify = (key: string) => { name: string; use: Use; replay?: Replaying } | undefined;

export type Door = {
  /** Binds 127.0.0.1:port. Rejects with the bind error. */
  start(port: number): Promise<Listener>;
  /** Serves a request that another listener took and guarded, with that listener's keys in the place of ours. */
  serve(req: ServedRequest, res: ServedReply, identify: Identify): void;
  renderError: (refusal: Refusal, target: string | undefined, headers: IncomingHttpHeaders) => ErrorAnswer;
  onRefused: (refusal: Refusal, req: ServedRequest, answer: ErrorAnswer) => void;
};

type Incoming = { req: ServedRequest; res: ServedReply; arrivedAt: number; target: Target };
type Caller = { name: string; use: Use; own: boolean; replay: Replaying | undefined };

/**
 * A listener that clients call. Calls to models are taken off here, before Express: its stack would cost more
 * than the whole forwarding (bench). Everything else is Express' to route.
 */
export function createDoor(options: DoorOptions): Door {
  const { clock, log, recorder, keys, handles } = options;
  const app = buildApp();

  const refuse = (incoming: Incoming, refusal: Refusal): void => {
    answerRefusal(refusal, incoming.req, incoming.res, {
      renderError: renderGuardError,
      onRefused: (r, req, told) => recordRefused(r, req, told, incoming.arrivedAt),
    });
  };
  const renderGuardError = (refusal: Refusal, target: string | undefined, headers: IncomingHttpHeaders): ErrorAnswer =>
    renderRefusal(refusal, target, headers, newId('req'));

  /** A call that was meant, but came to nothing before its body was read. */
  const recordRefused = (refusal: Refusal, req: ServedRequest, told: ErrorAnswer, arrivedAt: number): void => {
    log.info('companion.refused', { code: refusal.code, status: refusal.status, client: clientOf(req.headers).name });
    const target = readTarget(req.url ?? '');
    if (req.method !== 'POST' || UNRECORDED.has(refusal.code)) return;
    const call = recorder.begin({
      ...baseStart(req, target, arrivedAt),
      caller: null,
      route: null,
      upstream: null,
      wireOut: null,
      modelRequested: null,
      body: null,
    });
    call.replyStart(told.status, told.headers);
    call.replyData(Buffer.from(told.body));
    call.end({ cut: false, error: refusal.message });
  };

  const serve = (req: ServedRequest, res: ServedReply, identify: Identify): void => {
    const incoming: Incoming = { req, res, arrivedAt: clock.monotonic(), target: readTarget(req.url ?? '/') };
    const { surface, pathKey } = incoming.target;
    if (surface.kind === 'health' || surface.kind === 'hello') return answerUnread(incoming);
    const { key, own } = credentialsOf(req.headers, pathKey);
    const known = key === undefined ? undefined : identify(key);
    if (known === undefined) return refuse(incoming, key === undefined ? KEY_MISSING : KEY_WRONG);
    const caller: Caller = { name: known.name, use: known.use, own: own && options.ownProviders, replay: known.replay };
    if (surface.kind === 'call' || surface.kind === 'count_tokens') {
      if (req.method !== 'POST') return refuse(incoming, { status: 405, code: 'method_not_allowed', message: 'Send this call with POST.' });
      return receive(incoming, caller);
    }
    if (options.ownProviders && (surface.kind === 'backend' || (surface.kind === 'models' && (surface.backend || own))))
      return receive(incoming, caller);
    if (req.method === 'POST') {
      return refuse(incoming, {
        status: 404,
        code: 'not_found',
        message: `There is nothing at ${printable(incoming.target.target)}. Calls go to /v1/chat/completions, /v1/responses or /v1/messages.`,
      });
    }
    answerUnread(incoming);
  };

  const answerUnread = ({ req, res, target }: Incoming): void => {
    // Connections for calls bring nothing else.
    if (!(req instanceof IncomingMessage) || !(res instanceof ServerResponse)) return void res.destroy();
    if (hasBody(req)) closeAfterAnswer(req, res);
    // Express would decode what stands in the key's place, whatever that is.
    req.url = target.target;
    app(req, res);
    if (res.writableEnded) cutUnread(res, options.settings().limits.idleMs);
  };

  const receive = (incoming: Incoming, caller: Caller): void => {
    const { limits } = options.settings();
    if (incoming.req.method !== 'POST') return forwardUnread(incoming, caller);
    const encoding = incoming.req.headers['content-encoding'];
    const { whole } = incoming.req;
    if (whole !== undefined && encoding === undefined && whole.length <= limits.bodyBytes)
      return route(incoming, caller, { sent: whole, plain: whole });
    let early: Early | undefined;
    const onBody = (received: BodyResult): void => {
      if ('bytes' in received && encoding === undefined)
        return route(incoming, caller, { sent: received.bytes, plain: received.bytes, room: received.room }, early);
      early?.ahead.abort();
      if ('refusal' in received) return refuse(incoming, received.refusal);
      if ('bytes' in received && encoding !== undefined)
        routeEncoded(incoming, caller, received.bytes, encoding, limits.bodyBytes).catch(broken(incoming));
    };
    const ahead = (first: Buffer, length: number): BodyReader | undefined => {
      early = encoding === undefined ? sendAhead(incoming, caller, first, length) : undefined;
      return early?.ahead.body;
    };
    receiveBody(incoming.req, incoming.res, limits, onBody, { rooms: options.rooms, ahead });
  };

  /** Sends a large request on before its end is here, where its bytes stay as they are and its beginning tells where it goes. */
  const sendAhead = (incoming: Incoming, caller: Caller, first: Buffer, length: number): Early | undefined => {
    if (holdsHandle(first)) return undefined;
    const model = modelAhead(first);
    const way = model === undefined ? undefined : wayOf(incoming, caller, model);
    if (way === undefined || 'kind' in way || way.alias !== undefined) return undefined;
    const { streaming } = way.known;
    if (streaming === undefined || !passes(incoming.target, way)) return undefined;
    const headers = forwardHeaders(incoming.req.rawHeaders, way.credential);
    return { way, ahead: new Ahead(streaming, { method: 'POST', target: incoming.target.target, headers }, length) };
  };

  const routeEncoded = async (incoming: Incoming, caller: Caller, sent: Buffer, encoding: string, limit: number): Promise<void> => {
    const decoded = await decodeBody(sent, encoding, limit);
    // Nobody would be told of the end of a call whose client left before it began.
    if (incoming.res.destroyed) return;
    if ('bytes' in decoded) route(incoming, caller, { sent, plain: decoded.bytes });
    else if ('refusal' in decoded) refuse(incoming, decoded.refusal);
  };

  /** `early`: it is on its way already. `waited`: for the upstream to be known. */
  const route = (incoming: Incoming, caller: Caller, body: Body, early?: Early, waited = false): void => {
    const { plain } = body;
    const refused = (error: TurnError, model?: string): void => {
      early?.ahead.abort();
      refuseCall(incoming, caller, body, error, model);
    };
    const seen = isUtf8(plain) ? peek(plain) : { problem: 'The request body is not valid UTF-8.' };
    if ('problem' in seen) return refused({ kind: 'invalid_request', message: seen.problem });
    if (seen.forbidden !== undefined) {
      return refused({
        kind: 'invalid_request',
        param: seen.forbidden,
        message: `The field "${seen.forbidden}" is refused: where a call goes is decided by the settings of Drawbridge alone.`,
      });
    }
    const way = wayOf(incoming, caller, seen.model);
    if ('kind' in way) return refused(way, seen.model);
    const learning = way.known.learning?.();
    if (learning !== undefined && !waited) {
      learning.then(() => route(incoming, caller, body, early, true)).catch(broken(incoming));
      return;
    }
    const { surface } = incoming.target;
    const passing = passes(incoming.target, way);
    const holds = passing && isCall(surface) && holdsHandle(plain);
    // The settings may have changed while the body came, or the body named a model twice.
    const goesOn =
      early !== undefined &&
      !early.ahead.aborted &&
      early.way.known === way.known &&
      early.way.model === way.model &&
      way.alias === undefined;
    if (goesOn && !holds) return passThrough(incoming, caller, body, way, early.ahead);
    early?.ahead.abort();
    if (way.alias !== undefined) way.renamed = withModel(plain, seen.models, way.alias);
    if (passing && !holds) return passThrough(incoming, caller, body, way);
    const across = passing ? passReturning : cross;
    const work = surface.kind === 'count_tokens' ? countTokens : across;
    work(incoming, caller, body, way).catch(broken(incoming));
  };

  /** A mistake of ours ends the one call, not the process. */
  const broken =
    ({ res }: Incoming) =>
    (error: unknown): void => {
      log.error('companion.call_failed', { error });
      res.destroy();
    };

  /** Where a call for a model goes, or why it goes nowhere. */
  const wayOf = ({ req, target }: Incoming, caller: Caller, model: string | undefined): Way | TurnError => {
    if (target.surface.kind === 'call' && model === undefined) {
      return {
        kind: 'invalid_request',
        param: 'model',
        message: 'The request names no model. Set "model", for example to practice/echo.',
      };
    }
    const wire = wireOf(req, target);
    const question = {
      model,
      wire,
      client: clientOf(req.headers).name,
      backend: target.surface.kind === 'backend' || ('backend' in target.surface && target.surface.backend),
      ownCredential: caller.own,
    };
    const wanted = caller.replay?.upstream;
    const decided: RouteAnswer = wanted === undefined ? options.decide(question) : replayAt(wanted, model);
    if ('refused' in decided)
      return { kind: decided.refused, message: decided.message, ...(model === undefined ? {} : { param: 'model' }) };
    const found = options.upstreams.get(decided.upstream);
    const known = found?.forModel?.(decided.model ?? model) ?? found;
    if (known === undefined)
      return { kind: 'model_unknown', message: `The rule for this call names ${decided.upstream}, which is not set up.` };
    const reason = known.admits?.(caller.use);
    if (reason !== undefined) return outOfScope(reason);
    return { id: decided.upstream, rule: decided.rule, known, credential: credentialFor(known), wire, model, alias: decided.model };
  };

  const replayAt = (upstream: UpstreamId, asked: string | undefined): RouteAnswer => {
    const model = modelAt(upstream, asked, options.settings());
    return { upstream, rule: 'replay', ...(model !== undefined && model !== asked ? { model } : {}) };
  };

  const begin = (caller: Caller, begun: CallStart): OpenCall => {
    const call = recorder.begin({ ...begun, replayOf: caller.replay?.of });
    caller.replay?.began(call.id);
    return call;
  };

  /** Both ends speak the same wire format, but the body holds handles, which mean nothing to anybody but us. */
  const passReturning = async (incoming: Incoming, caller: Caller, came: Body, way: Way): Promise<void> => {
    const plain = way.renamed ?? came.plain;
    if (plain.length >= LARGE) await setImmediate();
    await handles.recall(plain);
    const lifted = plain.length >= LIFT_FROM ? await liftInSteps(plain) : undefined;
    try {
      const text = lifted?.json ?? plain.toString('utf8');
      const parsed = exactNumbers<JsonValue>(JSON.parse(text), text);
      const hasOwnHandles = way.id === 'gateway';
      const { body, lost } = returnReasoning({ body: parsed, wire: way.wire, store: handles, upstream: way.id, hasOwnHandles });
      const json = JSON.stringify(body);
      way.renamed = lifted?.lower(json) ?? Buffer.from(json);
      way.lost = lost;
    } catch (error) {
      // What can't be read is the upstream's to refuse.
      if (!(error instanceof RequestError) && !(error instanceof SyntaxError)) throw error;
    }
    passThrough(incoming, caller, came, way);
  };

  /** Bytes untouched: both ends speak the same wire format. */
  const passThrough = (incoming: Incoming, caller: Caller, came: Body | null, way: Way, ahead?: Ahead): void => {
    const { renamed } = way;
    const headers = forwardHeaders(incoming.req.rawHeaders, way.credential, renamed === undefined ? undefined : ENCODING);
    const begun = (): OpenCall => {
      const about = start(incoming, caller, came?.sent ?? null, way, way.wire);
      const call = begin(caller, ahead === undefined ? about : { ...about, room: came?.room });
      if (renamed !== undefined && way.known.rewrites !== true) call.upstreamRequest(headers, renamed);
      return call;
    };
    if (ahead === undefined && incoming.res.destroyed) return begun().end({ cut: true, error: GONE });
    const renderFailure = (failure: UpstreamFailure): ErrorAnswer =>
      renderTurnError(failureError(failure), way.wire, incoming.req.headers['user-agent'], newId('req'));
    const reply = new ForwardedReply(incoming.res, begun, options.settings().limits.idleMs, renderFailure, way.lost);
    if (ahead !== undefined) {
      reply.follow(ahead.flow);
      return ahead.release(reply);
    }
    const body = renamed ?? (way.known.readsBody === true ? came?.plain : came?.sent) ?? null;
    const request: UpstreamRequest = { method: methodOf(incoming.req), target: incoming.target.target, headers, body, use: caller.use };
    reply.follow(way.known.upstream.send(request, reply));
  };

  /** Bodies from LARGE on are worked on in steps, with a turn of the event loop for other calls between any two. */
  const cross = async (incoming: Incoming, caller: Caller, came: Body, way: Way): Promise<void> => {
    const to = way.known.wires[0] ?? 'responses';
    const plain = way.renamed ?? came.plain;
    // Begun once nothing here reads the body any more.
    const begun = (): OpenCall => begin(caller, { ...start(incoming, caller, came.sent, way, to), room: came.room });
    const requestId = newId('req');
    const large = plain.length >= LARGE;
    if (large) await setImmediate();
    const recalled = handles.recall(plain);
    if (recalled !== undefined) await recalled;
    const lifted = plain.length >= LIFT_FROM ? await liftInSteps(plain) : undefined;
    let crossing: Crossing;
    let beginner: Beginner;
    try {
      const parsed = readBody(lifted?.json ?? plain.toString('utf8'));
      beginner = begunBy(parsed);
      crossing = crossRequest({
        body: parsed,
        from: way.wire,
        to,
        store: handles,
        upstream: way.id,
        now: clock.now(),
        newId,
        wantsReasoning: true,
        takesBetas: way.known.takesBetas === true,
        isPlain: way.known.isPlain === true,
        ...(lifted && { restore: (value) => restored(lifted, value) }),
        client: { family: errorFamily(clientOf(incoming.req.headers).name), requestId },
      });
    } catch (error) {
      if (!(error instanceof RequestError) && !(error instanceof SyntaxError)) log.error('companion.cross_failed', { error });
      return answer(incoming.res, begun(), renderTurnError(requestProblem(error), way.wire, incoming.req.headers['user-agent'], requestId));
    }
    if (large) await setImmediate();
    const json = JSON.stringify(crossing.body);
    const { streaming, rewrites } = way.known;
    let room: Room | undefined;
    const takeRoom = (length: number): Buffer => (room = options.rooms.take(length)).bytes;
    const body = lifted?.lower(json, large && streaming !== undefined ? takeRoom : undefined) ?? Buffer.from(json);
    if (large) await setImmediate();
    if (incoming.res.destroyed) return begun().end({ cut: true, error: GONE });
    const headers = crossHeaders(incoming.req, way.credential, to, crossing.betas);
    const sliced = room === undefined ? undefined : new SlicedBody(body);
    const recorded = (): OpenCall => {
      const call = begun();
      if (sliced !== undefined) call.upstreamRequest(headers, body, () => (sliced.closed ? room : undefined));
      else if (rewrites !== true) call.upstreamRequest(headers, body);
      return call;
    };
    const reply = new CrossedReply(incoming.res, recorded, {
      crossing,
      idleMs: options.settings().limits.idleMs,
      headers: requestIdHeader(way.wire, requestId),
    });
    const request = { method: 'POST', target: TARGETS[to], headers, use: caller.use, begunBy: beginner, readHere: true } as const;
    if (sliced !== undefined && streaming !== undefined)
      reply.follow(streaming.send({ ...request, body: sliced, length: body.length }, reply));
    else reply.follow(way.known.upstream.send({ ...request, body }, reply));
  };

  /** A local estimate, for upstreams that can't count. */
  const countTokens = async (incoming: Incoming, caller: Caller, { sent, plain }: Body, way: Way): Promise<void> => {
    const call = begin(caller, start(incoming, caller, sent, way, null));
    const requestId = newId('req');
    const count = await options.tokens.count(plain);
    if (incoming.res.destroyed) return call.end({ cut: true, error: 'The client went away before its tokens were counted.' });
    if ('problem' in count) {
      const error: TurnError = { kind: 'invalid_request', message: count.problem };
      return answer(incoming.res, call, renderTurnError(error, 'messages', incoming.req.headers['user-agent'], requestId));
    }
    answer(incoming.res, call, {
      status: 200,
      headers: { 'content-type': 'application/json', 'x-drawbridge-estimate': 'true', ...requestIdHeader('messages', requestId) },
      body: JSON.stringify({ input_tokens: count.tokens }),
    });
  };

  /** GET and HEAD below the client's own provider: nothing to read, nothing to choose by but the path. */
  const forwardUnread = (incoming: Incoming, caller: Caller): void => {
    const { surface } = incoming.target;
    if (hasBody(incoming.req)) closeAfterAnswer(incoming.req, incoming.res);
    const backend = surface.kind === 'backend' || ('backend' in surface && surface.backend);
    const id: UpstreamId = backend ? 'chatgpt' : incoming.req.headers['anthropic-version'] === undefined ? 'openai' : 'anthropic';
    if (!caller.own)
      return refuse(incoming, {
        status: 401,
        code: 'key_missing',
        message:
          'This path belongs to the client’s own provider. Put the Drawbridge key in the path (/k/<key>/...) and leave the client’s own credential in its header.',
      });
    const known = options.upstreams.get(id);
    if (known === undefined) return refuse(incoming, { status: 404, code: 'not_found', message: `The upstream ${id} is not set up.` });
    passThrough(incoming, caller, null, {
      id,
      rule: 'own provider',
      known,
      credential: credentialFor(known),
      wire: wireOf(incoming.req, incoming.target),
      model: undefined,
    });
  };

  /** Found together with the way: later the key may be another address's. */
  const credentialFor = (known: KnownUpstream): Credential => {
    if (known.credential === 'client') return { kind: 'own' };
    const token = known.credential === 'ours' ? options.gatewayKey() : undefined;
    return token === undefined ? { kind: 'none', ...(known.keeps === undefined ? {} : { keeps: known.keeps }) } : { kind: 'bearer', token };
  };

  const refuseCall = (incoming: Incoming, caller: Caller, { sent, room }: Body, error: TurnError, model?: string): void => {
    const wire = wireOf(incoming.req, incoming.target);
    const call = begin(caller, {
      ...baseStart(incoming.req, incoming.target, incoming.arrivedAt),
      caller: caller.name,
      route: null,
      upstream: null,
      wireOut: null,
      modelRequested: model ?? null,
      body: sent,
      room,
    });
    answer(incoming.res, call, renderTurnError(error, wire, incoming.req.headers['user-agent'], newId('req')));
  };

  function start(incoming: Incoming, caller: Caller, body: Buffer | null, way: Way, wireOut: WireFormat | null): CallStart {
    return {
      ...baseStart(incoming.req, incoming.target, incoming.arrivedAt),
      caller: caller.name,
      route: way.rule,
      upstream: way.id,
      wireOut,
      modelRequested: way.model ?? null,
      body,
    };
  }

  function isKnown(req: IncomingMessage): boolean {
    const { key } = credentialsOf(req.headers, undefined);
    return key !== undefined && keys.check(key) !== undefined;
  }

  function buildApp(): express.Express {
    const built = express().disable('x-powered-by').disable('etag');
    const name = { name: 'drawbridge', version: options.version };
    built.get('/health', (req, res) => void res.json({ status: 'ok', ...name, ...options.health(isKnown(req)) }));
    built.get(['/', '/api/hello'], (_req, res) => void res.json(name));
    const refuseIn = (req: express.Request, res: express.Response, error: TurnError): void => {
      const rendered = renderTurnError(error, errorWire(req.url, req.headers), req.headers['user-agent'], newId('req'));
      res.status(rendered.status).set(rendered.headers).send(rendered.body);
    };
    built.get('/v1/models', async (_req, res) => void res.json(modelsBody(await options.models())));
    built.get('/v1/models/*name', async (req, res) => {
      const name = [req.params.name].flat().join('/');
      const model = (await options.models()).find(({ id }) => id === name);
      if (model !== undefined) return void res.json(modelBody(model));
      refuseIn(req, res, {
        kind: 'model_unknown',
        param: 'model',
        message: `No model of this name is listed here: ${printable(name)}. GET /v1/models lists them all.`,
      });
    });
    built.use((req, res) =>
      refuseIn(req, res, {
        kind: 'not_found',
        message: `There is nothing at ${printable(req.url)}. Calls go to /v1/chat/completions, /v1/responses or /v1/messages.`,
      }),
    );
    built.use((error: unknown, _req: express.Request, res: express.Response, _next: express.NextFunction) => {
      log.error('companion.failed', { error });
      if (!res.headersSent)
        res.status(500).json({
          error: { message: 'Drawbridge failed to answer. Its log says why.', type: 'server_error', code: 'failed', param: null },
        });
    });
    return built;
  }

  const onRefused = (refusal: Refusal, req: ServedRequest, told: ErrorAnswer): void => recordRefused(refusal, req, told, clock.monotonic());

  return {
    serve,
    renderError: renderGuardError,
    onRefused,
    start: (port) => {
      const { limits } = options.settings();
      const identify: Identify = (key) => options.tickets?.identify(key) ?? keys.check(key);
      const serveHere = (req: ServedRequest, res: ServedReply): void => serve(req, res, identify);
      return startListener({
        port,
        limits,
        serve: serveHere,
        named: MODEL_PATH,
        calls: { takes: (target) => isCall(readTarget(target).surface), serve: serveHere },
        renderError: renderGuardError,
        onRefused,
      });
    },
  };
}

/** Bodies from this size on have their long texts lifted out before they are parsed. */
const LIFT_FROM = 32 * 1024;
/** What one step of translating a body of this size takes would be felt by the streams beside it. */
const LARGE = 256 * 1024;
/** Long texts lifted out, with a turn of the event loop between any two steps. */
async function liftInSteps(body: Buffer): Promise<Lifted> {
  const steps = lifting(body, randomBytes(6).toString('hex'));
  for (;;) {
    const { done, value } = steps.next();
    if (done === true) return value;
    await setImmediate();
  }
}

/** The router every client points at. */
export function createCompanion(options: CompanionOptions): Door {
  return createDoor({
    ...options,
    ownProviders: true,
    decide: (question) =>
      chooseRoute(question, options.settings(), (bridge, model) => options.upstreams.get(bridge)?.offers?.(model) === true),
    health: () => ({}),
  });
}

const GONE = 'The client went away before its request was sent on.';

type Way = {
  id: UpstreamId;
  rule: string;
  known: KnownUpstream;
  credential: Credential;
  wire: WireFormat;
  model: string | undefined;
  /** The model that this one stands for. */
  alias?: string | undefined;
  /** The body with that model, or with its handles returned. */
  renamed?: Buffer | undefined;
  /** What could not go on of that body. */
  lost?: readonly Loss[] | undefined;
};

/** A body as it came, and without its content-encoding. `room`: its memory, for whoever reads it last. */
type Body = { sent: Buffer; plain: Buffer; room?: Room | undefined };

/** A call on its way before its body is whole. */
type Early = { way: Way; ahead: Ahead };

/** Whether its body is a request in a wire format. */
function isCall({ kind }: Surface): boolean {
  return kind === 'call' || kind === 'count_tokens';
}

/** Whether a call goes on as it is: both ends speak the same wire format. */
function passes({ surface }: Target, { known, wire }: Way): boolean {
  if (surface.kind === 'count_tokens') return known.counts !== false && known.wires.includes('messages');
  return known.wires.includes(wire) || surface.kind !== 'call';
}

/** Why a request could not be translated, for its sender to read. */
function requestProblem(error: unknown): TurnError {
  if (error instanceof RequestError) return { kind: 'invalid_request', message: `${error.path}: ${error.message}`, param: error.path };
  const message = error instanceof SyntaxError ? 'The request body is not valid JSON.' : 'The request can not be translated.';
  return { kind: 'invalid_request', message };
}

/** A renamed body goes out as it is. */
const ENCODING: ReadonlySet<string> = new Set(['content-encoding']);

/** Refusals that are attacks or mistakes of a browser, not calls: a page could fill the store with them. */
const UNRECORDED = new Set<Refusal['code']>(['wrong_host', 'foreign_origin', 'upgrade_refused', 'headers_too_large']);

const KEY_MISSING: Refusal = {
  status: 401,
  code: 'key_missing',
  message:
    'This call carries no Drawbridge key. Make one with "drawbridge keys create NAME" and send it as a bearer token, as x-api-key, or in the path (/k/<key>/...).',
};
const KEY_WRONG: Refusal = {
  status: 401,
  code: 'key_wrong',
  message: 'This Drawbridge key is not known here. It may have been revoked; make a new one with "drawbridge keys create NAME".',
};

const TARGETS: Record<WireFormat, string> = { chat: '/v1/chat/completions', responses: '/v1/responses', messages: '/v1/messages' };

function baseStart(
  req: ServedRequest,
  target: Target,
  arrivedAt: number,
): Pick<CallStart, 'client' | 'clientVersion' | 'method' | 'target' | 'wireIn' | 'rawHeaders' | 'arrivedAt'> {
  const client = clientOf(req.headers);
  return {
    client: client.name,
    clientVersion: client.version,
    method: req.method ?? '',
    target: target.target,
    wireIn: target.surface.kind === 'call' ? target.surface.wire : target.surface.kind === 'count_tokens' ? 'messages' : null,
    rawHeaders: req.rawHeaders,
    arrivedAt,
  };
}

function wireOf({ headers }: ServedRequest, { surface, target }: Target): WireFormat {
  return surface.kind === 'call' ? surface.wire : errorWire(target, headers);
}

function methodOf(req: ServedRequest): UpstreamRequest['method'] {
  return req.method === 'POST' || req.method === 'HEAD' ? req.method : 'GET';
}

/** A translated request is a new one: of the client's headers only its credential goes on, under the name the format uses. */
function crossHeaders(req: ServedRequest, credential: Credential, to: WireFormat, betas: readonly string[]): string[] {
  const token = forwardToken(req.rawHeaders, credential);
  const headers = ['content-type', 'application/json', 'accept', 'text/event-stream, application/json', 'accept-encoding', 'identity'];
  if (to === 'messages') headers.push('anthropic-version', '2023-06-01');
  if (betas.length > 0) headers.push('anthropic-beta', betas.join(','));
  if (token !== undefined)
    headers.push(...(to === 'messages' && credential.kind === 'own' ? ['x-api-key', token] : ['authorization', `Bearer ${token}`]));
  return headers;
}

function printable(target: string): string {
  return target
    .replace(/\?.*$/s, '')
    .replace(/[^\x21-\x7e]/g, '?')
    .slice(0, 100);
}
