import zlib from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { between, BY_MODEL } from './between.ts';
import { post } from './post.ts';

const PACKERS = {
  gzip: zlib.gzipSync,
  'X-GZIP': zlib.gzipSync,
  deflate: zlib.deflateSync,
  br: zlib.brotliCompressSync,
  zstd: zlib.zstdCompressSync,
};
const MESSAGE = {
  id: 'msg_1',
  type: 'message',
  role: 'assistant',
  content: [{ type: 'text', text: 'Grüße' }],
  stop_reason: 'end_turn',
  usage: { input_tokens: 3, output_tokens: 2 },
};
const EVENTS = [
  { type: 'message_start', message: { ...MESSAGE, content: [], stop_reason: null } },
  { type: 'content_block_start', index: 0, content_block: { type: 'text', text: '' } },
  { type: 'content_block_delta', index: 0, delta: { type: 'text_delta', text: 'Grüße' } },
  { type: 'content_block_stop', index: 0 },
  { type: 'message_delta', delta: { stop_reason: 'end_turn' }, usage: { output_tokens: 2 } },
  { type: 'message_stop' },
].map((event) => `event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`);
const request = (stream: boolean): string => JSON.stringify({ model: 'claude-x', stream, messages: [{ role: 'user', content: 'hi' }] });

describe('a provider that packs its replies although it was asked not to', () => {
  const test = between(BY_MODEL);
  const answers = (encoding: string, bytes: Buffer, type: string, status = 200): void => {
    test.provider.answer = (_req, res) => void res.writeHead(status, { 'content-type': type, 'content-encoding': encoding }).end(bytes);
  };

  it.each(Object.entries(PACKERS))('is read across formats: %s', async (encoding, pack) => {
    answers(encoding, pack(JSON.stringify(MESSAGE)), 'application/json');
    expect(await (await post(test.engine, 'chat', request(false))).json()).toMatchObject({
      choices: [{ message: { content: 'Grüße' }, finish_reason: 'stop' }],
    });
    answers(encoding, pack(EVENTS.join('')), 'text/event-stream');
    const stream = await (await post(test.engine, 'chat', request(true))).text();
    expect(stream).toContain('"content":"Grüße"');
    expect(stream).toMatch(/data: \[DONE\]\n\n$/);
    answers(
      encoding,
      pack(JSON.stringify({ type: 'error', error: { type: 'rate_limit_error', message: 'Slow down.' } })),
      'application/json',
      429,
    );
    const refused = await post(test.engine, 'chat', request(true));
    expect([refused.status, await refused.json()]).toMatchObject([429, { error: { message: 'Slow down.' } }]);
  });

  it('is read event by event, as they come', async () => {
    const packer = zlib.createGzip({ flush: zlib.constants.Z_SYNC_FLUSH });
    test.provider.answer = (_req, res) => {
      res.writeHead(200, { 'content-type': 'text/event-stream', 'content-encoding': 'gzip' });
      packer.pipe(res);
      packer.write(EVENTS.slice(0, 3).join(''));
    };
    const reply = await post(test.engine, 'chat', request(true));
    const reader = reply.body?.pipeThrough(new TextDecoderStream()).getReader();
    let text = '';
    while (!text.includes('Grüße')) text += (await reader?.read())?.value ?? '';
    packer.end(EVENTS.slice(3).join(''));
    for (let next = await reader?.read(); next?.done === false; next = await reader?.read()) text += next.value;
    expect(text).toContain('[DONE]');
  });

  it('is never taken for whole where its bytes are none of that packing, or break off', async () => {
    answers('gzip', Buffer.from('no gzip'), 'application/json');
    expect((await post(test.engine, 'chat', request(false))).status).toBe(502);
    const packed = zlib.gzipSync(JSON.stringify(MESSAGE));
    answers('gzip', packed.subarray(0, packed.length - 12), 'application/json');
    expect((await post(test.engine, 'chat', request(false))).status).toBe(502);
  });

  it('passes through as it is between two ends of one format', async () => {
    answers('gzip', zlib.gzipSync(JSON.stringify(MESSAGE)), 'application/json');
    const reply = await post(test.engine, 'messages', request(false));
    expect(reply.headers.get('content-encoding')).toBe('gzip');
    expect(await reply.json()).toEqual(MESSAGE);
  });
});
