import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import zlib from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createCapture, type Capture, type CaptureOptions } from '../../bridges/capture/capture.ts';
import { callDetail } from '../../bridges/capture/detail.ts';
import { replayOffline } from '../../bridges/capture/replay/offline.ts';
import type { Call, Settings } from '../../bridges/contract/index.ts';
import { systemClock } from '../../bridges/engine/clock.ts';
import { silentLogger } from '../../bridges/engine/log.ts';
import { callStart } from '../support/capture.ts';

let folder: string;
let capture: Capture;
let folders: Settings['capture']['folders'];
let replies: Settings['capture']['replies'];
beforeEach(async () => {
  folder = mkdtempSync(path.join(os.tmpdir(), 'drawbridge-keeping-'));
  folders = [];
  replies = 'raw';
  const settings: CaptureOptions['settings'] = () => ({
    enabled: true,
    maxBodyBytes: 1_000_000,
    folders,
    replies,
    retention: { days: null, maxBytes: null },
  });
  capture = createCapture({ file: path.join(folder, 'captures.db'), clock: systemClock, log: silentLogger, settings });
  await capture.start();
});
afterEach(async () => {
  await capture.stop();
  rmSync(folder, { recursive: true, force: true });
});

/** One finished call, resolved with its row once the store has answered for it. */
async function callFrom(
  cwd: string,
  change: {
    target?: string;
    rawHeaders?: string[];
    replyHeaders?: Record<string, string>;
    error?: string;
    body?: unknown;
    reply?: (string | Buffer)[];
    encode?: (body: Buffer) => Buffer;
  } = {},
): Promise<Call> {
  const ended = new Promise<Call>((resolve) => {
    const off = capture.onCalls((calls) => {
      const done = calls.find((call) => call.state !== 'open');
      if (done === undefined) return;
      off();
      resolve(done);
    });
  });
  const asked = change.body ?? {
    model: 'm',
    messages: [{ role: 'user', content: `Working directory: ${cwd}\nwhat is the password of the castle` }],
  };
  const call = capture.recorder.begin(
    callStart({
      target: change.target ?? '/v1/messages',
      rawHeaders: change.rawHeaders ?? ['content-type', 'application/json'],
      body: (change.encode ?? asItIs)(Buffer.from(JSON.stringify(asked))),
    }),
  );
  call.replyStart(200, { 'content-type': 'application/json', ...change.replyHeaders });
  for (const piece of change.reply ?? ['{"content":[{"type":"text","text":"swordfish"}]}']) call.replyData(Buffer.from(piece));
  call.end({ cut: false, ...(change.error === undefined ? {} : { error: change.error }) });
  return ended;
}

const asItIs = (body: Buffer): Buffer => body;

async function onDisk(): Promise<Buffer> {
  await capture.stop();
  return Buffer.concat(readdirSync(folder).map((name) => readFileSync(path.join(folder, name))));
}

describe('rules for folders', () => {
  it('keep all, the row alone, or nothing; a change holds from the next call', async () => {
    const whole = await callFrom('/home/u/open');
    folders = [
      { folder: '/home/u/private', keep: 'metadata' },
      { folder: '/home/u/private/most', keep: 'ignore' },
    ];
    const row = await callFrom('/home/u/private/x');
    const none = await callFrom('/home/u/private/most/y');
    expect((await capture.get(whole.id))?.sides).toHaveLength(2);
    expect(await capture.get(row.id)).toMatchObject({ call: { status: 200 }, sides: [] });
    expect(await capture.get(none.id)).toBeNull();
    expect((await capture.list(10, undefined, {}, 'swordfish')).map((call) => call.id)).toEqual([whole.id]);
    expect((await capture.list(10, undefined, {}, 'folder:/home/u/private/*')).map((call) => call.id)).toEqual([row.id]);
    // What was said is not in a title either.
    const { page } = await capture.ask({ kind: 'conversations', filter: { limit: 10 } });
    expect(page.conversations.map(({ id }) => id)).toEqual([whole.id]);
    for (const { id } of [row, none]) expect(await capture.ask({ kind: 'tree', call: id, limit: 10 })).toMatchObject({ tree: null });
    expect((await capture.list(10, undefined, {}, 'castle')).map((call) => call.id)).toEqual([whole.id]);
  });
});

