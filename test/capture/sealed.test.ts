import { randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createCapture, type Capture } from '../../bridges/capture/capture.ts';
import { NO_PLACES } from '../../bridges/capture/places.ts';
import { idAt } from '../../bridges/capture/recorder.ts';
import { sealKey } from '../../bridges/capture/seal-key.ts';
import { Store } from '../../bridges/capture/store.ts';
import type { Call } from '../../bridges/contract/index.ts';
import { systemClock } from '../../bridges/engine/clock.ts';
import { silentLogger } from '../../bridges/engine/log.ts';
import { beginCall, callStart, endCall } from '../support/capture.ts';
import { callRow } from './rows.ts';
import { deferSecrets, memorySecrets, SecretError, type SecretStore } from '../../bridges/engine/secrets.ts';

const CANARIES = ['canary-asked', 'canary-system', 'canary-answered', 'canary-streamed', 'canary-session', 'canary-branch', 'canary-tool'];

/** An adapter for a client that names its sessions in a header of its own. */
const LAB = `export default {
  api: 1,
  name: 'lab',
  priority: 20,
  match: () => true,
  project: (exchange) => ({ source: 'header', session: exchange.requestHeader('x-lab-session') }),
};`;

let folder: string;
let capture: Capture | undefined;
let key: Buffer;
beforeEach(() => {
  folder = mkdtempSync(path.join(os.tmpdir(), 'drawbridge-sealed-'));
  key = randomBytes(32);
});
afterEach(async () => {
  await capture?.stop();
  capture = undefined;
  rmSync(folder, { recursive: true, force: true });
});

const lasting = (): SecretStore => ({ ...memorySecrets(), lasting: true });

/** Starts capturing to the same folder again. */
async function start(
  seal: boolean,
  giveKey: () => Promise<Buffer> = async () => key,
  replies: 'raw' | 'assembled' = 'raw',
): Promise<Capture> {
  await capture?.stop();
  capture = createCapture({
    file: path.join(folder, 'captures.db'),
    clock: systemClock,
    log: silentLogger,
    settings: () => ({ enabled: true, maxBodyBytes: 1_000_000, seal, replies }),
    sealKey: giveKey,
    places: { ...NO_PLACES, adapters: path.join(folder, 'adapters') },
  });
  await capture.start();
  return capture;
}

/** Resolves once two calls are stored. */
function twoStored(to: Capture): Promise<void> {
  const ended = new Set<number>();
  return new Promise((resolve) => {
    const off = to.onCalls((calls: readonly Call[]) => {
      for (const call of calls) if (call.state !== 'open') ended.add(call.id);
      if (ended.size < 2) return;
      off();
      resolve();
    });
  });
}

/** A call whose streamed answer asks for a sub-task, and the sub-task; resolved once both are stored. */
async function delegate(to: Capture): Promise<void> {
  const stored = twoStored(to);
  const prompt = 'look for the key below the third stone';
  const event = (type: string, rest: object): string => `event: ${type}\ndata: ${JSON.stringify({ type, ...rest })}\n\n`;
  const usage = { input_tokens: 3, output_tokens: 9 };
  const asks = [
    event('message_start', { message: { id: 'msg_1', type: 'message', role: 'assistant', model: 'm', content: [], usage } }),
    event('content_block_start', { index: 0, content_block: { type: 'tool_use', id: 't', name: 'Task', input: {} } }),
    event('content_block_delta', { index: 0, delta: { type: 'input_json_delta', partial_json: JSON.stringify({ prompt }) } }),
    event('content_block_stop', { index: 0 }),
    event('message_delta', { delta: { stop_reason: 'tool_use', stop_sequence: null }, usage }),
    event('message_stop', {}),
  ];
  for (const [content, type, reply] of [
    ['where is the key', 'text/event-stream', asks.join('')],
    [prompt, 'application/json', '{"content":[]}'],
  ] as const) {
    const call = to.recorder.begin(callStart({ body: Buffer.from(JSON.stringify({ model: 'm', messages: [{ role: 'user', content }] })) }));
    call.replyStart(200, { 'content-type': type });
    call.replyData(Buffer.from(reply));
    call.end({ cut: false });
  }
  await stored;
}

