import type { IncomingHttpHeaders } from 'node:http';
import { FORBIDDEN } from './grammar.ts';
import { lowerCaseName } from './header-name.ts';

/** The head of a call. */
export type CallHead = {
  target: string;
  /** Name, value, name, value, as they came. */
  rawHeaders: string[];
  /** Names in lower case. */
  headers: IncomingHttpHeaders;
  /** Bytes of the body. */
  length: number;
  /** Where the body begins in the bytes that were read. */
  end: number;
};

const HEAD_END = Buffer.from('\r\n\r\n');
const METHOD = 'POST ';
const VERSION = ' HTTP/1.1';
/** Less than Node reads, in bytes and in count: what is near its limits is Node's to refuse. */
const MAX_HEAD_BYTES = 12 * 1024;
const MAX_HEADERS = 100;
const TARGET = /^\/[\x21-\x7e]*$/;
const LENGTH = /^\d{1,15}$/;
/**
 * Headers that change how a request is read, or what follows it (`proxy-connection: close` is as good as `connection` to
 * Node), and those that Node reads in a way of its own.
 */
const INVOLVED = new Set(['transfer-encoding', 'expect', 'upgrade', 'te', 'trailer', 'proxy-connection', 'set-cookie', '__proto__']);

/**
 * Reads the head of a POST out of the first bytes of a request, where it is as clients of models send it: whole, HTTP/1.1,
 * no header twice, a body of a told length, on a connection that lasts (RFC 9112). Returns undefined for anything else,
 * right or wrong: that is for a whole HTTP server to read.
 */
export function readCallHead(bytes: Buffer): CallHead | undefined {
  const end = bytes.indexOf(HEAD_END);
  if (end < 0 || end > MAX_HEAD_BYTES) return undefined;
  const text = bytes.toString('latin1', 0, end);
  const line = text.indexOf('\r\n');
  if (line < 0 || !text.startsWith(METHOD) || !text.startsWith(VERSION, line - VERSION.length) || FORBIDDEN.test(text)) return undefined;
  const target = text.slice(METHOD.length, line - VERSION.length);
  if (!TARGET.test(target)) return undefined;

  const rawHeaders: string[] = [];
  // Without a prototype V8 keeps it as a table: clients that tell their headers in an order of their own don't undo what it
  // has optimised.
  const headers: Record<string, string> = Object.create(null);
  for (let at = line; at < text.length;) {
    const from = at + 2;
    at = text.indexOf('\r\n', from);
    if (at < 0) at = text.length;
    const colon = text.indexOf(':', from);
    if (colon < 0 || colon > at || rawHeaders.length === 2 * MAX_HEADERS) return undefined;
    const name = text.slice(from, colon);
    const lower = lowerCaseName(name);
    if (lower === undefined || headers[lower] !== undefined || INVOLVED.has(lower)) return undefined;
    const value = trimmed(text, colon + 1, at);
    headers[lower] = value;
    rawHeaders.push(name, value);
  }
  const length = headers['content-length'];
  const connection = headers['connection'];
  if (length === undefined || !LENGTH.test(length)) return undefined;
  if (connection !== undefined && connection.toLowerCase() !== 'keep-alive') return undefined;
  return { target, rawHeaders, headers, length: Number(length), end: end + HEAD_END.length };
}

/** What stands between two places, without the blanks and tabs around it (RFC 9110, section 5.5). */
function trimmed(text: string, from: number, to: number): string {
  let start = from;
  let end = to;
  while (start < end && isBlank(text.charCodeAt(start))) start += 1;
  while (end > start && isBlank(text.charCodeAt(end - 1))) end -= 1;
  return text.slice(start, end);
}

function isBlank(code: number): boolean {
  return code === 32 || code === 9;
}
