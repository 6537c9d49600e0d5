import { matches } from '../upstreams/pattern.ts';
import { bareName, claimantOf, namedIn } from '../upstreams/providers/claims.ts';
import type { UpstreamId } from '../upstreams/upstreams.ts';
import type { Settings, WireFormat } from '../contract/index.ts';

/** What is known of a call when its way is chosen. */
export type RouteQuestion = {
  model: string | undefined;
  wire: WireFormat;
  client: string;
  /** The path is below `/backend-api/`, which only ChatGPT's own backend serves. */
  backend: boolean;
  /** The client key came in the path, and the request carries a credential of the client's own. */
  ownCredential: boolean;
};

export type RouteAnswer =
  /** `rule` names what decided, for the calls page; `model` is what is asked for in the place of an alias. */
  { upstream: UpstreamId; rule: string; model?: string } | { refused: 'model_unknown' | 'sign_in_needed'; message: string };

type RouteSettings = Pick<Settings, 'companion' | 'upstreams'>;

/** True where a bridge has a model of this name, as far as is known. */
export type Offers = (bridge: 'codex' | 'copilot', model: string) => boolean;

/** Chooses the upstream of a call, under its own name or as the alias it is. Pure. */
export function chooseRoute(question: RouteQuestion, settings: RouteSettings, offers: Offers = () => false): RouteAnswer {
  const { aliases } = settings.companion;
  const { model: asked } = question;
  const model = asked !== undefined && Object.hasOwn(aliases, asked) ? aliases[asked] : undefined;
  const answer = choose(model === undefined ? question : { ...question, model }, settings, offers);
  if ('refused' in answer) return answer;
  const named = modelAt(answer.upstream, model ?? asked, settings);
  return {
    ...answer,
    rule: model === undefined ? answer.rule : `alias, ${answer.rule}`,
    ...(named !== undefined && named !== asked ? { model: named } : {}),
  };
}

/** A model as this upstream knows it: a provider of the owner's own does not know by what name it goes here. Pure. */
export function modelAt(upstream: UpstreamId, model: string | undefined, { upstreams }: Pick<Settings, 'upstreams'>): string | undefined {
  return model !== undefined && upstreams.providers.some(({ name }) => name === upstream) ? bareName(model, upstream) : model;
}

/**
 * In this order: the user's own rules; models named `practice/...` or after a bridge or a provider of the user's own;
 * ChatGPT's backend paths; the client's own provider where the client brings its own credential; the user's provider that
 * claims the model; by preference the gateway where there is one, and the bridges that have the model; the fallback. A call is
 * never sent anywhere its owner did not name.
 */
function choose(question: RouteQuestion, settings: RouteSettings, offers: Offers): RouteAnswer {
  const { model } = question;
  const index = settings.companion.routes.findIndex(
    (rule) =>
      matches(rule.model, model ?? '') &&
      (rule.wire === undefined || rule.wire === question.wire) &&
      (rule.client === undefined || matches(rule.client, question.client)),
  );
  const rule = settings.companion.routes[index];
  if (rule !== undefined) return withCredential(rule.upstream, `rule ${index + 1}`, question, settings);

  if (model === 'practice' || model?.startsWith('practice/') === true) return { upstream: 'practice', rule: 'practice model' };
  if (model === 'codex' || model?.startsWith('codex/') === true) return { upstream: 'codex', rule: 'codex bridge' };
  if (model?.startsWith('copilot/') === true) return { upstream: 'copilot', rule: 'copilot bridge' };
  if (model === 'm365' || model?.startsWith('m365/') === true) return { upstream: 'm365', rule: 'm365 bridge' };
  const { providers } = settings.upstreams;
  const named = model === undefined ? undefined : namedIn(model, providers);
  if (named !== undefined) return withCredential(named.name, 'named provider', question, settings);
  if (question.backend) return withCredential('chatgpt', 'chatgpt path', question, settings);
  if (question.ownCredential) return { upstream: question.wire === 'messages' ? 'anthropic' : 'openai', rule: 'own provider' };
  const claimant = model === undefined ? undefined : claimantOf(model, providers);
  if (claimant !== undefined) return withCredential(claimant.name, 'provider that serves it', question, settings);
  const preferred = settings.companion.prefer.find((id) =>
    id === 'gateway' ? settings.upstreams.gateway.baseUrl !== null : model !== undefined && offers(id, model),
  );
  if (preferred !== undefined)
    return { upstream: preferred, rule: preferred === 'gateway' ? 'gateway' : `${preferred} bridge, by preference` };
  if (settings.companion.fallback !== 'none') return withCredential(settings.companion.fallback, 'fallback', question, settings);
  return {
    refused: 'model_unknown',
    message: `No upstream serves the model "${printable(model)}". Use practice/echo to try Drawbridge, set up a provider or a gateway, or put your key in the path (/k/<key>/) to reach your own provider with your own credential.`,
  };
}

/** Some are reached with the client's own credential, which needs our key to be in the path. */
function withCredential(upstream: UpstreamId, rule: string, question: RouteQuestion, { upstreams }: RouteSettings): RouteAnswer {
  const wantsOwn =
    upstream === 'anthropic' ||
    upstream === 'openai' ||
    upstream === 'chatgpt' ||
    upstreams.providers.find(({ name }) => name === upstream)?.credential === 'client';
  if (!wantsOwn || question.ownCredential) return { upstream, rule };
  return {
    refused: 'sign_in_needed',
    message: `This call goes to ${upstream} with your client's own credential, but it carried none. Put the Drawbridge key in the path (http://127.0.0.1:<port>/k/<key>) and leave the client's own credential in its header.`,
  };
}

function printable(model: string | undefined): string {
  return (model ?? '').replace(/[^\x20-\x7e]/g, '?').slice(0, 100);
}
