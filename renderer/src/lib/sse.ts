/** One frame of a server-sent event stream, as it stood on the wire. */
export type SseFrame = {
  /** Name of the event; null where the frame has none. */
  event: string | null;
  data: string;
  /** The frame as it came, without the blank line that ends it. */
  raw: string;
  /** Bytes of the frame, with the blank line that ends it. */
  bytes: number;
  /** Milliseconds since the start of the call; null where no time was kept. */
  atMs: number | null;
};

/** The most frames that are listed; the raw text holds all. */
export const FRAME_LIMIT = 20_000;

/**
 * Splits a stream into its frames and gives each the time its last byte arrived.
 *
 * @param timeline byte offset at which each chunk began, and when it came
 */
export function sseFrames(text: string, timeline: readonly (readonly [number, number])[]): SseFrame[] {
  const frames: SseFrame[] = [];
  const encoder = new TextEncoder();
  let offset = 0;
  let chunk = -1;
  let from = 0;
  for (const end of text.matchAll(/\r\n\r\n|\n\n|\r\r|$/g)) {
    const raw = text.slice(from, end.index);
    const length = encoder.encode(raw).length;
    const lastByte = offset + Math.max(0, length - 1);
    offset += length + end[0].length;
    from = end.index + end[0].length;
    if (raw.trim() === '') continue;
    while (chunk + 1 < timeline.length && (timeline[chunk + 1]?.[0] ?? Infinity) <= lastByte) chunk += 1;
    frames.push({ ...fields(raw), raw, bytes: length + end[0].length, atMs: timeline[chunk]?.[1] ?? null });
    if (frames.length >= FRAME_LIMIT) break;
  }
  return frames;
}

function fields(raw: string): { event: string | null; data: string } {
  let event: string | null = null;
  const data: string[] = [];
  for (const line of raw.split(/\r\n|\n|\r/)) {
    const colon = line.indexOf(':');
    const name = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? '' : line.slice(colon + 1).replace(/^ /, '');
    if (name === 'event') event = value;
    else if (name === 'data') data.push(value);
  }
  return { event, data: data.join('\n') };
}
