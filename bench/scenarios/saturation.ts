import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { Connection } from '../load.ts';
import { runProgram, temporaryFolder } from '../processes.ts';
import { bodyFor, requestFor, type Ask } from '../requests.ts';
import { figure, interleaved, of, ratio, type Scenario } from '../scenario.ts';
import { microseconds, percentile, rounded } from '../stats.ts';
import { cpuSeconds, hasCommand } from '../system.ts';
import { TARGETS, type Target } from '../targets.ts';

type Load = { calls: number; failed: number; seconds: number; p99Ms: number };
type Window = Load & { cpuSeconds: number };

const CONNECTIONS = 64;
const CALL: Ask = { model: 'm-b1200', stream: false, promptBytes: 1500 };

/** As many JSON calls as go through 64 connections. */
export const sat: Scenario = {
  name: 'sat',
  about: `JSON calls over ${CONNECTIONS} connections, each sent as soon as the one before it is answered: calls a second, and the ratio to raw.`,
  async run(context) {
    const load = hasCommand('wrk') ? wrk : closedLoop;
    const seconds = context.quick ? 2 : 3;
    const dropped: string[] = [];
    const all = await interleaved<Window>(context, {
      targets: TARGETS,
      rounds: context.rounds(5, 2),
      warmUp: (target) => load(target, 2),
      async window(target) {
        const before = target.pid === undefined ? 0 : cpuSeconds(target.pid);
        const done = await load(target, seconds);
        return { ...done, cpuSeconds: target.pid === undefined ? Number.NaN : cpuSeconds(target.pid) - before };
      },
      async after(targets) {
        for (const { name, engine } of targets) {
          if (engine === undefined) continue;
          const count = /"dropped":(\d+)/.exec(await engine.cli('status', '--json'))?.[1] ?? 'unknown';
          dropped.push(`${name}: ${count} captures dropped while saturated (the calls themselves were served)`);
        }
      },
    });
    const raw = of(all, 'raw');
    const rate = (window: Window): number => window.calls / window.seconds;
    const rows = all.map((one) => ({
      target: one.name,
      calls_a_second: rounded(figure(one, rate), 0),
      x_raw: rounded(ratio(one, raw, rate)),
      p99_ms: rounded(figure(one, (window) => window.p99Ms)),
      cpu_us_a_call: rounded(
        figure(one, (window) => (window.cpuSeconds / window.calls) * 1e6),
        0,
      ),
      failed: one.rounds.reduce((sum, window) => sum + window.failed, 0),
    }));
    return {
      rows,
      goals: [
        { goal: 'sat: calls a second, drawbridge / raw', bound: 1.1, side: 'at least', measured: ratio(of(all, 'drawbridge'), raw, rate) },
        {
          goal: 'sat: calls a second, drawbridge-translate / raw',
          bound: 1,
          side: 'at least',
          measured: ratio(of(all, 'drawbridge-translate'), raw, rate),
        },
      ],
      notes: [`load by ${load === wrk ? 'wrk' : 'the built-in client (wrk is not installed)'}`, ...dropped],
    };
  },
};

/** Load by `wrk`, which costs next to nothing beside what is measured. */
async function wrk(target: Target, seconds: number): Promise<Load> {
  const script = path.join(temporaryFolder(), 'wrk.lua');
  const headers = { ...target.headers, 'content-type': 'application/json', 'user-agent': 'bench/1' };
  const lines = [
    'wrk.method = "POST"',
    `wrk.path = ${JSON.stringify(target.path)}`,
    `wrk.body = ${JSON.stringify(JSON.stringify(bodyFor(target.wire, CALL)))}`,
    ...Object.entries(headers).map(([name, value]) => `wrk.headers[${JSON.stringify(name)}] = ${JSON.stringify(value)}`),
    'done = function(s, l)',
    '  local e = s.errors',
    '  io.write(string.format("@@ %d %d %f %f\\n", s.requests, e.status + e.connect + e.read + e.timeout, s.duration / 1e6, l:percentile(99) / 1e3))',
    'end',
  ];
  writeFileSync(script, lines.join('\n'));
  const out = await runProgram('wrk', ['-t1', `-c${CONNECTIONS}`, `-d${seconds}s`, '-s', script, `http://127.0.0.1:${target.port}`]);
  const [, calls, failed, took, p99] = /@@ (\d+) (\d+) ([\d.]+) ([\d.]+)/.exec(out) ?? [];
  if (calls === undefined) throw new Error(`wrk said nothing that could be read: ${out}`);
  return { calls: Number(calls), failed: Number(failed), seconds: Number(took), p99Ms: Number(p99) };
}

/** The same load by connections of our own; it shares its core with the mock. */
async function closedLoop(target: Target, seconds: number): Promise<Load> {
  const request = requestFor(target, CALL);
  const times: number[] = [];
  let failed = 0;
  const began = performance.now();
  const until = began + seconds * 1e3;
  await Promise.all(
    Array.from({ length: CONNECTIONS }, async () => {
      const connection = new Connection(target.port);
      while (performance.now() < until) {
        try {
          const reply = await connection.send(request);
          if (reply.status !== 200) failed += 1;
          times.push(microseconds(reply.ended - reply.started));
        } catch {
          failed += 1;
        }
      }
      connection.close();
    }),
  );
  return { calls: times.length, failed, seconds: (performance.now() - began) / 1e3, p99Ms: percentile(times, 99) / 1e3 };
}
