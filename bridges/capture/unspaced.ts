/**
 * Some scripts put no blanks between words. The index, which takes what stands between blanks for a word, is given their
 * characters one by one: a word is then found as a row of them, wherever it stands in a sentence.
 */

const UNSPACED = /[\p{sc=Han}\p{sc=Hira}\p{sc=Kana}\p{sc=Thai}\p{sc=Laoo}\p{sc=Khmr}\p{sc=Mymr}ー]/gu;
/** Where one may be: most texts have none, and are told so at once. */
const MAYBE = /[\u0e00-\u109f\u1780-\u19ff\u2e80-\uabff\uf900-\ufaff\uff66-\uff9f\ud800-\udbff]/;

/** The same text with blanks around each character of such a script. Pure. */
export function spaced(text: string): string {
  return MAYBE.test(text) ? text.replaceAll(UNSPACED, ' $& ') : text;
}
