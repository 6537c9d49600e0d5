import { statSync } from 'node:fs';
import path from 'node:path';
import { DrawbridgeError } from '../../contract/errors.ts';
import type { EngineClient, LogLine, ServerKit, TunnelDefinition, TunnelStatus } from '../../contract/index.ts';
import { localTime } from '../../engine/clock.ts';
import { bytes, table, type Output } from './output.ts';

/** Options of `drawbridge tunnels`, as parseArgs gives them. */
export type TunnelFlags = {
  host?: string | undefined;
  port?: string | undefined;
  user?: string | undefined;
  'far-ports'?: string | undefined;
  connector?: string | undefined;
  login?: string | undefined;
  identity?: string | undefined;
  offer?: string | undefined;
  fingerprint?: string | undefined;
  check?: boolean | undefined;
  'no-check'?: boolean | undefined;
  follow?: boolean | undefined;
};

export const TUNNEL_OPTIONS = {
  host: { type: 'string' },
  port: { type: 'string' },
  user: { type: 'string' },
  'far-ports': { type: 'string' },
  connector: { type: 'string' },
  login: { type: 'string' },
  identity: { type: 'string' },
  offer: { type: 'string' },
  fingerprint: { type: 'string' },
  check: { type: 'boolean' },
  'no-check': { type: 'boolean' },
  follow: { type: 'boolean', short: 'f' },
} as const;

export const TUNNEL_USAGE = `  drawbridge tunnels [status [NAME]] [--json]
  drawbridge tunnels add NAME --host HOST --user USER --far-ports A,B [--connector cloudflared|direct|none]
                     [--login service-token|browser] [--port N] [--identity FILE] [--no-check]
                     [--offer companion|codex|copilot]
                                      a service token is read from TUNNEL_SERVICE_TOKEN_ID and _SECRET
  drawbridge tunnels edit NAME        with those of the same options that are to be different; --port auto,
                                      --identity auto and --check take back what was given
  drawbridge tunnels server-kit NAME  what the gateway's administrator sets up
  drawbridge tunnels trust NAME [--fingerprint SHA256:...]
  drawbridge tunnels install-cloudflared
                                      downloads the release that is known here, and checks it
  drawbridge tunnels use-cloudflared FILE|auto
                                      takes the one in this file, or the one in PATH again
  drawbridge tunnels logs NAME [--follow]
  drawbridge tunnels start|stop|reconnect|check|remove|token|key|login NAME`;

type Environment = Readonly<Record<string, string | undefined>>;
type Options = { json: boolean; output: Output; flags: TunnelFlags; env: Environment; signal: AbortSignal };

/** For how long `start` watches a tunnel come up before it says how it stands. */
const SETTLE_MS = 20_000;

