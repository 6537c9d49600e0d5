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

type Refusal = Extract<GrantAnswer<Grant>, { error: unknown }>;

/** A GitHub account: its token kept as every account's is, and asked about by one of two ways. */
export function copilotSession(options: CopilotSessionOptions): CopilotSession {
  const { source, tell } = options;
  const keeper = createTokenKeeper({ ...options, adapter: { renew: (tokens) => renewGitHub(tokens, options) } });

  const problemOf = ({ problem, reason }: SourceProblem): Refusal => {
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

  /** A token that GitHub refuses before its end is renewed, where there is something to renew it with, and asked with once more. */
  const asked = async <T>(question: (token: string) => Promise<T | SourceProblem>): Promise<{ told: T } | Refusal> => {
    const held = await keeper.get();
    if (!('tokens' in held)) return tokensMissing('copilot', held);
    const { access, refresh } = held.tokens;
    const told = await question(access);
    if (!isProblem(told)) return { told };
    if (told.problem !== 'rejected' || refresh === null) return problemOf(told);
    const renewed = await keeper.refused(access);
    if (!('tokens' in renewed)) return tokensMissing('copilot', renewed);
    const again = await question(renewed.tokens.access);
    return isProblem(again) ? problemOf(again) : { told: again };
  };
  const grant = async (request?: UpstreamRequest): Promise<GrantAnswer<Grant>> => {
    const answer = await asked((token) => source.endpoint(token, modelOf(request)));
    if ('error' in answer) return answer;
    tell({ type: 'usable' });
    return answer.told.endpoint;
  };
  const toldIn = <T>(answer: { told: T } | Refusal): T | undefined => ('told' in answer ? answer.told : undefined);

  return {
    keeper,
    grant,
    user: async () => toldIn(await asked((token) => source.user(token)))?.user,
    models: async () => toldIn(await asked((token) => source.models(token))),
    async refused(_token, _headers, request) {
      // What was refused may be something short-lived made from the sign-in: that is made anew before the sign-in itself is doubted.
      const held = await keeper.get();
      if (!('tokens' in held)) return tokensMissing('copilot', held);
      await source.forget();
      const looked = await source.user(held.tokens.access);
      if (!('problem' in looked)) return grant(request);
      if (looked.problem !== 'rejected') return problemOf(looked);
      const renewed = await keeper.refused(held.tokens.access);
      return 'tokens' in renewed ? grant(request) : tokensMissing('copilot', renewed);
    },
    async retry() {
      await source.forget();
      const answer = await keeper.retry();
      if ('tokens' in answer) await grant();
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
