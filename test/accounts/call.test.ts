import { beforeEach, describe, expect, it } from 'vitest';
import { bridgeUpstream, type BridgeUpstream, type Grant, type Session } from '../../bridges/accounts/call.ts';
import type { Admission } from '../../bridges/accounts/governor.ts';
import type { ReplySink, UpstreamFailure, UpstreamRequest } from '../../bridges/upstreams/upstream.ts';

const sessionOf = (token: string): Session<Grant> => ({
  grant: async () => ({ token }),
  refused: async () => ({ token }),
  retry: async () => {},
  stop: async () => {},
});

let active: Session<Grant> | undefined;
/** Why the account in use may not be used by programs, if so. */
let outOfScope: string | undefined;
let admission: PromiseWithResolvers<Admission>;
/** The tokens that calls went out with. */
let sent: string[];
let out: PromiseWithResolvers<void>;
let failed: PromiseWithResolvers<UpstreamFailure>;
let upstream: BridgeUpstream;
let client: ReplySink;
/** The reply of the call that went out last. */
let reply: ReplySink;
/** The headers of replies that were told. */
let told: object[];
const request: UpstreamRequest = { method: 'POST', target: '/v1/responses', headers: [], body: Buffer.from('{}'), use: 'clients' };

beforeEach(() => {
  active = sessionOf('one');
  outOfScope = undefined;
  admission = Promise.withResolvers();
  sent = [];
  told = [];
  out = Promise.withResolvers();
  failed = Promise.withResolvers();
  client = { start: () => {}, data: () => true, end: () => {}, fail: failed.resolve };
  upstream = bridgeUpstream<Session<Grant>, Grant>({
    bridge: 'codex',
    session: () => active,
    witness: () => ({ tell: () => {}, answered: () => {} }),
    admits: (use) => (use === 'clients' ? outOfScope : undefined),
    enabled: () => true,
    dailyCalls: () => 1,
    governor: { enter: () => admission.promise, today: () => 0, stop: () => {} },
    prepare: (ready) => ({ request: ready, lost: [], stream: false }),
    upstreamOf: ({ token }) => ({
      id: 'provider',
      send(_request, sink) {
        sent.push(token);
        reply = sink;
        out.resolve();
        return { resume: () => {}, abort: () => {} };
      },
      stop: async () => {},
    }),
    replyTo: (sink) => sink,
    onHeaders: (headers) => void told.push(headers),
  });
});

const admit = (): void => admission.resolve({ release: () => {} });

describe('a call that waited for its turn', () => {
  it('does not go out with an account that was signed out meanwhile', async () => {
    upstream.send(request, client);
    active = undefined;
    admit();
    expect(await failed.promise).toMatchObject({ error: { kind: 'sign_in_needed' } });
    expect(sent).toEqual([]);
  });
  it('goes out with the account that is in use by then', async () => {
    upstream.send(request, client);
    active = sessionOf('two');
    admit();
    await out.promise;
    expect(sent).toEqual(['two']);
  });
  it('does not go out with an account that is in use by then and not meant for it', async () => {
    upstream.send(request, client);
    active = sessionOf('two');
    outOfScope = 'For this app alone.';
    admit();
    expect(await failed.promise).toMatchObject({ error: { kind: 'not_entitled', code: 'out_of_scope', message: outOfScope } });
    expect(sent).toEqual([]);
  });
});

it('a call that is refused by the provider is not repeated with an account that is not meant for it', async () => {
  upstream.send(request, client);
  admit();
  await out.promise;
  active = sessionOf('two');
  outOfScope = 'For this app alone.';
  reply.start(401, {});
  expect(await failed.promise).toMatchObject({ error: { code: 'out_of_scope' } });
  expect(sent).toEqual(['one']);
});

describe('what the headers of a reply tell of an account', () => {
  beforeEach(async () => {
    upstream.send(request, client);
    admit();
    await out.promise;
  });
  it('is told', () => {
    reply.start(200, { 'x-left': '1' });
    expect(told).toEqual([{ 'x-left': '1' }]);
  });
  it.each([undefined, sessionOf('two')])('is not told of nobody, nor of one that took its place: %#', (next) => {
    active = next;
    reply.start(200, { 'x-left': '1' });
    expect(told).toEqual([]);
  });
});
