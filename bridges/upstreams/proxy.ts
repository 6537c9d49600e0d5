import net from 'node:net';

/** What names a proxy: our settings, or else the variables that curl and Node read, too. */
export type ProxySources = {
  setting: string | null;
  /** `user:password` for the proxy of the setting. Secret. */
  login?: string | undefined;
  /** What is reached without a proxy; null where NO_PROXY names it. */
  except?: readonly string[] | null;
  env: Readonly<Record<string, string | undefined>>;
  /** What proxies said that do not let anybody in without another login. */
  refusals?: Refusals | undefined;
  /** Resolves once the keychain has said what `login` is, or that it can't; undefined where that is known. */
  pending?: Promise<void> | undefined;
};

/**
 * A login that was refused is not sent again and again: who counts failures would lock its owner out. `of`: why this proxy is
 * not to be asked now.
 */
export type Refusals = { of(proxy: Proxy): Error | undefined; add(proxy: Proxy, why: Error): void; clear(proxy: Proxy): void };

/** Where the settings name one. */
export const SETTING = 'network.proxy';

/** A proxy on the way out. */
export type Proxy = {
  protocol: 'http:' | 'https:';
  hostname: string;
  port: string;
  /** Host and port: all that anybody is told of it. */
  name: string;
  /** Value of its `proxy-authorization`, where it wants one. Secret. */
  authorization: string | undefined;
  /** The setting or the variable that names it. */
  from: string;
};

/** Where a connection is to go. `hostname` may stand in brackets, `port` may be empty. */
export type Target = { protocol: string; hostname: string; port: string };

/** The proxy that a connection goes through; undefined where it goes straight out. */
export function proxyFor(to: Target, sources: ProxySources): Proxy | undefined {
  const named = namedProxy(to.protocol, sources);
  return named === undefined || 'unusable' in named || goesStraight(to, sources) ? undefined : named;
}

/** True for what is reached without a proxy, whichever is named. */
function goesStraight(to: Target, { except, env }: ProxySources): boolean {
  const host = plainHost(to.hostname);
  return isLoopback(host) || isExcepted(host, portOf(to), except?.join(' ') ?? valueOf(env, 'no_proxy')?.value ?? '');
}

export const portOf = ({ protocol, port }: Pick<Target, 'protocol' | 'port'>): string => port || (protocol === 'https:' ? '443' : '80');

/** The proxy that is named for these connections, whoever it is excepted for, or that what is named can't be used. */
export function namedProxy(protocol: string, { setting, login, env }: ProxySources): Proxy | { unusable: true; from: string } | undefined {
  if (setting !== null) {
    const named = read(setting, SETTING);
    return named === undefined || 'unusable' in named || login === undefined ? named : { ...named, authorization: basic(login) };
  }
  const found = valueOf(env, protocol === 'https:' ? 'https_proxy' : 'http_proxy');
  return found === undefined ? undefined : read(found.value, found.name);
}

const NAMING = ['https_proxy', 'http_proxy'];

/**
 * The same for a program of its own, as variables of its environment: those of the settings, else of ours. Where the proxy wants
 * a password it is in there. None for a program that goes `to` one place alone, and reaches that without a proxy.
 */
export async function proxyVariables(sources: () => ProxySources, to?: Target): Promise<Record<string, string>> {
  await sources().pending;
  const inForce = sources();
  if (to !== undefined && goesStraight(to, inForce)) return {};
  const { setting, login, except = null, env } = inForce;
  const out: Record<string, string> = {};
  const put = (name: string, value: string): void => {
    for (const each of [name, name.toUpperCase()]) out[each] = value;
  };
  for (const name of [...NAMING, 'no_proxy']) {
    const { value } = valueOf(env, name) ?? {};
    if (value !== undefined) put(name, name === 'no_proxy' ? value : plainly(value));
  }
  if (setting !== null) for (const name of NAMING) put(name, withLogin(setting, login));
  if (except !== null) put('no_proxy', except.join(','));
  return out;
}

