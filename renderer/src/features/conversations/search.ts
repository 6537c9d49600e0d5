const KEYS = ['text', 'client', 'model', 'folder'] as const;

/** What stands in the URL of the list of conversations. */
export type ConversationsSearch = { [Key in (typeof KEYS)[number]]?: string };

/** Reads the URL; what is not known or empty is left out. */
export function searchOfConversations(search: Record<string, unknown>): ConversationsSearch {
  const found: ConversationsSearch = {};
  for (const key of KEYS) {
    const value = search[key];
    if (typeof value === 'string' && value !== '') found[key] = value;
  }
  return found;
}
