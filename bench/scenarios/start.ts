import path from 'node:path';
import { readFileSync } from 'node:fs';
import { companionPort, HEADLESS, makeHome, makeKey, root } from '../engine.ts';
import { field } from '../json.ts';
import { Connection } from '../load.ts';
import { runProgram, startProcess } from '../processes.ts';
import { requestFor } from '../requests.ts';
import type { Scenario } from '../scenario.ts';
import { median, rounded, sleep } from '../stats.ts';
import { residentMb } from '../system.ts';

type Start = { readyMs: number; answeredMs: number; idleMb: number };

/** V8 returns what it does not need some ten seconds after the engine came to rest. */
const IDLE_SECONDS = 20;

/** From the command to the first answer. */
export const start: Scenario = {
  name: 'start',
  about: `npm start, installed and built, until the engine says that it is ready and until a practice call is answered (milliseconds); and what the engine holds ${IDLE_SECONDS} s later (MB).`,
  async run(context) {
    const home = makeHome({});
    // The first start makes the state folder and the key; it is not counted.
    const key = await startOnce(home, undefined, 0);
    const starts: Start[] = [];
    const times = context.rounds(5, 3);
    for (let i = 0; i < times; i += 1) {
      const idleSeconds = i === times - 1 ? IDLE_SECONDS : 0;
      const { result } = await context.quiet.window(() => startOnce(home, key.key, idleSeconds));
      starts.push(result.start);
    }
    const idleMb = starts.at(-1)?.idleMb ?? Number.NaN;
    const middle = (read: (one: Start) => number): number => median(starts.map(read));
    return {
      rows: [
        {
          starts: starts.length,
          ready_ms: rounded(
            middle((one) => one.readyMs),
            0,
          ),
          answered_ms: rounded(
            middle((one) => one.answeredMs),
            0,
          ),
          answered_ms_each: starts.map((one) => rounded(one.answeredMs, 0)).join(', '),
          idle_mb: rounded(idleMb, 1),
        },
      ],
      goals: [
        { goal: 'start: ms from npm start to an answered call', bound: 1_500, side: 'at most', measured: middle((one) => one.answeredMs) },
        { goal: 'start: MB of the idle engine', bound: 110, side: 'at most', measured: idleMb },
      ],
    };
  },
};

async function startOnce(home: string, kept: string | undefined, idleSeconds: number): Promise<{ key: string; start: Start }> {
  const env = { DRAWBRIDGE_HOME: home };
  const cli = (...args: string[]): Promise<string> => runProgram(process.execPath, [path.join(root, 'dist', 'cli.mjs'), ...args], env);
  const began = performance.now();
  const npm = await startProcess({
    command: process.platform === 'win32' ? 'npm.cmd' : 'npm',
    args: ['start', '--', ...HEADLESS],
    core: 'any',
    cwd: root,
    env,
    ready: companionPort,
  });
  try {
    const readyMs = performance.now() - began;
    const key = kept ?? (await makeKey(cli));
    await practise(npm.ready, key);
    const answeredMs = performance.now() - began;
    const engine = Number(field(readFileSync(path.join(home, 'running.json'), 'utf8'), 'pid'));
    if (idleSeconds > 0) await sleep(idleSeconds * 1e3);
    return { key, start: { readyMs, answeredMs, idleMb: residentMb(engine) } };
  } finally {
    await cli('stop', '--json').catch(() => '');
    await npm.stop();
  }
}

async function practise(port: number, key: string): Promise<void> {
  const target = { port, path: '/v1/chat/completions', wire: 'chat' as const, headers: { authorization: `Bearer ${key}` } };
  const connection = new Connection(port);
  const reply = await connection.send(requestFor(target, { model: 'practice/echo', stream: false, promptBytes: 20 }));
  connection.close();
  if (reply.status !== 200) throw new Error(`the practice call was answered with ${reply.status}`);
}
