import { DrawbridgeError } from '../../contract/errors.ts';
import type { AssembledPart, Body, Call, CallDetail, EngineClient } from '../../contract/index.ts';
import { plainText } from '../../engine/redact.ts';
import { localTime } from '../../engine/clock.ts';
import { inLine, milliseconds, type Output } from './output.ts';

export const CALL_OPTIONS = { body: { type: 'string' }, whole: { type: 'boolean' } } as const;

export type CallFlags = { body?: string | undefined; whole?: boolean | undefined };

type Shown = { json: boolean; output: Output; flags: CallFlags };

/** Of a body. */
const MOST_BYTES = 64 * 1024 * 1024;

/** The sides of a call, by the names that `--body` takes. Where an upstream got and sent the same bytes they are kept once. */
const SIDES = {
  request: ({ client }: CallDetail) => client.request,
  reply: ({ client }: CallDetail) => client.reply,
  'upstream-request': ({ client, upstream }: CallDetail) => (upstream ?? client).request,
  'upstream-reply': ({ client, upstream }: CallDetail) => (upstream ?? client).reply,
} as const;

/** `drawbridge calls ID`: what one call said, or one of its bodies as it went over the wire. Returns the exit code. */
export async function showCall(client: EngineClient, given: string, { json, output, flags }: Shown): Promise<number> {
  const id = Number(given);
  if (!/^\d+$/.test(given) || !Number.isSafeInteger(id))
    throw new DrawbridgeError('bad_input', `"${given}" is no number of a call. "drawbridge calls" tells them.`);
  const side = sideOf(flags.body);
  const detail = await client.calls.get({ id, ...(side !== undefined || json ? { limit: MOST_BYTES } : {}) });
  if (side !== undefined) output.out(textOf(side(detail).body, output.interactive));
  else if (json) output.out(JSON.stringify(detail));
  else output.out([...facts(detail.call), ...said(detail, flags.whole === true)].join('\n'));
  return 0;
}

function sideOf(name: string | undefined): ((detail: CallDetail) => CallDetail['client']['request']) | undefined {
  if (name === undefined) return undefined;
  for (const [known, side] of Object.entries(SIDES)) if (known === name) return side;
  throw new DrawbridgeError('bad_input', `--body takes ${Object.keys(SIDES).join(', ')}, not "${name}".`);
}

function textOf(body: Body | null, atTerminal: boolean): string {
  if (body === null) throw new DrawbridgeError('not_found', 'This body was not kept, or there is none.');
  if (body.encoding !== 'utf8')
    throw new DrawbridgeError('bad_input', 'This body is no text. "drawbridge calls ID --json" has it as base64.');
  if (!body.whole)
    throw new DrawbridgeError('failed', `This body has ${body.bytes} bytes, too many to show. "drawbridge export" writes it to a file.`);
  return atTerminal ? plainText(body.content) : body.content;
}

function facts(call: Call): string[] {
  const who = [`${call.client}${call.clientVersion === null ? '' : ` ${call.clientVersion}`}`, call.caller && `key "${call.caller}"`];
  const status = call.state === 'open' ? 'under way' : `${call.status ?? 'no status'}${call.cut ? ', cut short' : ''}`;
  const model =
    call.modelUsed === null || call.modelUsed === call.modelRequested
      ? call.modelRequested
      : `${call.modelRequested ?? '–'}, answered by ${call.modelUsed}`;
  const { usage } = call;
  const rows: [string, string | null][] = [
    ['call', String(call.id)],
    ['began', localTime(call.startedAt)],
    ['client', who.filter(Boolean).join(', ')],
    ['asked', `${call.method} ${call.path}`],
    ['model', model],
    ['upstream', call.upstream],
    ['crossing', call.wireOut !== null && call.wireIn !== call.wireOut ? `${call.wireIn ?? '–'} to ${call.wireOut}` : null],
    ['status', status],
    ['took', `${milliseconds(call.durationMs)}, first byte after ${milliseconds(call.ttfbMs)}`],
    ['tokens', usage && `${usage.input ?? '–'} in (${usage.cached ?? '–'} cached), ${usage.output ?? '–'} out`],
    ['tools', call.toolCalls === undefined || call.toolCalls === 0 ? null : `${call.toolCalls} called`],
    ['error', call.error],
    ...call.lost.map(({ path, why }): [string, string] => ['lost', `${path}: ${why}`]),
  ];
  return rows.flatMap(([name, value]) => (value === null ? [] : `${name.padEnd(9)}${inLine(value)}`));
}

/** What was said. Of the history, which a client sends anew each time, only what is new, unless `whole`. */
function said({ assembled: { request, reply } }: CallDetail, whole: boolean): string[] {
  const from = whole ? 0 : request.findLastIndex(({ role }) => role === 'assistant') + 1;
  const lines = from === 0 ? [] : ['', `(${from} earlier parts of the history: --whole shows them)`];
  for (const part of [...request.slice(from), ...reply]) lines.push('', heading(part), plainText(part.text));
  return lines;
}

const KINDS: Readonly<Record<AssembledPart['kind'], string | null>> = {
  text: null,
  reasoning: 'reasoning',
  refusal: 'refusal',
  tool_call: 'calls',
  tool_result: 'result',
  image: 'image',
  document: 'document',
  other: 'other',
};

function heading({ role, kind, name, callId }: AssembledPart): string {
  const words = [role, KINDS[kind], name, callId && `(${callId})`].filter(Boolean).join(' ');
  return `── ${inLine(words)}`;
}
