import { asName, asObject, asString, parseJson } from '../../wire/json.ts';
import type { JsonObject } from '../../wire/turn.ts';
import { ADAPTER_API, type Adapter, type Exchange, type Projected } from './adapter.ts';

/** The Codex CLI (SPEC sections 4 and 11): nearly everything stands in its turn metadata. */
export const codex: Adapter = {
  api: ADAPTER_API,
  name: 'codex',
  priority: 10,
  client: { name: 'codex', label: 'Codex CLI', url: 'https://github.com/openai/codex' },
  upstreams: [{ name: 'chatgpt', label: 'ChatGPT', baseUrl: 'https://chatgpt.com' }],
  spawns: [
    { tool: 'spawn_agent', prompt: 'message' },
    { tool: 'multi_agent_v1.spawn_agent', prompt: 'message' },
  ],
  match: (exchange) => exchange.client === 'codex' || exchange.path.startsWith('/backend-api/codex/'),
  project(exchange) {
    const body = asObject(exchange.field('client_metadata')) ?? {};
    const inHeader = exchange.requestHeader('x-codex-turn-metadata');
    const metadata = asObject(parseJson(inHeader ?? asString(body['x-codex-turn-metadata']) ?? '')) ?? {};
    const told = (header: string, ...names: string[]): string | undefined =>
      exchange.requestHeader(header) ??
      names.map((name) => asName(metadata[name]) ?? asName(body[name])).find((value) => value !== undefined);
    const session = told('session-id', 'session_id');
    const thread = told('thread-id', 'thread_id');
    const parent = told('x-codex-parent-thread-id', 'parent_thread_id', 'x-codex-parent-thread-id');
    const projected: Projected = {
      source:
        inHeader !== undefined || exchange.requestHeader('session-id') !== undefined ? 'header' : session === undefined ? 'hash' : 'body',
      kind: kindOf(asString(metadata.request_kind)),
    };
    if (session !== undefined) {
      projected.session = session;
      // The main thread bears the session's own name.
      if (thread !== undefined && thread !== session) projected.thread = thread;
      if (parent !== undefined) projected.parentThread = parent === session ? '' : parent;
    }
    const cwd = workingDirectory(exchange.opening);
    if (cwd !== undefined) projected.cwd = cwd;
    Object.assign(projected, repositoryOf(asObject(metadata.workspaces) ?? {}, cwd));
    const facts = factsOf(exchange, metadata);
    if (Object.keys(facts).length > 0) projected.facts = facts;
    return projected;
  },
};

function kindOf(requestKind: string | undefined): Projected['kind'] {
  if (requestKind === 'compaction') return 'summary';
  return requestKind === 'prewarm' ? 'side' : 'turn';
}

/** Only the text about the environment tells it; turn metadata has none (SPEC section 12). */
function workingDirectory(opening: readonly string[]): string | undefined {
  for (const text of opening) {
    const match = /<environment_context>\s*<cwd>([^<]+)</.exec(text);
    if (match?.[1] !== undefined) return match[1];
  }
  return undefined;
}

/** Of several workspaces, the one that holds the working directory counts; the order of the keys means nothing. */
export function repositoryOf(workspaces: JsonObject, cwd: string | undefined): Pick<Projected, 'gitOrigin' | 'gitCommit'> {
  const holds = (folder: string): boolean =>
    cwd !== undefined && (cwd === folder || cwd.startsWith(folder.endsWith('/') ? folder : `${folder}/`));
  const names = Object.keys(workspaces);
  const [folder] = cwd === undefined && names.length === 1 ? names : names.filter(holds).toSorted((a, b) => b.length - a.length);
  const workspace = folder === undefined ? undefined : asObject(workspaces[folder]);
  const origin = asName(asObject(workspace?.associated_remote_urls)?.origin);
  const commit = asName(workspace?.latest_git_commit_hash);
  return { ...(origin === undefined ? {} : { gitOrigin: origin }), ...(commit === undefined ? {} : { gitCommit: commit }) };
}

const FACTS = [
  'turn_id',
  'root_turn_id',
  'parent_turn_id',
  'window_id',
  'request_kind',
  'subagent_kind',
  'sandbox',
  'sandbox_mode',
  'thread_source',
];

function factsOf(exchange: Exchange, metadata: JsonObject): Record<string, string> {
  const facts: Record<string, string> = {};
  for (const name of FACTS) {
    const value = asName(metadata[name]);
    if (value !== undefined) facts[name] = value;
  }
  const headers = { originator: 'originator', subagent: 'x-openai-subagent', 'request-id': 'x-client-request-id' };
  for (const [name, header] of Object.entries(headers)) {
    const value = exchange.requestHeader(header);
    if (value !== undefined) facts[name] = value;
  }
  return facts;
}
