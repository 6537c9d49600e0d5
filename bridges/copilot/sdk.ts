import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { z } from 'zod';
import { DrawbridgeError } from '../contract/errors.ts';
import { inTime, type Clock, type Pause } from '../engine/clock.ts';
import type { Logger } from '../engine/log.ts';
import { plainEnvironment } from '../engine/child.ts';
import { proxyVariables, type ProxySources } from '../upstreams/proxy.ts';
import { readModels } from './models.ts';
import { isoDate, quotaOf, type Snapshot } from './quota.ts';
import type { SdkClient, SdkClientClass, SdkSession } from './sdk-module.ts';
import {
  allowedApi,
  FOREIGN_ADDRESS,
  NO_COPILOT,
  REJECTED,
  UNREACHED,
  type CopilotSource,
  type Grant,
  type SourceProblem,
} from './source.ts';

export type SdkSourceOptions = {
  /** The SDK's class; rejects where there is none. */
  load: () => Promise<SdkClientClass>;
  /** What the SDK's runtime keeps is kept here. */
  home: string;
  /** Origin of GitHub's API. */
  api: () => string;
  /** What names the proxy on the way there. */
  proxies: () => ProxySources;
  clock: Clock;
  log: Logger;
  version: string;
  pause?: Pause;
};

const GITHUB_API = 'https://api.github.com';
/** Milliseconds an endpoint holds that names no end. */
const KEPT_MS = 10 * 60_000;
/** An endpoint is asked for anew this long before it ends. */
const AHEAD_MS = 60_000;
/** The runtime is given up where it does not answer for this long. Milliseconds. */
const PATIENCE_MS = 60_000;
const STOP_MS = 5_000;

type Running = { token: string; client: SdkClient; session: SdkSession };

/**
 * The account asked about by GitHub's own SDK (SPEC 5.1): one runtime, one session without tools that is never spoken
 * to. The token goes to it by its pipe, never by its environment or arguments.
 */
export function sdkSource(options: SdkSourceOptions): CopilotSource {
  const { clock, log } = options;
  let running: Promise<Running> | undefined;
  let stopped = false;
  const endpoints = new Map<string, { until: number; endpoint: Grant }>();

  const patiently = <T>(work: Promise<T>, milliseconds = PATIENCE_MS): Promise<T> =>
    inTime(work, milliseconds, 'The Copilot SDK does not answer.', options.pause);

  const open = async (token: string): Promise<Running> => {
    const Client = await options.load();
    mkdirSync(options.home, { recursive: true, mode: 0o700 });
    const client = new Client({
      mode: 'empty',
      baseDirectory: path.join(options.home, 'copilot'),
      workingDirectory: options.home,
      env: { ...environment(options.home, options.api()), ...(await proxyVariables(options.proxies)) },
      useLoggedInUser: false,
      logLevel: 'none',
      clientInfo: { applicationName: 'drawbridge', applicationVersion: options.version },
    });
    try {
      await patiently(client.start());
      const session = await patiently(
        client.createSession({ gitHubToken: token, availableTools: [], onPermissionRequest: () => ({ kind: 'reject' }) }),
      );
      return { token, client, session };
    } catch (error) {
      await end(client);
      throw error;
    }
  };
  const close = async (): Promise<void> => {
    const old = running;
    running = undefined;
    endpoints.clear();
    const held = await old?.catch(() => undefined);
    if (held !== undefined) await end(held.client);
  };
  const end = async (client: SdkClient): Promise<void> => {
    await patiently(client.stop(), STOP_MS).catch(async (error: unknown) => {
      log.warn('copilot.sdk_stop_failed', { error });
      await client.forceStop().catch(() => undefined);
    });
  };

  /**
   * Asks the SDK. One that failed is ended, but for what it could not find: the next question begins anew. A question whose
   * runtime was ended for another one's sake is asked once more.
   */
  const ask = async <T>(token: string, question: (held: Running) => Promise<T>, isFirst = true): Promise<T | SourceProblem> => {
    let asked: Promise<Running> | undefined;
    let held: Running | undefined;
    try {
      if (running !== undefined && (await running).token !== token) await close();
      // Stopped while this question waited: a runtime begun now would be ended by nobody.
      if (stopped) return UNREACHED;
      running ??= open(token);
      asked = running;
      held = await asked;
      return await patiently(question(held));
    } catch (error) {
      if (isFirst && !stopped && asked !== undefined && asked !== running) return ask(token, question, false);
      // A model that one client made up is no reason to end what all use.
      if (asked === running && (held === undefined || !isNotFound(error))) await close();
      log.warn('copilot.sdk_failed', { error });
      return problemOf(error);
    }
  };

  return {
    user: (token) =>
      ask(token, async ({ client, session }) => {
        const status = AuthStatus.parse(await session.rpc.gitHubAuth.getStatus());
        if (!status.isAuthenticated || status.login === undefined) return REJECTED;
        const plan = status.copilotPlan ?? null;
        const { quotaSnapshots } = QuotaReply.parse(await client.rpc.account.getQuota({ gitHubToken: token }));
        const snapshots = Object.entries(quotaSnapshots).map(([name, told]) => snapshotOf(name, told));
        return { user: { login: status.login, plan, quota: quotaOf(plan, snapshots, clock.now()) } };
      }),
    models: (token) => ask(token, async ({ session }) => readModels({ data: ModelList.parse(await session.rpc.model.list()).list })),
    async endpoint(token, model = '') {
      const kept = endpoints.get(model);
      if (kept !== undefined && clock.now() < kept.until) return { endpoint: kept.endpoint };
      return ask(token, async ({ session }) => {
        const told = Endpoint.parse(await session.rpc.provider.getEndpoint(model === '' ? {} : { modelId: model }));
        const api = allowedApi(told.baseUrl, options.api());
        if (api === undefined) return FOREIGN_ADDRESS;
        const endsAt = Date.parse(told.sessionToken?.expiresAt ?? '');
        const until = Number.isNaN(endsAt) ? clock.now() + KEPT_MS : endsAt - AHEAD_MS;
        const endpoint = grantOf(told, api, options.version);
        if (endpoint === undefined) return NO_COPILOT;
        endpoints.set(model, { until, endpoint });
        return { endpoint };
      });
    },
    forget: close,
    async stop() {
      stopped = true;
      await close();
    },
  };
}

