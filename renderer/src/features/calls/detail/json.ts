/**
 * Indents JSON without reading its values: numbers, escapes and the order of keys stay exactly as they came, which
 * parsing and printing again would not promise. Null where the text is no JSON.
 */
export function prettyJson(text: string): string | null {
  try {
    JSON.parse(text);
  } catch {
    return null;
  }
  const out: string[] = [];
  let depth = 0;
  let previous = '';
  const newline = (): void => void out.push('\n', '  '.repeat(depth));
  for (const [token] of text.matchAll(/"(?:[^"\\]|\\.)*"|[{}[\],:]|[^\s{}[\],:"]+/g)) {
    if (token === '}' || token === ']') {
      depth -= 1;
      if (previous !== '{' && previous !== '[') newline();
    } else if (previous === '{' || previous === '[' || previous === ',') newline();
    out.push(token === ':' ? ': ' : token);
    if (token === '{' || token === '[') depth += 1;
    previous = token;
  }
  return out.join('');
}
