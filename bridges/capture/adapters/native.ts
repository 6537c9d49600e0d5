import { closeSync, fstatSync, openSync, readdirSync, readSync } from 'node:fs';
import path from 'node:path';
import type { CallIdentity } from '../../contract/index.ts';
import { asName, asObject, asString, parseJson } from '../../wire/json.ts';
import type { JsonObject } from '../../wire/turn.ts';

/** Where the clients keep their own records of a session. A folder that is undefined is not looked at. */
export type ClientHomes = { claude: string | undefined; codex: string | undefined; copilot: string | undefined };

/** What a client's own record adds to a call's identity. */
export type NativeIdentity = Partial<Pick<CallIdentity, 'cwd' | 'gitBranch' | 'gitOrigin' | 'gitCommit'>> & {
  source: 'transcript' | 'rollout';
  facts: Record<string, string>;
};

const HEAD_BYTES = 256 * 1024;
const TAIL_BYTES = 4 * 1024 * 1024;

/** How a reply is known in Claude Code's transcript. */
export type ReplyIds = { requestId: string | undefined; messageId: string | undefined };

/**
 * Finds a call in Claude Code's transcript of its session (SPEC 8.6): its uuid and its parent's, the prompt, where it
 * ran. Read when a person asks for it, from the end and a bounded piece only; a transcript is never read for a call
 * that passes. `transcript` is the path a hook told; without it the session is looked for below the client's folder.
 */
export function fromClaudeTranscript(
  homes: ClientHomes,
  session: string,
  thread: string | null,
  transcript: string | null,
  ids: ReplyIds,
): NativeIdentity | undefined {
  if (!isPlainName(session) || (thread !== null && !isPlainName(thread))) return undefined;
  const main = transcript ?? findTranscript(homes.claude, session);
  if (main === undefined) return undefined;
  const file = thread === null ? main : path.join(main.replace(/\.jsonl$/, ''), 'subagents', `agent-${thread}.jsonl`);
  for (const line of linesOf(file, 'tail').toReversed()) {
    const entry = asObject(parseJson(line));
    const message = asObject(entry?.message);
    if (entry === undefined || message === undefined) continue;
    const hit =
      (ids.requestId !== undefined && entry.requestId === ids.requestId) || (ids.messageId !== undefined && message.id === ids.messageId);
    if (hit) return claudeEntry(entry);
  }
  return undefined;
}

function claudeEntry(entry: JsonObject): NativeIdentity {
  const facts = pick(entry, { uuid: 'uuid', parentUuid: 'parent-uuid', promptId: 'prompt', agentId: 'agent' });
  const found: NativeIdentity = { source: 'transcript', facts };
  const cwd = asName(entry.cwd);
  const branch = asName(entry.gitBranch);
  if (cwd !== undefined) found.cwd = cwd;
  if (branch !== undefined) found.gitBranch = branch;
  return found;
}

function findTranscript(home: string | undefined, session: string): string | undefined {
  if (home === undefined) return undefined;
  const projects = path.join(home, 'projects');
  for (const folder of namesIn(projects)) {
    const name = `${session}.jsonl`;
    if (namesIn(path.join(projects, folder)).includes(name)) return path.join(projects, folder, name);
  }
  return undefined;
}

/** What a Codex rollout says of its session (SPEC section 11): it is named by the thread, below the day it began. */
export function fromCodexRollout(homes: ClientHomes, thread: string, startedMs: number): NativeIdentity | undefined {
  if (homes.codex === undefined || !isPlainName(thread)) return undefined;
  // A session goes on past midnight, and its day is the machine's own.
  for (const days of [0, 1, -1, 2, 3]) {
    const [year = '', month = '', day = ''] = new Date(startedMs - days * 86_400_000).toISOString().slice(0, 10).split('-');
    const folder = path.join(homes.codex, 'sessions', year, month, day);
    const name = namesIn(folder).find((one) => one.startsWith('rollout-') && one.endsWith(`${thread}.jsonl`));
    if (name === undefined) continue;
    for (const line of linesOf(path.join(folder, name), 'head')) {
      const entry = asObject(parseJson(line));
      const meta = asObject(entry?.payload);
      if (entry?.type === 'session_meta' && meta !== undefined) return codexMeta(meta);
    }
  }
  return undefined;
}

function codexMeta(meta: JsonObject): NativeIdentity {
  const git = asObject(meta.git);
  const found: NativeIdentity = {
    source: 'rollout',
    facts: pick(meta, {
      cli_version: 'client-version',
      originator: 'originator',
      thread_source: 'thread-source',
      model_provider: 'provider',
    }),
  };
  const cwd = asName(meta.cwd);
  const branch = asName(git?.branch);
  const origin = asName(git?.repository_url);
  const commit = asName(git?.commit_hash);
  if (cwd !== undefined) found.cwd = cwd;
  if (branch !== undefined) found.gitBranch = branch;
  if (origin !== undefined) found.gitOrigin = origin;
  if (commit !== undefined) found.gitCommit = commit;
  return found;
}

/** What Copilot CLI's own events say of a session. */
export function fromCopilotSession(homes: ClientHomes, session: string): NativeIdentity | undefined {
  if (homes.copilot === undefined || !isPlainName(session)) return undefined;
  for (const line of linesOf(path.join(homes.copilot, 'session-state', session, 'events.jsonl'), 'head')) {
    const entry = asObject(parseJson(line));
    const data = asObject(entry?.data);
    if (entry?.type !== 'session.start' || data === undefined) continue;
    const context = asObject(data.context);
    const found: NativeIdentity = { source: 'transcript', facts: pick(data, { copilotVersion: 'client-version', producer: 'originator' }) };
    const cwd = asName(context?.cwd);
    const branch = asName(context?.branch);
    if (cwd !== undefined) found.cwd = cwd;
    if (branch !== undefined) found.gitBranch = branch;
    return found;
  }
  return undefined;
}

function pick(from: JsonObject, names: Readonly<Record<string, string>>): Record<string, string> {
  const facts: Record<string, string> = {};
  for (const [name, as] of Object.entries(names)) {
    const value = asString(from[name]);
    if (value !== undefined && value !== '') facts[as] = value.slice(0, 4096);
  }
  return facts;
}

/** Ids come out of requests: one that could lead out of a folder is not looked for. */
function isPlainName(name: string): boolean {
  return /^[\w-]{1,200}$/.test(name);
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

/** The whole lines of a file's first or last bytes. */
function linesOf(file: string, part: 'head' | 'tail'): string[] {
  let handle: number;
  try {
    handle = openSync(file, 'r');
  } catch {
    return [];
  }
  try {
    const { size } = fstatSync(handle);
    const bytes = Math.min(size, part === 'head' ? HEAD_BYTES : TAIL_BYTES);
    const from = part === 'head' ? 0 : size - bytes;
    const room = Buffer.alloc(bytes);
    const lines = room.toString('utf8', 0, readSync(handle, room, 0, bytes, from)).split('\n');
    return from > 0 ? lines.slice(1) : lines;
  } finally {
    closeSync(handle);
  }
}
