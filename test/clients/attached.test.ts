import { existsSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { startFakeUpstream } from '../fakes/upstream.ts';
import { claudeCode, codex, linesOf, runAttached } from './clients.ts';
import { startEngineWith } from './engine.ts';

const MESSAGE = [
  [
    'message_start',
    { message: { id: 'msg_1', type: 'message', role: 'assistant', model: 'm', content: [], usage: { input_tokens: 1, output_tokens: 1 } } },
  ],
  ['content_block_start', { index: 0, content_block: { type: 'text', text: '' } }],
  ['content_block_delta', { index: 0, delta: { type: 'text_delta', text: 'From your own account.' } }],
  ['content_block_stop', { index: 0 }],
  ['message_delta', { delta: { stop_reason: 'end_turn' }, usage: { output_tokens: 5 } }],
  ['message_stop', {}],
] as const;

describe('a client that is attached', () => {
  it.each([claudeCode, codex])('uses the model it was given, and none of ours once it is detached ($name)', async (client) => {
    const engine = await startEngineWith({});
    onTestFinished(() => engine.stop());
    await engine.attach(client.name, 'practice/echo');
    const { code, stdout, stderr } = await runAttached(engine.place, client, 'Say hello to the bridge');
    expect([code, stderr]).toEqual([0, expect.anything()]);
    expect(client.answer(linesOf(stdout))).toContain('Practice model: you said "');
    const caller = client === codex ? 'Codex CLI (attached)' : 'Claude Code (attached)';
    expect(await engine.callsOf(caller)).toContainEqual(expect.objectContaining({ client: client.name, status: 200 }));
    await engine.detach(client.name);
    expect(existsSync(path.join(engine.place.home, '.codex', 'drawbridge.config.toml'))).toBe(false);
  });

  it('keeps its own account, and is watched (claude-code)', async () => {
    const anthropic = await startFakeUpstream((_req, res) => {
      res.writeHead(200, { 'content-type': 'text/event-stream' });
      res.end(MESSAGE.map(([type, data]) => `event: ${type}\ndata: ${JSON.stringify({ type, ...data })}\n\n`).join(''));
    });
    onTestFinished(() => anthropic.stop());
    const engine = await startEngineWith({ upstreams: { anthropic: { baseUrl: anthropic.baseUrl } } });
    onTestFinished(() => engine.stop());
    await engine.attach('claude-code');
    const { stdout } = await runAttached(engine.place, claudeCode, 'Go', { ANTHROPIC_API_KEY: 'sk-ant-of-the-person' });
    expect(claudeCode.answer(linesOf(stdout))).toBe('From your own account.');
    expect(new Set(anthropic.seen.map(({ headers }) => headers['x-api-key']))).toEqual(new Set(['sk-ant-of-the-person']));
    expect(await engine.callsOf('Claude Code (attached)')).toContainEqual(expect.objectContaining({ upstream: 'anthropic', status: 200 }));
  });
});
