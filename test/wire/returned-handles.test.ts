import { zstdCompressSync } from 'node:zlib';
import { beforeAll, describe, expect, it } from 'vitest';
import type { JsonObject, WireFormat } from '../../bridges/wire/turn.ts';
import { between } from './between.ts';
import { post, type Surface } from './post.ts';

const at = between([
  { model: 'gpt-*', upstream: 'openai' },
  { model: 'far-*', upstream: 'gateway' },
  { model: '*', upstream: 'anthropic' },
]);
beforeAll(() => {
  at.provider.answer = (req, res) => {
    const reply = req.url.includes('messages') ? MESSAGE : req.url.includes('responses') ? RESPONSE : COMPLETION;
    res.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(reply));
  };
});

const RESPONSE = {
  id: 'resp_1',
  object: 'response',
  status: 'completed',
  output: [
    { type: 'reasoning', id: 'rs_1', summary: [{ type: 'summary_text', text: 'hm' }], encrypted_content: 'ENCRYPTED' },
    { type: 'message', id: 'msg_1', role: 'assistant', content: [{ type: 'output_text', text: 'hi' }] },
  ],
};
const MESSAGE = {
  id: 'msg_2',
  type: 'message',
  role: 'assistant',
  model: 'claude',
  content: [
    { type: 'thinking', thinking: 'hm', signature: 'SIGNED' },
    { type: 'text', text: 'hi' },
  ],
  stop_reason: 'end_turn',
};
const COMPLETION = { choices: [{ index: 0, message: { role: 'assistant', content: 'hi' }, finish_reason: 'stop' }] };

async function send(surface: Surface, body: string | Buffer, headers: Record<string, string> = {}): Promise<Response> {
  const res = await post(at.engine, surface, body, headers);
  expect(res.status).toBe(200);
  return res;
}

const text = (): string => at.provider.seen.at(-1)?.body.toString() ?? '';

/** What the upstream gets for a request. */
async function sent(wire: WireFormat, body: object): Promise<JsonObject> {
  await (await send(wire, JSON.stringify(body))).text();
  return JSON.parse(text());
}

const ASK = { role: 'user', content: 'a' };
const AGAIN = { role: 'user', content: 'b' };
/** The same in the one form that the messages format has for both. */
const FIRST = { role: 'user', content: [{ type: 'text', text: 'a' }] };
const THEN = { role: 'user', content: [{ type: 'text', text: 'b' }] };

/** The content of a reply that crossed, thinking and all. */
async function crossedContent(): Promise<JsonObject[]> {
  const res = await send('messages', JSON.stringify({ model: 'gpt-5', max_tokens: 2000, messages: [ASK] }));
  const { content } = (await res.json()) as { content: JsonObject[] };
  expect(content[0]).toMatchObject({ type: 'thinking', signature: expect.stringMatching(/^db1\./) });
  return content;
}

async function handleOf(model: string): Promise<string> {
  const res = await send('chat', JSON.stringify({ model, messages: [ASK] }));
  const { choices } = (await res.json()) as { choices: [{ message: { reasoning_opaque: string } }] };
  expect(choices[0].message.reasoning_opaque).toMatch(/^db1\./);
  return choices[0].message.reasoning_opaque;
}

