import { Readable } from 'node:stream';
import type { Provider } from '../../contract/index.ts';
import type { TurnError } from '../../wire/turn.ts';
import type { Flow, ReplySink, StreamedRequest, StreamingUpstream, UpstreamRequest } from '../upstream.ts';
import type { KnownUpstream } from '../upstreams.ts';

/** The key of a provider: as it is now. */
export type ProviderKey = {
  /** Told that a call wants it: one that the keychain would not give is asked for again. */
  wanted(): void;
  /** Undefined where there is none that may go there, or it is not known yet. */
  value(): string | undefined;
  /** Resolves once it is known; undefined where it is, or known to be out of reach. */
  pending(): Promise<void> | undefined;
  /** Why there is none, and what to do. */
  missing(): string;
};

/**
 * A provider of the owner's own. `http` leads to its origin. The key is put in here, behind whatever records a call, and
 * a call without one goes nowhere.
 */
export function providerUpstream(provider: Provider, http: StreamingUpstream, key: ProviderKey): KnownUpstream {
  const send = (request: UpstreamRequest | StreamedRequest, sink: ReplySink): Flow => {
    const onward = { ...request, target: targetAt(provider, request.target) };
    return provider.credential === 'key' ? sendWithKey(onward, sink, provider, http, key) : http.send(onward, sink);
  };
  const upstream: StreamingUpstream = { id: provider.name, send, stop: () => http.stop() };
  const { host } = new URL(provider.baseUrl);
  return {
    upstream,
    streaming: upstream,
    wires: provider.wires,
    credential: provider.credential === 'client' ? 'client' : 'none',
    takesBetas: true,
    counts: host === 'api.anthropic.com',
    isPlain: host !== 'api.openai.com',
  };
}

function sendWithKey(
  request: UpstreamRequest | StreamedRequest,
  sink: ReplySink,
  provider: Provider,
  http: StreamingUpstream,
  key: ProviderKey,
): Flow {
  const begin = (): Flow => {
    const value = key.value();
    if (value !== undefined) return http.send({ ...request, headers: [...request.headers, ...keyHeader(provider, value)] }, sink);
    if (request.body instanceof Readable) request.body.destroy();
    const error: TurnError = { kind: 'sign_in_needed', code: 'auth_required', message: key.missing() };
    sink.fail({ kind: 'refused', message: error.message, error });
    return { resume() {}, abort() {} };
  };
  key.wanted();
  const pending = key.pending();
  if (pending === undefined) return begin();
  let flow: Flow | undefined;
  let isGivenUp = false;
  const beginThen = async (): Promise<void> => {
    await pending;
    if (!isGivenUp) flow = begin();
  };
  void beginThen();
  return {
    resume: () => flow?.resume(),
    abort() {
      isGivenUp = true;
      flow?.abort();
    },
  };
}

/** The header that a key goes in: name and value. Pure. */
export function keyHeader({ keyHeader: name }: Pick<Provider, 'keyHeader'>, key: string): [string, string] {
  return [name, name === 'authorization' ? `Bearer ${key}` : key];
}

/**
 * Path and query at a provider's origin, for a target as ours are (`/v1/...`). OpenAI's libraries put their paths right behind
 * a base URL, Anthropic's put `/v1` between; a base URL that is only a host is meant to have the former's `/v1`, too. Pure.
 */
export function targetAt(provider: Pick<Provider, 'baseUrl' | 'messagesUrl'>, target: string): string {
  const isMessages = target.startsWith('/v1/messages');
  const url = isMessages ? (provider.messagesUrl ?? provider.baseUrl) : provider.baseUrl;
  const base = new URL(url).pathname.replace(/\/+$/, '');
  if (base.endsWith('/v1')) return base.slice(0, -'/v1'.length) + target;
  return base === '' || isMessages ? base + target : base + target.slice('/v1'.length);
}
