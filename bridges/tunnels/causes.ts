import type { Mend, TunnelAction, TunnelDefinition, TunnelField, TunnelMend } from '../contract/index.ts';
import { SecretError } from '../engine/secrets.ts';

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

/** Something a person can do: words for a button, a sentence, and what the button does. */
type Help = { label: string; advice: string; action: TunnelAction };

const reconnect = (advice: string): Help => ({ label: 'Try now', advice, action: { kind: 'reconnect' } });
const serverKit = (advice: string): Help => ({ label: 'Show the server kit', advice, action: { kind: 'serverKit' } });
const byItself = reconnect('It is tried again by itself.');
const pin = (advice: string): Help => ({ label: 'Compare the host key', advice, action: { kind: 'trust' } });
const keyFile = (advice: string): Help => ({ label: 'Change the key file', advice, action: { kind: 'edit', field: 'identityFile' } });
const setProxy = (advice: string): Help => ({ label: 'Set the proxy', advice, action: { kind: 'network' } });
const giveToken = (advice: string): Help => ({ label: 'Set the service token', advice, action: { kind: 'token' } });

export const VENDOR_DOWNLOADS = 'https://developers.cloudflare.com/cloudflare-one/networks/connectors/cloudflare-tunnel/downloads/';

type Meaning = { sentence: string; help: Help; retry: Retry };

