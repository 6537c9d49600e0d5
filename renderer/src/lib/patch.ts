/** The patch that puts back what `patch` would change: the same keys, with the values they have now. */
export function inverseOf(patch: object, now: object): Record<string, unknown> {
  const held = new Map<string, unknown>(Object.entries(now));
  return Object.fromEntries(
    Object.entries(patch).map(([key, value]: [string, unknown]) => {
      const before = held.get(key);
      return [key, isPlain(value) && isPlain(before) ? inverseOf(value, before) : before];
    }),
  );
}

/** Where two settings differ, by the path of the key. Lists are compared whole. */
export function differencesOf(from: object, to: object, path = ''): { key: string; from: unknown; to: unknown }[] {
  const before = new Map<string, unknown>(Object.entries(from));
  return Object.entries(to).flatMap(([name, value]: [string, unknown]) => {
    const key = path === '' ? name : `${path}.${name}`;
    const held = before.get(name);
    if (isPlain(value) && isPlain(held)) return differencesOf(held, value, key);
    return JSON.stringify(held) === JSON.stringify(value) ? [] : [{ key, from: held, to: value }];
  });
}

function isPlain(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
