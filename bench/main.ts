import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { cleanUpAtExit } from './processes.ts';
import { Quiet } from './quiet.ts';
import { goalTable, isHeld, table, type Goal, type Report } from './report.ts';
import type { Scenario } from './scenario.ts';
import { big } from './scenarios/big.ts';
import { capture } from './scenarios/capture.ts';
import { chunk } from './scenarios/chunk.ts';
import { flood } from './scenarios/flood.ts';
import { lat, ttfb } from './scenarios/latency.ts';
import { loss } from './scenarios/loss.ts';
import { mem } from './scenarios/memory.ts';
import { sat } from './scenarios/saturation.ts';
import { stall } from './scenarios/stall.ts';
import { start } from './scenarios/start.ts';
import { store } from './scenarios/store.ts';
import { tunnel } from './scenarios/tunnel.ts';
import { canPin, pinSelf } from './system.ts';
import { startMock } from './targets.ts';

const SCENARIOS: readonly Scenario[] = [lat, ttfb, sat, big, chunk, flood, stall, mem, loss, start, store, capture, tunnel];

const USAGE = `npm run bench [-- SCENARIO ... [--rounds N] [--calls N] [--quick] [--json FILE]]

  SCENARIO     ${SCENARIOS.map((one) => one.name).join(', ')}; all of them where none is named
  --rounds N   how often each target is measured, instead of each scenario's own number
  --calls N    how large a history "capture" makes
  --quick      everything in about three minutes, with wider errors
  --json FILE  writes the figures there too

Compare ratios within one run, never times between runs.`;

/** Milliseconds that windows disturbed by other programs may take to be measured again, all together. */
const SPARED_MS = { quick: 20_000, full: 120_000 };

type Options = {
  names: readonly Scenario[];
  rounds: number | undefined;
  calls: number | undefined;
  quick: boolean;
  json: string | undefined;
};

function readOptions(): Options {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      rounds: { type: 'string' },
      calls: { type: 'string' },
      quick: { type: 'boolean' },
      json: { type: 'string' },
      help: { type: 'boolean', short: 'h' },
    },
  });
  if (values.help === true) {
    console.log(USAGE);
    process.exit(0);
  }
  const unknown = positionals.find((name) => !SCENARIOS.some((one) => one.name === name));
  const rounds = values.rounds === undefined ? undefined : Number(values.rounds);
  const calls = values.calls === undefined ? undefined : Number(values.calls);
  const isCount = (value: number | undefined): boolean => value === undefined || (Number.isInteger(value) && value > 0);
  if (unknown !== undefined || !isCount(rounds) || !isCount(calls)) {
    console.error(unknown === undefined ? '--rounds and --calls take a whole number above zero' : `there is no scenario "${unknown}"`);
    console.error(USAGE);
    process.exit(2);
  }
  const names = positionals.length === 0 ? SCENARIOS : SCENARIOS.filter((one) => positionals.includes(one.name));
  return { names, rounds, calls, quick: values.quick === true, json: values.json };
}

/** Runs one scenario and prints what it found; undefined where it crashed. */
async function runScenario(scenario: Scenario, options: Options, mock: number): Promise<Report | undefined> {
  const began = performance.now();
  const spared = options.quick ? SPARED_MS.quick : SPARED_MS.full;
  const quiet = new Quiet(spared / options.names.length);
  try {
    const report = await scenario.run({
      mock,
      quiet,
      quick: options.quick,
      calls: options.calls,
      rounds: (full, quick) => options.rounds ?? (options.quick ? quick : full),
    });
    const seconds = Math.round((performance.now() - began) / 1e3);
    const { windows, repeated, disturbed } = quiet.counts;
    console.log(`\n## ${scenario.name} (${seconds} s)\n\n${scenario.about}\n\n${table(report.rows)}`);
    for (const note of report.notes ?? []) console.log(`\n${note}`);
    if (repeated + disturbed > 0) {
      console.log(
        `\nOther programs were busy: of ${windows} windows, ${repeated} repetitions were made and ${disturbed} kept although disturbed.`,
      );
    }
    return report;
  } catch (error) {
    console.error(`\n## ${scenario.name} crashed\n`, error);
    return undefined;
  }
}

const options = readOptions();
cleanUpAtExit();
pinSelf(1);
console.log(`# Drawbridge benchmark (Node ${process.versions.node}, ${process.platform} ${process.arch})`);
console.log(
  canPin
    ? '\nWhat is measured runs on core 0, everything else on core 1.'
    : '\nProcesses can not be pinned to cores here: figures will scatter.',
);

const mock = await startMock();
const reports: Record<string, Report> = {};
let crashed = 0;
for (const scenario of options.names) {
  const report = await runScenario(scenario, options, mock.port);
  if (report === undefined) crashed += 1;
  else reports[scenario.name] = report;
}
await mock.stop();

const goals: Goal[] = Object.values(reports).flatMap((report) => report.goals);
console.log(`\n## Goals\n\n${goalTable(goals)}`);
if (options.json !== undefined) {
  const held = goals.map((goal) => ({ ...goal, held: isHeld(goal) }));
  writeFileSync(options.json, `${JSON.stringify({ node: process.versions.node, quick: options.quick, reports, goals: held }, null, 2)}\n`);
}
process.exit(crashed === 0 ? 0 : 1);
