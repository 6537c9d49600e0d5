import { HEADER_NAME } from './grammar.ts';

/** Names in lower case, by how they were written. */
const kept = new Map<string, string>();
/** Clients and upstreams have a few dozen; the bound is against one that makes them up. */
const MOST_KEPT = 500;

/** A header's name in lower case; undefined where it is none (RFC 9110, section 5.1). */
export function lowerCaseName(name: string): string | undefined {
  return kept.get(name) ?? understand(name);
}

function understand(name: string): string | undefined {
  if (!HEADER_NAME.test(name)) return undefined;
  // A part of a head keeps all of it, and the client's key with it: only a copy of the name is kept.
  const own = Buffer.from(name, 'latin1').toString('latin1');
  const lower = own.toLowerCase();
  if (kept.size > MOST_KEPT) kept.clear();
  kept.set(own, lower);
  return lower;
}
