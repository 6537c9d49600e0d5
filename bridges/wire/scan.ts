const QUOTE = 0x22;
const BACKSLASH = 0x5c;

/** The index of the quote that closes the JSON string opened at `open`, or -1. */
export function stringEnd(body: Buffer, open: number): number {
  let at = open;
  for (;;) {
    at = body.indexOf(QUOTE, at + 1);
    if (at < 0) return -1;
    let slash = at - 1;
    while (body[slash] === BACKSLASH) slash -= 1;
    if ((at - slash) % 2 === 1) return at;
  }
}
