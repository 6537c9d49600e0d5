import { oc } from '@orpc/contract';
import { z } from 'zod';
import { Conversation, ConversationNode } from './conversations.ts';
import { Call, CallDetail, CallFilter, CaptureStatus, Key } from './schemas.ts';
import { UsageDimension, UsageNumbers, UsagePoint, UsageTotal, Window5h } from './usage.ts';

/**
 * What may be read over plain HTTP, with the shapes of the contract itself. `GET /api/openapi.json` describes it.
 * Numbers in a path or query are text there, and read as numbers.
 */

const whole = z.coerce.number().int();
/** The number of a call. Text that is empty reads as nought, which is none. */
const number = whole.min(1);
const get = (path: `/${string}`, summary: string) => oc.route({ method: 'GET', path, summary });

export const rest = {
  health: get('/health', 'Whether the engine runs and its store can be written').output(
    z.object({ status: z.enum(['ok', 'degraded']), version: z.string(), capture: CaptureStatus }),
  ),
  calls: {
    list: get('/calls', 'Calls, newest first')
      .input(
        CallFilter.omit({ text: true }).extend({
          limit: whole.min(1).max(1000).default(100),
          before: number.optional(),
          query: z.string().max(2000).optional(),
        }),
      )
      .output(z.object({ calls: z.array(Call), next: z.number().int().nullable() })),
    get: get('/calls/{id}', 'One call with what it said')
      .input(z.object({ id: number, limit: whole.min(0).max(67_108_864).default(524_288) }))
      .output(CallDetail),
  },
  conversations: {
    list: get('/conversations', 'Conversations, newest first')
      .input(
        z.object({
          limit: whole.min(1).max(500).default(50),
          /** `next` of the page before. */
          before: z
            .string()
            .regex(/^\d{1,16}\.\d{1,16}$/)
            .optional(),
          client: z.string().optional(),
          caller: z.string().optional(),
        }),
      )
      .output(z.object({ conversations: z.array(Conversation), next: z.string().nullable() })),
    get: get('/conversations/{id}', 'One conversation as a tree')
      .input(z.object({ id: number, limit: whole.min(1).max(20_000).default(5_000) }))
      .output(z.object({ conversation: Conversation, nodes: z.array(ConversationNode), more: z.boolean() })),
  },
  usage: {
    current: get('/token-usage/current', 'The last five hours')
      .input(z.object({ by: UsageDimension.optional() }))
      .output(z.object({ windows: z.array(Window5h) })),
    daily: get('/token-usage/daily', 'Usage by day')
      .input(z.object({ days: whole.min(1).max(3660).default(30), by: UsageDimension.optional() }))
      .output(z.object({ days: z.array(UsagePoint), totals: z.array(UsageTotal), all: UsageNumbers })),
    stats: get('/token-stats', 'Sums of the last days by client')
      .input(z.object({ days: whole.min(1).max(3660).default(30), by: UsageDimension.default('client') }))
      .output(z.object({ totals: z.array(UsageTotal), all: UsageNumbers })),
  },
};

/** Keys that may read over HTTP and nothing else: no call is served with one. */
export const readKeys = {
  list: oc.input(z.object({}).default({})).output(z.array(Key)),
  /** The only answer that ever holds a key. Throws bad_input where the name is taken. */
  create: oc
    .input(z.object({ name: z.string().trim().min(1).max(64) }))
    .output(z.object({ name: z.string(), key: z.string(), id: z.string() })),
  /** Throws not_found. */
  revoke: oc.input(z.object({ id: z.string() })).output(z.object({ revoked: z.literal(true) })),
  /** Takes a revocation back, within ten minutes and the same run. Throws not_found after that. */
  restore: oc.input(z.object({ id: z.string() })).output(Key),
};
