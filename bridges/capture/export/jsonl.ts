import { isUtf8 } from 'node:buffer';
import type { ExportedCall, ExportHead } from '../../contract/index.ts';
import type { StoredCall } from '../worker.ts';

/** The first line of an export as JSONL. */
export function headLine(exportedAt: string, bodies: boolean): string {
  return `${JSON.stringify({ drawbridge: 'calls', version: 1, exportedAt, bodies } satisfies ExportHead)}\n`;
}

/** A call as one line: every byte that was kept of it, unless bodies are left out. */
export function callLine(stored: StoredCall, folder: string | null, bodies: boolean): string {
  const exported: ExportedCall = {
    call: stored.call,
    folder,
    sides: stored.sides.map(({ side, headers, body }) => ({
      side,
      headers: JSON.parse(headers),
      body: bodies && body !== null ? bodyOf(body) : null,
    })),
    timeline: stored.timeline,
  };
  return `${JSON.stringify(exported)}\n`;
}

function bodyOf(body: Uint8Array): NonNullable<ExportedCall['sides'][number]['body']> {
  const bytes = Buffer.from(body.buffer, body.byteOffset, body.byteLength);
  return isUtf8(bytes) ? { encoding: 'utf8', content: bytes.toString('utf8') } : { encoding: 'base64', content: bytes.toString('base64') };
}
