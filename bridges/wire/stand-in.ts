import type { Part } from './turn.ts';

/**
 * What stands in the place of a user's message of which nothing can cross, so that it is still the user's turn there:
 * `[a.docx could not be passed on]`. Undefined where the parts hold nothing that could be missed.
 */
export function standIn(parts: readonly Part[]): string | undefined {
  const missed = new Set(parts.flatMap(nameOf));
  return missed.size === 0 ? undefined : `[${[...missed].join(', ')} could not be passed on]`;
}

function nameOf(part: Part): string[] {
  switch (part.type) {
    case 'image':
      return ['an image'];
    case 'document':
      return [part.name ?? 'a document'];
    case 'opaque':
      return [part.name];
    case 'text':
    case 'refusal':
    case 'tool_reference':
      return [];
  }
}
