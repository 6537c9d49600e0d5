/** What a header may be called (RFC 9110, section 5.1). */
export const HEADER_NAME = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
/** What no head may hold: controls, and line breaks that are not CR LF. One character a byte. */
// oxlint-disable-next-line no-control-regex -- Controls are what it looks for.
export const FORBIDDEN = /[^\t\r\n\x20-\x7e\x80-\xff]|\r(?!\n)|(?<!\r)\n/;