describe('a streamed reply', () => {
  const event = (type: string, rest: object): string => `event: ${type}\ndata: ${JSON.stringify({ type, ...rest })}\n\n`;
  const usage = { input_tokens: 3, output_tokens: 9 };
  const text = (said: string): string => event('content_block_delta', { index: 0, delta: { type: 'text_delta', text: said } });
  const stream = [
    event('message_start', { message: { id: 'msg_1', type: 'message', role: 'assistant', model: 'm', content: [], usage } }),
    event('content_block_start', { index: 0, content_block: { type: 'text', text: '' } }),
    ...['sword', 'fish', ' and', ' chips'].map(text),
    event('content_block_stop', { index: 0 }),
    event('message_delta', { delta: { stop_reason: 'end_turn', stop_sequence: null }, usage }),
    event('message_stop', {}),
  ];
  const streamed = (pieces: string[]): Promise<Call> =>
    callFrom('/a', { replyHeaders: { 'content-type': 'text/event-stream' }, reply: pieces });
  const partsOf = async (id: number) => {
    const stored = await capture.get(id);
    return stored === null ? undefined : callDetail(stored, 1e6);
  };

  it('is kept event by event, or as the one body it amounts to: what was said, found and counted is the same', async () => {
    const raw = await streamed(stream);
    replies = 'assembled';
    const whole = await streamed(stream);
    expect((await partsOf(raw.id))?.client.reply.body?.content).toBe(stream.join(''));
    const kept = await partsOf(whole.id);
    expect(JSON.parse(kept?.client.reply.body?.content ?? '')).toMatchObject({
      id: 'msg_1',
      model: 'm',
      content: [{ type: 'text', text: 'swordfish and chips' }],
      stop_reason: 'end_turn',
      usage,
    });
    expect((await partsOf(raw.id))?.timeline).toHaveLength(stream.length);
    expect(kept?.timeline).toEqual([]);
    expect(kept?.client.reply.headers).toContainEqual(['x-drawbridge-kept', 'assembled']);
    expect(kept?.assembled.reply).toEqual((await partsOf(raw.id))?.assembled.reply);
    expect(whole).toMatchObject({ usage: raw.usage, replyBytes: raw.replyBytes, state: 'done' });
    expect((await capture.list(10, undefined, {}, 'swordfish')).map(({ id }) => id)).toEqual([whole.id, raw.id]);
    const stored = await capture.get(whole.id);
    expect(() => stored && replayOffline(stored)).toThrow(expect.objectContaining({ code: 'bad_input' }));
  });
  it.each([
    ['that broke off', stream.slice(0, 5)],
    ['that ended in an error', [...stream.slice(0, 4), event('error', { error: { type: 'overloaded_error', message: 'busy' } })]],
    ['of another format', ['data: {"x":1}\n\n', 'data: [DONE]\n\n']],
  ])('%s is kept as it came, whatever is wanted', async (_which, pieces) => {
    replies = 'assembled';
    const call = await streamed(pieces);
    const parts = await partsOf(call.id);
    expect(parts?.client.reply.body?.content).toBe(pieces.join(''));
    expect(parts?.timeline).toHaveLength(pieces.length);
  });
});

const CODINGS: readonly (readonly [string, (body: Buffer) => Buffer])[] = [
  ['gzip', (body) => zlib.gzipSync(body)],
  ['deflate', (body) => zlib.deflateSync(body)],
  ['br', (body) => zlib.brotliCompressSync(body)],
  ['zstd', (body) => zlib.zstdCompressSync(body)],
];

