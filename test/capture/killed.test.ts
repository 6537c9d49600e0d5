import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { expect, it } from 'vitest';
import { Store } from '../../bridges/capture/store.ts';
import { check } from '../../bridges/capture/health.ts';

/** The long run is `npm run test:kills`. */
const KILLS = Number(process.env['DRAWBRIDGE_KILLS'] ?? 12);

it(
  'a store whose writer is killed opens again, sound, with every call that was committed',
  { timeout: 5_000 + KILLS * 2_000 },
  async () => {
    const folder = mkdtempSync(path.join(os.tmpdir(), 'drawbridge-killed-'));
    const file = path.join(folder, 'captures.db');
    let next = 1;
    for (let kill = 0; kill < KILLS; kill += 1) {
      const child = spawn(process.execPath, [path.join(import.meta.dirname, 'writer.ts'), file, String(next)], {
        stdio: ['ignore', 'pipe', 'ignore'],
      });
      let told = '';
      child.stdout.on('data', (chunk: Buffer) => {
        told += chunk.toString();
        if (told.split('\n').length > 3 + (kill % 20)) child.kill('SIGKILL');
      });
      // What it told before it was killed is still in the pipe.
      await once(child, 'close');
      const last = Number(told.slice(0, told.lastIndexOf('\n')).split('\n').at(-1));
      expect(last).toBeGreaterThanOrEqual(next);
      const { store, movedAside } = Store.open(file, 0);
      expect(movedAside).toBeNull();
      for (let id = next; id <= last; id += 1) if (store.call(id) === undefined) expect.fail(`call ${id} was committed and is gone`);
      expect(store.db.pragma('quick_check', { simple: true })).toBe('ok');
      next = Math.max(last, store.list({ limit: 1, now: 0 })[0]?.id ?? 0) + 1;
      if (kill === KILLS - 1) {
        const work = check(store, 0);
        let result = work.next();
        while (result.done !== true) result = work.next();
        expect(result.value.problems).toEqual([]);
      }
      store.close();
    }
    rmSync(folder, { recursive: true, force: true });
  },
);
