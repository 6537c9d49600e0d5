import { appendFileSync, chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ADAPTER_API, type Adapter, type Exchange } from '../../../bridges/capture/adapters/adapter.ts';
import { builtInAdapters } from '../../../bridges/capture/adapters/built-in.ts';
import { exchangeOf } from '../../../bridges/capture/adapters/exchange.ts';
import { loadAdapters } from '../../../bridges/capture/adapters/load.ts';
import { fromClaudeTranscript, fromCodexRollout, fromCopilotSession } from '../../../bridges/capture/adapters/native.ts';
import { problemsOf } from '../../../bridges/capture/adapters/presets.ts';
import { Adapters } from '../../../bridges/capture/adapters/registry.ts';
import { appendContext, SessionContexts } from '../../../bridges/capture/adapters/session-context.ts';
import { repositoryOf } from '../../../bridges/capture/adapters/codex.ts';
import { scanRequest } from '../../../bridges/capture/conversations/scan.ts';
import type { Call, WireFormat } from '../../../bridges/contract/index.ts';
import { recordedBody } from '../../wire/recorded.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(path.join(os.tmpdir(), 'drawbridge-adapters-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function call(change: Partial<Call> = {}): Call {
  return {
    id: 1,
    startedAt: '2026-11-20T14:30:00.000Z',
    state: 'done',
    client: 'curl',
    clientVersion: null,
    caller: 'tests',
    method: 'POST',
    path: '/v1/chat/completions',
    route: null,
    upstream: 'gateway',
    wireIn: 'chat',
    wireOut: 'chat',
    modelRequested: 'm',
    modelUsed: null,
    status: 200,
    streamed: false,
    cut: false,
    ttfbMs: 1,
    durationMs: 2,
    requestBytes: 1,
    replyBytes: 1,
    usage: null,
    lost: [],
    error: null,
    ...change,
  };
}

function exchange(client: string, wire: WireFormat, body: object, headers: Record<string, string> = {}): Exchange {
  const row = call({ client, wireIn: wire });
  return exchangeOf(
    row,
    { request: JSON.stringify(Object.entries(headers)), reply: undefined },
    scanRequest(wire, Buffer.from(JSON.stringify(body))),
  );
}

const anyCall = (): Exchange => exchange('curl', 'chat', { model: 'm', messages: [{ role: 'user', content: 'hi' }] });

const made = (name: string, change: Partial<Adapter> = {}): Adapter => ({
  api: ADAPTER_API,
  name,
  match: () => true,
  project: () => ({ session: name }),
  ...change,
});

describe('the adapters of a run', () => {
  it('are asked by priority, then in the order of their registration', () => {
    const adapters = new Adapters(() => {});
    for (const adapter of [made('a'), made('b', { priority: 5 }), made('c', { priority: 5 })]) adapters.register(adapter);
    expect(adapters.read(anyCall())?.adapter).toBe('b');
  });
  it('give a call on where one throws, or says nothing', () => {
    const warned: string[] = [];
    const adapters = new Adapters((message) => warned.push(message));
    const throwing = (): never => {
      throw new Error('boom');
    };
    adapters.register(made('throws', { priority: 4, project: throwing }), '/x/throws.mjs');
    adapters.register(made('nothing', { priority: 3, project: () => null }), '/x/nothing.mjs');
    adapters.register(made('right'));
    expect(adapters.read(anyCall())).toEqual({ adapter: 'right', projected: { session: 'right' } });
    expect(warned).toEqual([expect.stringContaining('throws')]);
    expect(adapters.status().map(({ name, warnings }) => [name, warnings])).toContainEqual(['throws', 1]);
  });
  it('leave one out that keeps failing, and say which', () => {
    const adapters = new Adapters(() => {});
    adapters.register(
      made('bad', {
        match() {
          throw new Error('boom');
        },
      }),
      '/x/bad.mjs',
    );
    for (let i = 0; i < 30; i++) adapters.read(anyCall());
    const bad = adapters.status().find(({ name }) => name === 'bad');
    expect(bad).toMatchObject({ state: 'failed', file: '/x/bad.mjs', warnings: 20 });
    expect(bad?.reason).toContain('boom');
  });
  it('count the calls that none of them could read: there is no silent default', () => {
    const adapters = new Adapters(() => {});
    adapters.register(made('shy', { match: () => false }));
    expect(adapters.read(anyCall())).toBeUndefined();
    expect(adapters.unread).toBe(1);
  });
  it('refuse a second one of the same name', () => {
    const adapters = new Adapters(() => {});
    adapters.register(made('a'));
    adapters.register(made('a', { priority: 9 }), '/x/a.mjs');
    expect(adapters.list()).toHaveLength(1);
    expect(adapters.status()[1]).toMatchObject({ state: 'failed', file: '/x/a.mjs' });
  });
});

