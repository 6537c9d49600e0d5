/** A piece of a message: words, or code between fences. */
export type Piece = { kind: 'words'; text: string } | { kind: 'code'; text: string; language: string | null };

const FENCE = /^( {0,3})(`{3,}|~{3,})[ \t]*([\w+#.-]*)[^\n`]*$/;

/** Cuts a message at its fenced code (CommonMark 4.5). A fence that nobody closes goes to the end. */
export function cutAtFences(text: string): Piece[] {
  const pieces: Piece[] = [];
  let words: string[] = [];
  let open: { mark: string; language: string; lines: string[] } | null = null;
  const keepWords = (): void => {
    const joined = words.join('\n').replace(/^\n+|\n+$/g, '');
    if (joined !== '') pieces.push({ kind: 'words', text: joined });
    words = [];
  };
  const keepCode = (): void => {
    if (open === null) return;
    pieces.push({ kind: 'code', text: open.lines.join('\n'), language: open.language === '' ? null : languageOf(open.language) });
    open = null;
  };
  for (const line of text.split('\n')) {
    const [, , mark, language] = FENCE.exec(line) ?? [];
    if (open === null && mark !== undefined) {
      keepWords();
      open = { mark, language: language ?? '', lines: [] };
    } else if (open !== null && mark !== undefined && language === '' && mark.startsWith(open.mark)) keepCode();
    else (open?.lines ?? words).push(line);
  }
  keepWords();
  keepCode();
  return pieces;
}

const LANGUAGES: Readonly<Record<string, string>> = {
  cc: 'cpp',
  cs: 'csharp',
  h: 'c',
  hpp: 'cpp',
  htm: 'xml',
  html: 'xml',
  js: 'javascript',
  jsx: 'javascript',
  kt: 'kotlin',
  md: 'markdown',
  mjs: 'javascript',
  py: 'python',
  rb: 'ruby',
  rs: 'rust',
  sh: 'bash',
  shell: 'bash',
  svg: 'xml',
  ts: 'typescript',
  tsx: 'typescript',
  yml: 'yaml',
  zsh: 'bash',
};

/** The language behind a short name, or behind the ending of a file's name. */
export function languageOf(name: string): string {
  const short = name.toLowerCase().replace(/^.*\./, '');
  return LANGUAGES[short] ?? short;
}
