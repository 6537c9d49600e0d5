import { parseArgs } from 'node:util';
import { ORPCError } from '@orpc/client';
import { DrawbridgeError } from '../../contract/errors.ts';
import type { EngineClient } from '../../contract/index.ts';
import { resolvePaths, thisMachine } from '../../engine/paths.ts';
import { runChild } from '../../engine/child.ts';
import { connectControl, isCutOff, isGone } from '../control.ts';
import { attach, ATTACH_USAGE, detach } from './attach.ts';
import { bridgeOf, bridges, scope, signIn, signOut, useAccount } from './bridges.ts';
import { CALL_OPTIONS, showCall, type CallFlags } from './call.ts';
import { showCalls, tailCalls } from './calls.ts';
import { hook, HOOK_USAGE } from './hook.ts';
import { capture, CAPTURE_OPTIONS, CAPTURE_USAGE, type CaptureFlags } from './capture.ts';
import { checkCommand, isCommand, noCommand } from './commands.ts';
import { checkStreamFile, checkStreamFileJson } from './check-stream.ts';
import { showEnv } from './env.ts';
import { gateway } from './gateway.ts';
import { helpOf, optionProblem } from './help.ts';
import { conversations, usage } from './meaning.ts';
import { models, MODELS_USAGE } from './models.ts';
import { compare, exportTo, importFrom, OUTLET_OPTIONS, OUTLET_USAGE, replay, telemetry, type OutletFlags } from './outlets.ts';
import { localTime } from '../../engine/clock.ts';
import { table, type Output } from './output.ts';
import { PROVIDER_OPTIONS, PROVIDER_USAGE, providers, type ProviderFlags } from './providers.ts';
import { proxy, PROXY_OPTIONS, PROXY_USAGE, type ProxyFlags } from './proxy.ts';
import { openBrowser, start } from './start.ts';
import { showChecks, showStatus } from './status.ts';
import { TUNNEL_OPTIONS, TUNNEL_USAGE, tunnels, type TunnelFlags } from './tunnels.ts';
import { webhook, WEBHOOK_USAGE } from './webhook.ts';

export const USAGE = `drawbridge: one safe, visible way for every AI tool on this machine

  drawbridge start [--headless] [--no-open] [--companion-port N] [--json]
  drawbridge open                     a fresh link to the window
  drawbridge status [--json]          listeners, bridges, tunnels, capture
  drawbridge calls [--query Q] [--limit N] [--json]
                                      Q as in 'model:gpt-5* status:>=400 "rate limit"'
  drawbridge calls ID [--whole] [--json]
                                      what one call said; with the whole history
  drawbridge calls ID --body request|reply|upstream-request|upstream-reply
                                      one body, as it went over the wire
  drawbridge conversations [ID] [--limit N] [--json]
                                      calls by what they belong to; with an id, one as a tree
  drawbridge usage [--by client|caller|model|bridge|account|kind] [--days N] [--json]
  drawbridge tail [--json]            calls as they end
  drawbridge keys [list] [--json]
  drawbridge keys create NAME [--use clients|gateway] [--json]
  drawbridge keys revoke NAME|ID
  drawbridge env [CLIENT] [--json]    how to point a client at Drawbridge
  drawbridge bridges [on|off|retry codex|copilot|m365] [--json]
  drawbridge signin codex --route api-key|chatgpt|codex-cli [--agree]
  drawbridge signin copilot --route sdk|device [--agree]
  drawbridge signin m365 --route work-iq|graph [--code] [--agree]
                                      --code: where no browser can be opened here
  drawbridge signout codex|copilot|m365
  drawbridge account codex ID         use another account that is signed in
  drawbridge scope codex [app,clients,gateway|none] [--route R] [--agree]
  drawbridge gateway set URL          the key is asked for, or read from stdin
  drawbridge gateway clear
${MODELS_USAGE}
${PROVIDER_USAGE}
${PROXY_USAGE}
${WEBHOOK_USAGE}
  drawbridge doctor [BRIDGE] [--json] what is wrong, and what to do; of a bridge: what to report
${CAPTURE_USAGE}
${ATTACH_USAGE}
${HOOK_USAGE}
${TUNNEL_USAGE}
${OUTLET_USAGE}
  drawbridge check-stream FILE [--format chat|responses|messages] [--json]
                                      is a recorded stream whole and in order?
  drawbridge stop
  drawbridge help [COMMAND]

DRAWBRIDGE_HOME names another state folder.`;