const MEANINGS = {
  dropped: { sentence: 'The connection to the gateway was cut.', help: byItself, retry: 'again' },
  'closed-by-gateway': { sentence: 'The gateway’s ssh server ended the session.', help: byItself, retry: 'again' },
  'dead-peer': { sentence: 'The gateway stopped answering; the path to it went silent.', help: byItself, retry: 'again' },
  unanswered: { sentence: 'The far port does not lead to this engine any more.', help: byItself, retry: 'again' },
  disturbed: { sentence: 'The machine woke or its network changed, so the session is replaced.', help: byItself, retry: 'again' },
  replaced: { sentence: 'The session is being replaced, as was asked.', help: byItself, retry: 'again' },
  'no-network': {
    sentence: 'This machine has no network.',
    help: reconnect('The tunnel is brought up as soon as there is one.'),
    retry: 'network',
  },
  exited: {
    sentence: 'ssh ended without saying why.',
    help: { label: 'Show its last lines', advice: 'See the last lines of ssh.', action: { kind: 'logs' } },
    retry: 'again',
  },
  'no-banner': {
    sentence: 'The edge or gateway took the connection and then said nothing.',
    help: reconnect('Look whether sshd on the gateway, and the tunnel from the edge to it, are running.'),
    retry: 'again',
  },
  'not-ssh': {
    sentence: 'What answers at the gateway’s address ended the connection before it spoke ssh.',
    help: {
      label: 'Change the port',
      advice: 'Check the host and its port, and that sshd there does not turn this machine away. It is tried again by itself.',
      action: { kind: 'edit', field: 'port' },
    },
    retry: 'again',
  },
  'no-agreement': {
    sentence: 'The gateway’s ssh server and ssh here know no way of encryption in common.',
    help: {
      label: 'Show its last lines',
      advice: 'The last lines of ssh name what the gateway offers. Update it there.',
      action: { kind: 'logs' },
    },
    retry: 'never',
  },
  'dns-failed': {
    sentence: 'The gateway’s name can’t be looked up.',
    help: { label: 'Change the host', advice: 'Check the network and the host name.', action: { kind: 'edit', field: 'host' } },
    retry: 'again',
  },
  'edge-unreachable': {
    sentence: 'The gateway’s address can’t be reached.',
    help: reconnect('Check the network, a VPN or a firewall in between.'),
    retry: 'again',
  },
  'rate-limited': {
    sentence: 'The edge asks for fewer attempts (429).',
    help: reconnect('It is tried again by itself, after the time the edge gave.'),
    retry: 'again',
  },
  'origin-down': {
    sentence: 'The edge answers, but can’t reach the gateway behind it (502).',
    help: reconnect('Look whether sshd and cloudflared are running on the gateway.'),
    retry: 'again',
  },
  'edge-disconnected': {
    sentence: 'The edge knows of no connection from the gateway (530).',
    help: reconnect('Start cloudflared on the gateway.'),
    retry: 'again',
  },
  'edge-odd': {
    sentence: 'The edge answered a tunnel’s request in a way it should not.',
    help: {
      label: 'Change the host',
      advice: 'Check that the host name belongs to an Access application for ssh.',
      action: { kind: 'edit', field: 'host' },
    },
    retry: 'again',
  },
  'edge-refused': { sentence: 'The edge refused the connection.', help: byItself, retry: 'ask' },
  'bind-refused': {
    sentence: 'The gateway refused both far ports: something uses them there.',
    help: serverKit(
      'A dead session frees its port by itself after a while, and it is tried again. Where it stays so, see what listens on them on the gateway.',
    ),
    retry: 'other-port',
  },
  'bind-forbidden': {
    sentence: 'The gateway does not let this account listen on the far ports.',
    help: serverKit(
      'Set AllowTcpForwarding and PermitListen for the account as the server kit has them, with its line in authorized_keys.',
    ),
    retry: 'other-port',
  },
  'login-needed': {
    sentence: 'The edge asks for a login: the service token is not accepted.',
    help: giveToken('Set the service token anew, and check that its policy is "Service Auth".'),
    retry: 'never',
  },
  'token-refused': {
    sentence: 'The edge refused the service token.',
    help: giveToken('Check that the token is valid and that the application’s policy names it, then set it anew.'),
    retry: 'never',
  },
  'token-missing': {
    sentence: 'No service token is held for this tunnel and its host.',
    help: giveToken('Give the service token that the edge’s administrator made.'),
    retry: 'never',
  },
  'keychain-locked': {
    sentence: 'The keychain is locked, so the service token can’t be read.',
    help: reconnect('Unlock the keychain. It is tried again by itself every minute.'),
    retry: 'again',
  },
  'keychain-refused': {
    sentence: 'The keychain does not give the service token to Drawbridge.',
    help: reconnect('Allow Drawbridge in the keychain, and see that it runs. Then try again.'),
    retry: 'never',
  },
  'proxy-login': {
    sentence: 'The proxy on the way to the edge wants a login, or another one than it was given (407).',
    help: setProxy('Give its user name and password: Network in the settings.'),
    retry: 'again',
  },
  'proxy-refused': {
    sentence: 'The proxy on the way to the edge does not let the tunnel through.',
    help: setProxy('Ask whoever runs it to allow the gateway’s host, or let that host be reached without it: Network in the settings.'),
    retry: 'again',
  },
  'proxy-unreachable': {
    sentence: 'The proxy on the way to the edge can’t be reached.',
    help: setProxy('Check that it runs, and how it is named: Network in the settings.'),
    retry: 'again',
  },
  'tls-untrusted': {
    sentence: 'The edge’s certificate is not trusted. A network’s login page or a proxy may stand in between.',
    help: reconnect('Sign in to the network, or trust the proxy’s certificate in the system, then try again.'),
    retry: 'network',
  },
  'connector-missing': {
    sentence: 'cloudflared is not installed.',
    help: {
      label: 'Download cloudflared',
      advice: 'Download the release that is known here, or name the file of another: drawbridge tunnels use-cloudflared FILE.',
      action: { kind: 'installCloudflared' },
    },
    retry: 'never',
  },
  'connector-unfit': {
    sentence: 'This version of cloudflared can’t be used: it is too old, or ignores service tokens.',
    help: { label: 'Open its downloads', advice: 'Update cloudflared, then try again.', action: { kind: 'link', href: VENDOR_DOWNLOADS } },
    retry: 'never',
  },
  'connector-slow': {
    sentence: 'cloudflared could not be run, or did not say its version in time.',
    help: reconnect('It is tried again by itself. Where it stays so, name another file: drawbridge tunnels use-cloudflared FILE.'),
    retry: 'again',
  },
  'ssh-missing': {
    sentence: 'ssh is not installed.',
    help: reconnect('Install OpenSSH’s client (openssh-client on Debian and Ubuntu, an optional feature on Windows), then try again.'),
    retry: 'never',
  },
  'host-key-changed': {
    sentence: 'The gateway shows another host key than the pinned one. Somebody may be in between.',
    help: pin('Ask the gateway’s administrator for the new fingerprint, and pin it only if it is the same.'),
    retry: 'never',
  },
  'host-key-unknown': {
    sentence: 'The gateway’s host key is not pinned yet.',
    help: pin('Compare its fingerprint with the gateway’s, and pin it.'),
    retry: 'never',
  },
  'key-refused': {
    sentence: 'The gateway refused this tunnel’s ssh key.',
    help: serverKit('Put the line of the server kit into the account’s authorized_keys, and see that the account is not locked.'),
    retry: 'never',
  },
  'key-unusable': {
    sentence: 'The ssh key file can’t be used: it is missing, is no private key, or others may read it.',
    help: keyFile('Name a private key that is there and that is its owner’s alone (mode 600).'),
    retry: 'never',
  },
  'key-encrypted': {
    sentence: 'The ssh key file has a passphrase, and nobody is there to type it.',
    help: keyFile('Name a key without one, or name none: Drawbridge then makes its own, and the server kit has its line for the gateway.'),
    retry: 'never',
  },
  'offer-missing': {
    sentence: 'What this tunnel lends is not one of this engine’s bridges.',
    help: { label: 'Change what is lent', advice: 'Choose one that is.', action: { kind: 'edit', field: 'offer' } },
    retry: 'never',
  },
  exposed: {
    sentence: 'The gateway bound the far port to more than its loopback, so others could reach it. The tunnel was ended.',
    help: serverKit('Set "GatewayPorts no" for the account on the gateway (server kit), then start the tunnel again.'),
    retry: 'never',
  },
  'relay-failed': {
    sentence: 'The private relay of this tunnel could not be opened.',
    help: reconnect('The log of Drawbridge says why. Then try again.'),
    retry: 'never',
  },
} as const satisfies Record<string, Meaning>;