describe('a folder of adapters', () => {
  const write = (name: string, text: string): string => {
    const file = path.join(folder, name);
    writeFileSync(file, text, { mode: 0o600 });
    return file;
  };
  const GOOD = `export default { api: 1, name: 'mine', priority: 50, match: (x) => x.client === 'curl', project: (x) => ({ session: 'of ' + x.first }) };`;
  it('is taken, and its adapters are asked', async () => {
    write('mine.mjs', GOOD);
    const adapters = builtInAdapters(() => {});
    await loadAdapters(folder, adapters);
    expect(adapters.read(anyCall())).toEqual({ adapter: 'mine', projected: { session: 'of hi' } });
  });
  it('has an answer of the wrong shape passed over, and told', async () => {
    write('wrong.mjs', `export default { api: 1, name: 'wrong', priority: 99, match: () => true, project: () => ({ session: 7 }) };`);
    write('mine.mjs', GOOD);
    const warned: string[] = [];
    const adapters = new Adapters((message) => warned.push(message));
    await loadAdapters(folder, adapters);
    expect(adapters.read(anyCall())).toEqual({ adapter: 'mine', projected: { session: 'of hi' } });
    expect(warned).toEqual([expect.stringContaining('its answer is wrong at "session"')]);
  });
  it.each([
    ['project', `match: () => true, async project() { throw new Error('late') }`],
    ['match', `async match() { throw new Error('late') }, project: () => ({ session: 'x' })`],
  ])('has an answer that is only promised (%s) passed over, and told', async (_which, functions) => {
    write('later.mjs', `export default { api: 1, name: 'later', priority: 99, ${functions} };`);
    write('mine.mjs', GOOD);
    const warned: string[] = [];
    const adapters = new Adapters((message) => warned.push(message));
    await loadAdapters(folder, adapters);
    // Vitest fails a run in which a promise is rejected and nobody hears of it.
    expect(adapters.read(anyCall())).toEqual({ adapter: 'mine', projected: { session: 'of hi' } });
    expect(warned).toEqual([expect.stringContaining('adapter later: it answered with a promise')]);
  });
  it('has the bad ones named, and the good ones taken', async () => {
    write('a-syntax.mjs', 'export default {');
    write('b-throws.mjs', 'throw new Error("at once")');
    write('c-old.mjs', `export default { api: 0, name: 'old', match() {}, project() {} }`);
    write('d-half.mjs', `export default { api: 1, name: 'half', match() {} }`);
    write('e-good.mjs', GOOD);
    const adapters = new Adapters(() => {});
    await loadAdapters(folder, adapters);
    expect(adapters.status().map(({ name, state }) => [name, state])).toEqual([
      ['mine', 'ready'],
      ['a-syntax', 'failed'],
      ['b-throws', 'failed'],
      ['c-old', 'failed'],
      ['d-half', 'failed'],
    ]);
    const reasons = adapters.status().map(({ reason }) => reason ?? '');
    expect(reasons[2]).toContain('at once');
    expect(reasons[3]).toContain('version 0');
    expect(reasons[4]).toContain('project');
  });
  it('is not held up by one that never comes to its end: it is named, and the others are taken', async () => {
    write('a-waits.mjs', `await new Promise(() => {});\n${GOOD}`);
    write('mine.mjs', GOOD);
    const adapters = new Adapters(() => {});
    const tooLate = async (file: string) => (file.endsWith('a-waits.mjs') ? undefined : new Promise<void>(() => {}));
    await loadAdapters(folder, adapters, { tooLate });
    expect(adapters.status()).toMatchObject([
      { name: 'mine', state: 'ready' },
      { name: 'a-waits', state: 'failed', reason: expect.stringContaining('had not loaded after 10 seconds') },
    ]);
  });
  it.skipIf(process.platform === 'win32')('has no file run that others could have written', async () => {
    const open = write('open.mjs', GOOD);
    chmodSync(open, 0o666);
    mkdirSync(path.join(folder, 'elsewhere'));
    writeFileSync(path.join(folder, 'elsewhere', 'real.mjs'), GOOD);
    symlinkSync(path.join(folder, 'elsewhere', 'real.mjs'), path.join(folder, 'link.mjs'));
    const adapters = new Adapters(() => {});
    await loadAdapters(folder, adapters);
    expect(adapters.list()).toEqual([]);
    await loadAdapters(folder, adapters, { me: 12345 });
    expect(adapters.status().map(({ reason }) => reason ?? '')).toEqual([
      expect.stringContaining('outside the folder'),
      expect.stringContaining('Others may write'),
      expect.stringContaining('outside the folder'),
      expect.stringContaining('another user'),
    ]);
  });
  it('may be missing', async () => {
    const adapters = new Adapters(() => {});
    await loadAdapters(path.join(folder, 'none'), adapters);
    expect(adapters.status()).toEqual([]);
  });
});

