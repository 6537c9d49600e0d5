import type { Grant as AnyGrant, Ready } from '../accounts/call.ts';
import type { UpstreamRequest } from '../upstreams/upstream.ts';
import { asArray, asObject, asString, isObject } from '../wire/json.ts';
import type { JsonObject, JsonValue } from '../wire/turn.ts';

export type Grant = AnyGrant & { api: string };

const PREFIX = 'copilot/';

/** The model as Copilot knows it. */
export function plainModel(model: string): string {
  return model.startsWith(PREFIX) ? model.slice(PREFIX.length) : model;
}

/** A call as Copilot takes it (SPEC 5.2): its bytes but for the model's name, with headers of our own and no other product's name. */
export function prepare(request: UpstreamRequest, grant: Grant, userAgent: string): Ready {
  const body = request.body === null ? undefined : parse(request.body);
  if (!isObject(body)) return { error: { kind: 'invalid_request', message: 'The request body is not a JSON object.' } };
  const model = asString(body.model) ?? '';
  const plain = plainModel(model);
  const path = request.target.replace(/\?.*$/s, '');
  const headers = [
    'content-type',
    'application/json',
    'accept',
    'text/event-stream, application/json',
    'accept-encoding',
    'identity',
    'user-agent',
    userAgent,
    'openai-intent',
    'conversation-agent',
    'x-initiator',
    initiator(body),
    'authorization',
    `Bearer ${grant.token}`,
  ];
  if (hasImage(body)) headers.push('copilot-vision-request', 'true');
  if (path === '/v1/messages') headers.push('anthropic-version', '2023-06-01');
  return {
    request: {
      method: 'POST',
      // Copilot's chat and responses stand at its root; messages do not (SPEC 5.2).
      target: path === '/v1/messages' ? path : path.replace(/^\/v1/, ''),
      headers,
      body: plain === model ? request.body : Buffer.from(JSON.stringify({ ...body, model: plain })),
    },
    lost: [],
    stream: body.stream === true,
  };
}

/** `user` only where the last thing said is a person's, with no tool's result in it: it is what a premium request is counted by. Pure. */
export function initiator(body: JsonObject): 'user' | 'agent' {
  if (typeof body.input === 'string') return 'user';
  const last = asObject((asArray(body.messages) ?? asArray(body.input) ?? []).at(-1));
  if (last === undefined || last.role !== 'user') return 'agent';
  const parts = asArray(last.content) ?? [];
  return parts.some((part) => asObject(part)?.type === 'tool_result') ? 'agent' : 'user';
}

function hasImage(body: JsonObject): boolean {
  const items = [...(asArray(body.messages) ?? []), ...(asArray(body.input) ?? [])];
  return items.some((item) =>
    (asArray(asObject(item)?.content) ?? []).some((part) =>
      ['image', 'image_url', 'input_image'].includes(asString(asObject(part)?.type) ?? ''),
    ),
  );
}

function parse(body: Buffer): JsonValue | undefined {
  try {
    return JSON.parse(body.toString('utf8'));
  } catch {
    return undefined;
  }
}
