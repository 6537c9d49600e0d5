import { StringDecoder } from 'node:string_decoder';
import { SseReader, type SseFrame } from '../wire/sse.ts';

const MAX_FRAME_BYTES = 16 * 1024 * 1024;

/**
 * Reads Copilot's stream. Its documentation shows JSON that goes on over several lines without a `data:` before each
 * (SPEC 7.1): such lines are made what they are meant to be, and the rest is the common reader's.
 */
export class LooseSse {
  readonly #reader = new SseReader(MAX_FRAME_BYTES);
  readonly #decoder = new StringDecoder('utf8');
  #rest = '';

  /** Throws RangeError where one event grows past 16 MiB. */
  push(chunk: Buffer): SseFrame[] {
    const lines = (this.#rest + this.#decoder.write(chunk)).split('\n');
    this.#rest = lines.pop() ?? '';
    if (this.#rest.length > MAX_FRAME_BYTES) throw new RangeError('a server-sent event is larger than the limit');
    return lines.length === 0 ? [] : this.#reader.push(Buffer.from(`${lines.map(meant).join('\n')}\n`));
  }

  end(): SseFrame[] {
    const last = this.#rest + this.#decoder.end();
    const frames = last === '' ? [] : this.#reader.push(Buffer.from(`${meant(last)}\n`));
    return [...frames, ...this.#reader.end()];
  }
}

function meant(line: string): string {
  return line.trim() === '' || /^(?:data|id|event|retry)?:|^(?:data|id|event|retry)\s*$/.test(line) ? line : `data:${line}`;
}
