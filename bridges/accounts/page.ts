import type { ServerResponse } from 'node:http';

/** A page without script, without anything from elsewhere; its address may hold a code, so it is told to nobody. */
export function page(res: ServerResponse, status: number, text: string): void {
  const body = `<!doctype html><html lang="en"><meta charset="utf-8"><title>Drawbridge</title><body style="font:16px system-ui;margin:4rem"><h1>Drawbridge</h1><p>${text}</p></body></html>`;
  res.writeHead(status, {
    'content-type': 'text/html; charset=utf-8',
    'content-security-policy': "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
    'referrer-policy': 'no-referrer',
    'cache-control': 'no-store',
    connection: 'close',
  });
  res.end(body);
}
