import { asName, asObject } from '../../wire/json.ts';
import { ADAPTER_API, type Adapter, type Projected } from './adapter.ts';

/** Every other program that speaks one of the public formats. Asked last. */
export const openai: Adapter = {
  api: ADAPTER_API,
  name: 'openai',
  priority: -10,
  upstreams: [{ name: 'openai', label: 'OpenAI API', baseUrl: 'https://api.openai.com' }],
  spawns: [{ tool: 'task', prompt: 'prompt' }],
  match: (exchange) => exchange.wire !== null,
  project(exchange) {
    const inHeader = exchange.requestHeader('x-session-id') ?? exchange.requestHeader('session-id');
    const conversation = exchange.field('conversation');
    const session = inHeader ?? asName(conversation) ?? asName(asObject(conversation)?.id);
    const projected: Projected = {
      source: inHeader !== undefined ? 'header' : session === undefined ? 'hash' : 'body',
      // Whoever counts a prompt's tokens first would seem to say everything twice.
      kind: exchange.path.includes('/count_tokens') ? 'side' : 'turn',
    };
    if (session !== undefined) projected.session = session.slice(0, 200);
    return projected;
  },
};
