import { isUtf8 } from 'node:buffer';
import { z } from 'zod';
import type { Body, CallDetail, Message } from '../contract/index.ts';
import { Headers } from '../contract/schemas.ts';
import { assembleReply, assembleRequest } from './assemble.ts';
import { isAssembled } from './assembled.ts';
import { valueOf } from './heads.ts';
import { decoded } from './projector.ts';
import type { Side } from './record.ts';
import type { StoredCall } from './worker.ts';

type StoredSide = StoredCall['sides'][number];
const NOTHING: Message = { headers: [], body: null };

/** Everything the detail pane shows of a call. `limit` bounds the bytes of each body. */
export function callDetail(stored: StoredCall, limit: number): CallDetail {
  const { call } = stored;
  const side = (name: Side): StoredSide | undefined => stored.sides.find((entry) => entry.side === name);
  const request = side('clientRequest');
  const reply = side('clientReply');
  const translated = side('upstreamRequest') !== undefined || side('upstreamReply') !== undefined;
  return {
    call,
    client: { request: message(request, limit), reply: message(reply, limit) },
    upstream: translated ? { request: message(side('upstreamRequest'), limit), reply: message(side('upstreamReply'), limit) } : null,
    assembled: {
      request: call.wireIn === null || request === undefined ? [] : assembleRequest(call.wireIn, plain(request)),
      reply:
        call.wireIn === null || reply === undefined || call.status === null || call.status >= 400
          ? []
          : assembleReply(call.wireIn, call.streamed && !isAssembled(reply.headers), plain(reply)),
    },
    timeline: stored.timeline,
  };
}

/** What the client sent and what it got, whole. */
export function clientMessages(stored: StoredCall): CallDetail['client'] {
  const side = (name: Side): StoredSide | undefined => stored.sides.find((entry) => entry.side === name);
  return { request: message(side('clientRequest'), Number.MAX_SAFE_INTEGER), reply: message(side('clientReply'), Number.MAX_SAFE_INTEGER) };
}

/** A side's body without its content-encoding; undefined where none was kept. */
export function plainBody(stored: StoredCall, name: Side): Buffer | undefined {
  const side = stored.sides.find((entry) => entry.side === name);
  return side === undefined || side.body === null ? undefined : plain(side);
}

/** A side's header pairs; none where the side never came. */
export function sideHeaders(stored: StoredCall, name: Side): [string, string][] {
  const side = stored.sides.find((entry) => entry.side === name);
  return side === undefined ? [] : headersOf(side);
}

function message(side: StoredSide | undefined, limit: number): Message {
  if (side === undefined) return NOTHING;
  return { headers: headersOf(side), body: side.body === null ? null : bodyOf(plain(side), limit) };
}

function bodyOf(bytes: Buffer, limit: number): Body {
  const whole = bytes.length <= limit;
  if (!isUtf8(bytes)) return { bytes: bytes.length, encoding: 'base64', content: bytes.toString('base64', 0, limit), whole };
  // The cut may fall inside a character; its half is left out.
  return {
    bytes: bytes.length,
    encoding: 'utf8',
    content: whole ? bytes.toString('utf8') : bytes.toString('utf8', 0, limit).replace(/\ufffd+$/, ''),
    whole,
  };
}

/** A side's bytes as text would be read: without content-encoding where that can be undone. */
function plain(side: StoredSide): Buffer {
  const bytes = side.body === null ? Buffer.alloc(0) : Buffer.from(side.body.buffer, side.body.byteOffset, side.body.byteLength);
  const encoding = valueOf(headersOf(side), 'content-encoding');
  return decoded(bytes, encoding) ?? bytes;
}

function headersOf(side: StoredSide): z.infer<typeof Headers> {
  return Headers.parse(JSON.parse(side.headers));
}
