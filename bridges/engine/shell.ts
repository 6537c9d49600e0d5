/** A word as a shell takes it whole: cmd.exe on Windows, any POSIX shell elsewhere. Pure. */
export function shellWord(word: string, platform: NodeJS.Platform): string {
  return platform === 'win32' ? `"${word}"` : `'${word.replaceAll("'", String.raw`'\''`)}'`;
}
