import type { WireFormat } from '../../bridges/wire/turn.ts';
import type { TestEngine } from '../support/engine.ts';

export type Surface = WireFormat | 'count_tokens';

const PATHS: Record<Surface, string> = {
  chat: 'chat/completions',
  responses: 'responses',
  messages: 'messages',
  count_tokens: 'messages/count_tokens',
};

/** Sends a call through the companion, with a credential of the client's own. */
export function post(
  { origin, key }: Pick<TestEngine, 'origin' | 'key'>,
  surface: Surface,
  body: string | Buffer,
  headers: Record<string, string> = {},
): Promise<Response> {
  return fetch(`${origin}/k/${key}/v1/${PATHS[surface]}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: 'Bearer of-the-client', ...headers },
    body,
  });
}
