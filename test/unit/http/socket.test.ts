import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { answers, startSocketListener, type SocketListener } from '../../../bridges/http/socket.ts';

let folder: string;
let file: string;
let held: SocketListener[];
beforeEach(() => {
  folder = mkdtempSync(path.join(os.tmpdir(), 'drawbridge-socket-'));
  file = path.join(folder, 'control.sock');
  held = [];
});
afterEach(async () => {
  for (const one of held) await one.stop();
  rmSync(folder, { recursive: true, force: true });
});
const start = async (): Promise<string> => {
  const listener = await startSocketListener(file, (_req, res) => void res.end());
  held.push(listener);
  return listener.path;
};

/** A process that listens on the socket, and whatever else it does. Resolves once it listens. */
async function another(code: string): Promise<{ kill: () => Promise<unknown> }> {
  const script = `const server = require('node:net').createServer();
    server.listen({ path: ${JSON.stringify(file)}, backlog: 1 }, () => { require('node:fs').writeSync(1, 'listening'); ${code} });`;
  const child = spawn(process.execPath, ['-e', script], { stdio: ['ignore', 'pipe', 'inherit'] });
  await once(child.stdout, 'data');
  return {
    async kill() {
      const gone = once(child, 'exit');
      child.kill('SIGKILL');
      await gone;
    },
  };
}

describe.skipIf(process.platform === 'win32')('the socket for commands', () => {
  it('is one engine’s alone', async () => {
    await start();
    await expect(start()).rejects.toMatchObject({ code: 'already_running' });
    expect(await answers(file)).toBe(true);
  });

  it('that a killed engine left behind is replaced', async () => {
    await (await another('')).kill();
    expect(existsSync(file)).toBe(true);
    expect(await answers(file)).toBe(false);
    expect(await start()).toBe(file);
    expect(await answers(file)).toBe(true);
  });

  it('that a killed engine left behind is one engine’s of those that begin at once', async () => {
    await (await another('')).kill();
    const came = await Promise.allSettled([start(), start(), start()]);
    expect(came.map(({ status }) => status).toSorted()).toEqual(['fulfilled', 'rejected', 'rejected']);
    for (const one of came) if (one.status === 'rejected') expect(one.reason).toMatchObject({ code: 'already_running' });
    expect(await answers(file)).toBe(true);
  });

  // Elsewhere the system says the same of a busy listener as of none.
  it.runIf(process.platform === 'linux')('of an engine that is too busy to answer is left alone', async () => {
    const busy = await another('Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);');
    // More than wait in line: the next one is turned away.
    const full = Promise.withResolvers<void>();
    const waiting = Array.from({ length: 20 }, () => net.connect(file).on('error', () => full.resolve()));
    await full.promise;
    await expect(start()).rejects.toMatchObject({ code: 'already_running' });
    expect(existsSync(file)).toBe(true);
    for (const one of waiting) one.destroy();
    await busy.kill();
  });
});

it.runIf(process.platform === 'win32')('a pipe is one engine’s alone', async () => {
  file = String.raw`\\.\pipe\drawbridge-test-${process.pid}`;
  await start();
  await expect(start()).rejects.toMatchObject({ code: 'already_running' });
});