const OPTIONS = {
  json: { type: 'boolean' },
  headless: { type: 'boolean' },
  'no-open': { type: 'boolean' },
  'companion-port': { type: 'string' },
  limit: { type: 'string' },
  by: { type: 'string' },
  days: { type: 'string' },
  query: { type: 'string' },
  ...CALL_OPTIONS,
  ...TUNNEL_OPTIONS,
  ...OUTLET_OPTIONS,
  ...PROXY_OPTIONS,
  ...PROVIDER_OPTIONS,
  ...CAPTURE_OPTIONS,
  format: { type: 'string' },
  route: { type: 'string' },
  use: { type: 'string' },
  agree: { type: 'boolean' },
  code: { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
  version: { type: 'boolean', short: 'v' },
} as const;

export type CliOptions = {
  argv: readonly string[];
  version: string;
  windowFolder: string;
  output: Output;
  signal: AbortSignal;
  /** Standard input; nothing where it is not given. */
  input?: AsyncIterable<Uint8Array>;
  /** The program and the script that this command is; by its name where they are not given. */
  launcher?: readonly string[];
};

/** Runs one command; resolves with the process' exit code. Never throws: an error is a sentence on stderr. */
export async function runCli(options: CliOptions): Promise<number> {
  const { output } = options;
  let json = options.argv.includes('--json');
  try {
    const { values, positionals } = parseArgs({ args: [...options.argv], options: OPTIONS, allowPositionals: true });
    json = values.json === true;
    if (values.version === true) return said(output, options.version);
    const [command, ...rest] = positionals;
    if (values.help === true || command === undefined || command === 'help') return help(command === 'help' ? rest[0] : command, output);
    checkCommand(command, rest, Object.keys(values));
    if (command === 'start') {
      return await start({
        version: options.version,
        windowFolder: options.windowFolder,
        output,
        flags: { json, open: values['no-open'] !== true, companionPort: numberOf('companion-port', values['companion-port'], 0, 65_535) },
      });
    }
    if (command === 'hook')
      return await hook(rest, {
        json,
        output,
        input: options.input ?? nothing(),
        machine: thisMachine(),
        launcher: options.launcher ?? ['drawbridge'],
      });
    if (command === 'check-stream') return await checkStream(rest, values.format, json, output);
    const limit = numberOf('limit', values.limit, 1, 1_000_000) ?? 20;
    // The history's own limits may be taken away; "capture limit" reads them itself.
    const days = (command === 'capture' ? undefined : numberOf('days', values.days, 1, 3660)) ?? 30;
    return await runClientCommand(command, rest, {
      ...options,
      json,
      limit,
      days,
      by: values.by,
      query: values.query,
      route: values.route,
      use: values.use,
      agree: values.agree === true,
      code: values.code === true,
      flags: values,
    });
  } catch (error) {
    return failed(error, json, output, options.argv);
  }
}

type Command = CliOptions & {
  json: boolean;
  limit: number;
  query: string | undefined;
  days: number;
  by: string | undefined;
  route: string | undefined;
  use: string | undefined;
  agree: boolean;
  code: boolean;
  flags: TunnelFlags & OutletFlags & CaptureFlags & ProxyFlags & ProviderFlags & CallFlags;
};

async function runClientCommand(command: string, rest: readonly string[], options: Command): Promise<number> {
  const { json, output } = options;
  const machine = thisMachine();
  const { control } = resolvePaths(machine);
  const client = await connectControl(control);
  switch (command) {
    case 'open': {
      const { url } = await client.engine.link({});
      if (!json) await openBrowser(url, machine.platform, machine.env, runChild);
      return said(output, json ? JSON.stringify({ url }) : url);
    }
    case 'status': {
      const status = await client.status.get({});
      if (json) return said(output, JSON.stringify(status));
      showStatus(status, output);
      return 0;
    }
    case 'capture':
      return capture(client, rest, options);
    case 'calls':
      if (rest[0] !== undefined) return showCall(client, rest[0], options);
      await showCalls(client, { limit: options.limit, query: options.query, json }, output);
      return 0;
    case 'conversations':
      return conversations(client, rest, options);
    case 'usage':
      return usage(client, options);
    case 'export':
      return exportTo(client, options);
    case 'import':
      return importFrom(client, rest, options);
    case 'replay':
      return replay(client, rest, options);
    case 'compare':
      return compare(client, rest, options);
    case 'attach':
      return attach(client, rest, options);
    case 'detach':
      return detach(client, rest, options);
    case 'models':
      return models(client, options);
    case 'providers':
      return providers(client, rest, options);
    case 'proxy':
      return proxy(client, rest, options);
    case 'webhook':
      return webhook(client, rest, options);
    case 'telemetry':
      return telemetry(client, rest, options);
    case 'read-keys':
      return keys({ ...ringOf(client.readKeys), create: (name) => client.readKeys.create({ name }) }, 'read-keys', rest, options);
    case 'tail':
      await tailCalls(client, { json }, output, options.signal);
      return 0;
    case 'keys':
      return keys({ ...ringOf(client.keys), create: (name, use) => client.keys.create({ name, use }) }, 'keys', rest, options);
    case 'tunnels':
      return tunnels(client, rest, { json, output, flags: options.flags, env: machine.env, signal: options.signal });
    case 'env': {
      const envs = await client.clients.env(rest[0] === undefined ? {} : { client: rest[0] });
      if (json) return said(output, JSON.stringify(rest[0] === undefined ? envs : envs[0]));
      if (rest[0] === undefined) return said(output, table([['client', 'name'], ...envs.map((env) => [env.client, env.label])]));
      for (const env of envs) showEnv(env, output);
      return 0;
    }
    case 'bridges':
    case 'signin':
    case 'signout':
    case 'account':
    case 'scope': {
      const run = { bridges, signin: signIn, signout: signOut, account: useAccount, scope }[command];
      return await run(client, rest, { ...options, openBrowser: (url) => openBrowser(url, machine.platform, machine.env, runChild) });
    }
    case 'gateway':
      return gateway(client, rest, options);
    case 'doctor': {
      const checks = await client.doctor.run(rest[0] === undefined ? {} : { bridge: bridgeOf(rest[0]) });
      const fine = checks.every((check) => check.state !== 'failed');
      if (json) output.out(JSON.stringify(checks));
      else showChecks(checks, output);
      return fine ? 0 : 1;
    }
    default:
      await client.engine.stop({});
      output.out(json ? JSON.stringify({ stopping: true }) : 'Drawbridge is stopping.');
      // Who starts it right after this would be told by the old one that it runs.
      if (await isGone(control)) return 0;
      throw new DrawbridgeError('failed', 'Drawbridge has not stopped yet. "drawbridge status" tells which process it is.');
  }
}

/** What both rings of keys have. */
function ringOf({ list, revoke }: Pick<EngineClient['readKeys'], 'list' | 'revoke'>) {
  return { list, revoke };
}

/** `keys` and `read-keys`. Keys of both kinds are handled alike. */
async function keys(
  ring: Pick<EngineClient['readKeys'], 'list' | 'revoke'> & {
    create: (name: string, use: 'clients' | 'gateway' | undefined) => ReturnType<EngineClient['readKeys']['create']>;
  },
  command: 'keys' | 'read-keys',
  [action = 'list', name]: readonly string[],
  { json, output, use }: Command,
): Promise<number> {
  switch (action) {
    case 'list': {
      const held = await ring.list({});
      if (json) return said(output, JSON.stringify(held));
      if (held.length === 0) return said(output, `No keys yet. Make one with: drawbridge ${command} create NAME`);
      return said(
        output,
        table([
          ['name', 'key', 'for', 'made', 'last used', 'id'],
          ...held.map((key) => [
            key.name,
            key.hint,
            key.use,
            localTime(key.createdAt).slice(0, 10),
            key.lastUsedAt === null ? 'never' : localTime(key.lastUsedAt).slice(0, 16),
            key.id,
          ]),
        ]),
      );
    }
    case 'create': {
      if (name === undefined) throw new DrawbridgeError('bad_input', `A key needs a name: drawbridge ${command} create NAME`);
      if (use !== undefined && use !== 'clients' && use !== 'gateway')
        throw new DrawbridgeError('bad_input', `--use takes clients or gateway, not "${use}".`);
      const made = await ring.create(name, use);
      return said(
        output,
        json
          ? JSON.stringify({ name: made.name, key: made.key })
          : `${made.key}\n\nThis is the only time the key is shown. It goes by the name "${made.name}".`,
      );
    }
    case 'revoke': {
      const key = (await ring.list({})).find((held) => held.id === name || held.name === name);
      if (key === undefined)
        throw new DrawbridgeError('not_found', `There is no key "${name ?? ''}". Run "drawbridge ${command}" for those there are.`);
      await ring.revoke({ id: key.id });
      return said(
        output,
        json ? JSON.stringify({ revoked: true }) : `The key "${key.name}" is revoked. Clients that used it are refused from now on.`,
      );
    }
    default:
      throw new DrawbridgeError('bad_input', `There is no "drawbridge ${command} ${action}". Use list, create or revoke.`);
  }
}

async function checkStream([file]: readonly string[], format: string | undefined, json: boolean, output: Output): Promise<number> {
  if (file === undefined) throw new DrawbridgeError('bad_input', 'Name the file to check: drawbridge check-stream FILE');
  const wire = format === undefined ? undefined : FORMATS.find((known) => known === format);
  if (format !== undefined && wire === undefined)
    throw new DrawbridgeError('bad_input', `--format takes ${FORMATS.join(', ')}, not "${format}".`);
  return json ? checkStreamFileJson(file, wire, output) : checkStreamFile(file, wire, output);
}
const FORMATS = ['chat', 'responses', 'messages'] as const;

function numberOf(name: string, value: string | undefined, least: number, most: number): number | undefined {
  if (value === undefined) return undefined;
  const number = Number(value);
  // An empty text is no zero: a variable of a script that was never set would take any port.
  if (value.trim() !== '' && Number.isInteger(number) && number >= least && number <= most) return number;
  throw new DrawbridgeError('bad_input', `--${name} takes a whole number from ${least} to ${most}, not "${value}".`);
}

async function* nothing(): AsyncGenerator<Uint8Array> {}

function said(output: Output, text: string): number {
  output.out(text);
  return 0;
}

/** The usage, whole or of one command. */
function help(command: string | undefined, output: Output): number {
  if (command === undefined) return said(output, USAGE);
  const lines = helpOf(USAGE, command);
  if (lines === undefined) throw noCommand(command);
  return said(output, lines);
}

const CUT_OFF = 'Drawbridge ended before it had answered. Start it again, then run this once more.';

/** An error is one sentence; with `--json` an object with a stable code. Exit code 2 where the command itself was wrong. */
function failed(error: unknown, json: boolean, output: Output, argv: readonly string[]): number {
  const usage = error instanceof TypeError && 'code' in error && String(error.code).startsWith('ERR_PARSE_ARGS');
  const code = usage ? 'bad_input' : error instanceof DrawbridgeError || error instanceof ORPCError ? String(error.code) : 'failed';
  const told = error instanceof Error ? error.message : String(error);
  const message = isCutOff(error) ? CUT_OFF : usage ? optionProblem(told, argv.find(isCommand)) : told;
  if (json) output.out(JSON.stringify({ event: 'error', code, message }));
  else output.err(`drawbridge: ${message}`);
  return code === 'bad_input' ? 2 : 1;
}
