import { readFile } from 'node:fs/promises';
import type { WireFormat } from '../../contract/index.ts';
import { DrawbridgeError } from '../../contract/errors.ts';
import { checkStream } from '../../wire/grammar.ts';
import { asString, isObject, parseJson } from '../../wire/json.ts';
import { SseReader } from '../../wire/sse.ts';
import { table, type Output } from './output.ts';

/**
 * `drawbridge check-stream`: reads a recorded reply stream and says where it breaks the grammar of its format.
 * Resolves with the exit code: 0 where nothing is wrong, else 1.
 */
export async function checkStreamFile(file: string, format: WireFormat | undefined, output: Output): Promise<number> {
  const { format: found, problems } = await checked(file, format);
  if (problems.length === 0) {
    output.out(`no problems (${found})`);
    return 0;
  }
  output.out(table([['line', 'event', 'rule'], ...problems.map(({ line, event, rule }) => [String(line), event, rule])]));
  return 1;
}

/** The same for programs: a JSON array of `{line, event, rule}`. */
export async function checkStreamFileJson(file: string, format: WireFormat | undefined, output: Output): Promise<number> {
  const { problems } = await checked(file, format);
  output.out(JSON.stringify(problems));
  return problems.length === 0 ? 0 : 1;
}

async function checked(
  file: string,
  given: WireFormat | undefined,
): Promise<{ format: WireFormat; problems: ReturnType<typeof checkStream> }> {
  const text = await readText(file);
  const format = given ?? formatOf(text);
  if (format === undefined) {
    throw new DrawbridgeError(
      'bad_input',
      `${file} holds no stream of a format that is known. Name it with --format chat|responses|messages.`,
    );
  }
  return { format, problems: checkStream(format, text) };
}

async function readText(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    throw new DrawbridgeError('not_found', `${file} can not be read: ${error instanceof Error ? error.message : String(error)}`);
  }
}

/** The format of the first event that has the marks of one. */
function formatOf(text: string): WireFormat | undefined {
  const reader = new SseReader();
  for (const { data } of [...reader.push(Buffer.from(text)), ...reader.end()]) {
    const event = parseJson(data);
    if (!isObject(event)) continue;
    if (event.object === 'chat.completion.chunk') return 'chat';
    const type = asString(event.type) ?? '';
    if (type.startsWith('response.')) return 'responses';
    if (/^(?:message|content_block)_/.test(type)) return 'messages';
  }
  return undefined;
}