/** `drawbridge tunnels ...`. Resolves with the exit code. */
export async function tunnels(client: EngineClient, [action = 'status', name]: readonly string[], options: Options): Promise<number> {
  const { json, output } = options;
  const say = (value: unknown, text: string): number => {
    output.out(json ? JSON.stringify(value) : text);
    return 0;
  };
  const named = (): { name: string } => {
    if (name === undefined) throw new DrawbridgeError('bad_input', `Name the tunnel: drawbridge tunnels ${action} NAME`);
    return { name };
  };
  switch (action) {
    case 'list':
    case 'status': {
      const all = (await client.tunnels.list({})).filter((tunnel) => name === undefined || tunnel.definition.name === name);
      if (name !== undefined && all.length === 0) throw new DrawbridgeError('not_found', `There is no tunnel "${name}".`);
      if (all.length === 0)
        return say([], 'No tunnels yet. Make one with: drawbridge tunnels add NAME --host HOST --user USER --far-ports A,B');
      return say(name === undefined ? all : all[0], name === undefined ? listing(all) : all.map(description).join('\n'));
    }
    case 'add': {
      const token = tokenFrom(options.env);
      const definition = await checked(client, { ...named(), ...draftFrom(options.flags) }, null);
      const added = await client.tunnels.add({ definition, ...(token && { token }) });
      return say(
        added,
        `${added.key}\n\nThis key is for the gateway to call with; this is the only time it is shown.\nNext: drawbridge tunnels server-kit ${added.tunnel.definition.name}, then drawbridge tunnels start ${added.tunnel.definition.name}`,
      );
    }
    case 'edit': {
      const { definition } = await statusOf(client, named().name);
      const changed = await checked(client, { ...definition, ...draftFrom(options.flags, definition) }, definition.name);
      const status = await client.tunnels.edit({ definition: changed });
      return say(status, description(status));
    }
    case 'token': {
      const token = tokenFrom(options.env);
      if (token === undefined)
        throw new DrawbridgeError(
          'bad_input',
          'Put the service token into TUNNEL_SERVICE_TOKEN_ID and TUNNEL_SERVICE_TOKEN_SECRET; it is never taken as an argument.',
        );
      const status = await client.tunnels.token({ ...named(), token });
      return say(
        status,
        `The service token is kept${status.secretsLast ? ' in the keychain' : ' until Drawbridge stops (there is no keychain)'}.`,
      );
    }
    case 'key': {
      const { key } = await client.tunnels.key(named());
      return say({ key }, `${key}\n\nThe old key is refused from now on. This is the only time this one is shown.`);
    }
    case 'trust':
      return trust(client, named().name, options);
    case 'start': {
      await client.tunnels.start(named());
      let status = await settled(client, named().name);
      if (status.cause === 'host-key-unknown' && !json && output.interactive) {
        if ((await trust(client, named().name, options)) !== 0) return 1;
        status = await settled(client, named().name);
      }
      say(status, description(status));
      return status.state === 'up' || status.state === 'connected' ? 0 : 1;
    }
    case 'stop': {
      const status = await client.tunnels.stop(named());
      return say(status, `The tunnel ${named().name} is off.`);
    }
    case 'reconnect': {
      await client.tunnels.reconnect(named());
      const status = await settled(client, named().name);
      return say(status, description(status));
    }
    case 'check': {
      const status = await client.tunnels.check(named());
      return say(status, description(status));
    }
    case 'logs': {
      if (options.flags.follow === true) return follow(client, named().name, options);
      const lines = await client.tunnels.logs(named());
      return say(lines, lines.map(lineText).join('\n'));
    }
    case 'remove':
      await client.tunnels.remove(named());
      return say({ removed: true }, `The tunnel ${named().name} and its keys are removed.`);
    case 'login': {
      const { until } = await client.tunnels.login(named());
      return say({ until }, until === null ? 'Signed in.' : `Signed in until ${localTime(until).slice(0, 16)}.`);
    }
    case 'install-cloudflared': {
      let file: string | null = null;
      for await (const progress of await client.tunnels.installCloudflared({})) {
        ({ file } = progress);
        const part = progress.total === null ? bytes(progress.received) : `${bytes(progress.received)} of ${bytes(progress.total)}`;
        say(progress, file === null ? `cloudflared ${progress.version}: ${part}` : `cloudflared ${progress.version} is at ${file}.`);
      }
      return file === null ? 1 : 0;
    }
    case 'use-cloudflared':
      return say(...(await useCloudflared(client, name)));
    case 'server-kit': {
      const kit = await client.tunnels.serverKit(named());
      return say(kit, kitText(kit));
    }
    default:
      throw new DrawbridgeError('bad_input', `There is no "drawbridge tunnels ${action}". Run "drawbridge help" for those there are.`);
  }
}

/** Names the file of the vendor's client. */
async function useCloudflared(client: EngineClient, wanted: string | undefined): Promise<[{ file: string | null }, string]> {
  if (wanted === undefined) throw new DrawbridgeError('bad_input', 'Name the file: drawbridge tunnels use-cloudflared FILE');
  const file = wanted === 'auto' ? null : path.resolve(wanted);
  if (file !== null && statSync(file, { throwIfNoEntry: false })?.isFile() !== true)
    throw new DrawbridgeError('bad_input', `There is no file ${file}.`);
  await client.settings.update({ patch: { tunnels: { cloudflared: file } } });
  return [{ file }, file === null ? 'cloudflared is looked for in PATH again.' : `cloudflared is taken from ${file}.`];
}

