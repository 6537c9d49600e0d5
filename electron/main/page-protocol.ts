import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { protocol } from 'electron';
import { SECURITY_HEADERS } from '../../bridges/http/page.ts';
import { isOwn } from './addresses.ts';

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.json': 'application/json',
  '.woff2': 'font/woff2',
};

/** Says, before the app is ready, that pages of `app:` are pages like any other on a secure origin. */
export function registerPageScheme(): void {
  protocol.registerSchemesAsPrivileged([{ scheme: 'app', privileges: { standard: true, secure: true, supportFetchAPI: true } }]);
}

/** Serves the built window on its own origin, and nothing else. */
export function servePages(folder: string): void {
  protocol.handle('app', async (request) => {
    const file = fileOf(folder, request.url);
    if (request.method !== 'GET' || file === null) return answer(404, 'Not found.', '.txt');
    try {
      return answer(200, new Uint8Array(await readFile(file)), path.extname(file));
    } catch {
      return answer(404, 'Not found.', '.txt');
    }
  });
}

/** The file an address stands for, null where it would lie outside of the folder. Pages have no dot in their path. */
export function fileOf(folder: string, url: string): string | null {
  if (!isOwn(url)) return null;
  let pathname: string;
  try {
    pathname = decodeURIComponent(new URL(url).pathname);
  } catch {
    return null;
  }
  if (pathname.includes('\0') || pathname.includes('\\')) return null;
  const file = path.normalize(path.join(folder, pathname.includes('.') ? pathname : 'index.html'));
  return file.startsWith(path.normalize(folder) + path.sep) ? file : null;
}

function answer(status: number, body: string | Uint8Array<ArrayBuffer>, extension: string): Response {
  return new Response(body, {
    status,
    headers: { ...SECURITY_HEADERS, 'content-type': TYPES[extension] ?? 'text/plain; charset=utf-8' },
  });
}
