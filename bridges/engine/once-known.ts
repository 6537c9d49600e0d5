import type { Flow, UpstreamFailure } from '../upstreams/upstream.ts';
import type { KnownUpstream } from '../upstreams/upstreams.ts';
import type { HeldSecret } from './held-secret.ts';

/**
 * An upstream whose calls wait until its key is known: without one they would be refused there. `now` is that upstream as
 * the settings have it when the wait is over: the key goes with the address it is for.
 */
export function onceKnown(
  { streaming: _streaming, ...known }: KnownUpstream,
  key: Pick<HeldSecret, 'settled' | 'value'>,
  now: () => KnownUpstream | undefined,
): KnownUpstream {
  return {
    ...known,
    upstream: {
      ...known.upstream,
      send(request, sink) {
        let flow: Flow | undefined;
        let given = false;
        const begin = async (): Promise<void> => {
          await key.settled();
          if (given) return;
          const to = now()?.upstream;
          if (to === undefined) return sink.fail(TAKEN_AWAY);
          const value = key.value();
          const headers = value === undefined ? request.headers : [...request.headers, 'authorization', `Bearer ${value}`];
          flow = to.send({ ...request, headers }, sink);
        };
        void begin();
        return {
          resume: () => flow?.resume(),
          abort() {
            given = true;
            flow?.abort();
          },
        };
      },
    },
  };
}

const TAKEN_AWAY: UpstreamFailure = {
  kind: 'unreachable',
  message: 'The gateway was taken out of the settings while this call waited for its key.',
};
