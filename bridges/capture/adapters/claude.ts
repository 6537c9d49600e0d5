import { asObject, asString, parseJson } from '../../wire/json.ts';
import { ADAPTER_API, type Adapter, type Exchange, type Projected } from './adapter.ts';

/** Claude Code and whatever else speaks Messages (SPEC sections 8 and 11). */
export const claude: Adapter = {
  api: ADAPTER_API,
  name: 'claude',
  priority: 10,
  client: { name: 'claude-code', label: 'Claude Code', url: 'https://code.claude.com' },
  upstreams: [{ name: 'anthropic', label: 'Anthropic API', baseUrl: 'https://api.anthropic.com' }],
  spawns: [
    { tool: 'Agent', prompt: 'prompt' },
    { tool: 'Task', prompt: 'prompt' },
  ],
  match: (exchange) => exchange.client === 'claude-code' || exchange.requestHeader('x-claude-code-session-id') !== undefined,
  project(exchange) {
    const inHeader = exchange.requestHeader('x-claude-code-session-id');
    const session = inHeader ?? sessionOfUser(exchange);
    const agent = exchange.requestHeader('x-claude-code-agent-id');
    const projected: Projected = {
      source: inHeader !== undefined ? 'header' : session === undefined ? 'hash' : 'body',
      kind: kindOf(exchange),
    };
    if (session !== undefined) projected.session = session;
    if (agent !== undefined) {
      projected.thread = agent;
      projected.parentThread = '';
    }
    const cwd = workingDirectory(exchange.opening);
    if (cwd !== undefined) projected.cwd = cwd;
    const requestId = exchange.replyHeader('request-id');
    if (requestId !== undefined) projected.facts = { 'request-id': requestId };
    return projected;
  },
};

/** `metadata.user_id` is a JSON text of its own. */
function sessionOfUser(exchange: Exchange): string | undefined {
  const user = asString(asObject(exchange.field('metadata'))?.user_id);
  const session = user === undefined ? undefined : asString(asObject(parseJson(user))?.session_id);
  return session === '' ? undefined : session;
}

/** Bytes; a list of more holds more than one hosted tool. */
const ONE_TOOL = 1000;

const SUMMARY = /^(?:Your task is to create a detailed summary of|CRITICAL: Respond with TEXT ONLY)/;

function kindOf(exchange: Exchange): Projected['kind'] {
  if (exchange.last !== null && SUMMARY.test(exchange.last)) return 'summary';
  if (exchange.path.includes('/count_tokens')) return 'side';
  // Titles, topics and quota checks bring no tools of the client's own; `[]` is two bytes.
  const tools = exchange.fieldBytes('tools');
  if (tools <= 2 && asObject(asObject(exchange.field('output_config'))?.format) !== undefined) return 'side';
  const one = tools <= ONE_TOOL ? exchange.field('tools') : undefined;
  if (Array.isArray(one) && one.length === 1 && asString(asObject(one[0])?.type)?.startsWith('web_search_') === true) return 'side';
  return exchange.last === 'quota' && exchange.field('max_tokens') === 1 ? 'side' : 'turn';
}

/** Claude Code tells its working directory in the text about its environment. */
function workingDirectory(opening: readonly string[]): string | undefined {
  for (const text of opening) {
    const match = /(?:Primary working|Working) directory: *([^\n]+)/.exec(text);
    if (match?.[1] !== undefined) return match[1].trim();
  }
  return undefined;
}
