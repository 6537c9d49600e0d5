import { randomBytes } from 'node:crypto';

/** An id no other reply has, in the shape vendors use: `msg_...`, `chatcmpl-...`. `mark` tells where it was made. */
export function newId(prefix: string, mark = ''): string {
  const separator = /[-_]$/.test(prefix) ? '' : '_';
  // Unique by this process' own random part and a counter: asking for random bytes each time costs more than a whole small translation step.
  counter += 1;
  return `${prefix}${separator}${mark}${PROCESS}${counter.toString(16).padStart(8, '0')}`;
}
const PROCESS = randomBytes(8).toString('hex');
let counter = 0;
