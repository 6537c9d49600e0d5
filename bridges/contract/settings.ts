import { z } from 'zod';
import { pattern, Provider, ProviderName, UpstreamName } from './providers.ts';
import { WireFormat } from './schemas.ts';
import { TunnelSettings } from './tunnels.ts';
import { baseUrl } from './urls.ts';

const port = z.number().int().min(0).max(65535);

/** A proxy's password has its place in the keychain: settings are shown, and their file is a plain one. */
const proxyUrl = z
  .url({ abort: true, error: 'must be a whole address, such as http://proxy.example.com:8080' })
  .refine((value) => ['http:', 'https:'].includes(new URL(value).protocol), 'must begin with http:// or https://')
  .refine(
    (value) => new URL(value).username === '' && new URL(value).password === '',
    'must not hold a user name or password; where the proxy wants them, give them to: drawbridge proxy set',
  )
  .refine(
    (value) => /^\/?$/.test(new URL(value).pathname + new URL(value).search + new URL(value).hash),
    'must end with the host or its port',
  );

/** One rule of the companion's own routing. The first rule that matches wins. */
const RouteRule = z.strictObject({
  model: pattern.default('*'),
  wire: WireFormat.optional(),
  client: pattern.optional(),
  upstream: UpstreamName,
});

/** What is kept of calls made from a folder. */
const FolderRule = z.strictObject({
  folder: z
    .string()
    .max(4096)
    .refine((value) => /^(?:[/\\~]|[A-Za-z]:)/.test(value), 'must be the whole path of a folder, or begin with ~'),
  keep: z.enum(['keep', 'metadata', 'ignore']),
});

