import type { IncomingHttpHeaders } from 'node:http';
import type { WireFormat } from '../contract/index.ts';

/** What the companion can tell of a caller from its head. */
export type ClientName = { name: string; version: string | null };

/** Which programs are known by their user agent. The first that matches wins. */
const KNOWN: readonly [RegExp, string][] = [
  [/^claude-cli\/([\w.-]+)/, 'claude-code'],
  [/^codex[\w -]*\/([\w.-]+)/i, 'codex'],
  [/^(?:GitHubCopilotCLI|copilot-cli|copilot)[\w ()-]*\/([\w.-]+)/i, 'copilot-cli'],
  [/^opencode\/([\w.-]+)/i, 'opencode'],
  [/^aider[\w-]*\/([\w.-]+)/i, 'aider'],
  [/^(?:Async)?OpenAI\/(?:JS|Python) ([\w.-]+)/, 'openai-sdk'],
  [/^(?:Async)?Anthropic\/(?:JS|Python) ([\w.-]+)/, 'anthropic-sdk'],
  [/^drawbridge\/([\w.-]+)/, 'drawbridge'],
  [/^curl\/([\w.-]+)/, 'curl'],
  [/^Wget\/([\w.-]+)/, 'wget'],
  [/^python-requests\/([\w.-]+)/, 'python-requests'],
  [/^python-httpx\/([\w.-]+)/, 'python-httpx'],
  [/^node-fetch\/([\w.-]+)/, 'node'],
  [/^(?:node|undici)\b()/, 'node'],
];

/**
 * Names the program behind a request. Copilot CLI calls a provider of its user's own through the vendors' SDKs, under
 * their user agents; it is known by a header only it adds.
 */
export function clientOf(headers: IncomingHttpHeaders): ClientName {
  const client = clientOfAgent(headers['user-agent']);
  const library = client.name === 'openai-sdk' || client.name === 'anthropic-sdk';
  return library && headers['x-initiator'] !== undefined ? COPILOT_CLI : client;
}

/** Its version is not told. */
const COPILOT_CLI: ClientName = { name: 'copilot-cli', version: null };

/** Names the program behind a user agent; `unknown` where there is none, else its first product token. */
function clientOfAgent(userAgent: string | undefined): ClientName {
  if (userAgent === undefined || userAgent === '') return { name: 'unknown', version: null };
  const kept = remembered.get(userAgent);
  if (kept !== undefined) return kept;
  const found = recognise(userAgent);
  // A machine has a handful of clients; the bound is against one that makes its name up anew for each call.
  if (remembered.size > 200) remembered.clear();
  remembered.set(userAgent, found);
  return found;
}

const remembered = new Map<string, ClientName>();

function recognise(userAgent: string): ClientName {
  for (const [pattern, name] of KNOWN) {
    const match = pattern.exec(userAgent);
    if (match) return { name, version: match[1] || null };
  }
  const product = /^([\w.-]{1,40})(?:\/([\w.-]{1,40}))?/.exec(userAgent);
  return product?.[1] === undefined ? { name: 'unknown', version: null } : { name: product[1].toLowerCase(), version: product[2] ?? null };
}

/** The family a client belongs to when errors are worded for it (SPEC 10.6). */
export function errorFamily(client: string): 'claude-code' | 'codex' | 'other' {
  return client === 'claude-code' || client === 'codex' ? client : 'other';
}

/** What a path of the companion stands for. */
export type Surface =
  | { kind: 'call'; wire: WireFormat; backend: boolean }
  | { kind: 'count_tokens' }
  | { kind: 'models'; backend: boolean }
  | { kind: 'health' }
  | { kind: 'hello' }
  /** Anything else below `/backend-api/`, passed through as it is. */
  | { kind: 'backend' }
  | { kind: 'unknown' };

export type Target = {
  /** The key from `/k/<key>/`, where the client carries it in its path. */
  pathKey: string | undefined;
  /** Path and query as the upstream gets them, without our key. */
  target: string;
  surface: Surface;
};

/** Reads a request target: takes the key out, and says what is asked for. */
export function readTarget(target: string): Target {
  let rest = target;
  let pathKey: string | undefined;
  if (target.startsWith('/k/')) {
    const end = target.indexOf('/', 3);
    pathKey = end < 0 ? target.slice(3) : target.slice(3, end);
    rest = end < 0 ? '/' : target.slice(end);
  }
  const query = rest.indexOf('?');
  return { pathKey, target: rest, surface: surfaceOf(query < 0 ? rest : rest.slice(0, query)) };
}

const UNKNOWN: Surface = { kind: 'unknown' };
const ONE_MODEL: Surface = { kind: 'models', backend: false };
const SURFACES: ReadonlyMap<string, Surface> = new Map<string, Surface>([
  ['/v1/chat/completions', { kind: 'call', wire: 'chat', backend: false }],
  ['/v1/responses', { kind: 'call', wire: 'responses', backend: false }],
  ['/v1/messages', { kind: 'call', wire: 'messages', backend: false }],
  ['/v1/messages/count_tokens', { kind: 'count_tokens' }],
  ['/v1/models', { kind: 'models', backend: false }],
  ['/health', { kind: 'health' }],
  ['/', { kind: 'hello' }],
  ['/api/hello', { kind: 'hello' }],
  ['/backend-api/codex/responses', { kind: 'call', wire: 'responses', backend: true }],
  ['/backend-api/codex/models', { kind: 'models', backend: true }],
]);

function surfaceOf(path: string): Surface {
  const known = SURFACES.get(path);
  if (known !== undefined) return known;
  if (path.startsWith('/v1/models/')) return ONE_MODEL;
  return path.startsWith('/backend-api/') ? { kind: 'backend' } : UNKNOWN;
}

/** Paths of one model, whose name may hold slashes. */
export const MODEL_PATH = /^(?:\/k\/[^/]+)?\/v1\/models\/[^/]+$/;

/** The wire format whose error bodies a caller of this path reads. `/v1/models` is both vendors': one names its API's version. */
export function errorWire(path: string, headers: IncomingHttpHeaders): WireFormat {
  if (path.includes('/v1/messages') || path.endsWith('/api/hello') || headers['anthropic-version'] !== undefined) return 'messages';
  return path.includes('/responses') || path.includes('/backend-api/') ? 'responses' : 'chat';
}
