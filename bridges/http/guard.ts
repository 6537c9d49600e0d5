/**
 * The trust decision of every listener, as a pure function of one request's head. What it stands against: DNS
 * rebinding (Host), pages in the user's own browser (Origin, Sec-Fetch-*, preflights, "simple" content types),
 * request smuggling and path tricks (what llhttp lets through), and guessing (see keys.ts for the key itself).
 */

/** A request that is refused before anything looks at it. The connection is closed after the answer. */
export type Refusal = { status: number; code: RefusalCode; message: string };

export type RefusalCode =
  | 'bad_request'
  | 'wrong_host'
  | 'foreign_origin'
  | 'method_not_allowed'
  | 'unsupported_media_type'
  | 'key_missing'
  | 'key_wrong'
  | 'body_too_large'
  | 'headers_too_large'
  | 'timeout'
  | 'not_found'
  | 'upgrade_refused'
  | 'unavailable';

export type GuardOptions = {
  /** The port the listener is bound to. */
  port: number;
  /** Host names besides `127.0.0.1` and `localhost`; none by default. */
  hosts?: readonly string[];
  /** The only values of Host that are answered, where callers reach the listener by other addresses than its own. */
  onlyHosts?: readonly string[];
  /** The listener serves pages of its own: its own origin may call it. */
  ownOrigin?: boolean;
  /** The one path a browser may arrive at from another site, as a page of its own: the end of a sign-in. */
  landing?: string;
  /** The browser arrives there with a form that a page of this origin sends (`response_mode=form_post`). */
  landingFrom?: string;
  /** Paths whose last part is a name, in which clients encode the slashes. */
  named?: RegExp;
};

export type Head = { method: string; target: string; rawHeaders: readonly string[] };

const METHODS = new Set(['GET', 'HEAD', 'POST']);
/** What a path never needs: encoded dots, slashes and NUL, backslashes, control characters. */
const ODD_TARGET = /%2e|%2f|%5c|%00|\\|[^\x21-\x7e]/i;
const DOT_SEGMENT = /(?:^|\/)\.{1,2}(?:\/|$)/;

/** Returns why a request is refused, or undefined where it may go on. */
export function guard(head: Head, options: GuardOptions): Refusal | undefined {
  let host: string | undefined;
  let origin: string | undefined;
  let fetchSite: string | undefined;
  let fetchMode: string | undefined;
  let fetchDest: string | undefined;
  let contentType: string | undefined;
  let authorizations = 0;
  const raw = head.rawHeaders;
  for (let i = 0; i + 1 < raw.length; i += 2) {
    const name = raw[i];
    const value = raw[i + 1];
    if (name === undefined || value === undefined) continue;
    // Told by length first: one comparison for most headers, and no lower-cased copy of each name.
    switch (name.length) {
      case 4:
        if (name.toLowerCase() !== 'host') break;
        if (host !== undefined) return refuse(400, 'bad_request', 'The request has two Host headers.');
        host = value;
        break;
      case 6:
        if (name.toLowerCase() === 'origin') origin = value;
        break;
      case 12:
        if (name.toLowerCase() === 'content-type') contentType = value;
        break;
      case 13:
        if (name.toLowerCase() === 'authorization') authorizations += 1;
        break;
      case 14:
        switch (name.toLowerCase()) {
          case 'sec-fetch-site':
            fetchSite = value;
            break;
          case 'sec-fetch-mode':
            fetchMode = value;
            break;
          case 'sec-fetch-dest':
            fetchDest = value;
            break;
          default:
        }
        break;
      default:
    }
  }
  if (host === undefined || host === '') return refuse(400, 'bad_request', 'The request has no Host header.');
  if (!isOwnHost(host, options)) {
    return refuse(
      421,
      'wrong_host',
      `This listener answers to ${options.onlyHosts?.join(' and ') ?? `127.0.0.1:${options.port}`} only. Write that address in the client's settings.`,
    );
  }
  if (authorizations > 1) return refuse(400, 'bad_request', 'The request has two Authorization headers.');

  const own = options.ownOrigin === true && origin === `http://${host}`;
  const arrives =
    options.landing !== undefined && options.landing === pathOf(head.target) && fetchMode === 'navigate' && fetchDest === 'document';
  // A page on https tells its origin to none on http: the browser writes `null` then (Fetch standard, 3.2).
  const posts =
    arrives &&
    head.method === 'POST' &&
    options.landingFrom !== undefined &&
    (origin === 'null' || origin === options.landingFrom) &&
    contentType === 'application/x-www-form-urlencoded';
  if (origin !== undefined && !own && !posts) {
    return refuse(403, 'foreign_origin', 'Calls from web pages are refused. Call from a program, without an Origin header.');
  }
  const lands = posts || (arrives && head.method === 'GET' && options.landingFrom === undefined);
  if (fetchSite !== undefined && !lands && !(options.ownOrigin === true && (fetchSite === 'same-origin' || fetchSite === 'none'))) {
    return refuse(403, 'foreign_origin', 'Calls from a browser are refused. Call from a program.');
  }
  if (!METHODS.has(head.method)) {
    return refuse(405, 'method_not_allowed', `The method ${head.method.slice(0, 20)} is not used here. Use GET, HEAD or POST.`);
  }
  const given = pathOf(head.target);
  const path = options.named?.test(given) === true ? given.replaceAll(/%2f/gi, '/') : given;
  if (!head.target.startsWith('/') || head.target.startsWith('//') || ODD_TARGET.test(path) || DOT_SEGMENT.test(path)) {
    return refuse(400, 'bad_request', 'The request path is not a plain absolute path.');
  }
  if (head.method === 'POST' && !posts && !isJson(contentType)) {
    return refuse(415, 'unsupported_media_type', 'Send the body as JSON, with the header content-type: application/json.');
  }
  return undefined;
}

/** The path of a request target, without its query. */
export function pathOf(target: string): string {
  const query = target.indexOf('?');
  return query < 0 ? target : target.slice(0, query);
}

function isOwnHost(host: string, options: GuardOptions): boolean {
  if (options.onlyHosts !== undefined) return options.onlyHosts.includes(host);
  const suffix = `:${options.port}`;
  if (!host.endsWith(suffix)) return false;
  const name = host.slice(0, -suffix.length);
  return name === '127.0.0.1' || name === 'localhost' || (options.hosts?.includes(name) ?? false);
}

function isJson(contentType: string | undefined): boolean {
  if (contentType === undefined) return false;
  if (contentType === 'application/json') return true;
  return /^application\/(?:[\w.-]+\+)?json\s*(?:;.*)?$/i.test(contentType);
}

function refuse(status: number, code: RefusalCode, message: string): Refusal {
  return { status, code, message };
}