/** As every program reads it; what is none for us may be one for others. */
function plainly(value: string): string {
  const named = read(value, '');
  if (named === undefined || 'unusable' in named) return value;
  return withLogin(`${named.protocol}//${named.name}`, named.authorization && loginIn(named.authorization));
}

function withLogin(setting: string, login: string | undefined): string {
  const url = new URL(setting);
  const [user = '', ...password] = (login ?? '').split(':');
  url.username = encodeURIComponent(user);
  url.password = encodeURIComponent(password.join(':'));
  return url.href;
}

/** The small letters come first, as for curl and Node. */
function valueOf(env: ProxySources['env'], name: string): { name: string; value: string } | undefined {
  for (const each of [name, name.toUpperCase()]) {
    const value = env[each]?.trim();
    if (value !== undefined && value !== '') return { name: each, value };
  }
  return undefined;
}

function read(value: string, from: string): ReturnType<typeof namedProxy> {
  const text = value.includes('://') ? value : `http://${value}`;
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || (url.protocol !== 'http:' && url.protocol !== 'https:')) return { unusable: true, from };
  const port = portOf(url);
  const login = `${decoded(url.username)}:${decoded(url.password)}`;
  return {
    protocol: url.protocol,
    hostname: plainHost(url.hostname),
    port,
    name: `${url.hostname}:${port}`,
    authorization: login === ':' ? undefined : basic(login),
    from,
  };
}

/** RFC 7617. */
function basic(login: string): string {
  return `Basic ${Buffer.from(login).toString('base64')}`;
}

function loginIn(authorization: string): string {
  return Buffer.from(authorization.replace(/^Basic /, ''), 'base64').toString();
}

/** A password with a per cent sign of its own is taken as it stands. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function plainHost(hostname: string): string {
  return hostname
    .replace(/^\[|\]$/g, '')
    .replace(/\.$/, '')
    .toLowerCase();
}

const LOOPBACK = new net.BlockList();
LOOPBACK.addSubnet('127.0.0.0', 8, 'ipv4');
LOOPBACK.addAddress('::1', 'ipv6');

function isLoopback(host: string): boolean {
  return host === 'localhost' || host.endsWith('.localhost') || holds(LOOPBACK, host);
}

function holds(list: net.BlockList, host: string): boolean {
  const family = net.isIP(host);
  return family !== 0 && list.check(host, family === 6 ? 'ipv6' : 'ipv4');
}

/** `list`: names with all below them, addresses and their ranges, each maybe with a port; `*` is everything. */
function isExcepted(host: string, port: string, list: string): boolean {
  return list.split(/[\s,]+/).some((entry) => {
    if (entry === '*') return true;
    const range = rangeOf(entry);
    if (range !== undefined) return holds(range, host);
    // An address of IPv6 without brackets holds colons of its own.
    const [, name = '', only] = net.isIP(entry) === 0 ? (/^(.*?)(?::(\d+))?$/.exec(entry) ?? []) : [entry, entry];
    const wanted = plainHost(name.replace(/^\*?\./, ''));
    if (wanted === '' || (only !== undefined && only !== port)) return false;
    return host === wanted || (net.isIP(host) === 0 && host.endsWith(`.${wanted}`));
  });
}

/** As curl writes one (10.0.0.0/8), or as Node does (10.0.0.1-10.0.0.9). */
function rangeOf(entry: string): net.BlockList | undefined {
  const list = new net.BlockList();
  const [address = '', prefix = ''] = entry.split('/');
  const [first = '', last = ''] = entry.split('-');
  try {
    if (/^\d{1,3}$/.test(prefix)) list.addSubnet(plainHost(address), Number(prefix), net.isIPv6(plainHost(address)) ? 'ipv6' : 'ipv4');
    else if (net.isIPv4(first) && net.isIPv4(last)) list.addRange(first, last, 'ipv4');
    else return undefined;
    return list;
  } catch {
    // It only looks like one.
    return undefined;
  }
}
