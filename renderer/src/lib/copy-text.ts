/** Puts a text where it can be pasted. Throws in words for who asked where the browser does not let it. */
export async function copyText(text: string): Promise<void> {
  try {
    await navigator.clipboard.writeText(text);
  } catch (cause) {
    throw new Error('The browser keeps this page from the clipboard. Allow it for this page, or select the text and copy it by hand.', {
      cause,
    });
  }
}
