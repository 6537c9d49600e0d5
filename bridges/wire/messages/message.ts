import type { ReplyContext } from '../codec.ts';
import type { JsonObject, Usage } from '../turn.ts';
import { renderUsage } from './usage.ts';

/** How a reply ended; a stream does not know it at its start. */
export type Ending = { reason: string; sequence: string | undefined };

/** The message of a reply, whole, or as it is told at the start of a stream. */
export function renderMessage(context: ReplyContext, content: JsonObject[], usage: Usage, ending?: Ending): JsonObject {
  return {
    // Claude Code merges replies of the same id, so the upstream's is not used again.
    id: context.newId('msg_'),
    type: 'message',
    role: 'assistant',
    model: context.model,
    content,
    stop_reason: ending?.reason ?? null,
    stop_sequence: ending?.sequence ?? null,
    usage: renderUsage(usage),
  };
}