/** Two calls of one conversation, and the streamed answer of the second; resolved once both are stored. */
async function talk(to: Capture): Promise<void> {
  const stored = twoStored(to);
  const asked = { role: 'user', content: `canary-asked ${'what '.repeat(30)}` };
  const answered = {
    role: 'assistant',
    content: [{ type: 'tool_use', id: 't', name: 'Task', input: { prompt: 'canary-tool '.repeat(9) } }],
  };
  const delta = (text: string): string =>
    `data: ${JSON.stringify({ type: 'content_block_delta', delta: { type: 'text_delta', text } })}\n\n`;
  for (const messages of [[asked], [asked, answered, { role: 'user', content: `canary-answered ${'so '.repeat(40)}` }]]) {
    const call = to.recorder.begin(
      callStart({
        client: 'claude-code',
        rawHeaders: ['content-type', 'application/json', 'x-claude-code-session-id', 'canary-session'],
        body: Buffer.from(JSON.stringify({ model: 'm', system: 'canary-system', metadata: { branch: 'canary-branch' }, messages })),
      }),
    );
    call.replyStart(200, { 'content-type': 'text/event-stream' });
    call.replyData(Buffer.from(`${delta('canary-streamed ')}${delta('and on')}data: {"type":"message_stop"}\n\n`));
    call.end({ cut: false, usage: { input: 10, cached: null, cacheWrite: null, output: 5, reasoning: null } });
  }
  await stored;
}

/** What is found of the canaries in any file of the store. */
function found(): string[] {
  const disk = Buffer.concat(readdirSync(folder).map((name) => readFileSync(path.join(folder, name))));
  return CANARIES.filter((canary) => disk.includes(canary));
}

/** Everything a person would read. */
async function told(from: Capture): Promise<unknown> {
  const calls = await from.list(10, undefined, {});
  const stored = await Promise.all(
    calls.map(async ({ id }) => (await from.get(id))?.sides.map(({ headers, body }) => [headers, Buffer.from(body ?? []).toString()])),
  );
  const trees = await Promise.all(calls.map(({ id }) => from.ask({ kind: 'tree', call: id, limit: 10 })));
  const input = { fromMs: 0, toMs: systemClock.now() + 86_400_000, bucket: 'day', by: undefined, where: {}, offsetMinutes: 0 } as const;
  return { calls, stored, trees, usage: (await from.ask({ kind: 'series', input })).series.all };
}

