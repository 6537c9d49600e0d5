import type { ZodError } from 'zod';
import { ExportedCall, ExportHead } from '../../contract/exchange.ts';
import type { Call, ExportedCall as Exported, Imported } from '../../contract/index.ts';
import { plainText, redactTarget, redactText } from '../../engine/redact.ts';
import { IDS_PER_MS } from '../conversations/link.ts';
import { redactedHead } from '../heads.ts';
import { idAt } from '../recorder.ts';
import type { Store } from '../store.ts';
import { uncoded } from '../uncoded.ts';

/**
 * Stores some lines of an export as JSONL. To be run in a transaction. Whatever a line says, what is stored is redacted
 * as if it had been captured here.
 */
export function importLines(store: Store, lines: readonly string[], firstLine: number): Imported {
  const result: Imported = { stored: 0, duplicates: 0, bad: [] };
  for (const [i, text] of lines.entries()) {
    if (text.trim() === '') continue;
    const read = readLine(text);
    if ('why' in read) {
      result.bad.push({ line: firstLine + i, why: read.why });
      continue;
    }
    if (read.exported === undefined) continue;
    const kept = keep(store, read.exported);
    if (kept === 'crowded') result.bad.push({ line: firstLine + i, why: 'Too many other calls have its number.' });
    else if (kept === 'known') result.duplicates += 1;
    else result.stored += 1;
  }
  return result;
}

/** A line's call; none where it is the head of an export. */
function readLine(text: string): { exported: Exported | undefined } | { why: string } {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return { why: 'It is not valid JSON.' };
  }
  if (typeof value === 'object' && value !== null && 'drawbridge' in value) {
    const head = ExportHead.safeParse(value);
    return head.success ? { exported: undefined } : { why: 'It is the head of another kind or version of export than this one reads.' };
  }
  const exported = ExportedCall.safeParse(value);
  if (!exported.success) return { why: sentence(exported.error) };
  const { call, sides } = exported.data;
  if (call.id <= 0 || !Number.isSafeInteger(latestId(call))) return { why: 'Its number or its time is none.' };
  if (countsOf(call).some((count) => count !== null && count < 0)) return { why: 'It counts something below nothing.' };
  if (call.state === 'open') return { why: 'The call had not ended.' };
  if (new Set(sides.map(({ side }) => side)).size < sides.length) return { why: 'One side of the exchange stands there twice.' };
  if (sides.some(({ headers }) => headers.some(([name]) => NO_NAME.test(name)))) return { why: 'The name of a header is none.' };
  return { exported: exported.data };
}

/** No such header goes over a wire. */
// eslint-disable-next-line no-control-regex -- these characters are what is looked for
const NO_NAME = /[\u0000-\u001f\u007f]|^$/;

function countsOf({ status, ttfbMs, durationMs, requestBytes, replyBytes, usage }: Call): (number | null)[] {
  return [status, ttfbMs, durationMs, requestBytes, replyBytes, ...(usage === null ? [] : Object.values(usage))];
}

function sentence(error: ZodError): string {
  const [issue] = error.issues;
  return `${issue?.path.join('.') ?? ''}: ${issue?.message ?? 'is not as it should be'}`.slice(0, 300);
}

/** The clocks of two machines, and of one before and after it was set right, are no further apart than that. Milliseconds. */
const CLOCK_SLACK = 86_400_000;
/** So many numbers are tried. A line costs no more than this, whatever file it comes from. */
const MOST_TRIED = 100;

/** Numbers rise with time, and are looked for by it: a larger one would stand before all others for ever. NaN where there is no time. */
function latestId(call: Call): number {
  return idAt(Date.parse(call.startedAt)) + CLOCK_SLACK * IDS_PER_MS;
}

/**
 * One whose number another call has takes the next that is free, one whose number is too large for its time the first of
 * its time.
 */
function keep(store: Store, { call, folder, sides, timeline }: Exported): 'stored' | 'known' | 'crowded' {
  const own = redacted(call);
  const there = store.held(own.id);
  if (there !== undefined && isSame(there, own)) return 'known';
  const first = own.id <= latestId(own) ? own.id : Math.max(1, idAt(Date.parse(own.startedAt)));
  let id = first;
  for (let held = store.held(id); held !== undefined; held = store.held(id)) {
    if (isSame(held, own)) return 'known';
    id += 1;
    if (id - first >= MOST_TRIED) return 'crowded';
  }
  store.write({
    call: { ...own, id },
    ends: true,
    imported: true,
    folder: folder === null ? null : plain(folder),
    sides: sides.map(({ side, headers, body }) =>
      uncoded({ side, headers: redactedHead(headers.flat()), body: body === null ? null : Buffer.from(body.content, body.encoding) }),
    ),
    timeline: timeline.length === 0 ? null : Float64Array.from(timeline.flat()),
  });
  return 'stored';
}

/** Every text of a row as the recorder would have it: they are shown in terminals, too. */
function redacted(call: Call): Call {
  return {
    ...call,
    client: plain(call.client),
    clientVersion: plainOrNull(call.clientVersion),
    caller: plainOrNull(call.caller),
    method: plain(call.method),
    path: redactTarget(plainText(call.path)),
    route: plainOrNull(call.route),
    upstream: plainOrNull(call.upstream),
    modelRequested: plainOrNull(call.modelRequested),
    modelUsed: plainOrNull(call.modelUsed),
    lost: call.lost.map(({ path, why }) => ({ path: plain(path), why: plain(why) })),
    error: plainOrNull(call.error),
  };
}

/** Escapes go first: the last letter of one would hide where a credential behind it begins. */
function plain(text: string): string {
  return redactText(plainText(text));
}

function plainOrNull(text: string | null): string | null {
  return text === null ? null : plain(text);
}

/** Two calls with the same number that began and went alike are one. */
function isSame(a: Call, b: Call): boolean {
  return (
    Date.parse(a.startedAt) === Date.parse(b.startedAt) &&
    a.client === b.client &&
    a.method === b.method &&
    a.path === b.path &&
    a.status === b.status &&
    a.durationMs === b.durationMs &&
    a.requestBytes === b.requestBytes &&
    a.replyBytes === b.replyBytes
  );
}
