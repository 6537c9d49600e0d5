import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { startFakeUpstream, type FakeUpstream } from '../fakes/upstream.ts';
import { claudeCode, codex, linesOf, runTurn } from './clients.ts';
import { startEngineWith, type Engine } from './engine.ts';

const Asked = z.object({
  model: z.string(),
  messages: z.array(
    z.object({
      role: z.string(),
      reasoning_content: z.string().optional(),
      reasoning_details: z.array(z.unknown()).optional(),
      tool_calls: z.array(z.unknown()).optional(),
    }),
  ),
  tools: z.array(z.object({ function: z.object({ name: z.string() }) })).default([]),
});
const THOUGHTS = ['Let me', ' look first.'];
/** As LiteLLM names a call. */
const SIGNED_ID = `call_1__thought__${'aB+/'.repeat(200)}==`;
const SIGNATURE = { type: 'reasoning.encrypted', data: 'SIG==', id: SIGNED_ID, format: 'google-gemini-v1', index: 0 };

let provider: FakeUpstream;
let engine: Engine;
beforeAll(async () => {
  provider = await startFakeUpstream((req, res) => {
    const { model, messages, tools } = Asked.parse(JSON.parse(req.body.toString()));
    const [tool] = tools;
    const signs = model === 'lab-signer';
    const id = signs ? SIGNED_ID : 'call_1';
    const call = { index: 0, id, type: 'function', function: { name: tool?.function.name, arguments: '{}' } };
    const isOver = tool === undefined || messages.some(({ role }) => role === 'tool');
    const says = isOver
      ? [{ content: 'Done.', ...(signs && { reasoning_opaque: 'blob' }) }]
      : [{ tool_calls: [call], ...(signs && { reasoning_details: [SIGNATURE] }) }];
    res.writeHead(200, { 'content-type': 'text/event-stream' });
    for (const delta of [...THOUGHTS.map((text) => ({ reasoning_content: text })), ...says])
      res.write(`data: ${JSON.stringify({ choices: [{ index: 0, delta, finish_reason: null }] })}\n\n`);
    const finish_reason = 'tool_calls' in (says[0] ?? {}) ? 'tool_calls' : 'stop';
    res.end(`data: ${JSON.stringify({ choices: [{ index: 0, delta: {}, finish_reason }] })}\n\ndata: [DONE]\n\n`);
  });
  engine = await startEngineWith({ upstreams: { gateway: { baseUrl: provider.baseUrl, wires: ['chat'] } } });
});
afterAll(async () => {
  await engine.stop();
  await provider.stop();
});

describe('a gateway that speaks chat alone, and reasons in the open', () => {
  it.each([claudeCode, codex])('is given its reasoning back with the call it led to by $name', async (client) => {
    const key = await engine.createKey(client.name);
    const { code, stdout, stderr } = await runTurn(client, {
      setup: await engine.envOf(client.name),
      key,
      model: 'lab-thinker',
      prompt: 'Go',
    });
    expect([code, stderr]).toEqual([0, expect.anything()]);
    expect(client.answer(linesOf(stdout))).toBe('Done.');
    const { messages } = Asked.parse(JSON.parse(provider.seen.at(-1)?.body.toString() ?? '{}'));
    expect(messages.find(({ tool_calls: calls }) => calls !== undefined)).toMatchObject({ reasoning_content: THOUGHTS.join('') });
  });

  it.each([claudeCode, codex])('is given back what it signed, and its answer is read, by $name', async (client) => {
    const key = await engine.createKey(`${client.name}-signed`);
    const { code, stdout, stderr } = await runTurn(client, {
      setup: await engine.envOf(client.name),
      key,
      model: 'lab-signer',
      prompt: 'Go',
    });
    expect([code, stderr]).toEqual([0, expect.anything()]);
    expect(client.answer(linesOf(stdout))).toBe('Done.');
    const { messages } = Asked.parse(JSON.parse(provider.seen.at(-1)?.body.toString() ?? '{}'));
    expect(messages.find(({ tool_calls: calls }) => calls !== undefined)).toMatchObject({
      reasoning_details: [SIGNATURE],
      tool_calls: [{ id: SIGNED_ID }],
    });
  });
});
