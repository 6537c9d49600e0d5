/** Hands a text, or one in pieces, to the person as a file of theirs. */
export function saveFile(name: string, text: string | string[], type: string): void {
  const url = URL.createObjectURL(new Blob(typeof text === 'string' ? [text] : text, { type }));
  const link = document.createElement('a');
  link.href = url;
  link.download = name;
  link.click();
  // The download has read its source by then; the browser keeps no hold on it.
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}
