import { signInNeeded, tokensMissing, type GrantAnswer, type Session } from '../accounts/call.ts';
import { createTokenKeeper, type KeeperOptions, type Renewal, type TokenKeeper, type Tokens } from '../accounts/keeper.ts';
import type { Net } from '../accounts/net.ts';
import { peek } from '../companion/peek.ts';
import type { UpstreamRequest } from '../upstreams/upstream.ts';
import { renewToken } from './device.ts';
import { plainModel } from './prepare.ts';
import { REJECTED, type CopilotModel, type CopilotSource, type CopilotUser, type Grant, type SourceProblem } from './source.ts';

export type CopilotSession = Session<Grant> & {
  keeper: TokenKeeper;
  /** Undefined where there is no answer; the account's state then says why. */
  user(): Promise<CopilotUser | undefined>;
  models(): Promise<readonly CopilotModel[] | undefined>;
};

export type CopilotSessionOptions = Omit<KeeperOptions, 'adapter'> & {
  net: Net;
  source: CopilotSource;
  github: () => string;
  clientId: () => string | null;
};

/** A GitHub account: its token kept as every account's is, and asked about by one of two ways. */
export function copilotSession(options: CopilotSessionOptions): CopilotSession {
  const { source, tell } = options;
  const keeper = createTokenKeeper({ ...options, adapter: { renew: (tokens) => renewGitHub(tokens, options) } });

  const problemOf = ({ problem, reason }: SourceProblem): { error: Extract<GrantAnswer<Grant>, { error: unknown }>['error'] } => {
    if (problem === 'rejected') {
      tell({ type: 'rejected', reason });
      return signInNeeded('copilot', reason);
    }
    if (problem === 'passing') {
      tell({ type: 'renewal_delayed', reason });
      return { error: { kind: 'overloaded', message: reason } };
    }
    tell({ type: 'not_entitled', reason, href: 'https://github.com/settings/copilot' });
    return { error: { kind: 'not_entitled', message: reason } };
  };

  const grantWith = async (token: string, request: UpstreamRequest | undefined): Promise<GrantAnswer<Grant>> => {
    const answer = await source.endpoint(token, modelOf(request));
    if ('problem' in answer) return problemOf(answer);
    tell({ type: 'usable' });
    return answer.endpoint;
  };
  const grant = async (request?: UpstreamRequest): Promise<GrantAnswer<Grant>> => {
    const answer = await keeper.get();
    return 'tokens' in answer ? grantWith(answer.tokens.access, request) : tokensMissing('copilot', answer);
  };
  const asked = async <T>(question: (token: string) => Promise<T | SourceProblem>): Promise<T | undefined> => {
    const answer = await keeper.get();
    if (!('tokens' in answer)) return undefined;
    const told = await question(answer.tokens.access);
    if (!isProblem(told)) return told;
    problemOf(told);
    return undefined;
  };

  return {
    keeper,
    grant,
    user: async () => (await asked((token) => source.user(token)))?.user,
    models: () => asked((token) => source.models(token)),
    async refused(_token, _headers, request) {
      // What was refused may be something short-lived made from the sign-in: that is made anew before the sign-in itself is doubted.
      const held = await keeper.get();
      if (!('tokens' in held)) return tokensMissing('copilot', held);
      await source.forget();
      const looked = await source.user(held.tokens.access);
      if (!('problem' in looked)) return grantWith(held.tokens.access, request);
      if (looked.problem !== 'rejected') return problemOf(looked);
      const renewed = await keeper.refused(held.tokens.access);
      return 'tokens' in renewed ? grantWith(renewed.tokens.access, request) : tokensMissing('copilot', renewed);
    },
    async retry() {
      await source.forget();
      const answer = await keeper.retry();
      if ('tokens' in answer) await grantWith(answer.tokens.access, undefined);
    },
    async stop() {
      await Promise.all([keeper.stop(), source.stop()]);
    },
  };
}

function isProblem(told: unknown): told is SourceProblem {
  return typeof told === 'object' && told !== null && 'problem' in told;
}

/** A token of an OAuth app lasts until it is revoked; one of a GitHub App is renewed. */
async function renewGitHub(tokens: Tokens, { net, github, clientId, clock }: CopilotSessionOptions): Promise<Renewal> {
  const id = tokens.extra['clientId'] ?? clientId();
  if (tokens.refresh === null || id === null) return { kind: 'terminal', reason: REJECTED.reason };
  return renewToken(net, { github: github(), clientId: id, refresh: tokens.refresh, now: clock.now() });
}

function modelOf(request: UpstreamRequest | undefined): string | undefined {
  const seen = request?.body === null || request?.body === undefined ? undefined : peek(request.body);
  return seen === undefined || 'problem' in seen || seen.model === undefined ? undefined : plainModel(seen.model);
}