describe('upstreams that adapters propose', () => {
  it('are named where they can’t be used', () => {
    const proposed = (name: string, baseUrl: string) => ({ name, label: name, baseUrl });
    const problems = problemsOf([
      proposed('one', 'https://a.example'),
      proposed('one', 'https://b.example'),
      proposed('plain', 'http://lab.example'),
      proposed('none', 'lab'),
      proposed('told', 'https://me:secret@lab.example'),
    ]);
    expect(problems).toEqual([
      expect.stringContaining('"one" can\'t be used: another'),
      expect.stringContaining('"plain"'),
      expect.stringContaining('"lab" is no URL'),
      expect.stringContaining('must not hold a user name'),
    ]);
  });
});

describe('Claude Code', () => {
  const adapters = builtInAdapters(() => {});
  const headers = { 'X-Claude-Code-Session-Id': 's-1' };
  it('has its session in a header, else in the metadata of its body', () => {
    const body = { ...recordedBody('claude-code-2.1.329/text/02.request.json') };
    expect(adapters.read(exchange('claude-code', 'messages', body, headers))).toMatchObject({
      adapter: 'claude',
      projected: { session: 's-1', source: 'header', kind: 'turn' },
    });
    expect(adapters.read(exchange('claude-code', 'messages', body))?.projected.source).toBe('body');
  });
  it('has its sub-agents told by a header', () => {
    const read = adapters.read(
      exchange('claude-code', 'messages', recordedBody('claude-code-2.1.329/text/02.request.json'), {
        ...headers,
        'x-claude-code-agent-id': 'a-1',
      }),
    );
    expect(read?.projected).toMatchObject({ thread: 'a-1', parentThread: '' });
  });
  it('has titles and searches told from turns', () => {
    const title = adapters.read(
      exchange('claude-code', 'messages', recordedBody('claude-code-2.1.329/interactive/02.request.json'), headers),
    );
    const turn = adapters.read(
      exchange('claude-code', 'messages', recordedBody('claude-code-2.1.329/interactive/03.request.json'), headers),
    );
    const search = adapters.read(
      exchange('claude-code', 'messages', recordedBody('claude-code-2.1.329/websearch/03.request.json'), headers),
    );
    expect([title, turn, search].map((read) => read?.projected.kind)).toEqual(['side', 'turn', 'side']);
  });
  it('is found in its transcript by the id of the reply', () => {
    const projects = path.join(folder, 'projects', '-home-user-project');
    mkdirSync(projects, { recursive: true });
    const line = {
      type: 'assistant',
      uuid: 'u-2',
      parentUuid: 'u-1',
      promptId: 'p-1',
      cwd: '/home/user/project',
      gitBranch: 'main',
      message: { id: 'msg_1' },
    };
    writeFileSync(path.join(projects, 's-1.jsonl'), `{"type":"x"}\n${JSON.stringify(line)}\nhalf a li`);
    const homes = { claude: folder, codex: undefined, copilot: undefined };
    expect(fromClaudeTranscript(homes, 's-1', null, null, { requestId: undefined, messageId: 'msg_1' })).toEqual({
      source: 'transcript',
      cwd: '/home/user/project',
      gitBranch: 'main',
      facts: { uuid: 'u-2', 'parent-uuid': 'u-1', prompt: 'p-1' },
    });
    expect(fromClaudeTranscript(homes, '../s-1', null, null, { requestId: undefined, messageId: 'msg_1' })).toBeUndefined();
  });
});

