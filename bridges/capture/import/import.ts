import type { ZodError } from 'zod';
import { ExportedCall, ExportHead } from '../../contract/exchange.ts';
import type { Call, ExportedCall as Exported, Imported } from '../../contract/index.ts';
import { redactTarget, redactText } from '../../engine/redact.ts';
import { redactedHead } from '../heads.ts';
import type { Store } from '../store.ts';

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
    if (keep(store, read.exported)) result.stored += 1;
    else result.duplicates += 1;
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
  if (call.id <= 0 || Number.isNaN(Date.parse(call.startedAt))) return { why: 'Its number or its time is none.' };
  if (call.state === 'open') return { why: 'The call had not ended.' };
  if (new Set(sides.map(({ side }) => side)).size < sides.length) return { why: 'One side of the exchange stands there twice.' };
  return { exported: exported.data };
}

function sentence(error: ZodError): string {
  const [issue] = error.issues;
  return `${issue?.path.join('.') ?? ''}: ${issue?.message ?? 'is not as it should be'}`.slice(0, 300);
}

/** False where the store holds the call already. One whose number another call has takes the next that is free. */
function keep(store: Store, { call, folder, sides, timeline }: Exported): boolean {
  const own = redacted(call);
  let { id } = own;
  for (let held = store.held(id); held !== undefined; held = store.held(id)) {
    if (isSame(held, own)) return false;
    id += 1;
  }
  store.write({
    call: { ...own, id },
    ends: true,
    imported: true,
    folder,
    sides: sides.map(({ side, headers, body }) => ({
      side,
      headers: redactedHead(headers.flat()),
      body: body === null ? null : Buffer.from(body.content, body.encoding),
    })),
    timeline: timeline.length === 0 ? null : Float64Array.from(timeline.flat()),
  });
  return true;
}

function redacted(call: Call): Call {
  return { ...call, path: redactTarget(call.path), error: call.error === null ? null : redactText(call.error) };
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
