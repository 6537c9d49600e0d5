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
  /** `rule` names what decided, for the calls page. */
  { upstream: UpstreamId; rule: string } | { refused: 'model_unknown' | 'sign_in_needed'; message: string };

type RouteSettings = Pick<Settings, 'companion' | 'upstreams'>;

/**
 * Chooses the upstream of a call. In this order: the user's own rules; `practice/...`, `codex/...` and `copilot/...` models; ChatGPT's backend paths;
 * the client's own provider where the client brings its own credential; the gateway where there is one; the fallback.
 * A call is never sent anywhere its owner did not name.
 */
export function chooseRoute(question: RouteQuestion, settings: RouteSettings): RouteAnswer {
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
  if (settings.upstreams.gateway.baseUrl !== null) return { upstream: 'gateway', rule: 'gateway' };
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
