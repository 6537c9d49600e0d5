export type Environment = Readonly<Record<string, string | undefined>>;

/** The values of these names, in their order; null where none is set. Throws where only some are: `purpose` says what for. */
export function named<const Names extends readonly string[]>(
  env: Environment,
  purpose: string,
  names: Names,
): { [Index in keyof Names]: string } | null {
  const missing = names.filter((name) => (env[name] ?? '') === '');
  if (missing.length === names.length) return null;
  if (missing.length > 0) throw new Error(`To ${purpose}, set ${missing.join(' and ')} too, or none of ${names.join(', ')}.`);
  return names.map((name) => env[name]) as { [Index in keyof Names]: string };
}
