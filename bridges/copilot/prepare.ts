import type { Ready } from '../accounts/call.ts';
import { renamed } from '../companion/peek.ts';
import type { UpstreamRequest } from '../upstreams/upstream.ts';
import { begunBy } from '../wire/begun-by.ts';
import { asArray, asObject, asString, isObject } from '../wire/json.ts';
import type { JsonObject, JsonValue } from '../wire/turn.ts';
import type { Grant } from './source.ts';

const PREFIX = 'copilot/';

/** The model as Copilot knows it. */
export function plainModel(model: string): string {
  return model.startsWith(PREFIX) ? model.slice(PREFIX.length) : model;
}

/** What is set for each call; an endpoint's own headers do not override it. */
const OURS = new Set(['content-type', 'accept', 'accept-encoding', 'authorization', 'x-initiator', 'content-length', 'host', 'connection']);
/** Of a client's Anthropic betas, those Copilot is known to take (SPEC 5.5). */
const BETAS = /^(?:interleaved-thinking|context-management|advanced-tool-use)-/;

/** A call as Copilot takes it (SPEC 5.2): its bytes but for the model's name, with the headers its endpoint wants. */
export function prepare(request: UpstreamRequest, grant: Grant): Ready {
  const sent = request.body;
  const body = sent === null ? undefined : parse(sent);
  if (sent === null || !isObject(body)) return { error: { kind: 'invalid_request', message: 'The request body is not a JSON object.' } };
  const model = asString(body.model) ?? '';
  const plain = plainModel(model);
  const path = request.target.replace(/\?.*$/s, '');
  const headers = ['content-type', 'application/json', 'accept', 'text/event-stream, application/json', 'accept-encoding', 'identity'];
  for (const [name, value] of Object.entries(grant.headers)) if (!OURS.has(name.toLowerCase())) headers.push(name.toLowerCase(), value);
  headers.push('x-initiator', request.begunBy ?? begunBy(body), 'authorization', `Bearer ${grant.token}`);
  if (hasImage(body)) headers.push('copilot-vision-request', 'true');
  if (path === '/v1/messages') headers.push('anthropic-version', '2023-06-01', ...betas(request.headers));
  return {
    request: {
      ...request,
      method: 'POST',
      // Copilot's chat and responses stand at its root; messages do not (SPEC 5.2).
      target: path === '/v1/messages' ? path : path.replace(/^\/v1/, ''),
      headers,
      body: plain === model ? sent : renamed(sent, plain),
    },
    lost: [],
    stream: body.stream === true,
  };
}

function betas(headers: readonly string[]): string[] {
  const asked = headers.flatMap((name, i) =>
    i % 2 === 0 && name.toLowerCase() === 'anthropic-beta' ? (headers[i + 1] ?? '').split(',') : [],
  );
  const kept = asked.map((beta) => beta.trim()).filter((beta) => BETAS.test(beta));
  return kept.length === 0 ? [] : ['anthropic-beta', kept.join(',')];
}

const IMAGES = new Set(['image', 'image_url', 'input_image']);

function hasImage(body: JsonObject): boolean {
  const items = [...(asArray(body.messages) ?? []), ...(asArray(body.input) ?? [])];
  return items.some((item) => holdsImage(asObject(item)));
}

/** An image stands in a message, or in a tool's result: in its `output`, or as a part with content of its own (SPEC 5.5). */
function holdsImage(item: JsonObject | undefined): boolean {
  return [item?.content, item?.output].some((parts) =>
    (asArray(parts) ?? []).some((part) => {
      const { type, content } = asObject(part) ?? {};
      return (
        IMAGES.has(asString(type) ?? '') || (asArray(content) ?? []).some((inner) => IMAGES.has(asString(asObject(inner)?.type) ?? ''))
      );
    }),
  );
}

function parse(body: Buffer): JsonValue | undefined {
  try {
    return JSON.parse(body.toString('utf8'));
  } catch {
    return undefined;
  }
}