/** The runtime gets a home of its own: it finds no other program's sign-in, and leaves nothing beside the state folder. */
function environment(home: string, api: string): Record<string, string> {
  const plain = plainEnvironment();
  delete plain['DBUS_SESSION_BUS_ADDRESS'];
  return {
    ...plain,
    HOME: home,
    USERPROFILE: home,
    LOCALAPPDATA: home,
    XDG_CACHE_HOME: path.join(home, 'cache'),
    XDG_CONFIG_HOME: path.join(home, 'config'),
    COPILOT_DISABLE_KEYTAR: '1',
    COPILOT_ALLOW_GET_PROVIDER_ENDPOINT: 'true',
    ...(api === GITHUB_API ? {} : { COPILOT_DEBUG_GITHUB_API_URL: api, COPILOT_API_URL: api }),
  };
}

const AuthStatus = z.object({ isAuthenticated: z.boolean(), login: z.string().optional(), copilotPlan: z.string().optional() });
const QuotaSnapshot = z.object({
  isUnlimitedEntitlement: z.boolean(),
  entitlementRequests: z.number(),
  remainingPercentage: z.number(),
  overage: z.number(),
  overageAllowedWithExhaustedQuota: z.boolean(),
  resetDate: z.string().optional(),
});
const QuotaReply = z.object({ quotaSnapshots: z.record(z.string(), QuotaSnapshot) });
const ModelList = z.object({ list: z.array(z.unknown()) });
const Endpoint = z.object({
  baseUrl: z.string(),
  apiKey: z.string().optional(),
  headers: z.record(z.string(), z.string().optional()),
  sessionToken: z.object({ token: z.string(), header: z.string(), expiresAt: z.string().optional() }).optional(),
});

function snapshotOf(name: string, told: z.infer<typeof QuotaSnapshot>): Snapshot {
  return {
    name,
    unlimited: told.isUnlimitedEntitlement,
    percentLeft: told.remainingPercentage,
    included: told.entitlementRequests,
    overage: told.overage,
    overageAllowed: told.overageAllowedWithExhaustedQuota,
    resetsAt: isoDate(told.resetDate),
  };
}

/** The SDK's headers are its callers' to send; our own name is added to its user agent, so that it stays true. */
function grantOf({ apiKey, headers: told, sessionToken }: z.infer<typeof Endpoint>, api: string, version: string): Grant | undefined {
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(told)) if (value !== undefined) headers[name.toLowerCase()] = value;
  const bearer = /^Bearer (.+)$/i.exec(headers['authorization'] ?? '')?.[1];
  headers['user-agent'] = `${headers['user-agent'] ?? ''} Drawbridge/${version}`.trim();
  let token = apiKey ?? bearer;
  if (sessionToken?.header.toLowerCase() === 'authorization') token = sessionToken.token.replace(/^Bearer /i, '');
  else if (sessionToken !== undefined) headers[sessionToken.header.toLowerCase()] = sessionToken.token;
  return token === undefined ? undefined : { token, api, headers };
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
const isNotFound = (error: unknown): boolean => /\b404\b/.test(messageOf(error));

/** The SDK tells what went wrong in words alone. */
function problemOf(error: unknown): SourceProblem {
  const message = messageOf(error);
  if (/\b401\b/.test(message)) return REJECTED;
  if (/\b40[34]\b/.test(message)) return NO_COPILOT;
  if (error instanceof DrawbridgeError) return { problem: 'passing', reason: message };
  return UNREACHED;
}
