import { randomUUID } from 'node:crypto';

/** An id no other reply has, in the shape vendors use: `msg_...`, `chatcmpl-...`. `mark` tells where it was made. */
export function newId(prefix: string, mark = ''): string {
  const separator = /[-_]$/.test(prefix) ? '' : '_';
  return `${prefix}${separator}${mark}${randomUUID().replaceAll('-', '').slice(8)}`;
}
