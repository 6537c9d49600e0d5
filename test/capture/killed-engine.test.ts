import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import http from 'node:http';
import os from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { Store } from '../../bridges/capture/store.ts';

/** The long run is `npm run test:kills`. */
const KILLS = Number(process.env['DRAWBRIDGE_KILLS'] ?? 3);
const AT_ONCE = 16;
const CLI = path.resolve(import.meta.dirname, '../../dist/cli.mjs');

let home: string;
let children: ChildProcess[];
beforeEach(() => {
  home = mkdtempSync(path.join(os.tmpdir(), 'drawbridge-killed-engine-'));
  mkdirSync(path.join(home, 'state'), { mode: 0o700 });
  children = [];
});
afterEach(() => {
  for (const child of children) child.kill('SIGKILL');
  rmSync(home, { recursive: true, force: true });
});

function drawbridge(...args: string[]): { child: ChildProcess; lines: AsyncIterableIterator<string>; closed: Promise<unknown> } {
  const env = { PATH: process.env['PATH'], HOME: home, DRAWBRIDGE_HOME: path.join(home, 'state'), CI: 'true' };
  const child = spawn(process.execPath, [CLI, ...args], { env, stdio: ['ignore', 'pipe', 'ignore'] });
  children.push(child);
  return { child, lines: createInterface({ input: child.stdout })[Symbol.asyncIterator](), closed: once(child, 'close') };
}

async function firstOf(lines: AsyncIterableIterator<string>): Promise<Record<string, string>> {
  const { value } = await lines.next();
  return JSON.parse(value);
}

/** One call; resolves when it is answered, or there is nobody to answer. */
async function callOnce(companion: string, key: string): Promise<void> {
  const body = JSON.stringify({ model: 'practice/echo', messages: [{ role: 'user', content: 'hold fast '.repeat(40) }] });
  const headers = { authorization: `Bearer ${key}`, 'content-type': 'application/json' };
  const request = http.request(`${companion}/v1/chat/completions`, { method: 'POST', headers, agent: false });
  request.end(body);
  try {
    const [reply] = (await once(request, 'response')) as [http.IncomingMessage];
    await once(reply.resume(), 'end');
  } catch {
    // The engine was killed.
  }
}

async function callUntil(companion: string, key: string, isEnough: () => boolean): Promise<void> {
  while (!isEnough()) await callOnce(companion, key);
}

it(
  'an engine that is killed among its calls has every call in its store that it told of as done, and the store is sound',
  { timeout: 30_000 + KILLS * 10_000 },
  async () => {
    for (let kill = 0; kill < KILLS; kill += 1) {
      const engine = drawbridge('start', '--headless', '--no-open', '--json', '--companion-port', '0');
      const { companion = '' } = await firstOf(engine.lines);
      const { key = '' } = await firstOf(drawbridge('keys', 'create', `kill ${kill}`, '--json').lines);
      const tail = drawbridge('tail', '--json');
      // The tail takes a moment to connect: until it has told of one there are always a few more.
      const told: number[] = [];
      const calling = [callUntil(companion, key, () => told.length > 0 || engine.child.killed)];
      for await (const line of tail.lines) {
        const call: { id: number; state: string } = JSON.parse(line);
        if (call.state !== 'done') continue;
        told.push(call.id);
        // Somewhere else in a batch each time.
        if (told.length >= 20 + ((kill * 7) % 60)) {
          engine.child.kill('SIGKILL');
          break;
        }
        // As many as were stored: a store that can't keep up would drop what comes too fast.
        for (let more = told.length === 1 ? AT_ONCE : 1; more > 0; more -= 1) calling.push(callOnce(companion, key));
      }
      await Promise.all([engine.closed, ...calling]);
      tail.child.kill();
      await tail.closed;
      const { store, movedAside } = Store.open(path.join(home, 'state', 'capture', 'captures.db'), 0);
      try {
        expect(movedAside).toBeNull();
        expect(told.filter((id) => store.call(id)?.state !== 'done')).toEqual([]);
        expect(store.db.pragma('integrity_check', { simple: true })).toBe('ok');
      } finally {
        store.close();
      }
    }
  },
);