describe('a handle in a request that passes through', () => {
  it('does not reach another provider: the thinking is left out, and the call tells so', async () => {
    const messages = [FIRST, { role: 'assistant', content: await crossedContent() }, THEN];
    const thinking = { type: 'adaptive' };
    const body = await sent('messages', { model: 'claude', max_tokens: 2000, thinking, messages, unknown: { kept: [1] } });
    expect(body).toMatchObject({
      thinking,
      messages: [FIRST, { role: 'assistant', content: [{ text: 'hi' }] }, THEN],
      unknown: { kept: [1] },
    });
    expect(text()).not.toContain('db1.');
    const { id } = await at.engine.call(({ upstream, lost }) => upstream === 'anthropic' && lost.length > 0);
    const detail = await at.engine.control.calls.get({ id });
    expect(JSON.stringify(detail)).toContain('1 reasoning item was left out');
  });

  it('in a tool loop switches thinking off for the one request, as its provider wants signed thinking there', async () => {
    const [thought] = await crossedContent();
    const call = { type: 'tool_use', id: 't', name: 'f', input: {} };
    const body = await sent('messages', {
      model: 'claude',
      max_tokens: 2000,
      thinking: { type: 'adaptive' },
      tools: [{ name: 'f', input_schema: { type: 'object', properties: {} } }],
      messages: [
        FIRST,
        { role: 'assistant', content: [thought, call] },
        { role: 'user', content: [{ type: 'tool_result', tool_use_id: 't', content: 'r' }] },
      ],
    });
    expect(body).toMatchObject({
      thinking: { type: 'disabled' },
      messages: [FIRST, { content: [call] }, { content: [{ type: 'tool_result' }] }],
    });
  });

  it('is left out of the OpenAI formats, too', async () => {
    const handle = await handleOf('claude');
    const said = { role: 'assistant', content: 'hi', reasoning_opaque: handle };
    expect(await sent('chat', { model: 'gpt-5', messages: [ASK, said, AGAIN] })).toMatchObject({
      messages: [ASK, { content: 'hi' }, AGAIN],
    });
    expect(text()).not.toContain('db1.');
    const thought = { type: 'reasoning', id: 'rs_9', summary: [], encrypted_content: handle };
    expect(await sent('responses', { model: 'gpt-5', input: [ASK, thought, AGAIN] })).toMatchObject({
      input: [{ role: 'user' }, { role: 'user' }],
    });
    expect(text()).not.toContain('db1.');
  });

  it('is the real bytes again where they came from', async () => {
    const thought = { type: 'thinking', thinking: 'hm', signature: await handleOf('claude') };
    const messages = [FIRST, { role: 'assistant', content: [thought, { type: 'text', text: 'hi' }] }, THEN];
    const body = await sent('messages', { model: 'claude', max_tokens: 2000, messages });
    expect(body).toMatchObject({ messages: [FIRST, { content: [{ type: 'thinking', thinking: 'hm', signature: 'SIGNED' }, {}] }, THEN] });
  });

  it('goes on to the gateway where it is the gateway’s own', async () => {
    const thought = (signature: string): object => ({ role: 'assistant', content: [{ type: 'thinking', thinking: 'hm', signature }] });
    const messages = [ASK, thought('db1.of-the-gateway'), AGAIN, thought(await handleOf('claude')), ASK];
    await sent('messages', { model: 'far-away', max_tokens: 2000, messages });
    expect(text().match(/db1\.[\w-]+/g)).toEqual(['db1.of-the-gateway']);
  });

  it('is found in a large body that was on its way already, and in an encoded one', async () => {
    const long = { role: 'user', content: 'a'.repeat(300_000) };
    const said = { role: 'assistant', content: 'hi', reasoning_opaque: await handleOf('claude') };
    expect(await sent('chat', { model: 'gpt-5', messages: [long, said, AGAIN] })).toMatchObject({
      messages: [long, { content: 'hi' }, AGAIN],
    });
    expect(text()).not.toContain('db1.');
    const encoded = zstdCompressSync(JSON.stringify({ model: 'gpt-5', messages: [ASK, said, AGAIN] }));
    await send('chat', encoded, { 'content-encoding': 'zstd' });
    expect(JSON.parse(text())).toMatchObject({ messages: [ASK, { content: 'hi' }, AGAIN] });
    expect(at.provider.seen.at(-1)?.headers['content-encoding']).toBeUndefined();
    expect(text()).not.toContain('db1.');
  });

  it('is no business of the provider that counts tokens: they are counted here', async () => {
    const seen = at.provider.seen.length;
    const messages = [ASK, { role: 'assistant', content: await crossedContent() }, AGAIN];
    const res = await send('count_tokens', JSON.stringify({ model: 'claude', messages }));
    expect(await res.json()).toMatchObject({ input_tokens: expect.any(Number) });
    expect(at.provider.seen.slice(seen).map(({ url }) => url)).toEqual(['/v1/responses']);
  });
});

it('a body without handles passes byte for byte, whatever it speaks of', async () => {
  const body = `{ "model":"claude",  "max_tokens":9.0, "messages":[{"role":"user","content":"db1. \\"signature\\":\\"db1.x\\" \\u0064"}], "host" : "db1.example" }`;
  await send('messages', body);
  expect(text()).toBe(body);
});

describe('what else is in a body with handles', () => {
  it('stays as it is: large numbers of earlier calls', async () => {
    const call = '{"type":"tool_use","id":"t1","name":"f","input":{"id":12345678901234567890}}';
    const rest = `{"role":"assistant","content":[{"type":"thinking","thinking":"hm","signature":"db1.gone"},${call}]},{"role":"user","content":[{"type":"tool_result","tool_use_id":"t1","content":"r"}]}`;
    await send('messages', `{"model":"claude","max_tokens":9,"messages":[{"role":"user","content":"a"},${rest}]}`);
    expect(text()).toContain('12345678901234567890');
  });

  it('stays as it is: the result of a call that is in a stored reply', async () => {
    const result = { type: 'function_call_output', call_id: 'c1', output: 'out' };
    const reasoning = { type: 'reasoning', id: 'rs_1', summary: [], encrypted_content: 'db1.of-the-gateway' };
    const body = await sent('responses', { model: 'far-1', previous_response_id: 'resp_1', input: [reasoning, result] });
    expect(body['input']).toEqual([reasoning, result]);
  });
});
