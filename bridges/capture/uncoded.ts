import { valueOf } from './heads.ts';
import { decoded } from './projector.ts';

/** Stands in the place of a side's content-encoding where its body is kept without it, and names it; and tells of a part. */
const DECODED = 'x-drawbridge-decoded';
const PART = '; part';

/**
 * A side as what it says: without its content-encoding, where that can be undone. Of an encoded body nothing could be
 * masked or left out by its folder, and none would be seen to repeat an earlier one.
 */
export function uncoded<One extends { headers: string; body: Buffer | null; isPart?: boolean | undefined }>(side: One): One {
  if (side.body === null || !/"content-encoding"/i.test(side.headers)) return side;
  const headers: [string, string][] = JSON.parse(side.headers);
  const body = decoded(side.body, valueOf(headers, 'content-encoding'));
  // Nothing at all comes of a beginning that is too short.
  if (body === undefined || body === side.body || body.length === 0) return side;
  const part = side.isPart === true ? PART : '';
  const now = headers
    .filter(([name]) => name.toLowerCase() !== 'content-length')
    .map(([name, value]) => (name.toLowerCase() === 'content-encoding' ? [DECODED, `${value}${part}`] : [name, value]));
  return { ...side, headers: JSON.stringify(now), body };
}

/** Whether all of a body was kept. `wireBytes`: how long it was on the wire. */
export function isWhole({ headers, body }: { headers: string; body: Uint8Array | null }, wireBytes: number): boolean {
  const pairs: [string, string][] = JSON.parse(headers);
  const coding = valueOf(pairs, DECODED);
  return body !== null && (coding === undefined ? body.length >= wireBytes : !coding.endsWith(PART));
}
