import { ADAPTER_API, type Adapter, type Projected } from './adapter.ts';

/** GitHub Copilot CLI, signed in or with a provider of its user's own (SPEC sections 5, 6 and 11). */
export const copilot: Adapter = {
  api: ADAPTER_API,
  name: 'copilot',
  priority: 10,
  client: { name: 'copilot-cli', label: 'Copilot CLI', url: 'https://github.com/github/copilot-cli' },
  spawns: [{ tool: 'task', prompt: 'prompt' }],
  match: (exchange) => exchange.client === 'copilot-cli' || exchange.requestHeader('copilot-integration-id') !== undefined,
  project(exchange) {
    // With a provider of the user's own it names no session: its history alone links the calls.
    const session = exchange.requestHeader('x-client-session-id');
    const projected: Projected = { source: session === undefined ? 'hash' : 'header', kind: 'turn' };
    if (session !== undefined) projected.session = session;
    const facts: Record<string, string> = {};
    for (const name of [
      'x-interaction-id',
      'x-interaction-type',
      'x-agent-task-id',
      'x-initiator',
      'editor-version',
      'copilot-integration-id',
    ]) {
      const value = exchange.requestHeader(name);
      if (value !== undefined) facts[name] = value;
    }
    const repository = exchange.requestHeader('x-github-repository-nwo');
    const host = exchange.requestHeader('x-github-repository-host');
    if (repository !== undefined && repository !== NO_REPOSITORY) projected.gitOrigin = `https://${host ?? 'github.com'}/${repository}`;
    if (Object.keys(facts).length > 0) projected.facts = facts;
    return projected;
  },
};

const NO_REPOSITORY = '__no_repository__';
