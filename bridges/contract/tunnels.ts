import { eventIterator, oc } from '@orpc/contract';
import { z } from 'zod';

/**
 * Tunnels as a window, a tray or the CLI sees them. Every text that ends up in an argument list, a file name or a
 * shell (ssh runs its ProxyCommand through one) is held to a pattern here, and nowhere is a pattern loosened.
 */

const label = '[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?';

const MISSING = 'is missing';
export const TunnelName = z
  .string(MISSING)
  .regex(/^[a-z0-9][a-z0-9-]{0,30}$/, 'must be 1 to 31 small letters, digits or hyphens, and begin with a letter or digit');
export const HostName = z
  .string(MISSING)
  .max(253, 'must have 253 characters or fewer')
  .regex(new RegExp(`^${label}(?:\\.${label})*$`), 'must be a host name in small letters, digits, dots and hyphens');
export const UserName = z.string(MISSING).regex(/^[a-z_][a-z0-9_-]{0,31}$/, 'must be a user name in small letters, digits, _ and -');
const portAbove = (least: number) => {
  const message = `must be a number from ${least} to 65535`;
  return z.number(message).int(message).min(least, message).max(65_535, message);
};
const port = portAbove(1);
const farPort = portAbove(1024);
/** What a shell or an option parser would read as more than a path is refused. */
export const FilePath = z
  .string()
  .max(4096, 'is too long')
  .regex(/^(?:\/|[A-Za-z]:[\\/])[^\p{Cc}"'`$%*?<>|;&\n]*$/u, 'must be an absolute path without quotes, $, %, * and the like');

const NO_LOGIN = 'takes no login; cloudflared alone does';
const Login = z.enum(['service-token', 'browser'], 'must have the login service-token or browser');
export const Connector = z.discriminatedUnion(
  'kind',
  [
    /** The vendor's own client, with a service token or a browser login. */
    z.strictObject({ kind: z.literal('cloudflared'), login: Login.default('service-token') }),
    /** Our own: the same WebSocket, with a service token only; it sees why the edge refused. */
    z.strictObject({ kind: z.literal('direct') }, NO_LOGIN),
    /** Plain ssh: the gateway's sshd can be reached without anything in between. */
    z.strictObject({ kind: z.literal('none') }, NO_LOGIN),
  ],
  'must be cloudflared, direct or none',
);

export const TunnelDefinition = z
  .strictObject({
    name: TunnelName,
    /** Which of the engine's own listeners is lent. */
    offer: z
      .string()
      .regex(/^[a-z0-9-]{1,32}$/)
      .default('companion'),
    host: HostName,
    /** Port of the edge, or of sshd where nothing is in between; null takes 443 or 22. */
    port: port.nullable().default(null),
    user: UserName,
    /** Two permitted ports on the gateway's loopback: a dead session can hold one for a long time. */
    farPorts: z.tuple([farPort, farPort], 'must be two ports'),
    connector: Connector.prefault({ kind: 'cloudflared' }),
    /** The ssh key; null where Drawbridge made one for this tunnel. */
    identityFile: FilePath.nullable().default(null),
    /** The account may run the check script of the server kit, so the far side can be asked. */
    check: z.boolean().default(true),
    /** Brought up whenever the engine runs. */
    enabled: z.boolean().default(false),
  })
  .refine(({ farPorts: [a, b] }) => a !== b, { path: ['farPorts'], message: 'must be two different ports' });

export const MAX_TUNNELS = 20;

export const TunnelSettings = z
  .strictObject({
    /** Path of cloudflared; null looks in PATH and then for our own copy. */
    cloudflared: FilePath.nullable().default(null),
    list: z
      .array(TunnelDefinition)
      .max(MAX_TUNNELS)
      .refine((list) => new Set(list.map(({ name }) => name)).size === list.length, 'two tunnels have the same name')
      .refine(
        (list) => new Set(list.flatMap(({ host, farPorts }) => farPorts.map((far) => `${host} ${far}`))).size === list.length * 2,
        'two tunnels to one gateway want the same far port',
      )
      .default([]),
  })
  .prefault({});

export const TunnelState = z.enum([
  'off',
  'waiting-network',
  'connecting',
  'edge-open',
  'authenticated',
  /** ssh confirmed the forward; nothing has come through yet. */
  'connected',
  /** The far port reached this very engine, not long ago. */
  'up',
  /** The session is no longer trusted and is being replaced. */
  'silent',
  'backoff',
  'blocked',
]);

/** The parts of a definition, as a form shows them. */
export const TunnelField = z.enum(['name', 'offer', 'host', 'port', 'user', 'farPorts', 'connector', 'identityFile', 'check', 'enabled']);

/** What the button beside a tunnel's trouble does. Each stands for a command of this contract, or for a form that leads to one. */
export const TunnelAction = z.discriminatedUnion('kind', [
  /** `reconnect`: a fresh session now. */
  z.object({ kind: z.literal('reconnect') }),
  /** `hostKey`, a person's comparison, then `trust`. */
  z.object({ kind: z.literal('trust') }),
  /** A form for a service token, then `token`. */
  z.object({ kind: z.literal('token') }),
  /** `login`: the browser is opened. */
  z.object({ kind: z.literal('login') }),
  /** `serverKit`, to be compared with the gateway. */
  z.object({ kind: z.literal('serverKit') }),
  /** `follow` or `logs`. */
  z.object({ kind: z.literal('logs') }),
  /** `installCloudflared`. */
  z.object({ kind: z.literal('installCloudflared') }),
  /** The tunnel's form, at this field; then `edit`. */
  z.object({ kind: z.literal('edit'), field: TunnelField }),
  /** The settings' card of the network. */
  z.object({ kind: z.literal('network') }),
  z.object({ kind: z.literal('link'), href: z.url({ protocol: /^https$/ }) }),
]);

/** What a person can do about a tunnel's state. There always is something. */
export const TunnelMend = z.object({
  /** Words for the button. */
  label: z.string(),
  /** What to do, in one or two sentences. */
  advice: z.string(),
  /** The same on the command line; null where it has no command for it. */
  command: z.string().nullable(),
  action: TunnelAction,
});

/** What passed in one interval, and how things stood at its end. */
export const TunnelSample = z.object({
  at: z.string(),
  /** Bytes in this interval: from the gateway, and to it. */
  bytesIn: z.number().int(),
  bytesOut: z.number().int(),
  /** Requests under way. */
  open: z.number().int(),
  /** Milliseconds from the gateway's question at the far port to this engine's answer there, as the gateway last measured it. */
  latencyMs: z.number().nullable(),
});

export const LogLine = z.object({ at: z.string(), line: z.string() });

/** What is wrong with one field of a form. */
export const TunnelProblem = z.object({ field: TunnelField, message: z.string() });

/** A proof mark: when it was last seen, and what it was seen by. Null where it was never proven in this session. */
export const Mark = z.object({ at: z.string(), by: z.string() }).nullable();

export const TunnelStatus = z.object({
  definition: TunnelDefinition,
  state: TunnelState,
  /** Since when it is in this state; ISO 8601, UTC. */
  since: z.string(),
  /** Stable name of what went wrong. */
  cause: z.string().nullable(),
  reason: z.string().nullable(),
  /** What helps; null only where nothing is wrong. */
  mend: TunnelMend.nullable(),
  /** When the next attempt is made, in backoff. */
  retryAt: z.string().nullable(),
  /** The far port that is live; null where none is. */
  farPort: z.number().int().nullable(),
  marks: z.object({ connected: Mark, answering: Mark, private: Mark }),
  /** What was not proven, in one sentence; null where all was. */
  unproven: z.string().nullable(),
  /** Addresses the gateway reported the far port bound to. */
  listens: z.array(z.string()),
  traffic: z.object({
    open: z.number().int(),
    peak: z.number().int(),
    total: z.number().int(),
    bytesIn: z.number().int(),
    bytesOut: z.number().int(),
    lastAt: z.string().nullable(),
  }),
  /** See TunnelSample; null where the gateway has not measured it in this session. */
  latencyMs: z.number().nullable(),
  /** `SHA256:...` of the pinned host key; null where none is pinned. */
  fingerprint: z.string().nullable(),
  /** Version of cloudflared, where it is used. */
  connectorVersion: z.string().nullable(),
  /** When a browser login ends. */
  loginUntil: z.string().nullable(),
  secretsLast: z.boolean(),
});

/** For the gateway's account of a tunnel, with all the tunnels that share it. */
export const ServerKit = z.object({
  /** Block for sshd_config, and the file it goes to. */
  sshdConfig: z.string(),
  sshdFile: z.string(),
  /** The account's authorized_keys, whole. */
  authorizedKeys: z.string(),
  /** The check script, and where it goes. */
  check: z.object({ path: z.string(), script: z.string() }).nullable(),
  /** Commands for the gateway's administrator, in order. */
  steps: z.array(z.string()),
});

const none = z.object({}).default({});
const named = z.object({ name: TunnelName });
const ServiceToken = z.object({
  id: z.string().regex(/^[\x21-\x7e]{1,512}$/, 'must be printable, without spaces'),
  secret: z.string().regex(/^[\x21-\x7e]{1,512}$/, 'must be printable, without spaces'),
});

/** The part of the contract that is about tunnels. */
export const tunnelContract = {
  list: oc.input(none).output(z.array(TunnelStatus)),
  /** What may be lent: the companion, and each of this engine's bridges. */
  offers: oc.input(none).output(z.array(z.object({ name: z.string(), label: z.string() }))),
  /**
   * Checks a form as it is typed; keeps nothing and tries nothing on the network. `draft` has the fields of a
   * TunnelDefinition as they stand (what is missing or empty counts as not given); `editing` is the tunnel they are
   * for, null for a new one. `definition` is what `add` or `edit` takes, once nothing is wrong any more.
   */
  validate: oc
    .input(z.object({ draft: z.record(z.string(), z.unknown()), editing: TunnelName.nullable().default(null) }))
    .output(z.object({ definition: TunnelDefinition.nullable(), problems: z.array(TunnelProblem) })),
  /** Throws bad_input. The answer is the only one that ever holds the tunnel's key, for the gateway to call with. */
  add: oc
    .input(z.object({ definition: TunnelDefinition, token: ServiceToken.optional() }))
    .output(z.object({ tunnel: TunnelStatus, key: z.string(), publicKey: z.string() })),
  /**
   * Puts another definition in the place of the one that has its name; what is running is replaced. Another host's key
   * has to be compared anew, and wants a service token of its own. Throws not_found and bad_input.
   */
  edit: oc.input(z.object({ definition: TunnelDefinition })).output(TunnelStatus),
  /** Puts another service token in the place of the one held. Throws not_found. */
  token: oc.input(named.extend({ token: ServiceToken })).output(TunnelStatus),
  /** Makes a new key for the gateway; the old one is refused from now on. Throws not_found. */
  key: oc.input(named).output(z.object({ key: z.string() })),
  start: oc.input(named).output(TunnelStatus),
  stop: oc.input(named).output(TunnelStatus),
  /** A person asks for a fresh session now. */
  reconnect: oc.input(named).output(TunnelStatus),
  remove: oc.input(named).output(z.object({ removed: z.literal(true) })),
  /** Asks the gateway for its host key, so that a person can compare its fingerprint. Trusts nothing. */
  hostKey: oc.input(named).output(z.object({ fingerprint: z.string(), type: z.string(), pinned: z.string().nullable() })),
  /** Pins the host key that has this fingerprint. Throws bad_input where the gateway shows another. */
  trust: oc.input(named.extend({ fingerprint: z.string().regex(/^SHA256:[A-Za-z0-9+/]{43}$/) })).output(TunnelStatus),
  /** Asks the far side now; the marks in the answer are fresh. */
  check: oc.input(named).output(TunnelStatus),
  /** The last lines of ssh and the connector, and what the supervisor made of them. Holds no secret. */
  logs: oc.input(named).output(z.array(LogLine)),
  /** The same lines, then each new one as it comes, until the caller leaves or the tunnel is removed. */
  follow: oc.input(named).output(eventIterator(LogLine)),
  /** The last half hour, oldest first, one sample every `everyMs`. Empty where the tunnel is off. */
  numbers: oc.input(named).output(z.object({ everyMs: z.number().int(), samples: z.array(TunnelSample) })),
  serverKit: oc.input(named).output(ServerKit),
  /** Signs in through cloudflared in the browser, and waits until the person has done so. Throws failed. */
  login: oc.input(named).output(z.object({ until: z.string().nullable() })),
  /** Downloads a cloudflared of our own, known byte for byte, and tells how far it is. The last event names the file. */
  installCloudflared: oc
    .input(none)
    .output(
      eventIterator(
        z.object({ received: z.number().int(), total: z.number().int().nullable(), file: z.string().nullable(), version: z.string() }),
      ),
    ),
  /** The machine woke or its network changed: every session is replaced. For hosts that hear of it first. */
  disturb: oc.input(z.object({ why: z.enum(['wake', 'network']) })).output(z.object({ disturbed: z.number().int() })),
};
