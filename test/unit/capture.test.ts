import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createCapture, type Capture } from '../../bridges/capture/capture.ts';
import { ReplyLog } from '../../bridges/capture/reply-log.ts';
import type { CallStart } from '../../bridges/capture/recorder.ts';
import type { Call } from '../../bridges/contract/index.ts';
import { systemClock } from '../../bridges/engine/clock.ts';
import { silentLogger } from '../../bridges/engine/log.ts';
import { callStart } from '../support/capture.ts';

let folder: string;
let capture: Capture;
beforeEach(() => {
  folder = mkdtempSync(path.join(os.tmpdir(), 'drawbridge-capture-'));
});
afterEach(async () => {
  await capture.stop();
  rmSync(folder, { recursive: true, force: true });
});

async function startCapture(change: Partial<Parameters<typeof createCapture>[0]> = {}): Promise<void> {
  capture = createCapture({
    file: path.join(folder, 'captures.db'),
    clock: systemClock,
    log: silentLogger,
    settings: () => ({ enabled: true, maxBodyBytes: 1000 }),
    places: {
      adapters: path.join(folder, 'adapters'),
      contexts: path.join(folder, 'sessions.jsonl'),
      prices: path.join(folder, 'prices.json'),
      homes: { claude: undefined, codex: undefined, copilot: undefined },
    },
    ...change,
  });
  await capture.start();
}

const start = (change: Partial<CallStart> = {}): CallStart =>
  callStart({ rawHeaders: ['authorization', 'Bearer secret-secret-secret', 'content-type', 'application/json'], ...change });

/** The next row that fits. */
function row(fits: (call: Call) => boolean): Promise<Call> {
  return new Promise((resolve) => {
    const off = capture.onCalls((calls) => {
      const found = calls.find(fits);
      if (found === undefined) return;
      off();
      resolve(found);
    });
  });
}

