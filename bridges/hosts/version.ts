import { readFileSync } from 'node:fs';

/** The product's version, from the package.json nearest above this file (the same from source and built). */
export function productVersion(): string {
  for (const up of ['../package.json', '../../package.json']) {
    try {
      const found: unknown = JSON.parse(readFileSync(new URL(up, import.meta.url), 'utf8'));
      if (typeof found === 'object' && found !== null && 'version' in found && typeof found.version === 'string') return found.version;
    } catch {
      // Not at this level.
    }
  }
  return '0.0.0';
}
