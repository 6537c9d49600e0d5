import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import type { BridgeDetail, DiagnosticsBundle, DoctorCheck, Settings, Status, TunnelStatus } from '../contract/index.ts';
import type { namedProxy } from '../upstreams/proxy.ts';
import { plainText, redactText } from './redact.ts';

/** What a bundle is made of. */
export type DiagnosticsFacts = {
  now: number;
  platform: NodeJS.Platform;
  status: Status;
  settings: Settings;
  settingsProblem: string | null;
  proxy: ReturnType<typeof namedProxy>;
  /** Host that notices are told to, with its port; null where there is none. */
  webhook: string | null;
  doctor: readonly DoctorCheck[];
  bridges: readonly BridgeDetail[];
  tunnels: readonly TunnelStatus[];
  /** The last lines of the log. */
  log: string;
  /** Whose machine it is, to be taken out wherever it stands. */
  person: { homedir: string; user: string; hostname: string };
};

/** Bytes of the log that go along. */
const LOG_BYTES = 96 * 1024;
/** A name shorter than this stands in too many other words to be taken out by itself. */
const LEAST_NAME = 3;

/** Puts a bundle together, with everything personal taken out. Pure: what is in it is in `facts`. */
export function bundleOf(facts: DiagnosticsFacts): DiagnosticsBundle {
  const clean = cleaner(facts);
  const json = (value: unknown): string => JSON.stringify(mapTexts(value, clean), null, 2);
  const { status } = facts;
  return {
    name: `drawbridge-diagnostics-${new Date(facts.now).toISOString().slice(0, 19).replace(/[:T]/g, '-')}.txt`,
    createdAt: new Date(facts.now).toISOString(),
    parts: [
      {
        title: 'About',
        text: json({
          version: status.version,
          host: status.host,
          node: status.node,
          platform: facts.platform,
          startedAt: status.startedAt,
          settingsProblem: facts.settingsProblem,
        }),
      },
      { title: 'Checks', text: facts.doctor.map((check) => clean(`${check.state.padEnd(8)}${check.title}: ${check.found}`)).join('\n') },
      { title: 'Status', text: json(status) },
      { title: 'Bridges', text: json(facts.bridges.map(({ accounts, ...rest }) => ({ ...rest, accounts: accounts.length }))) },
      { title: 'Tunnels', text: json(facts.tunnels) },
      { title: 'Settings', text: json(withoutFolders(facts.settings)) },
      { title: 'Log', text: facts.log.split('\n').filter(tellsNoCall).map(clean).join('\n') },
    ],
  };
}

/** The level `debug` tells calls, and what was asked of them (call-log.ts): none of them goes along. */
function tellsNoCall(line: string): boolean {
  return !/^\{"time":"[^"]*","level":"debug"/.test(line);
}

/** The end of the newest log file; empty where there is none. */
export function readLogEnd(folder: string): string {
  let handle: number;
  try {
    handle = openSync(path.join(folder, 'drawbridge.log'), 'r');
  } catch {
    return '';
  }
  try {
    const { size } = fstatSync(handle);
    const buffer = Buffer.alloc(Math.min(size, LOG_BYTES));
    const read = readSync(handle, buffer, 0, buffer.length, size - buffer.length);
    const text = buffer.toString('utf8', 0, read);
    // The first line is cut where older ones were left out.
    return size > LOG_BYTES ? text.slice(text.indexOf('\n') + 1) : text;
  } finally {
    closeSync(handle);
  }
}

/** Whose machine this is. */
export function thisPerson(): DiagnosticsFacts['person'] {
  return { homedir: os.homedir(), user: userName(), hostname: os.hostname() };
}

function userName(): string {
  try {
    return os.userInfo().username;
  } catch {
    // A user id without an entry has no name to take out.
    return '';
  }
}

/** How many folders have rules of their own helps; which they are is their owner's. */
function withoutFolders({ capture, ...rest }: Settings): object {
  return { ...rest, capture: { ...capture, folders: capture.folders.length } };
}

