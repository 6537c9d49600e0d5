/** Which headers go on to an upstream, and which come back. Decided by name alone; pure. */

/** Headers that belong to one connection (RFC 9110, section 7.6.1), and those the next hop sets itself. */
const HOP = new Set([
  'connection',
  'keep-alive',
  'proxy-connection',
  'proxy-authenticate',
  'proxy-authorization',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'http2-settings',
  'expect',
  'host',
  'content-length',
]);
/** What never leaves this machine: our cookies, and what only tells about the local network. */
const LOCAL = new Set([
  'cookie',
  'origin',
  'referer',
  'forwarded',
  'x-forwarded-for',
  'x-forwarded-host',
  'x-forwarded-proto',
  'x-real-ip',
]);
/** Credentials of the caller: they go on only to the caller's own provider. */
const CREDENTIALS = new Set(['authorization', 'x-api-key', 'api-key', 'chatgpt-account-id', 'copilot-session-token', 'x-codex-turn-state']);

export type Credential =
  /** The caller's own, untouched. */
  | { kind: 'own' }
  /** Ours: the caller's are taken out, this one is put in. */
  | { kind: 'bearer'; token: string }
  | { kind: 'none'; /** Names that go on all the same. */ keeps?: ReadonlySet<string> };

/** The headers a request goes on with: name, value, name, value. `rawHeaders` as Node gives them; those in `without` stay. */
export function forwardHeaders(rawHeaders: readonly string[], credential: Credential, without?: ReadonlySet<string>): string[] {
  const out: string[] = [];
  const named = namedBy(connectionOf(rawHeaders));
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
    const name = rawHeaders[i];
    const value = rawHeaders[i + 1];
    if (name === undefined || value === undefined) continue;
    const lower = name.toLowerCase();
    if (named?.includes(lower) === true || HOP.has(lower) || LOCAL.has(lower) || without?.has(lower) === true) continue;
    if (CREDENTIALS.has(lower) && !goesOn(lower, value, credential)) continue;
    out.push(name, value);
  }
  if (credential.kind === 'bearer') out.push('authorization', `Bearer ${credential.token}`);
  return out;
}

/** The token that a translated request goes on with: of the caller's headers nothing else does. */
export function forwardToken(rawHeaders: readonly string[], credential: Credential): string | undefined {
  if (credential.kind === 'bearer') return credential.token;
  const named = namedBy(connectionOf(rawHeaders));
  let token: string | undefined;
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
    const lower = rawHeaders[i]?.toLowerCase() ?? '';
    const value = rawHeaders[i + 1] ?? '';
    if (lower !== 'authorization' && lower !== 'x-api-key') continue;
    if (named?.includes(lower) === true || !goesOn(lower, value, credential)) continue;
    token = lower === 'authorization' ? value.replace(/^bearer\s+/i, '') : value;
  }
  return token;
}

/** Whether a caller's credential goes on with the call. */
function goesOn(name: string, value: string, credential: Credential): boolean {
  const kept = credential.kind === 'own' || (credential.kind === 'none' && credential.keeps?.has(name) === true);
  return kept && !isOwnKey(value);
}

/** The headers a reply comes back with. */
export function returnHeaders(headers: Readonly<Record<string, string | string[]>>): Record<string, string | string[]> {
  const named = namedBy(headers['connection']);
  const out: Record<string, string | string[]> = {};
  for (const name in headers) {
    const value = headers[name];
    if (value !== undefined && (name === 'content-length' || !(HOP.has(name) || named?.includes(name) === true))) out[name] = value;
  }
  return out;
}

/** What the Connection headers of a request say, however many it has. */
function connectionOf(rawHeaders: readonly string[]): string | undefined {
  let found: string | undefined;
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
    const name = rawHeaders[i];
    if (name?.length !== 'connection'.length || name.toLowerCase() !== 'connection') continue;
    found = found === undefined ? rawHeaders[i + 1] : `${found},${rawHeaders[i + 1]}`;
  }
  return found;
}

/** The headers that a Connection header makes its connection's own. */
function namedBy(connection: string | string[] | undefined): string[] | undefined {
  if (connection === undefined || connection === 'keep-alive' || connection === 'close') return undefined;
  return String(connection)
    .toLowerCase()
    .split(/[\t ]*,[\t ]*/);
}

/** True for a value that is one of our client keys: it is for us and goes no further. */
export function isOwnKey(value: string): boolean {
  return value.startsWith('db_') || /^bearer\s+db_/i.test(value);
}

/** The client key a request carries, and whether it brings a credential of its own besides. */
export function credentialsOf(
  headers: NodeJS.Dict<string | string[]>,
  pathKey: string | undefined,
): { key: string | undefined; own: boolean } {
  const bearer = single(headers['authorization']);
  const apiKey = single(headers['x-api-key']);
  const token = bearer === undefined ? undefined : /^bearer\s+(.*)$/i.exec(bearer)?.[1];
  const own = (bearer !== undefined && !isOwnKey(bearer)) || (apiKey !== undefined && !isOwnKey(apiKey));
  if (pathKey !== undefined) return { key: pathKey, own };
  return { key: token !== undefined && (apiKey === undefined || isOwnKey(token)) ? token : apiKey, own: false };
}

function single(value: string | string[] | undefined): string | undefined {
  return Array.isArray(value) ? value[0] : value;
}
