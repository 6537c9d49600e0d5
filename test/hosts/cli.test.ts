import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import http from 'node:http';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { text } from 'node:stream/consumers';
import { implement } from '@orpc/server';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { contract } from '../../bridges/contract/contract.ts';
import type { Call } from '../../bridges/contract/index.ts';
import { startControlStub } from '../support/control-stub.ts';
import { startTestEngine } from '../support/engine.ts';
import { atTerminal, hasTerminal } from '../support/terminal.ts';

const COMMAND = path.resolve(import.meta.dirname, '../../scripts/drawbridge.mjs');
let home: string;
const children = new Set<ChildProcess>();

beforeEach(() => {
  home = mkdtempSync(path.join(os.tmpdir(), 'drawbridge-cli-'));
});
afterEach(async () => {
  await Promise.all(
    [...children].map(async (child) => {
      if (child.exitCode === null && child.signalCode === null) {
        child.kill('SIGKILL');
        await once(child, 'exit');
      }
    }),
  );
  children.clear();
  rmSync(home, { recursive: true, force: true });
});

const env = (): NodeJS.ProcessEnv => ({ PATH: process.env['PATH'], HOME: home, DRAWBRIDGE_HOME: path.join(home, 'state'), CI: 'true' });

type Ended = { code: number | null; out: string; err: string };
const drawbridge = (...args: string[]): Promise<Ended> =>
  new Promise((resolve) => {
    execFile(process.execPath, [COMMAND, ...args], { env: env() }, (error, out, err) =>
      resolve({ code: error === null ? 0 : Number(error.code), out, err }),
    );
  });

