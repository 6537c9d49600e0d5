import type {
  Conversation,
  ConversationNode,
  Cost,
  NodeKind,
  QuotaPoint,
  Tokens,
  UsageNumbers,
  UsagePoint,
} from '../../bridges/contract/index.ts';

/** Conversations and usage, made up, always in the same way. */

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

type Step = { kind: NodeKind; line: string; from: number | null; title: string; failed?: boolean; grow: number };

const STEPS: readonly Step[] = [
  { kind: 'turn', line: 'main', from: null, title: 'Why does the import of large files run out of memory?', grow: 4 },
  { kind: 'turn', line: 'main', from: 0, title: 'result of read_file: src/import.ts', grow: 22 },
  { kind: 'subtask', line: 'subtask_1', from: 1, title: 'Find every caller of readWhole() and what it passes', grow: 2 },
  { kind: 'turn', line: 'subtask_1', from: 2, title: 'result of search: 14 places', grow: 9 },
  { kind: 'subtask', line: 'subtask_2', from: 1, title: 'Look at how upload.ts limits its input', grow: 2 },
  { kind: 'turn', line: 'main', from: 1, title: 'results of both tasks', grow: 14 },
  { kind: 'turn', line: 'main', from: 5, title: 'Move the check to the front, please', grow: 3 },
  { kind: 'branch', line: 'branch_2', from: 5, title: 'No: stream the file instead of refusing it', grow: 3 },
  { kind: 'turn', line: 'branch_2', from: 7, title: 'result of edit_file: src/import.ts', grow: 12, failed: true },
  { kind: 'retry', line: 'branch_2', from: 8, title: 'result of edit_file: src/import.ts', grow: 0 },
  { kind: 'turn', line: 'main', from: 6, title: 'result of edit_file: src/import.ts', grow: 18 },
  { kind: 'turn', line: 'main', from: 10, title: 'result of run_tests: 2 failed', grow: 36 },
  { kind: 'summary', line: 'main', from: 11, title: 'Summarise the work so far', grow: 1 },
  { kind: 'compaction', line: 'compact_142501', from: 12, title: 'Go on from the summary', grow: -70 },
  { kind: 'turn', line: 'compact_142501', from: 13, title: 'result of run_tests: all passed', grow: 8 },
  { kind: 'side', line: 'side', from: 0, title: 'Write a title for this conversation', grow: 0 },
];

const FIRST = 4101;

function tokensOf(inputTokens: number, outputTokens: number): Tokens {
  const input = Math.round(inputTokens);
  const output = Math.round(outputTokens);
  const cached = Math.round(input * 0.81);
  return { inputGross: input, inputNet: input - cached, cached, cacheWrite: null, output, reasoning: null };
}

/** The calls of one conversation, the newest of them some minutes before `now`. */
export function madeNodes(now: number): ConversationNode[] {
  const sizes: number[] = [];
  return STEPS.map((step, at) => {
    const before = step.kind === 'subtask' || step.kind === 'side' || step.from === null ? 0 : (sizes[step.from] ?? 0);
    const said = Math.max(3, before + step.grow);
    sizes.push(said);
    const input = 9000 + said * 420;
    return {
      call: FIRST + at,
      parent: step.from === null ? null : FIRST + step.from,
      kind: step.kind,
      line: step.line,
      startedAt: new Date(now - (STEPS.length - at) * 2 * MINUTE).toISOString(),
      title: step.title,
      model: step.kind === 'subtask' || step.kind === 'side' ? 'claude-haiku-4-8' : 'claude-opus-4-8',
      upstream: 'anthropic',
      status: step.failed ? 529 : 200,
      state: 'done',
      durationMs: 2400 + said * 60,
      tokens: step.failed ? tokensNone : tokensOf(input, 180 + at * 37),
      cost: step.failed || step.kind === 'side' ? UNKNOWN : { usd: input * 2.1e-6, label: 'list price', complete: true },
      context:
        step.kind === 'side'
          ? { system: 700, tools: 0, history: 900, results: 0 }
          : {
              system: 14_200,
              tools: 21_800,
              history: 1200 + said * 260,
              results: said * 780,
            },
      messages: 1 + at * 2,
    };
  });
}

const UNKNOWN: Cost = { usd: null, label: 'unknown', complete: false };
const tokensNone: Tokens = { inputGross: null, inputNet: null, cached: null, cacheWrite: null, output: null, reasoning: null };

