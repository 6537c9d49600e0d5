import type { Call } from '../contract/index.ts';
import { codecs } from '../wire/codecs.ts';
import { isEventStream } from '../wire/sse.ts';
import { streamEvents } from './assemble.ts';
import { valueOf } from './heads.ts';
import { decoded } from './projector.ts';
import type { Side } from './record.ts';

type SideOf<Body> = { side: Side; headers: string; body: Body };

/** Marks a reply that is not kept as it went over the wire. */
const MARK = ['x-drawbridge-kept', 'assembled'] as const;

/** True where a reply that was streamed is kept as the one JSON body it amounts to. */
export function isAssembled(headers: string): boolean {
  return headers.includes(`"${MARK[0]}"`);
}

/**
 * A streamed reply as the one JSON body that its format has for it, for who wants to keep what was said and not how it
 * came; what of its reasoning only the upstream can read is not in it. What is no complete stream of the call's format
 * stays as it is: requests, errors, replies that broke off.
 */
export function assembled(call: Call, kept: SideOf<Buffer | null>): SideOf<Buffer | null> {
  const wire = kept.side === 'clientReply' ? call.wireIn : kept.side === 'upstreamReply' ? (call.wireOut ?? call.wireIn) : null;
  if (wire === null || kept.body === null || !call.streamed || call.status !== 200 || call.state !== 'done') return kept;
  const headers: [string, string][] = JSON.parse(kept.headers);
  const plain = decoded(kept.body, valueOf(headers, 'content-encoding'));
  if (plain === undefined || !isEventStream(valueOf(headers, 'content-type'))) return kept;
  try {
    const events = streamEvents(wire, plain);
    if (!events.some(({ type }) => type === 'end') || events.some(({ type }) => type === 'error' || type === 'cut')) return kept;
    const body = codecs[wire].renderReply(events, {
      model: call.modelUsed ?? call.modelRequested ?? '',
      now: Date.parse(call.startedAt),
      newId: (prefix) => firstId(plain, prefix),
      seal: () => '',
      includeUsage: true,
      wantsReasoning: true,
    });
    return { side: kept.side, headers: JSON.stringify(headersOf(headers)), body: Buffer.from(JSON.stringify(body)) };
  } catch {
    return kept;
  }
}

function headersOf(headers: readonly [string, string][]): (readonly [string, string])[] {
  const stay = headers.filter(([name]) => !/^(?:content-(?:type|length|encoding)|transfer-encoding)$/i.test(name));
  return [...stay, ['content-type', 'application/json'], MARK];
}

/** The first id of the stream that begins like this: the reply's own. */
function firstId(stream: Buffer, prefix: string): string {
  return new RegExp(`"id":\\s?"(${prefix}[\\w-]*)"`).exec(stream.toString('latin1', 0, 64 * 1024))?.[1] ?? `${prefix}_kept`;
}
