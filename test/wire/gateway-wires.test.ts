import { expect, it } from 'vitest';
import { z } from 'zod';
import { between } from './between.ts';
import { post } from './post.ts';

const at = between([{ model: '*', upstream: 'gateway' }]);

it('a gateway is asked in the formats that its settings name, and in the first of them where it does not speak the client’s', async () => {
  at.answers('{"choices":[{"index":0,"message":{"role":"assistant","content":"hi"},"finish_reason":"stop"}]}');
  const asked = async (surface: 'messages' | 'chat'): Promise<string | undefined> => {
    const body = { model: 'lab', max_tokens: 2000, messages: [{ role: 'user', content: 'a' }] };
    await (await post(at.engine, surface, JSON.stringify(body))).text();
    return at.provider.seen.at(-1)?.url;
  };
  expect(await asked('messages')).toBe('/v1/messages');
  await at.engine.control.settings.update({ patch: { upstreams: { gateway: { wires: ['chat'] } } } });
  expect(await asked('messages')).toBe('/v1/chat/completions');
  expect(await asked('chat')).toBe('/v1/chat/completions');
});

it('thinking that comes back through another format is left out where it fits no more, not refused', async () => {
  await at.engine.control.settings.update({ patch: { upstreams: { gateway: { wires: ['messages'] } } } });
  const thought = { type: 'thinking', thinking: 'hm', signature: 'signed' };
  const usage = { input_tokens: 1, output_tokens: 1 };
  const answer = { id: 'msg_1', type: 'message', role: 'assistant', model: 'm', stop_reason: 'end_turn', usage };
  at.answers(JSON.stringify({ ...answer, content: [thought, { type: 'text', text: 'hi' }] }));
  const ask = async (model: string, input: unknown[]) => {
    const body = { model, input, include: ['reasoning.encrypted_content'] };
    const reply = await post(at.engine, 'responses', JSON.stringify(body));
    return { output: ResponseOutput.parse(await reply.json()).output, sent: at.provider.seen.at(-1) };
  };
  const user = { role: 'user', content: 'a' };
  const first = await ask('claude-opus-5-5', [user]);
  expect(first.sent?.headers['anthropic-beta']).toBeUndefined();
  const second = await ask('claude-opus-5-5', [user, ...first.output, user]);
  expect(second.sent?.headers['anthropic-beta']).toBe('thinking-binding-controls-2026-08-01');
  expect(JSON.parse(String(second.sent?.body))).toMatchObject({
    thinking: { type: 'adaptive', block_binding: { prefix_mismatch_behavior: 'drop_block' } },
    messages: [{ role: 'user' }, { content: [thought, { type: 'text' }] }, { role: 'user' }],
  });
  const older = await ask('claude-opus-5', [user]);
  const next = await ask('claude-opus-5', [user, ...older.output, user]);
  expect(next.sent?.headers['anthropic-beta']).toBeUndefined();
  expect(JSON.parse(String(next.sent?.body))).not.toHaveProperty('thinking');
});

const ResponseOutput = z.object({ output: z.array(z.unknown()) });
