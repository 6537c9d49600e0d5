import { isUtf8 } from 'node:buffer';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createReadStream, createWriteStream } from 'node:fs';
import { mkdir, rename, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import { pipeline } from 'node:stream/promises';
import { ORPCError } from '@orpc/client';
import { z } from 'zod';
import { DrawbridgeError } from '../../contract/errors.ts';
import { ExportFormat } from '../../contract/exchange.ts';
import { UpstreamName } from '../../contract/providers.ts';
import type { Comparison, EngineClient, Imported } from '../../contract/index.ts';
import { fileError, parseJson, placeOf, readIfThere, systemFault } from '../../engine/files.ts';
import { plainText } from '../../engine/redact.ts';
import { isCutOff } from '../control.ts';
import { inLine, table, type Output } from './output.ts';

export const OUTLET_USAGE = `  drawbridge export --format jsonl|har [--query Q] [--no-bodies] [-o FILE]
  drawbridge export --format html --conversation ID [-o FILE]
  drawbridge export --format html [--query Q] -o FOLDER
                                      calls as a file; a page for each conversation
  drawbridge import FILE [--json]     calls that were exported as JSONL
  drawbridge replay ID [--model M] [--upstream U] [--edit FILE] [--credential] [--json]
                                      send a call again and compare the answers
  drawbridge replay --offline ID [--json]
                                      translate the kept answer of an upstream again
  drawbridge compare ID ID [--json]   two calls side by side
  drawbridge read-keys [list|create NAME|revoke NAME|ID] [--json]
                                      keys that may only read, below /api
  drawbridge telemetry [set URL [--header NAME]...|clear] [--json]
                                      a span for each call, to an OpenTelemetry collector`;

export const OUTLET_OPTIONS = {
  conversation: { type: 'string' },
  'no-bodies': { type: 'boolean' },
  output: { type: 'string', short: 'o' },
  model: { type: 'string' },
  upstream: { type: 'string' },
  edit: { type: 'string' },
  credential: { type: 'boolean' },
  offline: { type: 'boolean' },
  header: { type: 'string', multiple: true },
} as const;

export type OutletFlags = {
  format?: string | undefined;
  conversation?: string | undefined;
  'no-bodies'?: boolean | undefined;
  output?: string | undefined;
  model?: string | undefined;
  upstream?: string | undefined;
  edit?: string | undefined;
  credential?: boolean | undefined;
  offline?: boolean | undefined;
  header?: string[] | undefined;
};

type Shown = { json: boolean; output: Output; query: string | undefined; flags: OutletFlags; signal: AbortSignal };

/** `drawbridge export`: to a file, or to stdout. Returns the exit code. */
export async function exportTo(client: EngineClient, { output, query, flags, signal }: Shown): Promise<number> {
  const format = ExportFormat.safeParse(flags.format ?? 'jsonl');
  if (!format.success)
    throw new DrawbridgeError('bad_input', `--format takes ${ExportFormat.options.join(', ')}, not "${flags.format ?? ''}".`);
  if (flags.output === '') throw new DrawbridgeError('bad_input', 'Name where to write: drawbridge export -o FILE');
  const bodies = flags['no-bodies'] !== true;
  const texts = (conversation: number | undefined): Promise<AsyncIterable<string>> =>
    client.exchange.export(
      {
        format: format.data,
        bodies,
        ...(query === undefined || format.data === 'html' ? {} : { query }),
        ...(conversation === undefined ? {} : { conversation }),
      },
      { signal },
    );
  const toFile = async (file: string, conversation: number | undefined): Promise<void> =>
    writing(file, async () => writeWhole(file, await texts(conversation), signal));
  const conversation = flags.conversation === undefined ? undefined : idOf(flags.conversation);
  if (format.data === 'html' && conversation === undefined) return exportPages(client, query, flags.output, toFile, output);
  if (flags.output === undefined) {
    for await (const text of await texts(conversation)) if (!process.stdout.write(text)) await once(process.stdout, 'drain', { signal });
  } else {
    await toFile(flags.output, conversation);
    output.err(`Written to ${flags.output}.`);
  }
  return 0;
}

/** Writes a file that is its owner's alone. One that is there already stays as it is until the new one is whole. */
async function writeWhole(file: string, texts: AsyncIterable<string>, signal: AbortSignal): Promise<void> {
  const there = await stat(file).catch(() => undefined);
  // A pipe or a device is written to; it can't be replaced.
  if (there !== undefined && !there.isFile()) return pipeline(texts, createWriteStream(file), { signal });
  const place = placeOf(file);
  const part = `${place}.${randomUUID()}.part`;
  try {
    await pipeline(texts, createWriteStream(part, { mode: 0o600, flags: 'wx' }), { signal });
    await rename(part, place);
  } catch (error) {
    await rm(part, { force: true });
    throw error;
  }
}

/** Does what writes a file, or a folder. What the system refuses of it is told in words. */
async function writing<Done>(place: string, work: () => Promise<Done>): Promise<Done> {
  try {
    return await work();
  } catch (error) {
    if (systemFault(error) === undefined || isCutOff(error)) throw error;
    throw fileError(place, 'written', error, 'Name a place that is there, that you may write to, and that has room.');
  }
}

/** A page for each conversation that a call which fits belongs to. */
async function exportPages(
  client: EngineClient,
  query: string | undefined,
  folder: string | undefined,
  toFile: (file: string, conversation: number) => Promise<void>,
  output: Output,
): Promise<number> {
  if (folder === undefined)
    throw new DrawbridgeError(
      'bad_input',
      'A page holds one conversation: name it with --conversation ID, or a folder for all with -o FOLDER.',
    );
  await writing(folder, () => mkdir(folder, { recursive: true, mode: 0o700 }));
  const written = new Set<number>();
  let before: number | undefined;
  for (let more = true; more;) {
    const page = await client.calls.list({
      limit: 500,
      ...(before === undefined ? {} : { before }),
      ...(query === undefined ? {} : { query }),
    });
    for (const { id } of page.calls) {
      const found = await client.conversations.tree({ id, limit: 1 }).catch(ifThere);
      if (found === undefined || written.has(found.conversation.id)) continue;
      written.add(found.conversation.id);
      await toFile(path.join(folder, `conversation-${found.conversation.id}.html`), found.conversation.id);
    }
    before = page.calls.at(-1)?.id;
    more = page.more;
  }
  output.err(`${written.size} pages written to ${folder}.`);
  return 0;
}

/** What is not there is undefined; every other error is thrown on. */
function ifThere(error: unknown): undefined {
  if (!(error instanceof ORPCError && error.code === 'not_found')) throw error;
}

/** Lines go over in portions of about this many bytes. */
const PORTION = 1024 * 1024;
const PORTION_LINES = 500;

/** `drawbridge import FILE`. Exit code 1 where a line could not be read. */
export async function importFrom(client: EngineClient, [file]: readonly string[], { json, output }: Shown): Promise<number> {
  if (file === undefined || file === '') throw new DrawbridgeError('bad_input', 'Name the file: drawbridge import FILE');
  const all: Imported = { stored: 0, duplicates: 0, bad: [] };
  let lines: string[] = [];
  let size = 0;
  let number = 0;
  const hand = async (): Promise<void> => {
    if (lines.length === 0) return;
    const { stored, duplicates, bad } = await client.exchange.import({ lines, firstLine: number - lines.length + 1 });
    all.stored += stored;
    all.duplicates += duplicates;
    all.bad.push(...bad);
    lines = [];
    size = 0;
  };
  for await (const line of linesOf(chunksOf(file))) {
    number += 1;
    // Bytes that are no text would be stored as other bytes than they were.
    if (isUtf8(line)) lines.push(line.toString('utf8'));
    else {
      lines.push('');
      all.bad.push({ line: number, why: 'It is not valid UTF-8.' });
    }
    size += line.length;
    if (size >= PORTION || lines.length >= PORTION_LINES) await hand();
  }
  await hand();
  if (json) output.out(JSON.stringify(all));
  else {
    output.out(`${all.stored} calls stored, ${all.duplicates} were here already, ${all.bad.length} lines could not be read.`);
    for (const { line, why } of all.bad.slice(0, 20)) output.err(`line ${line}: ${why}`);
    if (all.bad.length > 20) output.err(`and ${all.bad.length - 20} more`);
  }
  return all.bad.length === 0 ? 0 : 1;
}

/** What a file holds. Throws DrawbridgeError `failed` where it can't be read. */
async function* chunksOf(file: string): AsyncGenerator<Buffer, void> {
  try {
    yield* createReadStream(file);
  } catch (error) {
    throw fileError(file, 'read', error, 'Name a file of calls that were exported as JSONL.');
  }
}

/** Lines of a file, cut at LF alone: JSON text may hold other line separators. */
async function* linesOf(chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer, void> {
  let held: Buffer[] = [];
  for await (const chunk of chunks) {
    let at = 0;
    for (let end = chunk.indexOf(10); end >= 0; end = chunk.indexOf(10, at)) {
      yield Buffer.concat([...held, chunk.subarray(at, end)]);
      held = [];
      at = end + 1;
    }
    if (at < chunk.length) held.push(chunk.subarray(at));
  }
  if (held.length > 0) yield Buffer.concat(held);
}

/** `drawbridge replay`. Exit code 1 where the answers differ, for scripts. */
export async function replay(client: EngineClient, [given]: readonly string[], { json, output, flags, signal }: Shown): Promise<number> {
  const id = idOf(given);
  if (flags.offline === true) {
    const result = await client.replay.offline({ id });
    if (json) output.out(JSON.stringify(result));
    else {
      for (const { event, data } of result.now) output.out(inLine(event === null ? data : `${event}  ${data}`));
      output.err(
        result.same
          ? `The same as the client got then${result.translated ? '' : ': nothing is translated for this call'}.`
          : `Differs from what the client got then, from frame ${(result.firstDifference ?? 0) + 1} on.`,
      );
    }
    return result.same ? 0 : 1;
  }
  const upstream = UpstreamName.optional().safeParse(flags.upstream);
  if (!upstream.success)
    throw new DrawbridgeError(
      'bad_input',
      `--upstream takes the name of an upstream, as "drawbridge status" tells them, not "${flags.upstream ?? ''}".`,
    );
  const credential = flags.credential === true ? (await output.secret('Credential for the provider: ')).trim() : '';
  const comparison = await client.replay.run(
    {
      id,
      ...(flags.model === undefined ? {} : { model: flags.model }),
      ...(upstream.data === undefined ? {} : { upstream: upstream.data }),
      ...(flags.edit === undefined ? {} : { body: bodyIn(flags.edit) }),
      ...(credential === '' ? {} : { credential }),
    },
    { signal },
  );
  return showComparison(comparison, json, output);
}

/** `drawbridge compare ID ID`. */
export async function compare(client: EngineClient, [a, b]: readonly string[], { json, output }: Shown): Promise<number> {
  return showComparison(await client.replay.compare({ original: idOf(a), other: idOf(b) }), json, output);
}

const MARKS = { same: '  ', removed: '- ', added: '+ ' } as const;

function showComparison(comparison: Comparison, json: boolean, output: Output): number {
  const { text, tools, facts } = comparison;
  const same = text.same && tools.every((tool) => tool.same);
  if (json) output.out(JSON.stringify(comparison));
  else {
    const told = (value: string | number | null): string => (value === null ? '–' : String(value));
    output.out(
      table([
        ['', `call ${comparison.original.id}`, `call ${comparison.other.id}`],
        ...facts.map((fact) => [fact.name, told(fact.original), told(fact.other)]),
      ]),
    );
    const lines = text.parts.flatMap(({ op, text: part }) =>
      part
        .replace(/\n$/, '')
        .split('\n')
        .map((line) => MARKS[op] + line),
    );
    output.out(`\n${text.same ? 'The same text:' : 'The text differs:'}\n${plainText(lines.join('\n'))}`);
    for (const tool of tools.filter((one) => !one.same)) {
      if (tool.original !== null) output.out(inLine(`- ${tool.original.name ?? ''} ${tool.original.input}`));
      if (tool.other !== null) output.out(inLine(`+ ${tool.other.name ?? ''} ${tool.other.input}`));
    }
  }
  return same ? 0 : 1;
}

/** `drawbridge telemetry`. Values of headers come from the terminal or stdin, never from the arguments. */
export async function telemetry(client: EngineClient, [action, url]: readonly string[], { json, output, flags }: Shown): Promise<number> {
  const status = await (async () => {
    switch (action) {
      case undefined:
        return client.telemetry.status({});
      case 'clear':
        return client.telemetry.set({ endpoint: null });
      case 'set': {
        if (url === undefined) break;
        if (flags.header === undefined) return client.telemetry.set({ endpoint: url });
        return client.telemetry.set({ endpoint: url, headers: await headersOf(flags.header, output) });
      }
    }
    throw new DrawbridgeError('bad_input', 'Use: drawbridge telemetry, drawbridge telemetry set URL, or drawbridge telemetry clear.');
  })();
  output.out(
    json
      ? JSON.stringify(status)
      : status.endpoint === null
        ? 'Nothing is sent.'
        : `Spans go to ${status.endpoint}: ${status.sent} sent, ${status.dropped} dropped, ${status.waiting} waiting.${status.problem === null ? '' : ` ${status.problem}`}`,
  );
  return 0;
}

/** Each name with its value: a terminal gives one at a time, a pipe all of them. Throws `bad_input` where one is missing. */
async function headersOf(names: readonly string[], output: Output): Promise<Record<string, string>> {
  const given: string[] = [];
  const headers: Record<string, string> = {};
  for (const name of names) {
    if (given.length === 0) given.push(...(await output.secret(`Value of ${name}: `)).trim().split('\n'));
    const value = given.shift()?.trim() ?? '';
    if (value === '') throw new DrawbridgeError('bad_input', `The header "${name}" has no value. They are read one a line.`);
    headers[name] = value;
  }
  return headers;
}

const Body = z.record(z.string(), z.json());

function bodyIn(file: string): z.infer<typeof Body> {
  const text = readIfThere(file);
  if (text === undefined) throw new DrawbridgeError('bad_input', `There is no file ${file}. Name one that holds the body to send.`);
  try {
    return Body.parse(parseJson(text));
  } catch (error) {
    throw new DrawbridgeError('bad_input', `${file} holds no JSON object to send.`, {}, { cause: error });
  }
}

function idOf(text: string | undefined): number {
  const id = Number(text);
  if (text !== undefined && text.trim() !== '' && Number.isSafeInteger(id)) return id;
  throw new DrawbridgeError('bad_input', `"${text ?? ''}" is no number of a call. "drawbridge calls" tells them.`);
}
