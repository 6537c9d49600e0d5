import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { SessionContexts } from '../../bridges/capture/adapters/session-context.ts';
import { bareEnvironment, freshPlace, runToEnd } from './cli.ts';
import { claudeCode, runTurnIn } from './clients.ts';
import { startEngine } from './engine.ts';
import { describeProposedCommand, describeTurns } from './turns.ts';

describe('Claude Code', () => {
  describeProposedCommand(claudeCode);
  describeTurns(claudeCode);

  it('tells where its session runs, by the hook that `drawbridge hook claude add` puts in', async () => {
    using place = freshPlace();
    const engine = await startEngine('same');
    onTestFinished(() => engine.stop());
    const state = path.join(place.home, 'state of mine');
    const env = { ...bareEnvironment(place), DRAWBRIDGE_HOME: state };
    const command = path.resolve(import.meta.dirname, '../../scripts/drawbridge.mjs');
    expect(await runToEnd(process.execPath, [command, 'hook', 'claude', 'add'], { cwd: place.project, env })).toMatchObject({ code: 0 });
    const how = { setup: await engine.envOf('claude-code'), key: await engine.createKey('hooked'), model: 'practice/echo' };
    await runTurnIn(place, claudeCode, { ...how, prompt: 'Say hello' });
    const told = path.join(state, 'capture', 'sessions.jsonl');
    const { session_id: session } = JSON.parse(readFileSync(told, 'utf8').split('\n')[0] ?? '');
    expect(new SessionContexts(told).of(session)).toMatchObject({ cwd: place.project, transcript: expect.stringContaining('.jsonl') });
    const [call] = await engine.callsOf('hooked');
    expect(call).toMatchObject({ client: 'claude-code', status: 200 });
  });
});
