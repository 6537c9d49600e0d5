import { oc } from '@orpc/contract';
import { z } from 'zod';

/** Tokens, cost and limits over time. An unknown number is null, never zero. */

/**
 * `list price`: tokens times the price table, for calls that are billed by use. `plan`: a subscription pays; `usd` is
 * what the tokens would cost by the price table. `unknown`: no price or no counts. `usd` is null where it can't be told;
 * `complete` is false where some of the calls behind it have none.
 */
export const Cost = z.object({
  usd: z.number().nullable(),
  label: z.enum(['list price', 'plan', 'mixed', 'unknown']),
  complete: z.boolean(),
});

export const UsageDimension = z.enum(['client', 'caller', 'model', 'bridge', 'account', 'kind']);

/**
 * The values of the dimension `kind`: `turn` goes on with a conversation, `subtask` is a call of a sub-agent, `summary`
 * asks for a history's, `side` is about a conversation but no part of it (a title, a quota check). Null are calls that
 * belong to none, such as lists of models, and those that were not kept.
 */
export const RequestKind = z.enum(['turn', 'subtask', 'summary', 'side']);

/** Sums over calls that have ended. */
export const UsageNumbers = z.object({
  calls: z.number().int(),
  /** Refused, failed or cut. */
  errors: z.number().int(),
  /** Calls whose reply stated no counts. */
  uncounted: z.number().int(),
  /** The whole prompt, cached tokens included; null where no reply said. */
  inputGross: z.number().int().nullable(),
  /** What was not read from a cache. */
  inputNet: z.number().int().nullable(),
  cached: z.number().int().nullable(),
  cacheWrite: z.number().int().nullable(),
  output: z.number().int().nullable(),
  reasoning: z.number().int().nullable(),
  /** Tools that the replies called; null where of none it can be told. */
  toolCalls: z.number().int().nullable(),
  cost: Cost,
  /** Averages over successful calls, in milliseconds. */
  ttfbMs: z.number().nullable(),
  durationMs: z.number().nullable(),
});

const Where = z.object({
  client: z.string().optional(),
  caller: z.string().optional(),
  model: z.string().optional(),
  bridge: z.string().optional(),
  account: z.string().optional(),
  kind: z.string().optional(),
});

export const UsagePoint = UsageNumbers.extend({
  /** When the bucket begins; ISO 8601, UTC. */
  at: z.string(),
  /** The value of the dimension; null where calls have none, and where nothing was grouped by. */
  group: z.string().nullable(),
});

export const UsageTotal = UsageNumbers.extend({ group: z.string().nullable() });

/** The calls of the last five hours, a rolling window: how subscriptions count. */
export const Window5h = z.object({
  /** When its oldest call began; `endsAt` is when that one falls out of it. Null where there is none. */
  startedAt: z.string().nullable(),
  endsAt: z.string().nullable(),
  group: z.string().nullable(),
  numbers: UsageNumbers,
});

/** What a bridge's provider said of its limits, each time it said something new. */
export const QuotaPoint = z.object({
  at: z.string(),
  bridge: z.string(),
  account: z.string().nullable(),
  plan: z.string().nullable(),
  window: z.string(),
  usedPercent: z.number().nullable(),
  minutes: z.number().nullable(),
  resetsAt: z.string().nullable(),
});

/** A row of the price table. Dollars for a million tokens; null is unknown. */
export const Price = z.object({
  /** A model's name as upstreams use it; `*` stands for any run of characters. The longest match counts. */
  model: z.string().min(1).max(200),
  input: z.number().nonnegative().nullable(),
  cached: z.number().nonnegative().nullable(),
  cacheWrite: z.number().nonnegative().nullable(),
  output: z.number().nonnegative().nullable(),
  /** Where the numbers are from, and the day they were read there (YYYY-MM-DD). */
  source: z.string(),
  date: z.iso.date(),
});

export const usage = {
  /** Without `from`, the last 30 days. `offsetMinutes` is the viewer's distance from UTC: where a day begins. */
  series: oc
    .input(
      z
        .object({
          from: z.iso.datetime().optional(),
          to: z.iso.datetime().optional(),
          bucket: z.enum(['hour', 'day']).default('day'),
          by: UsageDimension.optional(),
          where: Where.default({}),
          offsetMinutes: z.number().int().min(-840).max(840).default(0),
        })
        .default({ bucket: 'day', where: {}, offsetMinutes: 0 }),
    )
    .output(z.object({ points: z.array(UsagePoint), totals: z.array(UsageTotal), all: UsageNumbers })),
  /** The calls of the last five hours, all together or for each value of a dimension. */
  window5h: oc.input(z.object({ by: UsageDimension.optional() }).default({})).output(z.array(Window5h)),
  /** What one call cost, as it is known now. Throws not_found. */
  cost: oc.input(z.object({ call: z.number().int() })).output(Cost),
  quotas: oc
    .input(z.object({ bridge: z.string().optional(), from: z.iso.datetime().optional(), to: z.iso.datetime().optional() }).default({}))
    .output(z.array(QuotaPoint)),
  /** The price table in force: the user's rows before ours. `problem` says why a file of the user's is not in force. */
  prices: oc
    .input(z.object({}).default({}))
    .output(
      z.object({ prices: z.array(Price.extend({ from: z.enum(['built-in', 'user']) })), file: z.string(), problem: z.string().nullable() }),
    ),
  /** Writes the user's price file anew with these rows, all of them theirs. Throws failed where it can't be written. */
  setPrices: oc.input(z.object({ prices: z.array(Price).max(2000) })).output(z.object({ file: z.string() })),
};