/** A host key is pinned only where a person, or a script that was told it, says that it is the right one. */
async function trust(client: EngineClient, name: string, { flags, output, json }: Options): Promise<number> {
  const shown = await client.tunnels.hostKey({ name });
  let { fingerprint } = flags;
  if (fingerprint === undefined && output.interactive && !json) {
    output.out(`The gateway shows the host key ${shown.fingerprint} (${shown.type}).`);
    if (shown.pinned !== null) output.out(`Pinned until now: ${shown.pinned}`);
    output.out('Compare it with: ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub on the gateway.');
    if (await output.confirm('Is it the same?')) ({ fingerprint } = shown);
  }
  if (fingerprint === undefined) {
    const how = `Nothing was pinned. Once compared: drawbridge tunnels trust ${name} --fingerprint ${shown.fingerprint}`;
    output.out(json ? JSON.stringify(shown) : how);
    return 1;
  }
  const status = await client.tunnels.trust({ name, fingerprint });
  output.out(json ? JSON.stringify(status) : `Pinned ${fingerprint}.`);
  return 0;
}

const lineText = ({ at, line }: LogLine): string => `${localTime(at)}  ${line}`;

/** Lines as they come, until the tunnel is removed or the command is interrupted. */
async function follow(client: EngineClient, name: string, { json, output, signal }: Options): Promise<number> {
  try {
    for await (const line of await client.tunnels.follow({ name }, { signal })) output.out(json ? JSON.stringify(line) : lineText(line));
  } catch (error) {
    if (!signal.aborted) throw error;
  }
  return 0;
}

async function statusOf(client: EngineClient, name: string): Promise<TunnelStatus> {
  const found = (await client.tunnels.list({})).find((tunnel) => tunnel.definition.name === name);
  if (found === undefined) throw new DrawbridgeError('not_found', `There is no tunnel "${name}".`);
  return found;
}

/** Waits until a tunnel that was told to come up is up or has met something. */
async function settled(client: EngineClient, name: string): Promise<TunnelStatus> {
  const over = AbortSignal.timeout(SETTLE_MS);
  try {
    for await (const event of await client.events({}, { signal: over })) {
      if (event.type !== 'status') continue;
      const status = await statusOf(client, name);
      if (['up', 'blocked', 'backoff', 'off', 'waiting-network'].includes(status.state)) return status;
      if (status.state === 'connected' && !status.definition.check) return status;
    }
  } catch (error) {
    if (!over.aborted) throw error;
  }
  return statusOf(client, name);
}

/** The options that were given, as fields of a form. `before`: what they are to change. */
function draftFrom(flags: TunnelFlags, before?: TunnelDefinition): Record<string, unknown> {
  if (flags.check === true && flags['no-check'] === true) throw new DrawbridgeError('bad_input', 'Give --check or --no-check, not both.');
  const draft: Record<string, unknown> = {
    host: flags.host,
    user: flags.user,
    farPorts: flags['far-ports']?.split(',').map(Number),
    port: portFrom(flags.port),
    connector: connectorFrom(flags, before?.connector),
    identityFile: flags.identity === 'auto' ? null : flags.identity,
    check: flags['no-check'] === true ? false : flags.check,
    offer: flags.offer,
  };
  return Object.fromEntries(Object.entries(draft).filter(([, value]) => value !== undefined));
}

function portFrom(port: string | undefined): number | null | undefined {
  if (port === undefined) return undefined;
  return port === 'auto' ? null : Number(port);
}

