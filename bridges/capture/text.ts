import { redactText } from '../engine/redact.ts';
import type { KeptBody } from './bodies.ts';
import { valueOf } from './heads.ts';
import { decoded } from './projector.ts';
import { takeApart } from './stream.ts';

/** Which half of an exchange a row of the search index stands for. */
export const REQUEST_WORDS = 0;
export const REPLY_WORDS = 1;

/** More than this of one message is not indexed: a file read by a tool is not what people look for. UTF-16 units. */
const MOST_OF_A_MESSAGE = 8 * 1024;
/** Of what a tool gave back only the beginning: it is most of a conversation's bytes, and files are looked for in files. */
const MOST_OF_A_RESULT = 1024;
const MOST_OF_A_REPLY = 64 * 1024;
/** So many of the last messages are indexed again where they had been said before. */
const MOST_LAST = 4;
/** Larger bodies are not looked through for words. Bytes. */
const MOST_BYTES = 1024 * 1024;

/**
 * What is new in a request: messages never seen before, and the last ones after the model spoke, which may have been
 * said in another conversation too. What the request repeats of its history was indexed with the call that brought it.
 */
export function requestText({ own }: KeptBody, body: Buffer): string {
  if (own.length === 0) return body.length <= MOST_BYTES ? redactText(textOf(body, MOST_OF_A_MESSAGE)) : '';
  const heads = own.map(({ bytes }) => bytes.toString('latin1', 0, HEAD_BYTES));
  const answered = heads.findLastIndex((head) => FROM_MODEL.test(head));
  const texts = new Set<string>();
  for (const [i, { bytes, isNew }] of own.entries()) {
    const head = heads[i] ?? '';
    const isWanted = isNew ? !FROM_MODEL.test(head) : i > answered && i >= own.length - MOST_LAST && FROM_CLIENT.test(head);
    if (!isWanted || bytes.length > MOST_BYTES) continue;
    const text = textOf(bytes, RESULT.test(head) ? MOST_OF_A_RESULT : MOST_OF_A_MESSAGE);
    if (text !== '') texts.add(text);
  }
  return [...texts].join('\n');
}

/** Who a message is from stands at its beginning. Bytes. */
const HEAD_BYTES = 120;
/** What the model said is indexed with its reply. */
const FROM_MODEL = /"role":\s*"assistant"|"type":\s*"(?:function_call|reasoning|custom_tool_call)"/;
const RESULT = /"type":\s*"(?:tool_result|\w+_call_output)"|"role":\s*"tool"/;
const FROM_CLIENT = /"role":\s*"(?:user|tool|developer)"|_call_output"/;

/** Keys whose values are no text for people. */
const SILENT: ReadonlySet<string> = new Set([
  'type',
  'role',
  'id',
  'tool_use_id',
  'call_id',
  'tool_call_id',
  'signature',
  'encrypted_content',
  'data',
  'media_type',
  'status',
  'cache_control',
  'name',
  'model',
  'image_url',
  'url',
  'file_data',
]);

/** Nothing that people said stands deeper than this in a body, and a stack is not endless. */
const MOST_DEPTH = 200;

/** Every text in a JSON value, one after the other. */
function textOf(json: Buffer, limit: number): string {
  let value: unknown;
  try {
    value = JSON.parse(json.toString('utf8'));
  } catch {
    return '';
  }
  const texts: string[] = [];
  let left = limit;
  const walk = (inner: unknown, depth: number): void => {
    if (left <= 0 || depth > MOST_DEPTH) return;
    if (typeof inner === 'string') {
      const cut = inner.length > left ? inner.slice(0, left) : inner;
      left -= cut.length;
      texts.push(cut);
    } else if (Array.isArray(inner)) for (const child of inner) walk(child, depth + 1);
    else if (typeof inner === 'object' && inner !== null) {
      for (const [key, child] of Object.entries(inner)) if (!SILENT.has(key)) walk(child, depth + 1);
    }
  };
  walk(value, 0);
  return texts.join('\n');
}

const SAID_KEYS: ReadonlySet<string> = new Set([
  'text',
  'content',
  'delta',
  'partial_json',
  'thinking',
  'reasoning_content',
  'refusal',
  'arguments',
]);
/** Pieces of text in a reply of any wire format: the values of these keys, whatever frame they stand in. */
const SAID = /"(?:text|content|delta|partial_json|thinking|reasoning_content|refusal|arguments|message)":\s?"((?:[^"\\]|\\.)*)"/g;

/**
 * What a reply says, without parsing its frames: pieces of a stream joined to the words they were. Where a stream ends
 * by telling everything once more, that is left out.
 */
export function replyText(headers: string, reply: Buffer): string {
  if (reply.length === 0 || reply.length > 4 * MOST_BYTES) return '';
  const pairs: [string, string][] = JSON.parse(headers);
  const plain = decoded(reply, valueOf(pairs, 'content-encoding'));
  if (plain === undefined) return '';
  const apart = takeApart(plain);
  if (apart !== undefined) {
    const said = apart.said.filter(({ key }) => SAID_KEYS.has(key)).map(({ text }) => unescaped(utf8(text)));
    said.push(saidIn(utf8(firstTelling(apart.plain)), true));
    return said.join('\n').slice(0, MOST_OF_A_REPLY);
  }
  const text = plain.toString('utf8');
  const streamed = valueOf(pairs, 'content-type')?.includes('event-stream') === true || /^(?:event|data):/.test(text.slice(0, 6));
  return redactText(saidIn(streamed ? firstTelling(text) : text, streamed));
}

function saidIn(told: string, streamed: boolean): string {
  let said = '';
  for (const match of told.matchAll(SAID)) {
    said += streamed ? (match[1] ?? '') : ` ${match[1] ?? ''}`;
    if (said.length > MOST_OF_A_REPLY) break;
  }
  return unescaped(said);
}

function utf8(latin1: string): string {
  return /[\u0080-\u00ff]/.test(latin1) ? Buffer.from(latin1, 'latin1').toString('utf8') : latin1;
}

/** A stream of `responses` without its frames that repeat what the deltas said. */
function firstTelling(stream: string): string {
  return stream.includes('event: response.') ? stream.replace(/^data: \{"type":"response\.(?!\w+(?:\.\w+)*\.delta").*$/gm, '') : stream;
}

function unescaped(json: string): string {
  if (!json.includes('\\')) return json;
  try {
    return String(JSON.parse(`"${json}"`));
  } catch {
    return json;
  }
}
