import { Worker } from 'node:worker_threads';
import type { Logger } from '../engine/log.ts';
import { countBody, type Count } from '../wire/count-body.ts';
import { weighed } from '../wire/token-weights.ts';
import type { Counted, ToCount } from './token-worker.ts';

export type TokenCounter = {
  /** Counts a `count_tokens` body (messages format, UTF-8 JSON). Never rejects. */
  count(body: Uint8Array): Promise<Count>;
  stop(): Promise<void>;
};

export type TokenCounterOptions = {
  log: Logger;
  /** The thread ends after this long without a count. Milliseconds. */
  idleMs?: number;
  /** The worker's file, for tests. */
  worker?: URL;
};

const IDLE_MS = 3 * 60_000;
/** A vocabulary takes about 80 MB, the largest body a few times its own size. A thread that wants more is ended. */
const HEAP_MB = 512;

/**
 * Counts in a thread of its own, which has the body parsed there too: a large one would hold up the streams of this one.
 * The thread begins with the first count and ends when none has come for a while, so that the tokenizer costs neither
 * start time nor memory where nobody counts. Where the thread can't serve, the weights answer in its place.
 */
export function createTokenCounter({ log, idleMs = IDLE_MS, worker: file = workerFile() }: TokenCounterOptions): TokenCounter {
  const waiting = new Map<number, { body: Uint8Array; resolve: (count: Count) => void }>();
  let worker: Worker | undefined;
  let idle: NodeJS.Timeout | undefined;
  let lastId = 0;
  let stopped = false;

  const serveOurselves = (): void => {
    for (const { body, resolve } of waiting.values()) resolve(countBody(body, weighed));
    waiting.clear();
  };
  const begin = (): Worker => {
    const begun = new Worker(file, { name: 'tokens', env: {}, execArgv: [], resourceLimits: { maxOldGenerationSizeMb: HEAP_MB } });
    begun.unref();
    begun.on('message', ({ id, count }: Counted) => {
      waiting.get(id)?.resolve(count);
      waiting.delete(id);
      if (waiting.size > 0) return;
      begun.unref();
      idle = setTimeout(() => void end(), idleMs).unref();
    });
    begun.on('error', (error) => log.warn('tokens.worker_died', { error }));
    begun.on('exit', () => {
      if (worker !== begun) return;
      worker = undefined;
      serveOurselves();
    });
    return begun;
  };
  const end = async (): Promise<void> => {
    clearTimeout(idle);
    const ended = worker;
    worker = undefined;
    await ended?.terminate();
  };

  return {
    count: (body) =>
      new Promise((resolve) => {
        if (stopped) return resolve(countBody(body, weighed));
        clearTimeout(idle);
        const id = (lastId += 1);
        waiting.set(id, { body, resolve });
        worker ??= begin();
        worker.ref();
        worker.postMessage({ id, body } satisfies ToCount);
      }),
    async stop() {
      stopped = true;
      await end();
      serveOurselves();
    },
  };
}

/** Run from source (tests) the worker is a .ts file; built, it is a file beside the engine's. */
function workerFile(): URL {
  return new URL(import.meta.url.endsWith('.ts') ? './token-worker.ts' : './token-worker.mjs', import.meta.url);
}