const Values = z.strictObject({
  companion: z
    .strictObject({
      port: port.default(11435),
      routes: z.array(RouteRule).max(200).default([]),
      /** Other names of models: `{ "sonnet": "copilot/claude-sonnet-4.6" }`. */
      aliases: z.record(z.string().min(1).max(200), z.string().min(1).max(200)).default({}),
      /** Who serves a model named without its bridge: the first of these that has it. A gateway that is set up has every model. */
      prefer: z
        .array(z.enum(['gateway', 'codex', 'copilot']))
        .max(10)
        .default(['gateway', 'codex', 'copilot']),
      /** Where a call goes that no rule claims: nowhere (the client is told), or one upstream. */
      fallback: z.union([z.enum(['none', 'practice', 'gateway']), ProviderName], 'must be none or the name of an upstream').default('none'),
    })
    .prefault({}),
  ui: z
    .strictObject({
      /** 0 takes any free port. */
      port: port.default(0),
      theme: z.enum(['system', 'light', 'dark']).default('system'),
      /** The first steps were taken, or put away. */
      welcomed: z.boolean().default(false),
    })
    .prefault({}),
  upstreams: z
    .strictObject({
      anthropic: z.strictObject({ baseUrl: baseUrl.default('https://api.anthropic.com') }).prefault({}),
      openai: z.strictObject({ baseUrl: baseUrl.default('https://api.openai.com') }).prefault({}),
      chatgpt: z.strictObject({ baseUrl: baseUrl.default('https://chatgpt.com') }).prefault({}),
      gateway: z
        .strictObject({
          baseUrl: baseUrl.nullable().default(null),
          /** Name of the secret that holds the gateway's key; the key itself never stands in this file. */
          keySecret: z.string().default('gateway-key'),
          /** The wire formats it speaks; calls in another one are translated to the first. */
          wires: z.array(WireFormat).min(1).default(['chat', 'responses', 'messages']),
        })
        .prefault({}),
      practice: z
        .strictObject({
          /** Milliseconds between the events of a practice stream. */
          paceMs: z.number().min(0).max(10_000).default(20),
          /** The wire format practice answers in, whatever it was asked in; `same` keeps the client's. */
          answerIn: z.enum(['same', 'chat', 'responses', 'messages']).default('same'),
        })
        .prefault({}),
      /** Providers of the owner's own, beside those that are built in (docs/providers.md). */
      providers: z
        .array(Provider)
        .max(50)
        .refine((all) => new Set(all.map(({ name }) => name)).size === all.length, 'must not name a provider twice')
        .default([]),
    })
    .prefault({}),
  bridges: z
    .strictObject({
      codex: z
        .strictObject({
          /** Off refuses every call and ends those under way. */
          enabled: z.boolean().default(true),
          port: port.default(3253),
          /** The sign-in service. */
          issuer: baseUrl.default('https://auth.openai.com'),
          /** Calls under way at once; more wait. */
          concurrency: z.number().int().min(1).max(100).default(4),
          /** Milliseconds between the starts of two calls. */
          paceMs: z.number().int().min(0).max(60_000).default(100),
          /** Calls of one day (UTC). */
          dailyCalls: z.number().int().min(1).max(1_000_000).default(2_000),
        })
        .prefault({}),
      copilot: z
        .strictObject({
          enabled: z.boolean().default(true),
          port: port.default(3254),
          /** Client id of the owner's own GitHub OAuth app. Never another product's. */
          clientId: z.string().min(1).max(100).nullable().default(null),
          /** Folder of a `@github/copilot-sdk` its owner installed; null lets Drawbridge install a pinned one on demand. */
          sdkFolder: z.string().min(1).max(4096).nullable().default(null),
          github: baseUrl.default('https://github.com'),
          api: baseUrl.default('https://api.github.com'),
          concurrency: z.number().int().min(1).max(100).default(4),
          paceMs: z.number().int().min(0).max(60_000).default(100),
          dailyCalls: z.number().int().min(1).max(1_000_000).default(2_000),
        })
        .prefault({}),
      m365: z
        .strictObject({
          enabled: z.boolean().default(true),
          port: port.default(3255),
          /** Application (client) id of the owner's own app registration in Entra. Never another product's. */
          clientId: z.guid().nullable().default(null),
          /** The directory to sign in to: its id, its domain, or `organizations` for any. */
          tenant: z
            .string()
            .regex(/^[A-Za-z0-9.-]{1,253}$/, 'must be a directory id or a domain')
            .default('organizations'),
          /** The sign-in service. */
          login: baseUrl.default('https://login.microsoftonline.com'),
          graph: baseUrl.default('https://graph.microsoft.com'),
          workIq: baseUrl.default('https://workiq.svc.cloud.microsoft'),
          /** IANA name of the time zone that "today" is meant in; null takes this machine's. */
          timeZone: z.string().min(1).max(64).nullable().default(null),
          concurrency: z.number().int().min(1).max(100).default(2),
          paceMs: z.number().int().min(0).max(60_000).default(500),
          dailyCalls: z.number().int().min(1).max(1_000_000).default(1_000),
        })
        .prefault({}),
    })
    .prefault({}),
  capture: z
    .strictObject({
      enabled: z.boolean().default(true),
      /** Bytes of one request or reply body that are kept. */
      maxBodyBytes: z
        .number()
        .int()
        .min(0)
        .max(256 * 1024 * 1024)
        .default(64 * 1024 * 1024),
      /**
       * What calls say, their titles and sessions are encrypted with a key of the keychain, and can't be searched for
       * words. Holds from the next start; the history there is is written anew then.
       */
      seal: z.boolean().default(false),
      /**
       * A streamed reply is kept as it came, event by event, or as the one JSON body it amounts to. Those that broke off
       * are always kept as they came.
       */
      replies: z.enum(['raw', 'assembled']).default('raw'),
      /** What is older or too much goes, oldest first. Null keeps without end. */
      retention: z
        .strictObject({
          days: z.number().int().min(1).max(36_500).nullable().default(null),
          /** Of the store on disk. */
          maxBytes: z
            .number()
            .int()
            .min(16 * 1024 * 1024)
            .nullable()
            .default(10 * 1024 * 1024 * 1024),
        })
        .prefault({}),
      /**
       * What is kept of calls whose client works in a folder or below it; the longest that matches decides. `metadata`
       * keeps the row without bodies and headers, `ignore` keeps nothing.
       */
      folders: z.array(FolderRule).max(200).default([]),
    })
    .prefault({}),
  limits: z
    .strictObject({
      /** Bytes, after decompression. */
      bodyBytes: z
        .number()
        .int()
        .min(1024)
        .max(256 * 1024 * 1024)
        .default(64 * 1024 * 1024),
      connections: z.number().int().min(1).max(65_535).default(4096),
      /** Milliseconds a client may take to send its headers. */
      headersMs: z.number().int().min(100).max(120_000).default(5_000),
      /** Milliseconds a client may be silent in the middle of its body, or leave a reply unread. */
      idleMs: z.number().int().min(100).max(3_600_000).default(60_000),
      /** Milliseconds an upstream may take to begin its answer. */
      upstreamMs: z.number().int().min(100).max(3_600_000).default(600_000),
    })
    .prefault({}),
  /** How connections leave this machine. */
  network: z
    .strictObject({
      /** The proxy on the way out; null takes that of HTTPS_PROXY. */
      proxy: proxyUrl.nullable().default(null),
      /** Hosts that are reached without it: names with all below them, addresses and ranges. Null takes those of NO_PROXY. */
      noProxy: z
        .array(z.string().regex(/^[^\s,]{1,255}$/, 'must be one name, address or range, such as git.example.com or 10.0.0.0/8'))
        .max(200)
        .nullable()
        .default(null),
      /** Name of the secret that holds the proxy's user name and password; they never stand in this file. Null where it wants none. */
      loginSecret: z.string().nullable().default(null),
    })
    .prefault({}),
  /** A span for each call, to an OpenTelemetry collector of the owner's (docs/export.md). */
  telemetry: z
    .strictObject({
      /** Base URL of the collector's OTLP/HTTP door; null sends nothing. */
      endpoint: baseUrl.nullable().default(null),
      /** Name of the secret that holds the headers; they never stand in this file. */
      headersSecret: z.string().default('otlp-headers'),
    })
    .prefault({}),
  /** What the desktop app interrupts its owner for, and what a webhook tells. What is off here still stands in the window and the menu. */
  notifications: z
    .strictObject({
      /** A tunnel that is down or needs its owner, and one that is back. */
      tunnels: z.boolean().default(true),
      /** A bridge whose sign-in has ended. */
      signIns: z.boolean().default(true),
      /** A bridge that has reached its calls of a day. */
      ceilings: z.boolean().default(true),
    })
    .prefault({}),
  /** Where the same is told as a message, by an incoming webhook of Slack's form (docs/notices.md). */
  webhook: z
    .strictObject({
      /** Name of the secret that holds its address, which lets whoever knows it write there; null where there is none. */
      urlSecret: z.string().nullable().default(null),
    })
    .prefault({}),
  tunnels: TunnelSettings,
  log: z.strictObject({ level: z.enum(['error', 'warn', 'info', 'debug']).default('info') }).prefault({}),
});

/** The settings file, `settings.json` in the state folder. Every key has a default; unknown keys are refused by name. */
export const Settings = Values.superRefine(({ companion, upstreams }, context) => {
  const isMissing = (name: string): boolean =>
    ProviderName.safeParse(name).success && !upstreams.providers.some((one) => one.name === name);
  const refuse = (path: (string | number)[], name: string): void =>
    context.addIssue({ code: 'custom', path: ['companion', ...path], message: `there is no upstream "${name}"` });
  for (const [index, { upstream }] of companion.routes.entries()) if (isMissing(upstream)) refuse(['routes', index, 'upstream'], upstream);
  if (companion.fallback !== 'none' && isMissing(companion.fallback)) refuse(['fallback'], companion.fallback);
});
