import { eventIterator, oc } from '@orpc/contract';
import { z } from 'zod';
import { Call, Headers } from './schemas.ts';

/** How calls leave this machine's store and come into another: docs/export.md. */

const none = z.object({}).default({});

/** The first line of an export as JSONL. */
export const ExportHead = z.object({
  drawbridge: z.literal('calls'),
  /** Of the format. A reader refuses versions it does not know. */
  version: z.literal(1),
  exportedAt: z.string(),
  /** False where bodies were left out. */
  bodies: z.boolean(),
});

const ExportedBody = z.discriminatedUnion('encoding', [
  z.object({ encoding: z.literal('utf8'), content: z.string() }),
  z.object({ encoding: z.literal('base64'), content: z.base64() }),
]);

/** One side of an exchange, byte for byte as it went over the wire, without its content-encoding. Headers are as they were kept: redacted. */
const ExportedSide = z.object({
  side: z.enum(['clientRequest', 'clientReply', 'upstreamRequest', 'upstreamReply']),
  headers: Headers,
  body: ExportedBody.nullable(),
});

/** Every other line of an export as JSONL. */
export const ExportedCall = z.object({
  call: Call,
  /** The folder the client worked in; null where that is not known. */
  folder: z.string().max(4096).nullable(),
  sides: z.array(ExportedSide).max(4),
  /** Arrival of the reply's chunks: [offset of a chunk's first byte, milliseconds since the call began]. */
  timeline: z.array(z.tuple([z.number().int().nonnegative(), z.number().nonnegative()])),
});

export const ExportFormat = z.enum(['jsonl', 'har', 'html']);

export const Imported = z.object({
  stored: z.number().int(),
  /** Calls this store holds already. */
  duplicates: z.number().int(),
  /** Lines that could not be read, by their number in the file, with why. */
  bad: z.array(z.object({ line: z.number().int(), why: z.string() })),
});

export const exchange = {
  /**
   * A file in pieces, in order. `har` and `jsonl` take the calls a query finds (all where there is none), oldest first;
   * `html` takes the conversation that `conversation` is a call of. Calls under way are left out. Without `bodies` only
   * what is known of the calls leaves, not what they said. Throws bad_input, not_found.
   */
  export: oc
    .input(
      z.object({
        format: ExportFormat,
        query: z.string().max(2000).optional(),
        conversation: z.number().int().optional(),
        bodies: z.boolean().default(true),
      }),
    )
    .output(eventIterator(z.string())),
  /**
   * Takes some lines of an export as JSONL; `firstLine` is the number of the first of them in its file. What is wrong
   * with a line is told, and the others are taken all the same.
   */
  import: oc.input(z.object({ lines: z.array(z.string()).max(1000), firstLine: z.number().int().min(1) })).output(Imported),
};

export const TelemetryStatus = z.object({
  /** Null where nothing is sent. */
  endpoint: z.string().nullable(),
  /** Names of the headers that go with each batch; their values are in the keychain. */
  headers: z.array(z.string()),
  /** Spans of this run. */
  sent: z.number().int(),
  /** Spans of this run that the collector did not take. */
  dropped: z.number().int(),
  waiting: z.number().int(),
  /** Why the last batch failed; null where it did not. */
  problem: z.string().nullable(),
});

/** What became of an empty batch that was sent to try a collector. */
export const TelemetryTrial = z.object({ taken: z.boolean(), found: z.string() });

/** A header's name and value, such as they fit into a request. */
const HeaderName = z.string().regex(/^[A-Za-z0-9-]{1,100}$/, 'must be the name of a header');
const HeaderValue = z.string().regex(/^[\x20-\x7e]{1,4000}$/, 'must be printable ASCII');

/** `headers` that are not given are those that are held. */
const Target = z.object({ endpoint: z.string().max(2000), headers: z.record(HeaderName, HeaderValue).optional() });

/** The live exporter: a span for each call, to an OpenTelemetry collector. */
export const telemetry = {
  status: oc.input(none).output(TelemetryStatus),
  /** Where spans go; null ends it and forgets the headers. Headers that are not given stay as they are. May throw keychain. */
  set: oc.input(Target.extend({ endpoint: Target.shape.endpoint.nullable() })).output(TelemetryStatus),
  /** Sends an empty batch there and keeps nothing. Throws bad_input where the endpoint can't be one; may throw keychain. */
  try: oc.input(Target).output(TelemetryTrial),
};
