import { describe, expect, it } from 'vitest';
import { BY_MODEL, between } from './between.ts';
import { post } from './post.ts';

const at = between(BY_MODEL);

/** An id of 64 bits, which no JavaScript number holds. */
const ARGUMENTS = '{"id":1234567890123456789,"all":[{"of":-9007199254740993}]}';
const TOOL_USE = `{"type":"tool_use","id":"t","name":"f","input":${ARGUMENTS}}`;
const ASK = '"max_tokens":9,"messages":[{"role":"user","content":"x"}]';

describe('a whole number that is larger than JavaScript knows', () => {
  it.each([
    ['a short', ''],
    ['a long', 'y'.repeat(40_000)],
  ])('is the same in the call of %s history', async (_name, before) => {
    at.answers('{"id":"r","object":"response","status":"completed","output":[],"usage":null}');
    const said = `{"role":"user","content":"x${before}"},{"role":"assistant","content":[${TOOL_USE}]}`;
    const result = '{"role":"user","content":[{"type":"tool_result","tool_use_id":"t","content":"1234567890123456789"}]}';
    await post(at.engine, 'messages', `{"model":"gpt-5","max_tokens":9,"messages":[${said},${result}]}`);
    expect(JSON.parse(at.provider.seen.at(-1)?.body.toString() ?? '')).toMatchObject({ input: [{}, { arguments: ARGUMENTS }, {}] });
  });

  it('is the same in a call that comes to a chat client', async () => {
    at.answers(`{"id":"m","type":"message","role":"assistant","content":[${TOOL_USE}],"stop_reason":"tool_use"}`);
    const res = await post(at.engine, 'chat', `{"model":"claude",${ASK}}`);
    expect(await res.json()).toMatchObject({ choices: [{ message: { tool_calls: [{ function: { arguments: ARGUMENTS } }] } }] });
  });

  it('is the same in the stream that is made of a whole reply', async () => {
    at.answers(`{"id":"m","type":"message","role":"assistant","content":[${TOOL_USE}],"stop_reason":"tool_use"}`);
    const res = await post(at.engine, 'responses', '{"model":"claude","stream":true,"input":"x"}');
    expect(await res.text()).toContain(JSON.stringify(ARGUMENTS));
  });

  it('is the same in a call that comes to a messages client', async () => {
    const call = { type: 'function_call', id: 'fc', call_id: 'c', name: 'f', arguments: ARGUMENTS };
    at.answers(JSON.stringify({ id: 'resp_1', object: 'response', status: 'completed', output: [call], usage: null }));
    const res = await post(at.engine, 'messages', `{"model":"gpt-5",${ASK}}`);
    expect(await res.text()).toContain(`"input":${ARGUMENTS}`);
  });

  const NUMBER = '{"type":"integer","minimum":-9223372036854775808,"maximum":9223372036854775807}';
  const SCHEMA = `{"type":"object","properties":{"id":${NUMBER}},"required":["id"],"additionalProperties":false}`;
  const FUNCTION = `{"type":"function","name":"f","parameters":${SCHEMA},"strict":true}`;

  it.each([
    ['tool of a messages client', 'messages', 'gpt-5', `"tools":[{"name":"f","input_schema":${SCHEMA}}],"max_tokens":9`],
    [
      'answer of a messages client',
      'messages',
      'gpt-5',
      `"output_config":{"format":{"type":"json_schema","schema":${SCHEMA}}},"max_tokens":9`,
    ],
    ['tool of a chat client', 'chat', 'claude', `"tools":[{"type":"function","function":{"name":"f","parameters":${SCHEMA}}}]`],
    ['function of a chat client', 'chat', 'claude', `"functions":[{"name":"f","parameters":${SCHEMA}}]`],
    ['answer of a chat client', 'chat', 'claude', `"response_format":{"type":"json_schema","json_schema":{"name":"f","schema":${SCHEMA}}}`],
  ] as const)('is the same in the schema of a %s', async (_name, wire, model, fields) => {
    at.answers('{}');
    await post(at.engine, wire, `{"model":"${model}",${fields},"messages":[{"role":"user","content":"x"}]}`);
    // What an answer can't be held to stands in a description.
    expect(at.provider.seen.at(-1)?.body.toString()).toMatch(/minimum"?: ?-9223372036854775808,"? ?"?maximum"?: ?9223372036854775807/);
  });

  it.each([
    ['a short', ''],
    ['a long', 'y'.repeat(40_000)],
  ])('is the same in the schemas that a responses client gets back with the reply to %s request', async (_name, more) => {
    at.answers('{"id":"m","type":"message","role":"assistant","content":[{"type":"text","text":"{}"}],"stop_reason":"end_turn"}');
    const format = `{"type":"json_schema","name":"f","schema":${SCHEMA},"strict":true}`;
    const res = await post(
      at.engine,
      'responses',
      `{"model":"claude","input":"x${more}","text":{"format":${format}},"tools":[${FUNCTION}],"tool_choice":{"type":"function","name":"f"}}`,
    );
    expect(
      at.provider.seen
        .at(-1)
        ?.body.toString()
        .match(/9223372036854775807/g),
    ).toHaveLength(2);
    expect(await res.text()).toContain(NUMBER);
  });
});
