import type { TestEngine } from '../support/engine.ts';

/** One call through the companion; resolves with the number of its row once it is stored. */
export async function call(to: TestEngine, path: string, body: object, headers: Record<string, string> = {}): Promise<number> {
  const text = JSON.stringify(body);
  const known = new Set((await to.control.calls.list({ limit: 1000 })).calls.map(({ id }) => id));
  const stored = to.call(({ id, requestBytes }) => !known.has(id) && requestBytes === Buffer.byteLength(text));
  const reply = await fetch(`${to.origin}${path}`, {
    method: 'POST',
    headers: { authorization: `Bearer ${to.key}`, 'content-type': 'application/json', ...headers },
    body: text,
  });
  await reply.text();
  return (await stored).id;
}

export const say = (to: TestEngine, ...content: string[]): Promise<number> =>
  call(to, '/v1/chat/completions', {
    model: 'practice/echo',
    messages: content.map((text, i) => ({ role: i % 2 === 0 ? 'user' : 'assistant', content: text })),
  });

export async function joined(texts: AsyncIterable<string>): Promise<string> {
  let all = '';
  for await (const text of texts) all += text;
  return all;
}