/** What is not said of the connector stays as it is, where it fits that kind. */
function connectorFrom({ connector, login }: TunnelFlags, before: TunnelDefinition['connector'] | undefined): object | undefined {
  if (connector === undefined && login === undefined) return undefined;
  const kind = connector ?? before?.kind ?? 'cloudflared';
  return { ...(kind === before?.kind && before), kind, ...(login !== undefined && { login }) };
}

/** The definition a form comes to. Throws `bad_input` with the first thing that is wrong. */
async function checked(client: EngineClient, draft: Record<string, unknown>, editing: string | null): Promise<TunnelDefinition> {
  const { definition, problems } = await client.tunnels.validate({ draft, editing });
  if (definition !== null) return definition;
  const [problem] = problems;
  const wrong = problem === undefined ? 'definition is wrong.' : `${problem.field} is wrong: it ${problem.message}.`;
  throw new DrawbridgeError('bad_input', `The tunnel’s ${wrong}`, { key: problem?.field ?? null });
}

function tokenFrom(env: Environment): { id: string; secret: string } | undefined {
  const id = env['TUNNEL_SERVICE_TOKEN_ID'];
  const secret = env['TUNNEL_SERVICE_TOKEN_SECRET'];
  return id === undefined || secret === undefined ? undefined : { id, secret };
}

function listing(all: readonly TunnelStatus[]): string {
  const rows = all.map((tunnel) => {
    const { definition, farPort, traffic } = tunnel;
    const proven = (['connected', 'answering', 'private'] as const).filter((mark) => tunnel.marks[mark] !== null).join(', ');
    return [
      definition.name,
      tunnel.state,
      `${definition.user}@${definition.host}`,
      farPort === null ? '–' : `127.0.0.1:${farPort}`,
      proven === '' ? '–' : proven,
      `${traffic.open} (peak ${traffic.peak})`,
      `${bytes(traffic.bytesIn)} in, ${bytes(traffic.bytesOut)} out`,
      tunnel.reason ?? tunnel.unproven ?? '',
    ];
  });
  return table([['name', 'state', 'gateway', 'far port', 'proven', 'streams', 'bytes', 'about'], ...rows]);
}

function description(tunnel: TunnelStatus): string {
  const { definition, marks } = tunnel;
  const lines = [`${definition.name}: ${tunnel.state} since ${localTime(tunnel.since)}`];
  if (tunnel.farPort !== null) lines.push(`  lends ${definition.offer} as 127.0.0.1:${tunnel.farPort} on ${definition.host}`);
  for (const mark of ['connected', 'answering', 'private'] as const) {
    const seen = marks[mark];
    if (seen !== null) lines.push(`  ${mark}: said by ${seen.by} at ${localTime(seen.at).slice(11)}`);
  }
  if (tunnel.unproven !== null) lines.push(`  ${tunnel.unproven}`);
  if (tunnel.reason !== null) lines.push(`  ${tunnel.reason}`);
  if (tunnel.mend !== null) lines.push(`  ${tunnel.mend.advice}${tunnel.mend.command === null ? '' : ` ${tunnel.mend.command}`}`);
  if (tunnel.mend?.action.kind === 'link') lines.push(`  ${tunnel.mend.action.href}`);
  if (tunnel.retryAt !== null) lines.push(`  Next attempt at ${localTime(tunnel.retryAt).slice(11)}.`);
  if (tunnel.loginUntil !== null) lines.push(`  The browser login ends at ${localTime(tunnel.loginUntil).slice(0, 16)}.`);
  return lines.join('\n');
}

function kitText(kit: ServerKit): string {
  const part = (title: string, text: string): string => `# ${title}\n${text.trimEnd()}\n`;
  return [
    part('On the gateway, as root, in this order', kit.steps.join('\n')),
    part('authorized_keys, the whole file', kit.authorizedKeys),
    part(kit.sshdFile, kit.sshdConfig),
    ...(kit.check === null ? [] : [part(`drawbridge-check, which goes to ${kit.check.path}`, kit.check.script)]),
  ].join('\n');
}
