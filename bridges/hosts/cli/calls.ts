import type { Call, EngineClient } from '../../contract/index.ts';
import { localTime } from '../../engine/clock.ts';
import { inLine, milliseconds, table, type Output } from './output.ts';

/** `drawbridge calls`: the newest calls, or the newest that a query finds. */
export async function showCalls(
  client: EngineClient,
  options: { limit: number; query: string | undefined; json: boolean },
  output: Output,
): Promise<void> {
  const calls: Call[] = [];
  while (calls.length < options.limit) {
    const before = calls.at(-1)?.id;
    const page = await client.calls.list({
      limit: Math.min(1000, options.limit - calls.length),
      ...(before === undefined ? {} : { before }),
      ...(options.query === undefined ? {} : { query: options.query }),
    });
    calls.push(...page.calls);
    if (!page.more) break;
  }
  if (options.json) return output.out(JSON.stringify(calls));
  if (calls.length === 0)
    return output.out(options.query === undefined ? 'No calls yet. Try: drawbridge env curl' : 'No call fits that query.');
  output.out(table([HEADING, ...calls.map(callCells)]));
}

/** `drawbridge tail`: calls as they end, until the engine stops or the command is interrupted. */
export async function tailCalls(client: EngineClient, options: { json: boolean }, output: Output, signal: AbortSignal): Promise<void> {
  const told = new Set<number>();
  try {
    for await (const event of await client.events({}, { signal })) {
      if (event.type !== 'calls') continue;
      for (const call of event.calls.filter((one) => one.state !== 'open' && !told.has(one.id))) {
        told.add(call.id);
        output.out(options.json ? JSON.stringify(call) : callCells(call).map(inLine).join('  '));
      }
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}

const HEADING = ['time', 'status', 'client', 'caller', 'model', 'upstream', 'first byte', 'duration', 'tokens', 'id'];

function callCells(call: Call): string[] {
  const tokens = call.usage === null ? '–' : `${call.usage.input ?? '–'} in, ${call.usage.output ?? '–'} out`;
  const status = call.state === 'open' ? 'open' : `${call.status ?? '–'}${call.cut ? ' cut' : ''}`;
  return [
    localTime(call.startedAt),
    status,
    call.client,
    call.caller ?? '–',
    call.modelRequested ?? '–',
    call.upstream ?? '–',
    milliseconds(call.ttfbMs),
    milliseconds(call.durationMs),
    tokens,
    String(call.id),
  ];
}