const TALKS = [
  [
    'Why does the import of large files run out of memory?',
    'claude-code',
    'claude-opus-4-8',
    '/home/you/work/importer',
    'list price',
    1.84,
  ],
  ['Add a --json flag to the status command', 'codex', 'gpt-5.4-codex', '/home/you/work/drawbridge', 'plan', 0.71],
  ['Explain this stack trace', 'copilot-cli', 'gpt-5.4', '/home/you/work/shop', 'plan', 0.09],
  ['Rewrite the release notes in plain words', 'claude-code', 'claude-opus-4-8', '/home/you/work/drawbridge', 'list price', 0.33],
  ['Which of these 400 invoices have no date?', 'openai-sdk', 'house-model-7b', null, 'unknown', null],
  ['Port the build to the new bundler', 'codex', 'gpt-5.4-codex', '/home/you/work/shop', 'plan', 2.6],
  ['Hello', 'curl', 'practice/echo', null, 'list price', 0],
] as const;

/** The list of conversations, newest first; the first is the one of `madeNodes`. */
export function madeConversations(now: number): Conversation[] {
  return TALKS.map(([title, client, model, cwd, label, usd], at) => ({
    id: at === 0 ? FIRST : 4000 - at * 90,
    title,
    client,
    caller: client,
    session: null,
    cwd,
    gitBranch: cwd === null ? null : 'main',
    model,
    startedAt: new Date(now - at * 5 * HOUR - 32 * MINUTE).toISOString(),
    lastAt: new Date(now - at * 5 * HOUR - 2 * MINUTE).toISOString(),
    calls: at === 0 ? STEPS.length : ((at * 7) % 19) + 1,
    failed: at === 0 || at === 5 ? 1 : 0,
    subtasks: at === 0 ? 2 : 0,
    tokens: label === 'unknown' ? tokensNone : tokensOf(620_000 / (at + 1), 9400 / (at + 1)),
    cost: { usd, label, complete: at !== 0 && usd !== null },
  }));
}

const GROUPS = [
  { group: 'claude-code', share: 1, label: 'list price' },
  { group: 'codex', share: 0.6, label: 'plan' },
  { group: 'copilot-cli', share: 0.25, label: 'plan' },
  { group: 'openai-sdk', share: 0.12, label: 'unknown' },
] as const;

function numbersOf(weight: number, label: Cost['label']): UsageNumbers {
  const calls = Math.round(90 * weight);
  return {
    calls,
    errors: Math.round(calls * 0.03),
    uncounted: label === 'unknown' ? calls : 0,
    ...(label === 'unknown' ? tokensNone : tokensOf(Math.round(1_900_000 * weight), Math.round(61_000 * weight))),
    toolCalls: label === 'unknown' ? null : Math.round(calls * 1.4),
    cost: label === 'unknown' ? UNKNOWN : { usd: 4.1 * weight, label, complete: true },
    ttfbMs: 420 + 260 * weight,
    durationMs: 5200 + 4000 * weight,
  };
}

/** Usage of these buckets, by client. Weekends are quiet. */
export function madeUsage(times: readonly number[]): {
  points: UsagePoint[];
  totals: (UsageNumbers & { group: string })[];
  all: UsageNumbers;
} {
  const points = times.flatMap((time, at) =>
    GROUPS.flatMap(({ group, share, label }, index): UsagePoint[] => {
      const quiet = [0, 6].includes(new Date(time).getUTCDay()) ? 0.15 : 1;
      const weight = share * quiet * (0.55 + 0.45 * Math.sin(at * 1.7 + index * 2));
      return weight < 0.03 ? [] : [{ at: new Date(time).toISOString(), group, ...numbersOf(weight, label) }];
    }),
  );
  const totals = GROUPS.map(({ group, share, label }) => ({ group, ...numbersOf(share * times.length * 0.5, label) }));
  const all: UsageNumbers = { ...numbersOf(0.95 * times.length, 'mixed'), ttfbMs: 640, durationMs: 8100 };
  return { points, totals, all: { ...all, cost: { usd: 3.9 * times.length * 0.8, label: 'mixed', complete: false }, uncounted: 41 } };
}

export function madeWindow(now: number) {
  return [
    { group: 'anthropic', label: 'list price', weight: 0.5 },
    { group: 'codex', label: 'plan', weight: 0.3 },
  ].map(({ group, label, weight }) => ({
    startedAt: new Date(now - 4.2 * HOUR).toISOString(),
    endsAt: new Date(now + 0.8 * HOUR).toISOString(),
    group,
    numbers: numbersOf(weight, label === 'plan' ? 'plan' : 'list price'),
  }));
}

/** A short and a long limit of one bridge, as its replies told them. */
export function madeQuotas(now: number): QuotaPoint[] {
  return Array.from({ length: 60 }, (_, at) => at).flatMap((at): QuotaPoint[] =>
    [
      { window: '5 hours', minutes: 300, used: (at * 17) % 90 },
      { window: 'week', minutes: 10_080, used: Math.min(96, (at % 28) * 3.4) },
    ].map(({ window, minutes, used }) => ({
      at: new Date(now - (60 - at) * 6 * HOUR).toISOString(),
      bridge: 'codex',
      account: null,
      plan: 'plus',
      window,
      usedPercent: used,
      minutes,
      resetsAt: null,
    })),
  );
}
