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

/** Calls, one after the other, until there is nobody to answer. */
async function callOn(companion: string, key: string): Promise<void> {
  const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
  const body = JSON.stringify({ model: 'practice/echo', messages: [{ role: 'user', content: 'hold fast '.repeat(40) }] });
  const headers = { authorization: `Bearer ${key}`, 'content-type': 'application/json' };
  try {
    for (;;) {
      const request = http.request(`${companion}/v1/chat/completions`, { method: 'POST', headers, agent });
      request.end(body);
      const [reply] = (await once(request, 'response')) as [http.IncomingMessage];
      await once(reply.resume(), 'end');
    }
  } catch {
    agent.destroy();
  }
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
      const calling = Promise.all(Array.from({ length: AT_ONCE }, () => callOn(companion, key)));
      const told: number[] = [];
      for await (const line of tail.lines) {
        const call: { id: number; state: string } = JSON.parse(line);
        if (call.state === 'done') told.push(call.id);
        // Somewhere else in a batch each time.
        if (told.length >= 20 + ((kill * 7) % 60)) engine.child.kill('SIGKILL');
        if (engine.child.killed) break;
      }
      await Promise.all([engine.closed, calling]);
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
