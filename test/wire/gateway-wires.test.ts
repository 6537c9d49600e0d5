import { expect, it } from 'vitest';
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
