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
  if (model === undefined) return choose(question, settings, offers);
  const answer = choose({ ...question, model }, settings, offers);
  return 'refused' in answer ? answer : { ...answer, rule: `alias, ${answer.rule}`, model };
}

/**
 * In this order: the user's own rules; models named `practice/...` or after a bridge; ChatGPT's backend paths; the
 * client's own provider where the client brings its own credential; by preference the gateway where there is one, and the
 * bridges that have the model; the fallback. A call is never sent anywhere its owner did not name.
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
  if (rule !== undefined) return withCredential(rule.upstream, `rule ${index + 1}`, question);

  if (model === 'practice' || model?.startsWith('practice/') === true) return { upstream: 'practice', rule: 'practice model' };
  if (model === 'codex' || model?.startsWith('codex/') === true) return { upstream: 'codex', rule: 'codex bridge' };
  if (model?.startsWith('copilot/') === true) return { upstream: 'copilot', rule: 'copilot bridge' };
  if (model === 'm365' || model?.startsWith('m365/') === true) return { upstream: 'm365', rule: 'm365 bridge' };
  if (question.backend) return withCredential('chatgpt', 'chatgpt path', question);
  if (question.ownCredential) return { upstream: question.wire === 'messages' ? 'anthropic' : 'openai', rule: 'own provider' };
  const preferred = settings.companion.prefer.find((id) =>
    id === 'gateway' ? settings.upstreams.gateway.baseUrl !== null : model !== undefined && offers(id, model),
  );
  if (preferred !== undefined)
    return { upstream: preferred, rule: preferred === 'gateway' ? 'gateway' : `${preferred} bridge, by preference` };
  if (settings.companion.fallback !== 'none') return { upstream: settings.companion.fallback, rule: 'fallback' };
  return {
    refused: 'model_unknown',
    message: `No upstream serves the model "${printable(model)}". Use practice/echo to try Drawbridge, set up a gateway, or put your key in the path (/k/<key>/) to reach your own provider with your own credential.`,
  };
}

/** The providers' own APIs are reached with the client's own credential, which needs our key to be in the path. */
function withCredential(upstream: UpstreamId, rule: string, question: RouteQuestion): RouteAnswer {
  const provider = upstream === 'anthropic' || upstream === 'openai' || upstream === 'chatgpt';
  if (!provider || question.ownCredential) return { upstream, rule };
  return {
    refused: 'sign_in_needed',
    message: `This call goes to ${upstream} with your client's own credential, but it carried none. Put the Drawbridge key in the path (http://127.0.0.1:<port>/k/<key>) and leave the client's own credential in its header.`,
  };
}

function matches(pattern: string, value: string): boolean {
  if (pattern === '*') return true;
  if (!pattern.includes('*')) return pattern === value;
  const parts = pattern.split('*');
  const first = parts[0] ?? '';
  const last = parts.at(-1) ?? '';
  if (!value.startsWith(first) || !value.endsWith(last) || value.length < first.length + last.length) return false;
  let at = first.length;
  const end = value.length - last.length;
  for (const part of parts.slice(1, -1)) {
    const found = value.indexOf(part, at);
    if (found < 0 || found + part.length > end) return false;
    at = found + part.length;
  }
  return true;
}

function printable(model: string | undefined): string {
  return (model ?? '').replace(/[^\x20-\x7e]/g, '?').slice(0, 100);
}