/** Takes out of a text what is secret, and what tells whose machine it is. */
function cleaner({ person, settings, bridges, proxy, webhook }: DiagnosticsFacts): (text: string) => string {
  const { gateway, anthropic, openai, chatgpt, providers } = settings.upstreams;
  const { m365, copilot, codex } = settings.bridges;
  const services = [anthropic, openai, chatgpt, ...providers]
    .map(({ baseUrl }) => baseUrl)
    .concat(codex.issuer, copilot.github, copilot.api);
  const proxyUrl = proxy === undefined || 'unusable' in proxy ? null : `${proxy.protocol}//${proxy.name}`;
  const names: [string | null, string][] = [
    ...settings.capture.folders.flatMap(({ folder }) =>
      pathPairs(
        folder.replace(/^~/, () => person.homedir),
        '[folder]',
      ),
    ),
    ...pathPairs(person.homedir, '~'),
    [ANY_TENANT.has(m365.tenant) ? null : m365.tenant, '[tenant]'],
    [m365.clientId, '[client id]'],
    [copilot.clientId, '[client id]'],
    [hostnameOf(gateway.baseUrl), '[gateway]'],
    [hostnameOf(settings.telemetry.endpoint), '[collector]'],
    [hostnameOf(proxyUrl), '[proxy]'],
    [hostnameOf(webhook === null ? null : `https://${webhook}`), '[channel]'],
    ...(settings.network.noProxy ?? []).map((name): [string, string] => [name, '[not by proxy]']),
    ...[...services, m365.login, m365.graph, m365.workIq].map((url): [string | null, string] => [hostnameOf(url), '[provider]']),
    ...settings.tunnels.list.flatMap(({ host, user }): [string, string][] => [
      [host, '[gateway]'],
      [user, '[gateway user]'],
    ]),
    ...bridges.flatMap(({ accounts }) => accounts.map(({ label }): [string, string] => [label, '[account]'])),
    [person.hostname, '[machine]'],
    [person.user, '[user]'],
  ];
  const wanted = names.filter((pair): pair is [string, string] => pair[0] !== null && pair[0].length >= LEAST_NAME);
  return (text) => {
    let out = plainText(redactText(text)).replace(EMAIL, '[e-mail]');
    for (const [name, stand] of wanted) out = out.replaceAll(wholeWord(name), stand);
    return out;
  };
}

/** In a line of JSON the separators of Windows stand twice. */
const pathPairs = (name: string, stand: string): [string, string][] => [
  [name, stand],
  [name.replaceAll('\\', '\\\\'), stand],
];

/** Names of the sign-in service's own, for whichever directory. */
const ANY_TENANT: ReadonlySet<string> = new Set(['organizations', 'common', 'consumers']);

/** Hosts that are nobody's own: public services, and this machine. */
const PUBLIC: ReadonlySet<string> = new Set([
  'api.anthropic.com',
  'api.openai.com',
  'chatgpt.com',
  'auth.openai.com',
  'github.com',
  'api.github.com',
  'login.microsoftonline.com',
  'graph.microsoft.com',
  'workiq.svc.cloud.microsoft',
  '127.0.0.1',
  '[::1]',
]);

/** The host of an address; null where it tells nothing of its owner. */
function hostnameOf(url: string | null): string | null {
  const host = url === null ? null : new URL(url).hostname;
  return host === null || PUBLIC.has(host) ? null : host;
}

const EMAIL = /[\w.+-]+@[\w-]+(?:\.[\w-]+)+/g;

/** The name where it stands by itself: a user called `root` must not make `[user]` of `rooted`. */
function wholeWord(name: string): RegExp {
  const literal = name.replace(/[\\^$.*+?()[\]{}|/]/g, String.raw`\$&`);
  return new RegExp(String.raw`(?<![\w-])${literal}(?![\w-])`, 'gi');
}

function mapTexts(value: unknown, map: (text: string) => string): unknown {
  if (typeof value === 'string') return map(value);
  if (Array.isArray(value)) return value.map((entry: unknown) => mapTexts(entry, map));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, entry]: [string, unknown]) => [name, mapTexts(entry, map)]));
}