describe('Codex', () => {
  const adapters = builtInAdapters(() => {});
  const metadata = {
    session_id: 't-1',
    thread_id: 't-1',
    turn_id: 'u-1',
    request_kind: 'turn',
    sandbox: 'none',
    workspaces: {
      '/home/user/other': { associated_remote_urls: { origin: 'https://git.example/other' }, latest_git_commit_hash: 'bbb' },
      '/home/user/repo': { associated_remote_urls: { origin: 'https://git.example/demo' }, latest_git_commit_hash: 'aaa' },
    },
  };
  it('has the workspace told by its working directory, not by the order of keys', () => {
    const read = adapters.read(
      exchange('codex', 'responses', recordedBody('codex-0.169.0/git/01.request.json'), {
        'x-codex-turn-metadata': JSON.stringify(metadata),
      }),
    );
    expect(read?.projected).toMatchObject({
      session: 't-1',
      cwd: '/home/user/repo',
      gitOrigin: 'https://git.example/demo',
      gitCommit: 'aaa',
      facts: { turn_id: 'u-1', sandbox: 'none' },
    });
    expect(repositoryOf(metadata.workspaces, '/home/user/rep')).toEqual({});
    expect(repositoryOf(metadata.workspaces, undefined)).toEqual({});
  });
  it('has its sub-agents and its compaction told by its metadata', () => {
    const sub = { ...metadata, thread_id: 't-2', parent_thread_id: 't-1' };
    const body = recordedBody('codex-0.169.0/git/01.request.json');
    const of = (value: object) =>
      adapters.read(exchange('codex', 'responses', body, { 'x-codex-turn-metadata': JSON.stringify(value) }))?.projected;
    expect(of(sub)).toMatchObject({ session: 't-1', thread: 't-2', parentThread: '' });
    expect(of({ ...metadata, request_kind: 'compaction' })?.kind).toBe('summary');
    expect(adapters.read(exchange('codex', 'responses', body))?.projected).toMatchObject({ source: 'body' });
  });
  it('is found in its rollout by its thread', () => {
    const day = path.join(folder, 'sessions', '2026', '11', '20');
    mkdirSync(day, { recursive: true });
    const meta = {
      type: 'session_meta',
      payload: {
        cwd: '/r',
        cli_version: '0.169.0',
        originator: 'codex_exec',
        git: { commit_hash: 'c', branch: 'main', repository_url: 'https://git.example/demo' },
      },
    };
    writeFileSync(path.join(day, 'rollout-2026-11-20T14-30-00-t-1.jsonl'), `${JSON.stringify(meta)}\n`);
    const homes = { claude: undefined, codex: folder, copilot: undefined };
    const found = {
      source: 'rollout',
      cwd: '/r',
      gitBranch: 'main',
      gitOrigin: 'https://git.example/demo',
      gitCommit: 'c',
      facts: { 'client-version': '0.169.0', originator: 'codex_exec' },
    };
    expect(fromCodexRollout(homes, 't-1', Date.UTC(2026, 10, 20, 23))).toEqual(found);
    expect(fromCodexRollout(homes, 't-1', Date.UTC(2026, 10, 21, 1))).toEqual(found);
    expect(fromCodexRollout(homes, 't-9', Date.UTC(2026, 10, 20))).toBeUndefined();
  });
});

