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
let admission: PromiseWithResolvers<Admission>;
/** The tokens that calls went out with. */
let sent: string[];
let failed: PromiseWithResolvers<UpstreamFailure>;
let upstream: BridgeUpstream;
let client: ReplySink;
const request: UpstreamRequest = { method: 'POST', target: '/v1/responses', headers: [], body: Buffer.from('{}') };

beforeEach(() => {
  active = sessionOf('one');
  admission = Promise.withResolvers();
  sent = [];
  failed = Promise.withResolvers();
  client = { start: () => {}, data: () => true, end: () => {}, fail: failed.resolve };
  upstream = bridgeUpstream<Session<Grant>, Grant>({
    bridge: 'codex',
    session: () => active,
    witness: () => ({ tell: () => {}, answered: () => {} }),
    enabled: () => true,
    dailyCalls: () => 1,
    governor: { enter: () => admission.promise, today: () => 0, stop: () => {} },
    prepare: (ready) => ({ request: ready, lost: [], stream: false }),
    upstreamOf: ({ token }) => ({
      id: 'provider',
      send(_request, sink) {
        sent.push(token);
        sink.fail({ kind: 'unreachable', message: 'sent' });
        return { resume: () => {}, abort: () => {} };
      },
      stop: async () => {},
    }),
    replyTo: (sink) => sink,
    onHeaders: () => {},
  });
});

describe('a call that waited for its turn', () => {
  const admit = (): void => admission.resolve({ release: () => {} });
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
    await failed.promise;
    expect(sent).toEqual(['two']);
  });
});
