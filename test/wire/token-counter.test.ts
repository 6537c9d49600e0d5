import { once } from 'node:events';
import { afterEach, describe, expect, it } from 'vitest';
import { createTokenCounter, type TokenCounter } from '../../bridges/companion/token-counter.ts';
import type { Logger } from '../../bridges/engine/log.ts';
import { countBody } from '../../bridges/wire/count-body.ts';
import { weighed } from '../../bridges/wire/token-weights.ts';
import { tokenized } from '../../bridges/wire/tokenizer.ts';

const warnings: string[] = [];
const log: Logger = { debug: () => {}, info: () => {}, warn: (event: string) => void warnings.push(event), error: () => {} };

let counter: TokenCounter | undefined;
afterEach(async () => {
  await counter?.stop();
  warnings.length = 0;
});

function bodyOf(text: string): Buffer {
  return Buffer.from(JSON.stringify({ model: 'm', messages: [{ role: 'user', content: text }] }));
}

/** Resolves when the next worker of this process has ended. */
async function workerEnd(): Promise<void> {
  const [worker] = (await once(process, 'worker')) as [NodeJS.EventEmitter];
  await once(worker, 'exit');
}

/** A worker file that does this and no more. */
function workerOf(code: string): URL {
  return new URL(`data:text/javascript,${encodeURIComponent(code)}`);
}

const TEXT = '这座桥记录每一次通过的调用，包括时间、大小和客户端的名称。'.repeat(30);

describe('the token counter', () => {
  it('counts in a thread of its own with a real tokenizer', async () => {
    counter = createTokenCounter({ log });
    const body = bodyOf(TEXT);
    expect(countBody(body, tokenized)).not.toEqual(countBody(body, weighed));
    expect(await Promise.all([counter.count(body), counter.count(bodyOf('one'))])).toEqual([
      countBody(body, tokenized),
      countBody(bodyOf('one'), tokenized),
    ]);
  });

  it('says what is wrong with a body that can not be meant', async () => {
    counter = createTokenCounter({ log });
    expect(await counter.count(Buffer.from('{"messages":'))).toEqual({ problem: 'The request body is not valid JSON.' });
    expect(await counter.count(Buffer.from('{"model":"m","messages":3}'))).toEqual({ problem: expect.stringContaining('messages') });
  });

  it('ends its thread when nobody counts, and begins another for the next count', async () => {
    counter = createTokenCounter({ log, idleMs: 1 });
    for (let round = 0; round < 2; round += 1) {
      const ended = workerEnd();
      expect(await counter.count(bodyOf(TEXT))).toEqual(countBody(bodyOf(TEXT), tokenized));
      await ended;
    }
    expect(warnings).toEqual([]);
  });

  it('answers by weights where the thread dies under a count, and where it can not begin', async () => {
    for (const worker of [
      workerOf('import { parentPort } from "node:worker_threads"; parentPort.on("message", () => { throw new Error("gone"); });'),
      new URL('file:///nowhere/token-worker.mjs'),
    ]) {
      counter = createTokenCounter({ log, worker });
      expect(await counter.count(bodyOf(TEXT))).toEqual(countBody(bodyOf(TEXT), weighed));
      await counter.stop();
    }
    expect(warnings).toEqual(['tokens.worker_died', 'tokens.worker_died']);
  });

  it('leaves no count without an answer when it stops', async () => {
    counter = createTokenCounter({ log, worker: workerOf('setInterval(() => {}, 1000);') });
    const counted = counter.count(bodyOf(TEXT));
    await counter.stop();
    expect(await counted).toEqual(countBody(bodyOf(TEXT), weighed));
    expect(await counter.count(bodyOf('after'))).toEqual(countBody(bodyOf('after'), weighed));
  });
});
