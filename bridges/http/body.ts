import { promisify } from 'node:util';
import zlib from 'node:zlib';
import { fillAt, type Room, type Rooms } from '../engine/rooms.ts';
import type { Refusal } from './guard.ts';
import type { ServedReply, ServedRequest } from './served.ts';

/** A body, or why it was refused. `aborted`: the client went away, there is nobody to answer. `room`: the memory of a large one. */
export type BodyResult = { bytes: Buffer; room?: Room } | { refusal: Refusal } | { aborted: true };

/** Reads a body while it arrives. */
export type BodyReader = {
  /** Returns false where the rest should wait until more is wanted. The piece is the reader's from now on. */
  write(piece: Buffer): boolean;
  /** Given once, before the first `write`. */
  onWanted(wanted: () => void): void;
};

/** What is done with a body of LARGE bytes and more while it arrives. */
export type LargeBodies = {
  /** It is received into shared memory, which the capture worker reads without a copy. */
  rooms: Rooms;
  /** Asked with the first piece of a body and its length. */
  ahead(first: Buffer, length: number): BodyReader | undefined;
};
export const LARGE = 64 * 1024;

/**
 * Receives a request body of at most `limit` bytes. A client that is silent for `idleMs` gets 408; one that declares
 * or sends too much gets 413 at once. Calls back exactly once; a callback, not a promise, for the hot path's sake.
 */
export function receiveBody(
  req: ServedRequest,
  res: ServedReply,
  limits: { bodyBytes: number; idleMs: number },
  done: (result: BodyResult) => void,
  large?: LargeBodies,
): void {
  const declared = declaredLength(req);
  if (declared !== undefined && declared > limits.bodyBytes) return done({ refusal: tooLarge(limits.bodyBytes) });
  if (req.whole !== undefined) return done({ bytes: req.whole });
  if (req.headers.expect !== undefined) res.writeContinue();

  // A declared large body gets its room at once: one copy as it arrives, none at the end.
  let room: Room | undefined;
  const chunks: Buffer[] = [];
  let received = 0;
  let finished = false;
  let reader: BodyReader | undefined;
  const finish = (result: BodyResult): void => {
    if (finished) return;
    finished = true;
    if (timer !== undefined) clearTimeout(timer);
    req.off('data', onData);
    if (room !== undefined && !('bytes' in result)) large?.rooms.give(room);
    done(result);
  };
  const onData = (chunk: Buffer): void => {
    if (received + chunk.length > limits.bodyBytes) return finish({ refusal: tooLarge(limits.bodyBytes) });
    if (received === 0 && large !== undefined && declared !== undefined && declared >= LARGE) makeRoom(large, chunk, declared);
    if (room === undefined) chunks.push(chunk);
    else fillAt(room.bytes, chunk, received);
    received += chunk.length;
    const more = reader?.write(chunk) !== false;
    // Its end, which Node tells a turn later, says nothing new.
    if (received === declared) return whole();
    if (timer === undefined) timer = setTimeout(onIdle, limits.idleMs);
    else timer.refresh();
    if (!more) {
      // It is not the client that is silent.
      clearTimeout(timer);
      timer = undefined;
      req.pause();
    }
  };
  const whole = (): void => finish(room === undefined ? { bytes: joined(chunks) } : { bytes: room.bytes, room });
  const makeRoom = (of: LargeBodies, first: Buffer, length: number): void => {
    reader = of.ahead(first, length);
    reader?.onWanted(goOn);
    room = of.rooms.take(length);
  };
  const goOn = (): void => {
    if (finished || !req.isPaused()) return;
    timer ??= setTimeout(onIdle, limits.idleMs);
    req.resume();
  };
  const onIdle = (): void =>
    finish({ refusal: { status: 408, code: 'timeout', message: 'The rest of the request body did not arrive in time. Send it again.' } });
  // Most bodies arrive whole with their head; a timer is made only for those that do not.
  let timer: NodeJS.Timeout | undefined = declared !== undefined && declared <= EAGER_BYTES ? undefined : setTimeout(onIdle, limits.idleMs);
  if (timer === undefined) {
    process.nextTick(() => {
      if (!req.complete && !finished && timer === undefined) timer = setTimeout(onIdle, limits.idleMs);
    });
  }
  req.on('data', onData);
  const onGone = (): void => finish({ aborted: true });
  req.on('end', whole);
  req.on('close', onGone);
  req.on('error', onGone);
}

/** Whether a request brings a body (RFC 9112, section 6.3). */
export function hasBody(req: ServedRequest): boolean {
  return req.headers['transfer-encoding'] !== undefined || (declaredLength(req) ?? 0) > 0;
}

const EAGER_BYTES = 32 * 1024;

function joined(chunks: readonly Buffer[]): Buffer {
  const [first] = chunks;
  return first !== undefined && chunks.length === 1 ? first : Buffer.concat(chunks);
}

function declaredLength(req: ServedRequest): number | undefined {
  const value = req.headers['content-length'];
  return value === undefined ? undefined : Number(value);
}

function tooLarge(limit: number): Refusal {
  return {
    status: 413,
    code: 'body_too_large',
    message: `The request body is larger than ${Math.floor(limit / 1024 / 1024)} MiB. Send less, or raise limits.bodyBytes in the settings.`,
  };
}

const gunzip = promisify(zlib.gunzip);
const unzstd = promisify(zlib.zstdDecompress);

/**
 * Undoes `content-encoding` gzip or zstd, off the serving thread and never beyond `limit` bytes (a small body can
 * stand for a huge one). Other encodings are refused with 415.
 */
export async function decodeBody(bytes: Buffer, encoding: string | undefined, limit: number): Promise<BodyResult> {
  const name = encoding?.trim().toLowerCase() ?? 'identity';
  if (name === 'identity' || name === '') return { bytes };
  if (name !== 'gzip' && name !== 'zstd') {
    return {
      refusal: {
        status: 415,
        code: 'unsupported_media_type',
        message: `The content-encoding ${name.slice(0, 20)} is not read here. Send gzip, zstd or none.`,
      },
    };
  }
  try {
    return { bytes: await (name === 'gzip' ? gunzip : unzstd)(bytes, { maxOutputLength: limit }) };
  } catch (error) {
    if (error instanceof RangeError) return { refusal: tooLarge(limit) };
    return {
      refusal: { status: 400, code: 'bad_request', message: `The body is not valid ${name}. Send it uncompressed, or compress it again.` },
    };
  }
}