export type CauseCode = keyof typeof MEANINGS;

/** Why a session ended or could not begin. */
export type Cause = { code: CauseCode; /** The edge asked to wait this long. */ retryAfterMs?: number };

export const CAUSE_CODES = Object.keys(MEANINGS) as readonly CauseCode[];

/** Each look into a locked keychain may ask its owner to unlock it. */
const LOCKED_AGAIN_MS = 60_000;

/** A refused login is not sent again at once: some proxies lock its account. */
const REFUSED_AGAIN_MS = 60_000;

/** A proxy did not take the login that it was given, or was given none. */
export const PROXY_LOGIN: Cause = { code: 'proxy-login', retryAfterMs: REFUSED_AGAIN_MS };

/** What an error of the keychain means for a tunnel; undefined for any other error. */
export function causeOfKeychain(error: unknown): Cause | undefined {
  if (!(error instanceof SecretError)) return undefined;
  return error.kind === 'locked' ? { code: 'keychain-locked', retryAfterMs: LOCKED_AGAIN_MS } : { code: 'keychain-refused' };
}

/** Whether trying again can help. */
export const retryOf = (code: CauseCode): Retry => MEANINGS[code].retry;

const SIGNED_OUT = {
  sentence: 'The edge asks for a login: there is none in the browser, or it has ended.',
  help: { label: 'Sign in', advice: 'Sign in through the browser.', action: { kind: 'login' } },
} as const satisfies Pick<Meaning, 'sentence' | 'help'>;

const NOT_KNOWN_HERE: Help = {
  label: 'Open its downloads',
  advice:
    'No release for this system is known here. Install cloudflared from its vendor, so that it is in PATH, or name its file: drawbridge tunnels use-cloudflared FILE.',
  action: { kind: 'link', href: VENDOR_DOWNLOADS },
};

/** What a cause means to the person whose tunnel it stopped. `canInstall`: a cloudflared for this machine is known here. Pure. */
export function meaningOf(
  code: CauseCode,
  { name, connector }: Pick<TunnelDefinition, 'name' | 'connector'>,
  canInstall: boolean,
): { sentence: string; mend: TunnelMend } {
  const byBrowser = connector.kind === 'cloudflared' && connector.login === 'browser';
  const { sentence, help } = code === 'login-needed' && byBrowser ? SIGNED_OUT : MEANINGS[code];
  const { label, advice, action } = code === 'connector-missing' && !canInstall ? NOT_KNOWN_HERE : help;
  return { sentence, mend: { label, advice, command: commandFor(action, name), action } };
}

const FLAGS: Partial<Record<TunnelField, string>> = {
  host: '--host HOST',
  port: '--port N',
  identityFile: '--identity FILE|auto',
  offer: '--offer NAME',
};

/** The command line's way to do what a button does. */
function commandFor(action: TunnelAction, name: string): string | null {
  switch (action.kind) {
    case 'link':
      return null;
    case 'installCloudflared':
      return 'drawbridge tunnels install-cloudflared';
    case 'network':
      return 'drawbridge proxy';
    case 'serverKit':
      return `drawbridge tunnels server-kit ${name}`;
    case 'edit':
      return `drawbridge tunnels edit ${name} ${FLAGS[action.field] ?? ''}`.trimEnd();
    case 'reconnect':
    case 'trust':
    case 'token':
    case 'login':
    case 'logs':
      return `drawbridge tunnels ${action.kind} ${name}`;
  }
}

/** The same in words, for places that have no button for it. */
export function inWords({ advice, command }: TunnelMend): string {
  return command === null ? advice : `${advice} (${command})`;
}

/** As the tray and the overview show it: they have no forms, so they say what to do. */
export function plainMend(mend: TunnelMend | null): Mend | null {
  return mend && { label: inWords(mend), action: mend.action.kind === 'link' ? mend.action : null };
}
