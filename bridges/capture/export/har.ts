import { STATUS_CODES } from 'node:http';
import { clientMessages } from '../detail.ts';
import type { StoredCall } from '../worker.ts';
import type { Message } from '../../contract/index.ts';
import { valueOf } from '../heads.ts';

/** HTTP Archive 1.2, as the W3C draft "HTTP Archive (HAR) format" describes it. Fields of our own begin with `_`. */

/** What stands before the first entry. */
export function harHead(version: string): string {
  const creator = JSON.stringify({ name: 'Drawbridge', version });
  return `{"log":{"version":"1.2","creator":${creator},"pages":[],"entries":[\n`;
}
export const HAR_BETWEEN = ',\n';
export const HAR_TAIL = '\n]}}\n';

/** One call, as its client saw it. Times in milliseconds. */
export function harEntry(stored: StoredCall, bodies: boolean): string {
  const { call } = stored;
  const client = clientMessages(stored);
  const host = headerOf(client.request, 'host') ?? '127.0.0.1';
  const url = `http://${host}${call.path}`;
  const wait = call.ttfbMs ?? call.durationMs ?? 0;
  return JSON.stringify({
    startedDateTime: call.startedAt,
    time: call.durationMs ?? 0,
    request: {
      method: call.method,
      url,
      httpVersion: 'HTTP/1.1',
      cookies: [],
      headers: pairs(client.request),
      queryString: queryOf(call.path),
      ...postData(client.request, bodies),
      headersSize: -1,
      bodySize: call.requestBytes,
    },
    response: {
      status: call.status ?? 0,
      statusText: STATUS_CODES[call.status ?? 0] ?? '',
      httpVersion: 'HTTP/1.1',
      cookies: [],
      headers: pairs(client.reply),
      content: {
        size: client.reply.body?.bytes ?? 0,
        mimeType: headerOf(client.reply, 'content-type') ?? '',
        ...(bodies && client.reply.body !== null ? textOf(client.reply.body) : {}),
      },
      redirectURL: '',
      headersSize: -1,
      bodySize: call.replyBytes,
    },
    cache: {},
    timings: { blocked: -1, dns: -1, connect: -1, ssl: -1, send: 0, wait, receive: Math.max(0, (call.durationMs ?? 0) - wait) },
    _drawbridge: call,
  });
}

const pairs = (message: Message): { name: string; value: string }[] => message.headers.map(([name, value]) => ({ name, value }));

function headerOf(message: Message, name: string): string | undefined {
  return valueOf(message.headers, name);
}

function textOf({ encoding, content }: NonNullable<Message['body']>): { text: string; encoding?: 'base64' } {
  return encoding === 'base64' ? { text: content, encoding } : { text: content };
}

/** HAR knows no encoding of what was sent; where it is no text, ours is told beside it. */
function postData(request: Message, bodies: boolean): object {
  if (!bodies || request.body === null) return {};
  const { encoding, content } = request.body;
  const mimeType = headerOf(request, 'content-type') ?? '';
  return { postData: { mimeType, params: [], text: content, ...(encoding === 'base64' ? { _encoding: 'base64' } : {}) } };
}

function queryOf(target: string): { name: string; value: string }[] {
  const at = target.indexOf('?');
  return at < 0 ? [] : Array.from(new URLSearchParams(target.slice(at + 1)), ([name, value]) => ({ name, value }));
}