describe.each(CODINGS)('a body that came as %s', (coding, encode) => {
  const rawHeaders = ['content-type', 'application/json', 'Content-Encoding', coding, 'content-length', '7'];
  const replyHeaders = { 'content-type': 'application/json', 'content-encoding': coding };
  const sideOf = async (id: number, which: string) => (await capture.get(id))?.sides.find(({ side }) => side === which);
  const bodyOf = async (id: number, which: string) => Buffer.from((await sideOf(id, which))?.body ?? []).toString();

  it('is left out where the rule for its folder says so', async () => {
    folders = [{ folder: '/home/u/private', keep: 'ignore' }];
    const none = await callFrom('/home/u/private/x', { rawHeaders, encode });
    expect(await capture.get(none.id)).toBeNull();
  });

  it('is kept without its coding, which its headers tell, and is found by what it says', async () => {
    const call = await callFrom('/a', {
      rawHeaders,
      encode,
      replyHeaders,
      reply: [encode(Buffer.from('{"content":[{"text":"swordfish"}]}'))],
    });
    expect(await bodyOf(call.id, 'clientRequest')).toMatch(/^{"model":"m".*castle/);
    expect(await bodyOf(call.id, 'clientReply')).toBe('{"content":[{"text":"swordfish"}]}');
    for (const which of ['clientRequest', 'clientReply']) {
      const headers: [string, string][] = JSON.parse((await sideOf(call.id, which))?.headers ?? '');
      expect(headers).toContainEqual(['x-drawbridge-decoded', coding]);
      expect(headers.map(([name]) => name.toLowerCase())).not.toContain('content-encoding');
      expect(headers.map(([name]) => name)).not.toContain('content-length');
    }
    for (const word of ['castle', 'swordfish']) expect(await capture.list(10, undefined, {}, word)).toHaveLength(1);
  });

  it('has its credentials masked', async () => {
    const secret = `gho_${'a1B2c3D4'.repeat(5)}`;
    const body = { model: 'm', messages: [{ role: 'user', content: `my key is ${secret}` }] };
    const call = await callFrom('/a', {
      rawHeaders,
      encode,
      body,
      replyHeaders,
      reply: [encode(Buffer.from(`{"content":[{"text":"${secret}"}]}`))],
    });
    expect(await bodyOf(call.id, 'clientRequest')).toBe(JSON.stringify(body).replace(secret, '*'.repeat(secret.length)));
    expect(await bodyOf(call.id, 'clientReply')).toContain('"text":"***');
  });

  it('is kept as far as it came where it broke off, and as it is where it can’t be read', async () => {
    const text = Array.from({ length: 20_000 }, (_, i) => `data: {"n":${i * 7919}}\n\n`).join('');
    const whole = encode(Buffer.from(text));
    const cut = await callFrom('/a', { replyHeaders, reply: [whole.subarray(0, whole.length - 40)] });
    const kept = await bodyOf(cut.id, 'clientReply');
    expect(kept.length).toBeGreaterThan(1_000);
    expect(text.startsWith(kept)).toBe(true);
    const none = await callFrom('/a', { replyHeaders, reply: ['this is no such coding'] });
    expect(await bodyOf(none.id, 'clientReply')).toBe('this is no such coding');
    expect((await sideOf(none.id, 'clientReply'))?.headers).toContain('"content-encoding"');
  });

  it('takes no room for what an earlier one said', async () => {
    const words = (i: number): string =>
      Array.from({ length: 300 }, (_, k) => ((i * 7919 + k * k * 104_729) % 65_521).toString(36)).join(' ');
    const messages = Array.from({ length: 30 }, (_, i) => ({ role: i % 2 === 0 ? 'user' : 'assistant', content: words(i) }));
    let wire = 0;
    for (let turns = 1; turns <= messages.length; turns += 1) {
      const body = { model: 'm', messages: messages.slice(0, turns) };
      wire += encode(Buffer.from(JSON.stringify(body))).length;
      await callFrom('/a', { rawHeaders, encode, body });
    }
    const { parts } = await capture.sizes();
    const said = parts.filter(({ part }) => part === 'messages' || part === 'bodies').reduce((sum, { bytes }) => sum + bytes, 0);
    expect(said).toBeLessThan(wire / 4);
  });
});

describe('the running store', () => {
  it('tells its sizes, checks itself, purges, and goes on', async () => {
    const first = await callFrom('/a');
    expect(await capture.sizes()).toMatchObject({ calls: 1, encrypted: false });
    expect(await capture.check()).toMatchObject({ ok: true, bodiesRead: 2 });
    await expect(capture.purge({ kind: 'query', query: 'statsu:1' }, true)).rejects.toMatchObject({ code: 'bad_input' });
    expect(await capture.purge({ kind: 'query', query: 'castle' }, true)).toMatchObject({ calls: 1 });
    expect(await capture.purge({ kind: 'all' }, false)).toMatchObject({ calls: 1 });
    expect(await capture.get(first.id)).toBeNull();
    expect(capture.status().calls).toBe(0);
    const second = await callFrom('/a');
    expect((await capture.get(second.id))?.sides).toHaveLength(2);
    expect((await onDisk()).includes('nothing said this')).toBe(false);
  });
});

describe('a planted secret', () => {
  // Of each kind, put together here so that no scanner takes this file for a leak.
  const kinds = {
    'a client key': `db_${'k7Rm2xQ9'.repeat(5)}`,
    'a vendor’s key': `sk-proj-${'Zx9Qw8Er'.repeat(5)}`,
    'a GitHub token': `gho_${'a1B2c3D4'.repeat(5)}`,
    'a signed token': `eyJ${'hbGciOi'.repeat(2)}.eyJ${'zdWIiOi'.repeat(2)}.${'c2lnbmF0'.repeat(3)}`,
    'a bearer in small letters': `bearer ${'b2C3d4E5'.repeat(5)}`,
    'a key in colour': `\u001b[01;31m\u001b[Ksk-proj-${'Yw8Pv7Dq'.repeat(5)}`,
  };
  it.each(Object.entries(kinds))('(%s) is nowhere on disk, in whichever header, target or error it came', async (_kind, secret) => {
    await callFrom('/a', {
      target: `/k/${secret}/v1/messages?key=${secret}&x=${secret}`,
      rawHeaders: ['authorization', `Bearer ${secret}`, 'x-api-key', secret, 'cookie', `s=${secret}`, 'x-other', `see ${secret}`],
      replyHeaders: { 'set-cookie': `s=${secret}`, 'x-echo': secret },
      error: `refused ${secret}`,
    });
    const disk = await onDisk();
    expect(disk.includes(secret)).toBe(false);
    expect(disk.includes(secret.slice(8, 30))).toBe(false);
  });

  const delta = (text: string): string =>
    `event: content_block_delta\ndata: ${JSON.stringify({ type: 'content_block_delta', index: 0, delta: { type: 'text_delta', text } })}\n\n`;

  it.each(Object.entries(kinds))('(%s) is nowhere on disk, in whichever part of a body it came', async (_kind, secret) => {
    const message = { role: 'user', content: [{ type: 'text', text: `my key is ${secret}, use it ${'well '.repeat(30)}` }] };
    const result = { role: 'user', content: [{ type: 'tool_result', tool_use_id: 't', content: `KEY=${secret}\n${'row\n'.repeat(30)}` }] };
    const tool = {
      role: 'assistant',
      content: [{ type: 'tool_use', id: 't', name: 'Agent', input: { prompt: `use ${secret} `.repeat(9) } }],
    };
    const context = { user_id: `u ${secret}` };
    for (const messages of [[message], [message, tool, result]]) {
      await callFrom('/a', {
        body: { model: 'm', system: `system ${secret}`, metadata: context, messages },
        reply: [`{"content":[{"type":"text","text":"${secret}"}]}`],
      });
    }
    await callFrom('/a', { body: { prompt: `no history ${secret}` }, reply: [`data: {"text":"${secret}"}\n\n`] });
    // In pieces, as a model says it.
    const pieces = (`here it is: ${secret} `.match(/.{1,5}/g) ?? []).map(delta);
    const said = await callFrom('/a', {
      replyHeaders: { 'content-type': 'text/event-stream' },
      reply: [...pieces, 'event: message_stop\ndata: {"type":"message_stop"}\n\n'],
    });
    const reply = (await capture.get(said.id))?.sides.find(({ side }) => side === 'clientReply')?.body;
    expect(Buffer.from(reply ?? []).length).toBe(said.replyBytes);
    for (const id of (await capture.list(10, undefined, {})).map((call) => call.id)) {
      for (const { body } of (await capture.get(id))?.sides ?? [])
        expect(Buffer.from(body ?? []).includes(secret.slice(8, 30))).toBe(false);
    }
    expect(await capture.list(10, undefined, {}, `"${secret.slice(3)}"`)).toEqual([]);
    const tree = await capture.ask({ kind: 'tree', call: said.id, limit: 10 });
    expect(JSON.stringify(tree)).not.toContain(secret);
    const disk = await onDisk();
    expect(disk.includes(secret)).toBe(false);
    expect(disk.includes(secret.slice(8, 30))).toBe(false);
  });
});
