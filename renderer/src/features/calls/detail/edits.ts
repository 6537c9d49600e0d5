/** A change to a file that a tool was asked to make. */
export type Edit = { path: string | null; before: string; after: string } | { patch: string };

/** Longer texts are shown as they came: comparing them would hold the window up. */
const LONGEST = 200_000;

/**
 * The changes that a tool call asks for, told by the fields of its arguments: the names that the known clients' tools
 * use for an edit, a new file, and a patch. Empty where it is no edit.
 */
export function editsOf(name: string | null, input: string): Edit[] {
  if (input.length > LONGEST) return [];
  if (input.startsWith('*** Begin Patch')) return [{ patch: input }];
  const args = objectOf(input);
  if (args === null) return [];
  const path = firstText(args, ['file_path', 'path', 'filePath', 'filename', 'notebook_path']);
  const many = args['edits'];
  if (Array.isArray(many)) return many.flatMap((one) => (isRecord(one) ? pairOf(one, path) : []));
  const pair = pairOf(args, path);
  if (pair.length > 0) return pair;
  const patch = patchOf(args);
  if (patch !== null) return [{ patch }];
  const whole = firstText(args, ['content', 'file_text', 'contents']);
  const creates = /write|create|save/i.test(name ?? '') || args['command'] === 'create';
  return whole !== null && path !== null && creates ? [{ path, before: '', after: whole }] : [];
}

function pairOf(args: Record<string, unknown>, path: string | null): Edit[] {
  const before = firstText(args, ['old_string', 'old_str', 'oldString', 'old_text']);
  const after = firstText(args, ['new_string', 'new_str', 'newString', 'new_text']);
  return before === null || after === null ? [] : [{ path, before, after }];
}

function patchOf(args: Record<string, unknown>): string | null {
  const { command } = args;
  const candidates = [args['input'], args['patch'], ...(Array.isArray(command) ? command : [command])];
  return candidates.find((one): one is string => typeof one === 'string' && one.includes('*** Begin Patch')) ?? null;
}

function firstText(args: Record<string, unknown>, names: readonly string[]): string | null {
  return names.map((name) => args[name]).find((value): value is string => typeof value === 'string') ?? null;
}

function objectOf(text: string): Record<string, unknown> | null {
  if (!text.startsWith('{')) return null;
  try {
    const value: unknown = JSON.parse(text);
    return isRecord(value) ? value : null;
  } catch {
    return null;
  }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