describe('an encrypted call history', () => {
  it('can be read with its key, and holds nothing of what was said in clear', async () => {
    const running = await start(true);
    expect(running.status()).toMatchObject({ state: 'recording' });
    await talk(running);
    expect(await running.sizes()).toMatchObject({ encrypted: true, calls: 2 });
    const { page } = await running.ask({ kind: 'conversations', filter: { limit: 10 } });
    expect(page.conversations).toMatchObject([{ title: expect.stringContaining('canary-asked'), session: 'canary-session', calls: 2 }]);
    expect(JSON.stringify(await told(running))).toContain('canary-streamed');
    await running.stop();
    expect(found()).toEqual([]);
    expect(JSON.stringify(await told(await start(true)))).toContain('canary-tool');
  });

  it('says that it can not be searched for words', async () => {
    const running = await start(true);
    await talk(running);
    await expect(running.list(10, undefined, {}, 'canary')).rejects.toMatchObject({ code: 'bad_input' });
    await expect(running.purge({ kind: 'query', query: 'canary' }, true)).rejects.toMatchObject({ code: 'bad_input' });
    await expect(running.ask({ kind: 'conversations', filter: { limit: 10, text: 'canary' } })).rejects.toMatchObject({
      code: 'bad_input',
    });
    expect(await running.list(10, undefined, {}, 'client:claude-code')).toHaveLength(2);
    expect(await running.purge({ kind: 'query', query: 'client:claude-code' }, false)).toMatchObject({ calls: 2 });
  });

  it('is made of one that was in clear, and back, with nothing lost', async () => {
    const open = await start(false);
    await talk(open);
    const before = await told(open);
    await open.stop();
    const sealed = await start(true);
    expect(await told(sealed)).toEqual(before);
    await sealed.stop();
    expect(found()).toEqual([]);
    const again = await start(false);
    expect(await told(again)).toEqual(before);
    expect(await again.list(10, undefined, {}, 'streamed')).toHaveLength(2);
    expect(await again.check()).toMatchObject({ ok: true });
  });

  it('holds the sub-tasks of a conversation whose replies are kept as one body each', async () => {
    const open = await start(false, undefined, 'assembled');
    await delegate(open);
    const before = await told(open);
    expect(JSON.stringify(before)).toContain('"kind":"subtask"');
    expect(JSON.stringify(before)).toContain('x-drawbridge-kept');
    expect(await told(await start(true))).toEqual(before);
  });

  it('holds the sessions that an adapter of its owner’s tells', async () => {
    mkdirSync(path.join(folder, 'adapters'), { mode: 0o700 });
    writeFileSync(path.join(folder, 'adapters', 'lab.mjs'), LAB, { mode: 0o600 });
    const open = await start(false);
    // It is loaded beside the first calls.
    const isLoaded = async (): Promise<boolean> =>
      (await open.ask({ kind: 'adapters' })).adapters.some(({ name, state }) => name === 'lab' && state === 'ready');
    await expect.poll(isLoaded, { timeout: 20_000 }).toBe(true);
    const stored = twoStored(open);
    for (const content of ['one thing', 'another thing']) {
      const body = Buffer.from(JSON.stringify({ model: 'm', messages: [{ role: 'user', content }] }));
      endCall(beginCall(open, { rawHeaders: ['x-lab-session', 'canary-session'], body }));
    }
    await stored;
    const before = await told(open);
    expect(JSON.stringify(before)).toContain('"session":"canary-session"');
    expect(await told(await start(true))).toEqual(before);
  });

  it.each([false, true])('counts a call that was open when the last run was killed, made anew (%s) or not', async (seal) => {
    await (await start(false)).stop();
    const { store } = Store.open(path.join(folder, 'captures.db'), 0);
    const id = idAt(systemClock.now());
    const startedAt = new Date(systemClock.now()).toISOString();
    store.write({ call: callRow(id, { startedAt, state: 'open', status: null, durationMs: null }), ends: false, sides: [] });
    store.close();
    expect(await told(await start(seal))).toMatchObject({ calls: [{ id, state: 'cut' }], usage: { calls: 1, errors: 1 } });
  });

  it('is left alone without its key: calls go on and are not kept', async () => {
    await talk(await start(true));
    const none = async (): Promise<Buffer> => {
      throw new Error('The keychain is locked.');
    };
    for (const seal of [true, false]) {
      const locked = await start(seal, none);
      expect(locked.status()).toMatchObject({ state: 'failed', reason: 'The keychain is locked.' });
    }
    const other = await start(true, async () => randomBytes(32));
    expect(other.status()).toMatchObject({ state: 'failed', reason: expect.stringContaining('encrypted') });
    expect((await (await start(true)).list(10, undefined, {})).length).toBe(2);
  });
});

describe('the key of the call history', () => {
  it('is made once, in the keychain', async () => {
    const keychain = lasting();
    const made = await sealKey(keychain);
    expect(made).toHaveLength(32);
    expect(await sealKey(keychain)).toEqual(made);
  });
  it('is not made where it would be lost with the session, and the reason is told', async () => {
    for (const session of [memorySecrets(), deferSecrets(Promise.resolve(memorySecrets()))]) {
      await expect(sealKey(session)).rejects.toMatchObject({
        code: 'store_unavailable',
        message: expect.stringContaining('capture.seal'),
      });
    }
    const locked: SecretStore = { ...lasting(), get: () => Promise.reject(new SecretError('locked', 'locked')) };
    await expect(sealKey(locked)).rejects.toMatchObject({ code: 'store_unavailable', message: expect.stringContaining('unlock') });
  });
});
