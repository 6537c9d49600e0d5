import { maskText } from '../engine/redact.ts';
import { isStream, withoutPieces } from './values.ts';

/**
 * Bytes of a body without what looks like a credential; as many as before, so that every place in them stays. The very
 * same buffer where there is none.
 */
export function masked(bytes: Buffer): Buffer {
  const text = bytes.toString('latin1');
  const clean = maskText(text);
  return clean === text ? bytes : Buffer.from(clean, 'latin1');
}

/** The same of a reply: where it is a stream, also what its frames say together. */
export function maskedReply(reply: Buffer): Buffer {
  if (!isStream(reply)) return masked(reply);
  const stream = reply.toString('latin1');
  const clean = maskText(withoutPieces(stream));
  return clean === stream ? reply : Buffer.from(clean, 'latin1');
}