describe('Copilot CLI', () => {
  it('has a session when it is signed in, and none with a provider of its user’s', () => {
    const adapters = builtInAdapters(() => {});
    const body = recordedBody('copilot-cli-1.0.102/byok_chat_tool/01.request.json');
    expect(adapters.read(exchange('copilot-cli', 'chat', body, { 'x-initiator': 'user' }))?.projected).toEqual({
      source: 'hash',
      kind: 'turn',
      facts: { 'x-initiator': 'user' },
    });
    const signedIn = {
      'x-client-session-id': 's-1',
      'x-interaction-id': 'i-1',
      'x-github-repository-nwo': 'me/it',
      'x-github-repository-host': 'github.com',
    };
    expect(adapters.read(exchange('copilot-cli', 'chat', body, signedIn))?.projected).toMatchObject({
      source: 'header',
      session: 's-1',
      gitOrigin: 'https://github.com/me/it',
    });
  });
  it('is found in its own events by its session', () => {
    mkdirSync(path.join(folder, 'session-state', 's-1'), { recursive: true });
    writeFileSync(
      path.join(folder, 'session-state', 's-1', 'events.jsonl'),
      `${JSON.stringify({ type: 'session.start', data: { copilotVersion: '1.0.102', context: { cwd: '/p' } } })}\n`,
    );
    expect(fromCopilotSession({ claude: undefined, codex: undefined, copilot: folder }, 's-1')).toMatchObject({
      cwd: '/p',
      facts: { 'client-version': '1.0.102' },
    });
  });
});

describe('what hooks tell of sessions', () => {
  const line = (session: string, cwd: string): string => JSON.stringify({ session_id: session, cwd, prompt: 'a secret prompt' });
  it('is kept without what was said', () => {
    const file = path.join(folder, 'sessions.jsonl');
    expect(appendContext(file, line('s-1', '/a'))).toBe(true);
    expect(appendContext(file, 'no json')).toBe(false);
    expect(readFileSync(file, 'utf8')).not.toContain('secret');
    expect(new SessionContexts(file).of('s-1')).toEqual({ session: 's-1', cwd: '/a', transcript: null, gitBranch: null });
  });
  it('is in a file that never grows without bound', () => {
    const file = path.join(folder, 'sessions.jsonl');
    const long = '/'.padEnd(3000, 'x');
    for (let i = 0; i < 300; i++) appendContext(file, line(`s-${i}`, long));
    expect(statSync(file).size).toBeLessThan(300_000);
    expect(statSync(`${file}.1`).size).toBeLessThan(300_000);
  });
  it.each(['/a', '/aa'])('loses no line where what it reads begins inside of a letter, before %s', (cwd) => {
    const file = path.join(folder, 'sessions.jsonl');
    writeFileSync(file, `${'ü'.repeat(40_000)}\n${line('s-1', cwd)}\n`);
    const contexts = new SessionContexts(file);
    expect(contexts.of('s-1')?.cwd).toBe(cwd);
    appendContext(file, line('s-2', '/b'));
    expect(contexts.of('s-2')?.cwd).toBe('/b');
  });
  it('is read on from where it was left, and only when an unknown session is asked for', () => {
    const file = path.join(folder, 'sessions.jsonl');
    appendContext(file, line('s-1', '/a'));
    const contexts = new SessionContexts(file);
    expect(contexts.of('s-1')?.cwd).toBe('/a');
    // Were it read again from the beginning, this would count.
    writeFileSync(file, readFileSync(file, 'utf8').replace('/a', '/b'));
    expect(contexts.of('s-1')?.cwd).toBe('/a');
    appendFileSync(file, `${line('s-2', '/c')}\n{"half`);
    expect(contexts.of('s-2')?.cwd).toBe('/c');
    expect(contexts.of('s-1')?.cwd).toBe('/a');
    expect(contexts.of('s-9')).toBeUndefined();
  });
});
