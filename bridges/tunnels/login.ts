import type { ChildRunner } from '../engine/child.ts';

/** Browser logins are cloudflared's own: it opens the browser, keeps the token, and is asked for it. */

const LOGIN_MS = 300_000;
const TOKEN_MS = 10_000;

/** Opens the browser and waits for the login to be done. True where it was. */
export async function logIn(cloudflared: string, host: string, run: ChildRunner): Promise<boolean> {
  const { code } = await run(cloudflared, ['access', 'login', `https://${host}`], { timeoutMs: LOGIN_MS });
  return code === 0;
}

/** When the login that cloudflared holds for a host ends; null where there is none. The token itself is not kept. */
export async function loginUntil(cloudflared: string, host: string, run: ChildRunner): Promise<number | null> {
  const { code, stdout } = await run(cloudflared, ['access', 'token', `--app=https://${host}`], { timeoutMs: TOKEN_MS });
  return code === 0 ? expiryOf(stdout.trim()) : null;
}

/** The end of a JWT's life in Unix milliseconds; null where the text is none. */
export function expiryOf(token: string): number | null {
  const [, payload, signature] = token.split('.');
  if (payload === undefined || signature === undefined) return null;
  try {
    const claims: unknown = JSON.parse(Buffer.from(payload, 'base64url').toString('utf8'));
    return typeof claims === 'object' && claims !== null && 'exp' in claims && typeof claims.exp === 'number' ? claims.exp * 1000 : null;
  } catch {
    return null;
  }
}