describe('capture', () => {
  it('keeps the beginning of an error, and of a credential nothing, also where the beginning ends in it', async () => {
    await startCapture();
    const done = row((call) => call.state !== 'open');
    const call = capture.recorder.begin(start());
    call.end({ cut: true, error: `${'refused '.repeat(124)}sk-proj-${'Zx9Qw8Er'.repeat(5)} ${'<p>'.repeat(1_000_000)}` });
    expect((await done).error).toBe(`${'refused '.repeat(124)}[redacte`);
  });
  it('keeps both sides of a call, and reads the reply for its row', async () => {
    await startCapture();
    const done = row((call) => call.state !== 'open');
    const call = capture.recorder.begin(start());
    call.replyStart(200, { 'content-type': 'application/json' });
    call.replyData(Buffer.from('{"model":"used","usage":{"input_tokens":3,"cache_read_input_tokens":2,"output_tokens":4}}'));
    call.end({ cut: false });
    expect(await done).toMatchObject({ modelUsed: 'used', usage: { input: 5, cached: 2, output: 4, reasoning: null }, state: 'done' });
    const stored = await capture.get(call.id);
    expect(stored?.sides.map((side) => side.side).sort()).toEqual(['clientReply', 'clientRequest']);
    expect(JSON.stringify(stored?.sides.map((side) => side.headers))).not.toContain('secret-secret');
  });

  it('keeps no more of a body than the settings allow, and tells its real size', async () => {
    await startCapture();
    const done = row((call) => call.state !== 'open');
    const call = capture.recorder.begin(start({ body: Buffer.alloc(5000, 0x20) }));
    call.replyStart(200, { 'content-type': 'text/plain' });
    for (let i = 0; i < 10; i++) call.replyData(Buffer.alloc(300, 0x61));
    call.end({ cut: false });
    expect(await done).toMatchObject({ requestBytes: 5000, replyBytes: 3000 });
    const stored = await capture.get(call.id);
    expect(stored?.sides.map((side) => side.bytes)).toEqual([1000, 1000]);
  });

  it.each([
    ['nothing', 0],
    ['the beginning', 1000],
    ['all', 1_000_000],
  ])('does not take a whole stream for a cut one where %s of it is kept', async (_much, maxBodyBytes) => {
    await startCapture({ settings: () => ({ enabled: true, maxBodyBytes }) });
    const event = (type: string, rest: object): Buffer => Buffer.from(`event: ${type}\ndata: ${JSON.stringify({ type, ...rest })}\n\n`);
    const stream = [
      event('message_start', { message: { model: 'used', usage: { input_tokens: 5, output_tokens: 1 } } }),
      ...Array.from({ length: 50 }, () => event('content_block_delta', { delta: { type: 'text_delta', text: 'hello' } })),
      event('message_delta', { delta: { stop_reason: 'end_turn' }, usage: { output_tokens: 50 } }),
      event('message_stop', {}),
    ];
    const rows: Call[] = [];
    for (const translated of [false, true]) {
      const done = row((call) => call.state !== 'open');
      const call = capture.recorder.begin(start());
      const head = { 'content-type': 'text/event-stream' };
      call.replyStart(200, head);
      if (translated) call.upstreamReplyStart(head);
      for (const piece of stream) {
        call.replyData(piece);
        if (translated) call.upstreamReplyData(piece);
      }
      call.end({ cut: false });
      rows.push(await done);
    }
    // Counts of which only the first were kept are none.
    const usage = maxBodyBytes === 1_000_000 ? { input: 5, output: 50 } : null;
    for (const one of rows) expect(one).toMatchObject({ state: 'done', cut: false, usage, modelUsed: maxBodyBytes === 0 ? null : 'used' });
  });

  it('drops and counts when the store falls behind; the call itself goes on', async () => {
    await startCapture({ backlog: { bytes: 1, records: 1 } });
    const shown = row((call) => call.state === 'done');
    const call = capture.recorder.begin(start());
    call.replyStart(200, { 'content-type': 'text/plain' });
    call.replyData(Buffer.from('answer'));
    call.end({ cut: false });
    expect(await shown).toMatchObject({ id: call.id, status: 200, replyBytes: 6 });
    expect(capture.status()).toMatchObject({ dropped: 1, pendingBytes: 0 });
    expect(await capture.list(10, undefined, {})).toEqual([]);
  });

  it('leaves nobody waiting who asked before it stopped', async () => {
    await startCapture();
    const asked = [capture.check(), capture.purge({ kind: 'all' }, false), capture.list(1, undefined, {})];
    const answers = Promise.allSettled(asked);
    await capture.stop();
    for (const answer of await answers)
      if (answer.status === 'rejected') expect(answer.reason).toMatchObject({ code: 'store_unavailable' });
  });

  it('goes on without a store that can’t be opened, and says why', async () => {
    await startCapture({ file: path.join(folder, 'no', 'such', 'folder', 'captures.db') });
    expect(capture.status()).toMatchObject({ state: 'failed', reason: expect.stringContaining('ENOENT') });
    const shown = row((call) => call.state === 'done');
    const call = capture.recorder.begin(start());
    call.replyStart(200, {});
    call.end({ cut: false });
    expect((await shown).status).toBe(200);
    await expect(capture.list(1, undefined, {})).rejects.toMatchObject({ code: 'store_unavailable' });
  });

  it('gives ids that rise, also within a millisecond', async () => {
    await startCapture();
    const ids = Array.from({ length: 100 }, () => capture.recorder.begin(start()).id);
    expect(ids).toEqual([...new Set(ids)].sort((a, b) => a - b));
  });
});

describe('a reply log', () => {
  it('gives back what passed, whatever the pieces', async () => {
    await startCapture();
    const log = new ReplyLog(1_000_000);
    const pieces = Array.from({ length: 500 }, (_, i) => Buffer.from(`${'x'.repeat(i % 97)}${i};`));
    pieces.forEach((piece, i) => log.push(piece, i));
    expect(Buffer.concat(log.take()).toString()).toBe(Buffer.concat(pieces).toString());
    expect(log.timeline()?.length).toBe(1000);
  });
  it('thins out the arrivals of a very long stream instead of growing', async () => {
    await startCapture();
    const log = new ReplyLog(0);
    for (let i = 0; i < 100_000; i++) log.push(Buffer.from('x'), i);
    const points = log.timeline() ?? new Float64Array();
    expect(points.length).toBeLessThanOrEqual(8192);
    expect(points.at(-1)).toBeGreaterThan(90_000);
    expect(log.bytes).toBe(100_000);
  });
});
