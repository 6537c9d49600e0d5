/** Reads one field of a JSON object given as text; undefined where the text is none or has no such field. */
export function field(text: string, name: string): unknown {
  return isObject(text.trim()) ? property(parsed(text), name) : undefined;
}

/** A property of a value of unknown shape. */
export function property(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? Object.entries(value).find(([key]) => key === name)?.[1] : undefined;
}

/** Text as JSON; undefined where it is none. */
export function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function isObject(text: string): boolean {
  return text.startsWith('{') && text.endsWith('}');
}
