import { randomBytes } from 'node:crypto';

/**
 * WebSocket frames (RFC 6455), as far as carrying bytes needs them. Node's own WebSocket can neither set headers nor
 * tell with which status it was refused, and a library would be one more thing to trust with a token.
 */

export const OPCODES = { continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const;

export type Frame = { opcode: number; payload: Buffer };

/** One whole frame. A client masks what it sends, a server does not. */
export function encodeFrame(opcode: number, payload: Uint8Array, masked: boolean): Buffer {
  const length = payload.length;
  const extra = length < 126 ? 0 : length < 65_536 ? 2 : 8;
  const head = Buffer.alloc(2 + extra + (masked ? 4 : 0));
  head[0] = 0x80 | opcode;
  head[1] = (masked ? 0x80 : 0) | (extra === 0 ? length : extra === 2 ? 126 : 127);
  if (extra === 2) head.writeUInt16BE(length, 2);
  if (extra === 8) head.writeBigUInt64BE(BigInt(length), 2);
  if (!masked) return Buffer.concat([head, payload]);
  const key = randomBytes(4);
  key.copy(head, 2 + extra);
  const out = Buffer.concat([head, payload]);
  applyMask(out.subarray(head.length), key);
  return out;
}

function applyMask(bytes: Buffer, key: Buffer): void {
  const [a = 0, b = 0, c = 0, d = 0] = key;
  const whole = bytes.length & ~3;
  let i = 0;
  for (; i < whole; i += 4) {
    bytes[i] = (bytes[i] ?? 0) ^ a;
    bytes[i + 1] = (bytes[i + 1] ?? 0) ^ b;
    bytes[i + 2] = (bytes[i + 2] ?? 0) ^ c;
    bytes[i + 3] = (bytes[i + 3] ?? 0) ^ d;
  }
  for (; i < bytes.length; i++) bytes[i] = (bytes[i] ?? 0) ^ (key[i & 3] ?? 0);
}

/** A frame larger than this is refused: the other side is broken, or means harm. */
const MAX_FRAME = 16 * 1024 * 1024;

/** Takes bytes as they come and gives back the frames that are whole. Throws RangeError on one that is too large. */
export function frameReader(): (chunk: Buffer) => Frame[] {
  let chunks: Buffer[] = [];
  let held = 0;
  let wanted = 2;
  return (chunk) => {
    chunks.push(chunk);
    held += chunk.length;
    if (held < wanted) return [];
    let rest = chunks.length === 1 ? chunk : Buffer.concat(chunks, held);
    const frames: Frame[] = [];
    for (;;) {
      const sizes = sizesOf(rest);
      wanted = sizes.head + sizes.payload;
      if (rest.length < wanted) break;
      const payload = rest.subarray(sizes.head, wanted);
      if (sizes.masked) applyMask(payload, Buffer.from(rest.subarray(sizes.head - 4, sizes.head)));
      frames.push({ opcode: (rest[0] ?? 0) & 0x0f, payload });
      rest = rest.subarray(wanted);
    }
    chunks = rest.length === 0 ? [] : [rest];
    held = rest.length;
    return frames;
  };
}

/** Sizes of the frame that begins here; of what is not there yet, the least it can be. */
function sizesOf(bytes: Buffer): { head: number; payload: number; masked: boolean } {
  if (bytes.length < 2) return { head: 2, payload: 0, masked: false };
  const second = bytes[1] ?? 0;
  const masked = (second & 0x80) !== 0;
  const short = second & 0x7f;
  const extra = short < 126 ? 0 : short === 126 ? 2 : 8;
  const head = 2 + extra + (masked ? 4 : 0);
  if (bytes.length < head) return { head, payload: 0, masked };
  const payload = extra === 0 ? short : extra === 2 ? bytes.readUInt16BE(2) : Number(bytes.readBigUInt64BE(2));
  if (payload > MAX_FRAME) throw new RangeError('A WebSocket frame is too large.');
  return { head, payload, masked };
}
