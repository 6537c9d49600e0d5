import type { TunnelDefinition } from '../contract/index.ts';
import { DrawbridgeError } from '../contract/errors.ts';
import type { ChildRunner } from '../engine/child.ts';

/** Browser logins are cloudflared's own: it opens the browser, keeps the token, and is asked for it. */
export type Logins = {
  /** When the login of a tunnel's host ends, in Unix milliseconds, as last read; null where there is none. */
  until(tunnel: TunnelDefinition): number | null;
  /** Asks cloudflared until when its login holds. The token itself is not kept. */
  read(tunnel: TunnelDefinition): Promise<number | null>;
  /** Opens the browser, and resolves once the person has signed in. Throws `failed` where they have not. */
  signIn(tunnel: TunnelDefinition): Promise<number | null>;
};

const LOGIN_MS = 300_000;
const TOKEN_MS = 10_000;

/** True for a tunnel that signs in with a browser. */
export function signsIn({ connector }: TunnelDefinition): boolean {
  return connector.kind === 'cloudflared' && connector.login === 'browser';
}

/** `program`: the path of cloudflared; throws `failed` where there is none that can be used. */
export function createLogins(program: (tunnel: TunnelDefinition) => Promise<string>, run: ChildRunner): Logins {
  const known = new Map<string, { asked: number; until: number | null }>();
  let asked = 0;
  const read = async (tunnel: TunnelDefinition): Promise<number | null> => {
    const { host } = tunnel;
    asked += 1;
    const mine = asked;
    const { code, stdout } = await run(await program(tunnel), ['access', 'token', `--app=https://${host}`], { timeoutMs: TOKEN_MS });
    const until = code === 0 ? expiryOf(stdout.trim()) : null;
    // An answer to an earlier question may come after this one's: it tells of the time before a login.
    if ((known.get(host)?.asked ?? 0) < mine) known.set(host, { asked: mine, until });
    return until;
  };
  return {
    until: (tunnel) => (signsIn(tunnel) ? (known.get(tunnel.host)?.until ?? null) : null),
    read,
    async signIn(tunnel) {
      if (!signsIn(tunnel)) throw new DrawbridgeError('bad_input', `The tunnel "${tunnel.name}" does not sign in with a browser.`);
      const { code } = await run(await program(tunnel), ['access', 'login', `https://${tunnel.host}`], { timeoutMs: LOGIN_MS });
      if (code !== 0) throw new DrawbridgeError('failed', 'The login was not finished. Try again.');
      return read(tunnel);
    },
  };
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
