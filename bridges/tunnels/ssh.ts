import { shellWord } from '../engine/shell.ts';

/** The command line of the system's OpenSSH, as a pure function. Nothing secret ever stands in it. */

export type KeepAlive = {
  /** Seconds between the questions whether the other side is there. */
  intervalS: number;
  count: number;
  connectTimeoutS: number;
};

/** 5 x 2: a silent path is noticed after 15 s. */
export const KEEP_ALIVE: KeepAlive = { intervalS: 5, count: 2, connectTimeoutS: 15 };

export type SshPlan = {
  host: string;
  user: string;
  /** Port of sshd; of no meaning with a proxy command. */
  port: number;
  knownHosts: string;
  identityFile: string;
  keepAlive: KeepAlive;
  /** What carries the bytes to sshd, where it is not reached directly. */
  proxyCommand: string | undefined;
};

/** Where the far port leads: a private socket, or a loopback port where there are none. */
export type RelayAddress = { socket: string } | { port: number };

/** Arguments for a session that only forwards. The user's own ssh_config is not read. */
export function tunnelArguments(plan: SshPlan, farPort: number, relay: RelayAddress): string[] {
  const target = 'socket' in relay ? relay.socket : `127.0.0.1:${relay.port}`;
  return ['-N', '-T', ...common(plan), '-o', 'ExitOnForwardFailure=yes', '-R', `127.0.0.1:${farPort}:${target}`, ...destination(plan)];
}

/** Arguments for running the account's one permitted command. */
export function checkArguments(plan: SshPlan, command: string): string[] {
  return ['-T', ...common(plan), '-o', 'ClearAllForwardings=yes', ...destination(plan), command];
}

/** Arguments that only make the gateway show its host key, written to `plan.knownHosts`; nothing is trusted by it. */
export function hostKeyArguments(plan: SshPlan): string[] {
  return [
    '-N',
    '-T',
    '-o',
    'StrictHostKeyChecking=accept-new',
    '-o',
    'PreferredAuthentications=none',
    ...common(plan),
    ...destination(plan),
  ];
}

function common(plan: SshPlan): string[] {
  const { keepAlive } = plan;
  const options: [string, string | number][] = [
    ['BatchMode', 'yes'],
    ['StrictHostKeyChecking', 'yes'],
    ['UserKnownHostsFile', quoted(plan.knownHosts)],
    ['GlobalKnownHostsFile', '/dev/null'],
    ['HostKeyAlias', plan.host],
    ['CheckHostIP', 'no'],
    ['UpdateHostKeys', 'no'],
    ['PreferredAuthentications', 'publickey'],
    ['IdentitiesOnly', 'yes'],
    ['IdentityAgent', 'none'],
    ['ForwardAgent', 'no'],
    ['ControlPath', 'none'],
    ['ServerAliveInterval', keepAlive.intervalS],
    ['ServerAliveCountMax', keepAlive.count],
    ['ConnectTimeout', keepAlive.connectTimeoutS],
    ['TCPKeepAlive', 'no'],
    ...(plan.proxyCommand === undefined ? [] : ([['ProxyCommand', plan.proxyCommand]] satisfies [string, string][])),
  ];
  return ['-F', 'none', '-v', ...options.flatMap(([name, value]) => ['-o', `${name}=${value}`]), '-i', plan.identityFile];
}

/** `--`: whatever follows is a host and never an option. */
function destination(plan: SshPlan): string[] {
  return ['-p', String(plan.port), '-l', plan.user, '--', plan.host];
}

/** A path as an option's value: spaces would split it, and % begins a token. */
function quoted(path: string): string {
  return `"${path.replaceAll('%', '%%')}"`;
}

/** A program and its arguments as a ProxyCommand: ssh expands % and hands it to a shell. */
export function proxyCommand(program: string, args: readonly string[], platform: NodeJS.Platform): string {
  const quote = (text: string): string => shellWord(text, platform);
  const plain = (text: string): boolean => /^[\w.:-]+$/.test(text);
  return [quote(program), ...args.map((arg) => (plain(arg) ? arg : quote(arg)))].join(' ').replaceAll('%', '%%');
}
