/** Why a tunnel is not up: a stable code, a sentence, what to do, and whether trying again can help. */

export type Retry =
  /** At once, where the session had been good; else after a wait. */
  | 'again'
  /** On the other far port. */
  | 'other-port'
  /** Not before the network changes or a person asks. */
  | 'network'
  /** Not before a person has mended it. */
  | 'never'
  /** The edge has to be asked first what it meant. */
  | 'ask';

type Meaning = { sentence: string; mend: string | null; retry: Retry };

const MEANINGS = {
  dropped: { sentence: 'The connection to the gateway was cut.', mend: null, retry: 'again' },
  'closed-by-gateway': { sentence: 'The gateway’s ssh server ended the session.', mend: null, retry: 'again' },
  'dead-peer': { sentence: 'The gateway stopped answering; the path to it went silent.', mend: null, retry: 'again' },
  unanswered: { sentence: 'The far port does not lead to this engine any more.', mend: null, retry: 'again' },
  disturbed: { sentence: 'The machine woke or its network changed, so the session is replaced.', mend: null, retry: 'again' },
  exited: { sentence: 'ssh ended without saying why.', mend: 'See its last lines: drawbridge tunnels logs NAME', retry: 'again' },
  'no-banner': {
    sentence: 'The edge or gateway took the connection and then said nothing.',
    mend: 'Look whether sshd on the gateway, and the tunnel from the edge to it, are running.',
    retry: 'again',
  },
  'dns-failed': { sentence: 'The gateway’s name can’t be looked up.', mend: 'Check the network and the host name.', retry: 'again' },
  'edge-unreachable': {
    sentence: 'The gateway’s address can’t be reached.',
    mend: 'Check the network, a VPN or a firewall in between.',
    retry: 'again',
  },
  'rate-limited': { sentence: 'The edge asks for fewer attempts (429).', mend: null, retry: 'again' },
  'origin-down': {
    sentence: 'The edge answers, but can’t reach the gateway behind it (502).',
    mend: 'Look whether sshd and cloudflared are running on the gateway.',
    retry: 'again',
  },
  'edge-disconnected': {
    sentence: 'The edge knows of no connection from the gateway (530).',
    mend: 'Start cloudflared on the gateway.',
    retry: 'again',
  },
  'edge-odd': {
    sentence: 'The edge answered a tunnel’s request in a way it should not.',
    mend: 'Check that the host name belongs to an Access application for ssh.',
    retry: 'again',
  },
  'edge-refused': { sentence: 'The edge refused the connection.', mend: null, retry: 'ask' },
  'bind-refused': {
    sentence: 'The gateway refused both far ports: they are in use there, or not permitted to this account.',
    mend: 'Compare the far ports with PermitListen in the server kit. A dead session frees its port by itself after a while.',
    retry: 'other-port',
  },
  'login-needed': {
    sentence: 'The edge asks for a login: the service token is not accepted, or the browser login has ended.',
    mend: 'Set the service token anew (drawbridge tunnels token NAME), check that its policy is "Service Auth", or sign in again.',
    retry: 'never',
  },
  'token-refused': {
    sentence: 'The edge refused the service token.',
    mend: 'Check that the token is valid and that the application’s policy names it, then: drawbridge tunnels token NAME',
    retry: 'never',
  },
  'token-missing': {
    sentence: 'No service token is held for this tunnel.',
    mend: 'Give one with: drawbridge tunnels token NAME',
    retry: 'never',
  },
  'tls-untrusted': {
    sentence: 'The edge’s certificate is not trusted. A network’s login page or a proxy may stand in between.',
    mend: 'Sign in to the network, or trust the proxy’s certificate in the system, then reconnect.',
    retry: 'network',
  },
  'connector-missing': {
    sentence: 'cloudflared is not installed.',
    mend: 'Install it (drawbridge tunnels install-cloudflared), or name its path in the settings (tunnels.cloudflared).',
    retry: 'never',
  },
  'connector-unfit': {
    sentence: 'This version of cloudflared can’t be used: it is too old, or ignores service tokens.',
    mend: 'Update cloudflared.',
    retry: 'never',
  },
  'ssh-missing': { sentence: 'ssh is not installed.', mend: 'Install OpenSSH’s client.', retry: 'never' },
  'host-key-changed': {
    sentence: 'The gateway shows another host key than the pinned one. Somebody may be in between.',
    mend: 'Ask the gateway’s administrator for the new fingerprint, then: drawbridge tunnels trust NAME',
    retry: 'never',
  },
  'host-key-unknown': {
    sentence: 'The gateway’s host key is not pinned yet.',
    mend: 'Compare its fingerprint with the gateway’s and pin it: drawbridge tunnels trust NAME',
    retry: 'never',
  },
  'key-refused': {
    sentence: 'The gateway refused this tunnel’s ssh key.',
    mend: 'Put the line of the server kit into the account’s authorized_keys, and see that the account is not locked.',
    retry: 'never',
  },
  'key-unusable': {
    sentence: 'The ssh key file can’t be used: it is missing, or others may read it.',
    mend: 'Check tunnels.list.identityFile; the file must be its owner’s alone (mode 600).',
    retry: 'never',
  },
  'offer-missing': {
    sentence: 'What this tunnel lends is not one of this engine’s bridges.',
    mend: 'Name one that is: companion.',
    retry: 'never',
  },
  exposed: {
    sentence: 'The gateway bound the far port to more than its loopback, so others could reach it. The tunnel was ended.',
    mend: 'Set "GatewayPorts no" for the account on the gateway (server kit), then start the tunnel again.',
    retry: 'never',
  },
  'relay-failed': { sentence: 'The private relay of this tunnel could not be opened.', mend: 'The log says why.', retry: 'never' },
} as const satisfies Record<string, Meaning>;

export type CauseCode = keyof typeof MEANINGS;

/** Why a session ended or could not begin. */
export type Cause = { code: CauseCode; /** The edge asked to wait this long. */ retryAfterMs?: number };

export const CAUSE_CODES = Object.keys(MEANINGS) as readonly CauseCode[];

/** What a cause means to a person and to the supervisor; the tunnel's name stands where a command needs it. */
export function meaningOf(code: CauseCode, tunnel = 'NAME'): Meaning {
  const { sentence, mend, retry }: Meaning = MEANINGS[code];
  return { sentence, mend: mend?.replaceAll('NAME', tunnel) ?? null, retry };
}
