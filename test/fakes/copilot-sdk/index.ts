import { randomUUID } from 'node:crypto';

/**
 * A strict stand-in for GitHub's Copilot SDK 1.0.14, as far as it was seen to work (SPEC 5.1 and its recording): it
 * asks the same addresses, fails in the same words, and refuses what the real one refuses.
 */

type Options = {
  mode: string;
  baseDirectory?: string;
  env?: Record<string, string | undefined>;
  useLoggedInUser?: boolean;
  gitHubToken?: string;
};
type User = {
  login: string;
  copilot_plan: string;
  quota_reset_date_utc: string;
  quota_snapshots: Record<
    string,
    { unlimited: boolean; entitlement: number; percent_remaining: number; overage_count: number; overage_permitted: boolean }
  >;
};
type Model = { id: string; supported_endpoints?: string[] };

/** Every runtime that was started, and how; `alive` until it is stopped. */
export const runtimes: { options: Options; alive: boolean }[] = [];
/** The short-lived tokens the next endpoints come with; none where undefined. */
export const sessionToken: { next: { token: string; expiresAt: string } | undefined } = { next: undefined };

const RUNTIME = '1.0.85';
const IDENTITY = {
  'Copilot-Integration-Id': 'copilot-sdk',
  'Copilot-Harness-Id': 'copilot-sdk',
  'User-Agent': `copilot/${RUNTIME} (linux unknown) term/unknown`,
  'Editor-Version': `copilot/${RUNTIME}`,
  'X-GitHub-Api-Version': '2026-08-01',
};

export class CopilotClient {
  readonly #options: Options;
  readonly #runtime: { options: Options; alive: boolean };
  readonly #users = new Map<string, User>();

  constructor(options: Options) {
    if (options.mode === 'empty' && options.baseDirectory === undefined) throw new Error('mode "empty" needs a baseDirectory');
    if (options.env === undefined) throw new Error('it would inherit the whole environment');
    this.#options = options;
    this.#runtime = { options, alive: false };
  }

  async start(): Promise<void> {
    this.#runtime.alive = true;
    runtimes.push(this.#runtime);
  }
  async stop(): Promise<Error[]> {
    this.#runtime.alive = false;
    return [];
  }
  async forceStop(): Promise<void> {
    this.#runtime.alive = false;
  }

  readonly rpc = {
    account: {
      getQuota: async ({ gitHubToken = '' }: { gitHubToken?: string }) => {
        const user = await this.#user(gitHubToken, 'Request account.getQuota failed with message: ');
        const snapshots = Object.entries(user.quota_snapshots).map(([name, told]) => [
          name,
          {
            isUnlimitedEntitlement: told.unlimited,
            entitlementRequests: told.entitlement,
            usedRequests: Math.floor((told.entitlement * (100 - told.percent_remaining)) / 100),
            usageAllowedWithExhaustedQuota: told.overage_permitted,
            overage: told.overage_count,
            overageAllowedWithExhaustedQuota: told.overage_permitted,
            remainingPercentage: told.percent_remaining,
          },
        ]);
        return { quotaSnapshots: Object.fromEntries(snapshots) };
      },
    },
  };

  async createSession({ gitHubToken, availableTools }: { gitHubToken?: string; availableTools?: string[] }): Promise<object> {
    if (this.#options.mode === 'empty' && availableTools === undefined) throw new Error('mode "empty" needs availableTools');
    const token = gitHubToken ?? '';
    if (token.startsWith('ghp_')) throw new Error('Request session.create failed with message: classic tokens are not supported');
    const user = await this.#user(token, 'Request session.create failed with message: SDK session authentication failed: ');
    const models = async (): Promise<Model[]> => this.#get<{ data: Model[] }>('/models', token, IDENTITY).then(({ data }) => data);
    return {
      disconnect: async () => {},
      rpc: {
        gitHubAuth: {
          getStatus: async () => ({ isAuthenticated: true, authType: 'token', login: user.login, copilotPlan: user.copilot_plan }),
        },
        model: { list: async () => ({ list: await models() }) },
        provider: {
          getEndpoint: async ({ modelId }: { modelId?: string }) => {
            if (this.#options.env?.['COPILOT_ALLOW_GET_PROVIDER_ENDPOINT'] !== 'true')
              throw new Error('Request session.provider.getEndpoint failed with message: not allowed');
            const endpoints = (await models()).find(({ id }) => id === modelId)?.supported_endpoints ?? [];
            const anthropic = endpoints.includes('/v1/messages');
            return {
              type: anthropic ? 'anthropic' : 'openai',
              ...(anthropic ? {} : { wireApi: endpoints.includes('/responses') ? 'responses' : 'completions' }),
              baseUrl: this.#options.env['COPILOT_API_URL'] ?? 'https://api.githubcopilot.com',
              apiKey: token,
              headers: {
                ...IDENTITY,
                'X-Initiator': 'user',
                'X-Interaction-Id': randomUUID(),
                Authorization: `Bearer ${token}`,
              },
              ...(sessionToken.next === undefined
                ? {}
                : { sessionToken: { ...sessionToken.next, header: 'Copilot-Session-Token', model: modelId } }),
            };
          },
        },
      },
    };
  }

  async #user(token: string, before: string): Promise<User> {
    const known = this.#users.get(token);
    if (known !== undefined) return known;
    const user = await this.#get<User>('/copilot_internal/user', token, { 'User-Agent': 'copilot-agent-runtime/0.0.0' }, before);
    this.#users.set(token, user);
    return user;
  }

  async #get<T>(path: string, token: string, headers: Record<string, string>, before = ''): Promise<T> {
    if (!this.#runtime.alive) throw new Error('Connection is closed.');
    const origin = this.#options.env?.['COPILOT_DEBUG_GITHUB_API_URL'] ?? '';
    const reply = await fetch(origin + path, { headers: { ...headers, authorization: `Bearer ${token}` } }).catch((error: unknown) => {
      throw new Error(`${before}error sending request: ${String(error)}`);
    });
    if (!reply.ok)
      throw new Error(`${before}Failed to fetch Copilot user info: ${reply.status} ${reply.statusText}: ${await reply.text()}`);
    return (await reply.json()) as T;
  }
}
