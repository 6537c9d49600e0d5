import type { Flow } from '../upstreams/upstream.ts';
import type { KnownUpstream } from '../upstreams/upstreams.ts';
import type { HeldSecret } from './held-secret.ts';

/** An upstream whose calls wait until its key is known: without one they would be refused there. */
export function onceKnown({ streaming: _streaming, ...known }: KnownUpstream, key: Pick<HeldSecret, 'settled' | 'value'>): KnownUpstream {
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
          const value = key.value();
          const headers = value === undefined ? request.headers : [...request.headers, 'authorization', `Bearer ${value}`];
          flow = known.upstream.send({ ...request, headers }, sink);
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
