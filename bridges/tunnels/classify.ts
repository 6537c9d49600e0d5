import { PROXY_LOGIN, type Cause, type CauseCode } from './causes.ts';

/**
 * Reads what ssh (with -v) and cloudflared say on stderr. These are texts made for people, so every pattern is held
 * to the real programs by a test.
 */

export type Progress = { step: 'connecting' | 'edge-open' | 'host-key-ok' | 'authenticated' } | { step: 'up'; farPort: number };

const STEPS: readonly [RegExp, Exclude<Progress['step'], 'up'>][] = [
  [/^debug1: (?:Executing proxy command|Connecting to )/, 'connecting'],
  [/^debug1: Remote protocol version/, 'edge-open'],
  [/^debug1: Host '.*' is known and matches/, 'host-key-ok'],
  [/^(?:debug1: )?Authenticated to /, 'authenticated'],
];
const UP = /^debug1: remote forward success for: listen 127\.0\.0\.1:(\d+), connect /;

/** How far a session has come, where the line tells. */
export function progressOf(line: string): Progress | undefined {
  const up = UP.exec(line);
  if (up) return { step: 'up', farPort: Number(up[1]) };
  const found = STEPS.find(([pattern]) => pattern.test(line));
  return found && { step: found[1] };
}

/** The first that fits any line is the cause: what says most comes first. */
const CAUSES: readonly [RegExp, CauseCode][] = [
  [/REMOTE HOST IDENTIFICATION HAS CHANGED/, 'host-key-changed'],
  [/host key is known for .* strict checking|^Host key verification failed/, 'host-key-unknown'],
  [/^Unable to negotiate with /, 'no-agreement'],
  [/^Load key .*(?:bad permissions|invalid format|error in libcrypto|incorrect passphrase)|UNPROTECTED PRIVATE KEY FILE/, 'key-unusable'],
  [/(?:identity file|no such identity:) .*(?:not accessible|No such file)/i, 'key-unusable'],
  [/Permission denied \(|Too many authentication failures/, 'key-refused'],
  [/browser window should have opened|Please open the following URL/, 'login-needed'],
  [/^drawbridge: edge answered 30\d login/, 'login-needed'],
  // Cloudflared says no more than the words of the proxy's status.
  [/^Proxy Authentication Required\s*$|^drawbridge: proxy wants a login/, 'proxy-login'],
  [/^drawbridge: proxy refused/, 'proxy-refused'],
  [/^drawbridge: edge answered 40[13]\b/, 'token-refused'],
  [/^drawbridge: edge answered 429\b/, 'rate-limited'],
  [/^drawbridge: edge answered 530\b/, 'edge-disconnected'],
  [/^drawbridge: edge answered 50[0234]\b/, 'origin-down'],
  [/^drawbridge: edge answered \d/, 'edge-odd'],
  [/x509:|certificate signed by unknown|tls: failed to verify|^drawbridge: edge is not trusted/, 'tls-untrusted'],
  [/websocket: bad handshake/, 'edge-refused'],
  // Not of ssh's own debugging: old ones look for key files that need not be there.
  [/^(?!debug\d: ).*(?:not found|No such file or directory|cannot execute|Exec format error|Permission denied)\s*$/, 'connector-missing'],
  [/lookup .*(?:no such host|server misbehaving|i\/o timeout)|Could not resolve hostname|^drawbridge: edge not found/, 'dns-failed'],
  [
    /dial tcp .*(?:refused|timeout|unreachable|no route)|^ssh: connect to host .* port \d+: |^drawbridge: edge not reached/,
    'edge-unreachable',
  ],
  [/^debug1: Remote: (?:port forwarding refused|Server has disabled port forwarding)/, 'bind-forbidden'],
  [/remote port forwarding failed for listen/, 'bind-refused'],
  [/timed out during banner exchange|^drawbridge: edge said nothing/, 'no-banner'],
  [/Timeout, server .* not responding|^drawbridge: edge went silent/, 'dead-peer'],
  [/^kex_exchange_identification: .*(?:closed by|reset by)|^banner exchange: .*invalid format/, 'not-ssh'],
  [/closed by remote host|Connection reset by|closed by .* port \d+/, 'closed-by-gateway'],
  [/Broken pipe|send disconnect|^drawbridge: edge closed/, 'dropped'],
];

/** What a session says that was cut; before sshd was reached through an edge, it was the edge that cut it. */
const CUT: ReadonlySet<CauseCode> = new Set(['dropped', 'closed-by-gateway', 'not-ssh', 'exited']);

/** How far a session had come. */
export type Reached = {
  sshd: boolean;
  up: boolean;
  /** There is an edge in between. */
  edge: boolean;
  /** And a proxy before it. */
  proxied: boolean;
};

/** Why a session ended, from all it said. */
export function causeOf(lines: readonly string[], reached: Reached): Cause {
  const found = CAUSES.find(([pattern]) => lines.some((line) => pattern.test(line)));
  // One that had been up and ends without a word was cut.
  const plain = found?.[1] ?? (reached.up ? 'dropped' : 'exited');
  const code = reached.edge && !reached.sshd && CUT.has(plain) ? 'edge-refused' : throughProxy(plain, reached.proxied && !reached.sshd);
  if (code === PROXY_LOGIN.code) return PROXY_LOGIN;
  const wait = lines
    .map((line) => /^drawbridge: edge answered 429 retry-after (\d{1,6})$/.exec(line)?.[1])
    .find((value) => value !== undefined);
  return wait === undefined ? { code } : { code, retryAfterMs: Number(wait) * 1000 };
}

/** Behind a proxy nothing is looked up or reached from here but the proxy itself. */
export function throughProxy(code: CauseCode, proxied: boolean): CauseCode {
  return proxied && (code === 'dns-failed' || code === 'edge-unreachable') ? 'proxy-unreachable' : code;
}

/** True for what ssh says of every single call: it stands on the calls list, and would push all else out of the log. */
export function isOfOneCall(line: string): boolean {
  return /^debug1: (?:client_input_channel_open|client_request_forwarded|confirm forwarded|connect_next|channel \d+:)/.test(line);
}

/** True for a line after which waiting for the end is of no use: cloudflared would poll for a login for minutes. */
export function isHopeless(line: string): boolean {
  return /browser window should have opened|Please open the following URL/.test(line);
}
