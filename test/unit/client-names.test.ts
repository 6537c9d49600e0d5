import { expect, it } from 'vitest';
import { clientOf } from '../../bridges/companion/client.ts';

it.each([
  ['codex_exec/0.169.0 (Ubuntu 24.4.0; x86_64) unknown', 'codex', '0.169.0'],
  ['Codex Desktop/0.155.0-alpha.16 (Mac OS 26.0.0; arm64) unknown', 'codex', '0.155.0-alpha.16'],
  ['claude-cli/2.1.329 (external, cli)', 'claude-code', '2.1.329'],
  ['AsyncOpenAI/Python 2.8.0', 'openai-sdk', '2.8.0'],
  ['Some Tool/2.0', 'some', null],
  ['', 'unknown', null],
])('the client that calls itself %j is %s, version %s', (agent, name, version) => {
  expect(clientOf({ 'user-agent': agent })).toEqual({ name, version });
});
