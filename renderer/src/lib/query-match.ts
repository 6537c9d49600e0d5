import type { Call } from '../../../bridges/contract/index.ts';
import type { Comparison, ParsedQuery, QueryField, QueryTime, QueryValue } from '../../../bridges/contract/query.ts';
import { outcomeOf } from './call-filter.ts';

/** Whether a row fits a query; `ask` where only the engine can tell, because it hangs on what was said in the call. */
export type Fit = 'yes' | 'no' | 'ask';

/**
 * The engine's own rule (docs/search.md), for rows that arrive live. Words and folders stand in no row.
 *
 * @param now Unix milliseconds, for times that are told as "ago"
 */
export function fits(call: Call, { terms }: ParsedQuery, now: number): Fit {
  let result: Fit = 'yes';
  for (const term of terms) {
    if (term.type === 'text' || term.field === 'folder') {
      result = 'ask';
      continue;
    }
    const holds = term.values.some((value) => valueFits(call, term.field, value, now));
    if (holds === term.not) return 'no';
  }
  return result;
}

function valueFits(call: Call, field: QueryField, value: QueryValue, now: number): boolean {
  switch (value.kind) {
    case 'name': {
      const pattern = wildcards(value.pattern);
      return names(call, field).some((name) => name !== null && pattern.test(name));
    }
    case 'choice':
      return choiceFits(call, field, value.choice);
    case 'number':
    case 'range': {
      const number = numberOf(call, field);
      if (number === null) return false;
      return value.kind === 'range' ? number >= value.from && number <= value.to : compares(number, value.compare, value.value);
    }
    case 'time':
      return timeFits(Date.parse(call.startedAt), value.compare, value.time, now);
  }
}

function names(call: Call, field: QueryField): (string | null)[] {
  switch (field) {
    case 'model':
      return [call.modelRequested, call.modelUsed];
    case 'client':
    case 'caller':
    case 'upstream':
    case 'route':
    case 'path':
    case 'method':
    case 'error':
      return [call[field]];
    case 'version':
      return [call.clientVersion];
    default:
      return [];
  }
}

function choiceFits(call: Call, field: QueryField, choice: string): boolean {
  if (field === 'wire') return call.wireIn === choice;
  if (field === 'to') return call.wireOut === choice;
  if (field === 'state') return call.state === choice;
  switch (choice) {
    case 'ok':
    case 'failed':
    case 'open':
      return outcomeOf(call) === choice;
    case 'cut':
      return call.state === 'cut';
    case 'streamed':
      return call.streamed;
    case 'translated':
      return call.wireIn !== null && call.wireOut !== null && call.wireIn !== call.wireOut;
    case 'lossy':
      return call.lost.length > 0;
    case 'replay':
      return call.replayOf !== undefined;
    default:
      return false;
  }
}

function numberOf(call: Call, field: QueryField): number | null {
  switch (field) {
    case 'status':
    case 'id':
      return call[field];
    case 'replay':
      return call.replayOf ?? null;
    case 'duration':
      return call.durationMs;
    case 'ttfb':
      return call.ttfbMs;
    case 'request':
      return call.requestBytes;
    case 'reply':
      return call.replyBytes;
    case 'input':
    case 'cached':
    case 'output':
    case 'reasoning':
      return call.usage?.[field] ?? null;
    case 'tools':
      return call.toolCalls ?? null;
    default:
      return null;
  }
}

function compares(number: number, compare: Comparison, bound: number): boolean {
  switch (compare) {
    case '=':
      return number === bound;
    case '>':
      return number > bound;
    case '>=':
      return number >= bound;
    case '<':
      return number < bound;
    case '<=':
      return number <= bound;
  }
}

function timeFits(at: number, compare: Comparison, time: QueryTime, now: number): boolean {
  const { from, to } = 'agoMs' in time ? { from: now - time.agoMs, to: now - time.agoMs } : time;
  switch (compare) {
    case '=':
      return at >= from && at < to;
    case '>':
      return at >= to;
    case '>=':
      return at >= from;
    case '<':
      return at < from;
    case '<=':
      return at < to;
  }
}

/** The whole name, whatever its case; `*` stands for any run of characters. */
function wildcards(pattern: string): RegExp {
  const parts = pattern.split('*').map((part) => part.replace(/[.+?^${}()|[\]\\]/g, '\\$&'));
  return new RegExp(`^${parts.join('.*')}$`, 'is');
}
