import { oc } from '@orpc/contract';
import { z } from 'zod';
import { UpstreamName } from './providers.ts';
import { Call } from './schemas.ts';

const Tool = z.object({ name: z.string().nullable(), input: z.string() });
const Value = z.union([z.string(), z.number(), z.null()]);

/** Two calls side by side. */
export const Comparison = z.object({
  original: Call,
  other: Call,
  /** The text of both answers by lines. */
  text: z.object({
    same: z.boolean(),
    parts: z.array(z.object({ op: z.enum(['same', 'removed', 'added']), text: z.string() })),
  }),
  /** Tool calls of both answers, in their order. */
  tools: z.array(z.object({ same: z.boolean(), original: Tool.nullable(), other: Tool.nullable() })),
  /** What else is told of both: status, model, upstream, tokens, times in milliseconds. */
  facts: z.array(z.object({ name: z.string(), original: Value, other: Value, same: z.boolean() })),
});

/** One frame of a stream, or the one body of a reply that is none. */
export const ReplayedFrame = z.object({ event: z.string().nullable(), data: z.string() });

export const OfflineReplay = z.object({
  call: z.number().int(),
  /** False where client and upstream speak the same wire format: nothing is translated, the bytes are the same. */
  translated: z.boolean(),
  /** True where the client would get today what it got then; ids, times and keep-alives aside. */
  same: z.boolean(),
  /** What the client would get today. */
  now: z.array(ReplayedFrame),
  /** What it got. */
  recorded: z.array(ReplayedFrame),
  /** The first frame that differs; null where none does. */
  firstDifference: z.number().int().nullable(),
});

export const replay = {
  /**
   * Sends a kept call again, by a key of our own, and compares the answers. To the upstream it went to, unless another
   * or another model is named. `body` replaces the request's. A call that went with the client's own credential needs
   * one (`credential`, used once, kept nowhere), or another upstream. Throws not_found, bad_input, not_running.
   */
  run: oc
    .input(
      z.object({
        id: z.number().int(),
        model: z.string().min(1).max(200).optional(),
        upstream: UpstreamName.optional(),
        body: z.record(z.string(), z.json()).optional(),
        credential: z
          .string()
          .regex(/^[\x21-\x7e]{1,4000}$/, 'must be one word')
          .optional(),
      }),
    )
    .output(Comparison),
  /** Any two kept calls side by side. Throws not_found. */
  compare: oc.input(z.object({ original: z.number().int(), other: z.number().int() })).output(Comparison),
  /** Translates the kept answer of an upstream again; nothing is sent. Throws not_found, bad_input. */
  offline: oc.input(z.object({ id: z.number().int() })).output(OfflineReplay),
};
