import { describe, expect, it } from 'vitest';
import { BY_MODEL, between } from './between.ts';
import { post } from './post.ts';

const at = between(BY_MODEL);

/** JSON that can be read, and that writing would overflow the stack. */
const DEEP = '{"a":'.repeat(10_000) + '1' + '}'.repeat(10_000);

const events = (...data: string[]): void => at.answers(data.map((each) => `data: ${each}\n\n`).join(''), 'text/event-stream');

const ASK = { max_tokens: 9, messages: [{ role: 'user', content: 'x' }] };

describe('JSON that is nested too deep to be written again', () => {
  it('as the arguments of a call is kept as text', async () => {
    const call = { type: 'function_call', id: 'fc', call_id: 'c', name: 'f', arguments: DEEP };
    at.answers(JSON.stringify({ id: 'resp_1', object: 'response', status: 'completed', output: [call], usage: null }));
    const res = await post(at.engine, 'messages', JSON.stringify({ ...ASK, model: 'gpt-5' }));
    expect(res.status).toBe(200);
    expect(await res.json()).toMatchObject({ content: [{ type: 'tool_use', input: { input: DEEP } }] });
  });

  it('in place of arguments fails the one call that it came for', async () => {
    at.answers(`{"id":"m","type":"message","role":"assistant","content":[{"type":"tool_use","id":"t","name":"f","input":${DEEP}}]}`);
    const res = await post(at.engine, 'chat', JSON.stringify({ ...ASK, model: 'claude' }));
    expect([res.status, await res.text()]).toEqual([502, expect.stringContaining('can not be translated')]);
  });

  it('in the middle of a stream ends it with an error', async () => {
    events(
      '{"type":"message_start","message":{"id":"m","model":"c","content":[]}}',
      '{"type":"content_block_start","index":0,"content_block":{"type":"text","text":"so far"}}',
      `{"type":"content_block_start","index":1,"content_block":{"type":"tool_use","id":"t","name":"f","input":${DEEP}}}`,
      '{"type":"content_block_stop","index":1}',
      '{"type":"message_stop"}',
    );
    const res = await post(at.engine, 'responses', JSON.stringify({ model: 'claude', stream: true, input: 'x' }));
    const text = await res.text();
    expect(text).toContain('so far');
    expect(text).toContain('event: response.failed');
    expect(text).not.toContain('response.completed');
  });

  it('in a request is refused, or goes on as the text it is', async () => {
    events();
    for (const wire of ['chat', 'responses', 'messages'] as const) {
      const refused = await post(at.engine, wire, `{"model":"${wire === 'messages' ? 'gpt-5' : 'claude'}","x":${DEEP}}`);
      expect([wire, refused.status, await refused.text()]).toEqual([wire, 400, expect.stringContaining('nested deeper')]);
    }
    at.answers('{"id":"m","type":"message","role":"assistant","content":[{"type":"text","text":"ok"}]}');
    const call = { type: 'function_call', call_id: 'c', name: 'f', arguments: DEEP };
    const input = [{ role: 'user', content: 'x' }, call, { type: 'function_call_output', call_id: 'c', output: 'y' }];
    const res = await post(at.engine, 'responses', JSON.stringify({ model: 'claude', input }));
    expect(res.status).toBe(200);
    expect(JSON.parse(at.provider.seen.at(-1)?.body.toString() ?? '')).toMatchObject({
      messages: [{ role: 'user' }, { content: [{ type: 'tool_use', input: { input: DEEP } }] }, { role: 'user' }],
    });
  });
});
