import { parentPort } from 'node:worker_threads';
import { countBody, type Count } from '../wire/count-body.ts';
import { tokenized } from '../wire/tokenizer.ts';

/** One body to count. Its answer carries the same id. */
export type ToCount = { id: number; body: Uint8Array };
export type Counted = { id: number; count: Count };

parentPort?.on('message', ({ id, body }: ToCount) => {
  parentPort?.postMessage({ id, count: countBody(body, tokenized) } satisfies Counted);
});