/** Starts the built engine the way a script would, and reads the first line of its stdout. */
async function start(
  ...args: string[]
): Promise<{ child: ChildProcess; ready: { event: string; ui: string; companion: string; [key: string]: unknown } }> {
  const child = spawn(process.execPath, [COMMAND, 'start', '--headless', '--no-open', '--json', ...args], {
    env: env(),
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  children.add(child);
  const [line] = (await once(createInterface({ input: child.stdout }), 'line')) as [string];
  return { child, ready: JSON.parse(line) };
}

const makeKey = async (name: string): Promise<string> => JSON.parse((await drawbridge('keys', 'create', name, '--json')).out).key;

/** Calls the companion and resolves with the reply once its head is there. */
async function call(companion: string, key: string, body: object): Promise<http.IncomingMessage> {
  const req = http.request(`${companion}/v1/chat/completions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
  });
  req.on('error', () => {});
  req.end(JSON.stringify(body));
  const [res] = (await once(req, 'response')) as [http.IncomingMessage];
  return res;
}

describe('the drawbridge command', () => {
  it('starts, serves a call, lists it, and stops when told', async () => {
    const { child, ready } = await start('--companion-port', '0');
    expect(ready.event).toBe('ready');
    expect(ready.ui).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/\?token=[\w-]+$/);
    expect(ready.companion).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
    const made = JSON.parse((await drawbridge('keys', 'create', 'my laptop', '--json')).out);
    expect(made).toEqual({ name: 'my laptop', key: expect.stringMatching(/^db_[\w-]{43}$/) });
    (await call(ready.companion, made.key, { model: 'practice/echo', messages: [{ role: 'user', content: 'hi' }] })).resume();
    const [row] = await callsWith((calls) => calls.length === 1 && calls[0]?.state === 'done');
    expect(Object.keys(row ?? {})).toEqual(
      expect.arrayContaining(
        'id startedAt client caller route upstream wireIn wireOut modelRequested modelUsed status streamed cut ttfbMs durationMs requestBytes replyBytes usage lost'.split(
          ' ',
        ),
      ),
    );
    expect(row).toMatchObject({ caller: 'my laptop', modelRequested: 'practice/echo', status: 200, usage: { input: 1 } });
    expect((await drawbridge('calls')).out).toContain('practice/echo');
    const status = JSON.parse((await drawbridge('status', '--json')).out);
    expect(status.listeners.map((listener: { name: string; state: string }) => `${listener.name} ${listener.state}`).sort()).toEqual([
      'companion listening',
      'control listening',
      'ui listening',
    ]);
    expect((await drawbridge('doctor', '--json')).code).toBe(0);
    const exit = once(child, 'exit') as Promise<[number]>;
    expect((await drawbridge('stop')).out).toContain('stopping');
    const [code] = await exit;
    expect(code).toBe(0);
  }, 60_000);

  it.runIf(hasTerminal).each([
    ['Ctrl+C', '\u0003'],
    ['Ctrl+D', '\u0004'],
    ['No', 'n\r'],
  ])('stops what it had started where %s is all it is told of a taken port', async (_name, typed) => {
    const taken = net.createServer().listen(0, '127.0.0.1');
    await once(taken, 'listening');
    const { port } = taken.address() as net.AddressInfo;
    const { code, shown } = await atTerminal(['start', '--headless', '--no-open', '--companion-port', String(port)], {
      env: env(),
      answers: [['[y/N]', typed]],
      onChild: (child) => children.add(child),
    });
    taken.close();
    expect(shown).toContain('from now on?');
    expect(code).toBe(1);
    expect(readdirSync(path.join(home, 'state'))).not.toContain('running.json');
  });

  it('stops in order, with every call kept, when nobody reads any more what it says', async () => {
    const { child, ready } = await start('--companion-port', '0');
    const key = await makeKey('kept');
    child.stdout?.destroy();
    for (let i = 0; i < 20; i += 1)
      (await call(ready.companion, key, { model: 'practice/echo', messages: [{ role: 'user', content: 'hi' }] })).resume();
    child.kill('SIGHUP');
    const [code] = (await once(child, 'exit')) as [number];
    expect(code).toBe(0);
    expect(readFileSync(path.join(home, 'state', 'logs', 'drawbridge.log'), 'utf8')).toContain('engine.stopped');
    await start('--companion-port', '0');
    expect(JSON.parse((await drawbridge('calls', '--json')).out)).toHaveLength(20);
  });

  it.each(['SIGINT', 'SIGTERM'] as const)(
    'stops in order when %s comes twice, as from a terminal and from who started it',
    async (signal) => {
      const { child, ready } = await start('--companion-port', '0');
      const key = await makeKey('busy');
      const log = (): string => readFileSync(path.join(home, 'state', 'logs', 'drawbridge.log'), 'utf8');
      // A call under way keeps the stop from ending at once.
      const stream = await call(ready.companion, key, {
        model: 'practice/slow',
        stream: true,
        messages: [{ role: 'user', content: 'hi' }],
      });
      stream.on('error', () => {});
      stream.resume();
      child.kill(signal);
      await expect.poll(log).toContain('engine.stopping');
      child.kill(signal);
      const [code] = (await once(child, 'exit')) as [number];
      expect(code).toBe(0);
      expect(log()).toContain('engine.stopped');
    },
  );

  it.runIf(process.platform === 'linux')('fails where what was asked for can not be written', async () => {
    await start('--companion-port', '0');
    await makeKey('one');
    const full = spawn('sh', ['-c', `"${process.execPath}" "${COMMAND}" keys > /dev/full`], {
      env: env(),
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    children.add(full);
    const [said, [code]] = await Promise.all([text(full.stderr), once(full, 'exit') as Promise<[number]>]);
    expect(code).toBe(1);
    expect(said).toContain('could not be written');
  });

  it.each(['SIGTERM', 'SIGINT', 'SIGHUP'] as const)(
    'hands over from an older Node, and ends on %s with what it handed over to',
    async (signal) => {
      const older = 'data:text/javascript,Object.defineProperty(process,"versions",{value:{...process.versions,node:"20.0.0"}})';
      const args = ['--import', older, COMMAND, 'start', '--headless', '--no-open', '--json', '--companion-port', '0'];
      const child = spawn(process.execPath, args, { env: env(), stdio: ['ignore', 'pipe', 'inherit'] });
      children.add(child);
      await once(createInterface({ input: child.stdout }), 'line');
      const { pid } = JSON.parse((await drawbridge('status', '--json')).out);
      expect(pid).not.toBe(child.pid);
      child.kill(signal);
      const [code] = (await once(child, 'exit')) as [number];
      expect(code).toBe(0);
      expect((await drawbridge('status')).err).toContain('not running');
    },
  );

  it.each([
    ['export', '-o'],
    ['--json', 'export', '-o'],
  ])('leaves nothing of a file behind when an export is interrupted (%s %s)', async (...words) => {
    const to = path.join(home, 'exported');
    mkdirSync(to);
    // An engine whose export does not come to an end.
    const engine = await startControlStub(path.join(home, 'state'), {
      exchange: {
        export: implement(contract).exchange.export.handler(async function* ({ signal }) {
          yield 'the first lines\n';
          if (signal !== undefined) await once(signal, 'abort');
        }),
      },
    });
    const child = spawn(process.execPath, [COMMAND, ...words, path.join(to, 'calls.jsonl')], { env: env(), stdio: 'ignore' });
    children.add(child);
    await expect.poll(() => readdirSync(to), { timeout: 10_000 }).toHaveLength(1);
    child.kill('SIGINT');
    const [code] = (await once(child, 'exit')) as [number];
    expect(readdirSync(to)).toEqual([]);
    expect(code).toBe(1);
    await engine.stop();
  });

  it('shows no character that a terminal would act on', async () => {
    const { ready } = await start('--companion-port', '0');
    const key = await makeKey('rude');
    const model = 'practice/echo\u001b]52;c;aGk=\u0007\u001b[2J\nforged row';
    (await call(ready.companion, key, { model, messages: [{ role: 'user', content: 'x' }] })).resume();
    await callsWith((calls) => calls.length === 1 && calls[0]?.state !== 'open');
    const { out } = await drawbridge('calls');
    // eslint-disable-next-line no-control-regex -- these characters are what is looked for
    expect(out).not.toMatch(/[\u0000-\u0009\u000b-\u001f]/);
    expect(out.trim().split('\n')).toHaveLength(2);
  });

  it('says so when nothing runs', async () => {
    const { code, err } = await drawbridge('status');
    expect(code).toBe(1);
    expect(err).toContain('not running');
    expect(JSON.parse((await drawbridge('calls', '--json')).out)).toMatchObject({ event: 'error', code: 'not_running' });
  });

  it.each([
    [['nonsense'], 'no command "nonsense"'],
    [['calls', '--limit', 'many'], '--limit takes a whole number'],
    [['start', '--companion-port', '99999'], '--companion-port takes a whole number'],
    [['start', '--headless', '--no-open', '--companion-port', ''], '--companion-port takes a whole number'],
    [['status', '--frob'], '--frob'],
    [['calls', '--days', '1'], '"drawbridge calls" does not take "--days"'],
    [['status', 'of', 'what'], '"drawbridge status" does not take "of"'],
    [['keys', 'create', 'my', 'laptop'], '"drawbridge keys" does not take "laptop"'],
    [['toString'], 'no command "toString"'],
  ])('explains what is wrong with %j', async (args, said) => {
    const { code, err } = await drawbridge(...args);
    expect(code).toBe(2);
    expect(err).toContain(said);
    expect(err).not.toContain('    at ');
  });

  it('shows how to use itself', async () => {
    expect((await drawbridge('help')).out).toContain('drawbridge keys create NAME');
    expect((await drawbridge('--version')).out.trim()).toBe(
      JSON.parse(readFileSync(path.resolve(import.meta.dirname, '../../package.json'), 'utf8')).version,
    );
  });

  it('names who holds a port that is taken, offers the next, and takes neither silently', async () => {
    const squatter = net.createServer().listen(0, '127.0.0.1');
    await once(squatter, 'listening');
    const address = squatter.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    const { child, ready } = await start('--companion-port', String(port));
    expect(ready).toMatchObject({ event: 'error', code: 'port_taken', port, holderPid: process.pid });
    expect(ready['next']).toBeGreaterThan(port);
    const [code] = (await once(child, 'exit')) as [number];
    expect(code).toBe(1);
    squatter.close();
  });

  it('hands out a fresh link when it runs already, and leaves the running engine alone', async () => {
    const first = await start('--companion-port', '0');
    const second = await start('--companion-port', '0');
    expect(second.ready.companion).toBe(first.ready.companion);
    expect(second.ready.ui).not.toBe(first.ready.ui);
    await once(second.child, 'exit');
    expect((await drawbridge('status')).code).toBe(0);
  });

  it('has stopped when the command that stops it ends, so that it can be started anew at once', async () => {
    const { ready } = await start('--companion-port', '0');
    const key = await makeKey('one');
    // What is under way is waited for a moment.
    const stream = await call(ready.companion, key, {
      model: 'practice/slow',
      stream: true,
      messages: [{ role: 'user', content: 'in the middle of this' }],
    });
    stream.on('error', () => {}).resume();
    expect((await drawbridge('stop')).code).toBe(0);
    const again = await start('--companion-port', '0');
    expect(JSON.parse((await drawbridge('status', '--json')).out).pid).toBe(again.child.pid);
  });

  it('lists, revokes and refuses keys by name', async () => {
    const { ready } = await start('--companion-port', '0');
    const key = await makeKey('one');
    expect((await drawbridge('keys', 'create', 'one')).err).toContain('already');
    expect((await drawbridge('keys', 'create', 'Tunnel lab')).err).toContain('those of tunnels');
    expect(JSON.parse((await drawbridge('keys', '--json')).out)).toMatchObject([{ name: 'one', hint: `${key.slice(0, 7)}…` }]);
    expect((await drawbridge('keys', 'revoke', 'one')).code).toBe(0);
    expect((await drawbridge('keys', 'revoke', 'one')).err).toContain('no key');
    expect((await call(ready.companion, key, { model: 'practice/echo' })).statusCode).toBe(401);
  });

  it('prints shell lines for a client', async () => {
    const { ready } = await start('--companion-port', '0');
    const { out } = await drawbridge('env', 'claude-code');
    expect(out).toContain(`export ANTHROPIC_BASE_URL='${ready.companion}'`);
    expect(out).toContain("export ANTHROPIC_AUTH_TOKEN='<key>'");
    expect((await drawbridge('env', 'nobody')).err).toContain('claude-code');
  });

  it('tails calls as they end', async () => {
    const { ready } = await start('--companion-port', '0');
    const key = await makeKey('tailed');
    const tail = spawn(process.execPath, [COMMAND, 'tail', '--json'], { env: env(), stdio: ['ignore', 'pipe', 'inherit'] });
    children.add(tail);
    const line = once(createInterface({ input: tail.stdout }), 'line') as Promise<[string]>;
    // Calls are made until the tail, which takes a moment to connect, has told of one.
    const timer = setInterval(
      () =>
        void call(ready.companion, key, { model: 'practice/echo', messages: [{ role: 'user', content: 'hi' }] }).then(
          (res) => res.resume(),
          // The engine is stopped while the last of them is on its way.
          () => {},
        ),
      100,
    );
    expect(JSON.parse((await line)[0])).toMatchObject({ caller: 'tailed', status: 200 });
    clearInterval(timer);
  });

  it('fails where a tail fell too far behind, and says that calls were left out', async () => {
    mkdirSync(path.join(home, 'state'));
    const engine = await startTestEngine({ home: path.join(home, 'state') });
    // More at once than is kept for a reader, until the tail, which takes a moment to connect, was one.
    const timer = setInterval(() => {
      for (let n = 0; n < 2_000; n += 1) engine.headless.engine.events.emit({ type: 'status' });
    }, 100);
    const { code, err } = await drawbridge('tail');
    clearInterval(timer);
    expect([code, err]).toEqual([1, expect.stringContaining('left out')]);
    await engine.stop();
  });

  it('keeps what was committed through kill -9, and marks the call it was in as cut', async () => {
    const { child, ready } = await start('--companion-port', '0');
    const key = await makeKey('killed');
    (await call(ready.companion, key, { model: 'practice/echo', messages: [{ role: 'user', content: 'before' }] })).resume();
    await callsWith((calls) => calls.length === 1 && calls[0]?.state === 'done');
    const stream = await call(ready.companion, key, {
      model: 'practice/slow',
      stream: true,
      messages: [{ role: 'user', content: 'in the middle of this' }],
    });
    await once(stream, 'data');
    stream.on('error', () => {});
    await callsWith((calls) => calls.length === 2);
    child.kill('SIGKILL');
    await once(child, 'exit');

    await start('--companion-port', '0');
    const [cut, done] = await callsWith((calls) => calls.length === 2);
    expect(cut).toMatchObject({ modelRequested: 'practice/slow', cut: true, state: 'cut' });
    expect(done).toMatchObject({ modelRequested: 'practice/echo', cut: false, status: 200 });
  });
});

async function callsWith(fits: (calls: Call[]) => boolean): Promise<Call[]> {
  let calls: Call[] = [];
  await expect
    .poll(
      async () => {
        calls = JSON.parse((await drawbridge('calls', '--json', '--limit', '10')).out);
        return fits(calls);
      },
      { timeout: 10_000 },
    )
    .toBe(true);
  return calls;
}
