import { lowerCaseName } from '../http/header-name.ts';

const TARGET = /^[\x21-\x7e\x80-\xff]+$/;
const VALUE = /^[\t\x20-\x7e\x80-\xff]*$/;

/**
 * The first lines of an HTTP/1.1 request, one byte a character. `headers` are pairs; the host and the body's length are
 * ours to tell. `length`: bytes of the body, undefined where there is none.
 * Throws what can't be put on the wire: a line break in a header would begin another one.
 */
export function requestHead(method: string, target: string, host: string, headers: readonly string[], length: number | undefined): string {
  if (!TARGET.test(target)) throw new Error('the path holds a character that a request can’t carry');
  let head = `${method} ${target} HTTP/1.1\r\nhost: ${host}\r\nconnection: keep-alive\r\n`;
  for (let i = 0; i + 1 < headers.length; i += 2) {
    const name = headers[i] ?? '';
    const value = headers[i + 1] ?? '';
    if (lowerCaseName(name) === undefined) throw new Error('a header’s name holds a character that a request can’t carry');
    if (!VALUE.test(value)) throw new Error(`the header ${name} holds a character that a request can’t carry`);
    head += `${name}: ${value}\r\n`;
  }
  // Without it a server would take a POST with nothing in it for one whose body is still to come.
  if (length !== undefined || method === 'POST') head += `content-length: ${length ?? 0}\r\n`;
  return `${head}\r\n`;
}
