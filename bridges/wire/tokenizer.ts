import { countTokens, setMergeCacheSize } from 'gpt-tokenizer/encoding/o200k_base';

/** What looks like a control token in a prompt is text. */
const AS_TEXT = { allowedSpecial: new Set<string>(), disallowedSpecial: new Set<string>() };

/**
 * The time for a word grows with the square of its length. Runs without a blank, or of blanks alone, are cut from the
 * one length on where a word ends, and at the other wherever they are, at the cost of a token too many. Characters.
 */
const LONG_RUN = 64;
const LONGEST_RUN = 128;

/** Words whose tokens are kept. The library's own measure would let a thread of little use hold tens of megabytes. */
setMergeCacheSize(10_000);

/** Counts with the o200k_base vocabulary. Importing this file loads it: docs/decisions/0007-token-estimate.md tells what that costs. */
export function tokenized(text: string, from: number, to: number): number {
  let tokens = 0;
  let start = from;
  let run = 0;
  let last = BLANK;
  for (let i = from; i < to; i += 1) {
    const kind = kindOf(text.charCodeAt(i));
    if (run >= LONGEST_RUN || (run >= LONG_RUN && last === WORD && kind === MARK)) {
      tokens += countTokens(text.slice(start, i), AS_TEXT);
      start = i;
      run = 0;
    }
    run = (kind === BLANK) === (last === BLANK) ? run + 1 : 1;
    last = kind;
  }
  return start < to ? tokens + countTokens(text.slice(start, to), AS_TEXT) : tokens;
}

const BLANK = 0;
const WORD = 1;
const MARK = 2;

function kindOf(code: number): number {
  if (code === 32 || (code >= 9 && code <= 13) || code === 0xa0 || code === 0x3000) return BLANK;
  const letter = code | 32;
  return code >= 128 || (letter >= 97 && letter <= 122) || (code >= 48 && code <= 57) ? WORD : MARK;
}
