import type { Call } from '../../contract/index.ts';
import { parseJson } from '../../wire/json.ts';
import type { Scan } from '../conversations/scan.ts';
import type { Exchange } from './adapter.ts';

const MAX_FIELD = 64 * 1024;

/** A call as adapters see it. `headers` are JSON arrays of pairs, as they are stored. */
export function exchangeOf(
  call: Call,
  headers: { request: string | undefined; reply: string | undefined },
  scan: Scan | undefined,
): Exchange {
  const request = lookUp(headers.request);
  const reply = lookUp(headers.reply);
  const range = (name: string): { start: number; end: number } | undefined => scan?.fields.get(name);
  return {
    id: call.id,
    startedAt: call.startedAt,
    client: call.client,
    clientVersion: call.clientVersion,
    caller: call.caller,
    method: call.method,
    path: call.path.replace(/^\/k\/[^/]*/, ''),
    upstream: call.upstream,
    wire: call.wireIn,
    model: call.modelRequested,
    requestHeader: request,
    replyHeader: reply,
    field(name) {
      const found = range(name);
      if (scan === undefined || found === undefined || found.end - found.start > MAX_FIELD) return undefined;
      return parseJson(scan.body.toString('utf8', found.start, found.end));
    },
    fieldBytes(name) {
      const found = range(name);
      return found === undefined ? 0 : found.end - found.start;
    },
    first: scan?.first ?? null,
    last: scan?.last ?? null,
    opening: scan?.opening ?? [],
  };
}

function lookUp(headers: string | undefined): (name: string) => string | undefined {
  let found: Map<string, string> | undefined;
  return (name) => {
    if (headers === undefined) return undefined;
    if (found === undefined) {
      const pairs: [string, string][] = JSON.parse(headers);
      found = new Map(pairs.map(([key, value]) => [key.toLowerCase(), value]));
    }
    return found.get(name);
  };
}
