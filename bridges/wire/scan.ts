const QUOTE = 0x22;
const BACKSLASH = 0x5c;

/** The index of the quote that closes the JSON string opened at `open`, or -1. */
export function stringEnd(body: Buffer, open: number): number {
  // Names and short values end soon: found here sooner than a call into native code begins.
  let at = open + 1;
  for (const near = Math.min(at + 24, body.length); at < near;) {
    const byte = body[at];
    if (byte === QUOTE) return at;
    at += byte === BACKSLASH ? 2 : 1;
  }
  at -= 1;
  for (;;) {
    at = body.indexOf(QUOTE, at + 1);
    if (at < 0) return -1;
    let slash = at - 1;
    while (body[slash] === BACKSLASH) slash -= 1;
    if ((at - slash) % 2 === 1) return at;
  }
}
