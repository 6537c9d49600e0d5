import { afterEach, beforeEach, expect, it } from 'vitest';
import { systemClock } from '../../bridges/engine/clock.ts';
import { runCommand } from '../support/command.ts';
import { startTestEngine, type TestEngine } from '../support/engine.ts';

let engine: TestEngine;
let zone: string | undefined;

beforeEach(async () => {
  zone = process.env['TZ'];
  engine = await startTestEngine({ headless: { clock: { ...systemClock, now: () => Date.UTC(2026, 10, 20, 22) } } });
});
afterEach(async () => {
  if (zone === undefined) delete process.env['TZ'];
  else process.env['TZ'] = zone;
  await engine.stop();
});

it('tells times by the clock of whoever asks, a quarter to four in Kathmandu where it is ten in the evening in London', async () => {
  const drawbridge = async (...args: string[]): Promise<string> => {
    const { out, err } = await runCommand(engine.home, args);
    expect(err).toBe('');
    return out;
  };
  await drawbridge('tunnels', 'add', 'lab', '--host', 'localhost', '--user', 'u', '--far-ports', '3353,3354', '--connector', 'none');
  process.env['TZ'] = 'Asia/Kathmandu';
  expect(await drawbridge('status')).toContain('since 2026-11-21 03:45\n');
  expect(await drawbridge('tunnels', 'status', 'lab')).toContain('since 2026-11-21 03:45:00\n');
});
