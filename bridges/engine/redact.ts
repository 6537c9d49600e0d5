/** What may never leave the recorder or reach the log (SPEC section 2, rule 3). Names are lower case. */
const SECRET_HEADERS = new Set([
  'authorization',
  'proxy-authorization',
  'x-api-key',
  'api-key',
  'cookie',
  'set-cookie',
  'chatgpt-account-id',
  'x-codex-turn-state',
  'copilot-session-token',
  'x-goog-api-key',
  'cf-access-client-id',
  'cf-access-client-secret',
  'cf-access-token',
  'cf-access-jwt-assertion',
  'x-auth-token',
  'x-amz-security-token',
]);
const SECRET_HEADER = /token|secret|api-?key|password|credential|authori[sz]ation|authentication|assertion|(?:^|-)(?:key|auth|jwt)$/;
/**
 * Counts and limits that merely mention tokens, and keys that open nothing: an idempotency key is the client's own number
 * of a request, and tells which calls were the same one.
 */
const HARMLESS = /(?:ratelimit|rate-limit|token-count|tokens-(?:limit|remaining|reset)|max[-_]tokens|(?:idempotency|cache)-key$)/;
/** Words of a query's name; what is written in one or in humps is a word of its own. */
const SECRET_WORD =
  /(?:^|[^a-z\d])(?:(?:api|access|auth|client|id|refresh|session)?(?:key|token|secret)|pass(?:word|wd)|pwd|credentials?|sig(?:nature)?|auth(?:orization)?|code|assertion|jwt)(?:$|[^a-z\d])/;
const HUMPS = /[A-Z]+/g;
export const REDACTED = '[redacted]';

/** True where the header's value is a secret. */
export function isSecretHeader(name: string): boolean {
  const lower = name.toLowerCase();
  return SECRET_HEADERS.has(lower) || (SECRET_HEADER.test(lower) && !HARMLESS.test(lower));
}

/** True where the value of a query's pair is a secret. `name` as it stands in the query. */
function isSecretName(name: string): boolean {
  return SECRET_WORD.test(unquoted(name).replace(HUMPS, '-$&').toLowerCase());
}

function unquoted(name: string): string {
  if (!name.includes('%')) return name;
  try {
    return decodeURIComponent(name);
  } catch {
    return name;
  }
}

/** What stands for the value of a secret header: its scheme, where it tells one. */
export function redactedValue(value: string): string {
  const scheme = /^(Bearer|Basic|Token) /i.exec(value);
  return scheme ? `${scheme[1]} ${REDACTED}` : REDACTED;
}

/** A request target without our key in its path and without secret query values. */
export function redactTarget(target: string): string {
  const query = target.indexOf('?');
  const path = (query < 0 ? target : target.slice(0, query)).replace(/^\/k\/[^/]*/, `/k/${REDACTED}`);
  if (query < 0) return redactText(path);
  const pairs = target
    .slice(query + 1)
    .split('&')
    .map((pair) => {
      const equals = pair.indexOf('=');
      if (equals < 0) return redactText(pair);
      const name = pair.slice(0, equals);
      return isSecretName(name) ? `${name}=${REDACTED}` : redactText(pair);
    });
  return `${redactText(path)}?${pairs.join('&')}`;
}

/**
 * What stands before a credential: the text's beginning, what is in no word and no base64url, or what JSON or a URL writes
 * for such a character, or the end of a terminal's colour; then maybe the hyphen of a list or a diff. Nothing else is tried,
 * so a run of letters is read through a few times at most, however many prefixes are in it.
 */
const BEFORE = String.raw`(?:^|[^\w-]|\\[bfnrt]|\\u[\da-fA-F]{4}|%[\da-fA-F]{2}|\[[\d;]*[mK])-?`;

/** What stands before is looked at last: V8 leaps from one possible prefix to the next where the expression begins with it. */
function shape(prefix: string, rest: string): string {
  return `${prefix}(?<=${BEFORE}${prefix})${rest}`;
}

/** So many characters or more. As one counted loop V8 would remember each: megabytes of them would throw. */
function run(characters: string, atLeast: number): string {
  return `${characters}{${atLeast}}${characters}*`;
}

/**
 * The shapes of credentials that may stand anywhere in a text: ours, the vendors' keys, GitHub's tokens, JWTs, bearer
 * values (their scheme is captured). None has a character in it that JSON escapes.
 */
const SECRET_TEXT = new RegExp(
  [
    shape('db_', run('[\\w-]', 20)),
    shape('[ps]k-', run('[\\w-]', 16)),
    // After a backslash it would be a carriage return.
    shape('rk-', String.raw`(?<!\\rk-)${run('[\\w-]', 16)}`),
    shape('gh[oprsu]_', run('[A-Za-z0-9]', 20)),
    shape('github_pat_', run('\\w', 20)),
    shape('eyJ', String.raw`${run('[\\w-]', 8)}\.${run('[\\w-]', 8)}\.[\w-]*`),
    `([Bb]earer )${run('[\\w.~+/=|:-]', 8)}`,
  ].join('|'),
  'g',
);

/** A text with everything that looks like a credential replaced. */
export function redactText(text: string): string {
  // Most texts are short and hold none of these marks; the expression is not run on them.
  if (text.length < 16) return text;
  return text.replace(SECRET_TEXT, (_secret, scheme: string = '') => scheme + REDACTED);
}

/** The same, each credential by as many asterisks: what stands after it stays where it is, and JSON stays JSON. */
export function maskText(text: string): string {
  if (text.length < 16) return text;
  return text.replace(SECRET_TEXT, (secret, scheme: string = '') =>
    isProse(secret, scheme) ? secret : scheme + '*'.repeat(secret.length - scheme.length),
  );
}

/**
 * "Bearer authentication", db_connection_pool_size: bodies are full of such words and names, and are to be given back. Our
 * own keys are drawn at random, and have a digit or a capital; a scheme in small letters is an English word more often than
 * not; all other shapes may be anything.
 */
function isProse(secret: string, scheme: string): boolean {
  if (scheme === '') return secret.startsWith('db_') && !/[\dA-Z]/.test(secret);
  const value = secret.slice(scheme.length);
  return (scheme.startsWith('b') || value.length < 16) && !/\d/.test(value);
}

/** A text without terminal escapes and control characters: upstream errors are shown in terminals and logs. */
export function plainText(text: string): string {
  // eslint-disable-next-line no-control-regex -- these characters are what is looked for
  return text.replace(/\u001b\[[0-9;?]*[ -/]*[@-~]|[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g, '');
}
