import type { Loss, Part, TurnError, TurnItem, TurnRequest, WireFormat } from '../wire/turn.ts';

/** What a client may allow to be left out, rather than be refused (SPEC 7.4). */
export type Droppable = 'tools' | 'images';
export const DROP_HEADER = 'x-drawbridge-drop';

/** One thing said before the prompt. */
export type Said = { role: 'user' | 'assistant'; text: string };
export type Context = { text: string; description: string };

/** A request folded into what Copilot takes: one prompt, and texts beside it. */
export type Folded = {
  prompt: string;
  /** System and developer text, and documents that are plain text. */
  context: Context[];
  /** Everything said before the prompt, one entry a speaker. */
  before: Said[];
  lost: Loss[];
};

/** A transcript longer than this loses its beginning. Characters. */
const LONGEST_TRANSCRIPT = 60_000;

const HISTORY: Record<WireFormat, string> = { chat: 'messages', messages: 'messages', responses: 'input' };

/**
 * Folds a turn (SPEC 7.4). Copilot has no system prompt, no tools, no images and no settings: system text goes beside the
 * prompt, and what can't go at all is refused, or left out and told where the client allowed that. Pure.
 */
export function fold(turn: TurnRequest, drop: ReadonlySet<Droppable>): Folded | { error: TurnError } {
  const lost = new Map<string, Loss>();
  const lose = (path: string, why: string): void => void lost.set(`${path} ${why}`, { path, why });
  const history = HISTORY[turn.from];

  if (turn.tools.length > 0) {
    if (!drop.has('tools')) return refusal('tools', 'tools', 'calls no tools of yours');
    lose('tools', 'Microsoft 365 Copilot calls no tools of a client.');
  }
  for (const field of settingsOf(turn)) lose(field, 'Microsoft 365 Copilot has no such setting.');

  const context: Context[] = [];
  const said: Said[] = [];
  for (const item of turn.items) {
    const kind = kindOf(item);
    if (kind === 'tool') {
      if (!drop.has('tools')) return refusal('tools', history, 'calls no tools of yours, and can’t read what they returned');
      lose(history, 'Tool calls and their results are not sent to Microsoft 365 Copilot.');
      continue;
    }
    if (item.type !== 'message') {
      lose(history, 'Reasoning and other items of a provider’s own are not sent to Microsoft 365 Copilot.');
      continue;
    }
    let text = '';
    for (const part of item.content) {
      const piece = pieceOf(part);
      if (piece.kind === 'text') text += piece.text;
      else if (piece.kind === 'document') context.push({ text: piece.text, description: piece.name });
      else if (piece.kind === 'tool') lose(history, 'References to tools are not sent to Microsoft 365 Copilot.');
      else if (!drop.has('images')) return refusal('images', history, 'takes no images and no files');
      else lose(history, 'Images and files are not sent to Microsoft 365 Copilot.');
    }
    if (text.trim() === '') continue;
    if (item.role === 'system' || item.role === 'developer') context.push({ text, description: 'Instructions' });
    else add(said, item.role, text);
  }

  const last = said.at(-1);
  if (last?.role !== 'user') {
    return {
      error: {
        kind: 'invalid_request',
        param: history,
        message: 'Microsoft 365 Copilot answers a user’s message: the last message has to be the user’s, with some text in it.',
      },
    };
  }
  return { prompt: last.text, context, before: said.slice(0, -1), lost: [...lost.values()] };
}

/** The same for a conversation that Copilot does not know yet: what was said so far goes along as a text. Pure. */
export function retold({ context, before }: Folded): { context: Context[]; lost: Loss[] } {
  if (before.length === 0) return { context, lost: [] };
  const whole = before.map(({ role, text }) => `${role === 'user' ? 'User' : 'Assistant'}: ${text}`).join('\n\n');
  const cut = whole.length > LONGEST_TRANSCRIPT;
  const text = cut ? whole.slice(-LONGEST_TRANSCRIPT) : whole;
  return {
    context: [...context, { text, description: 'The conversation so far' }],
    lost: cut ? [{ path: 'messages', why: 'The conversation so far is too long to be retold; its beginning was left out.' }] : [],
  };
}

function refusal(drop: Droppable, param: string, what: string): { error: TurnError } {
  const message = `Microsoft 365 Copilot ${what}. Send the call without them, or let Drawbridge leave them out: ${DROP_HEADER}: ${drop}`;
  return { error: { kind: 'invalid_request', code: 'unsupported_capability', param, message } };
}

/** Settings of the request that mean nothing here. */
function settingsOf(turn: TurnRequest): string[] {
  const { responses, messages } = { responses: turn.from === 'responses', messages: turn.from === 'messages' };
  const limit = responses ? 'max_output_tokens' : messages ? 'max_tokens' : 'max_completion_tokens';
  const named: [string, unknown][] = [
    [limit, turn.maxOutputTokens],
    ['temperature', turn.temperature],
    ['top_p', turn.topP],
    ['top_k', turn.topK],
    [responses ? 'reasoning' : messages ? 'thinking' : 'reasoning_effort', turn.reasoning],
    [
      responses ? 'text.format' : messages ? 'output_config.format' : 'response_format',
      turn.output?.type === 'text' ? undefined : turn.output,
    ],
    [responses ? 'text.verbosity' : 'verbosity', turn.verbosity],
    ['service_tier', turn.serviceTier],
  ];
  return named.filter(([, value]) => value !== undefined).map(([field]) => field);
}

function kindOf(item: TurnItem): 'tool' | 'other' {
  return item.type === 'tool_call' || item.type === 'tool_result' ? 'tool' : 'other';
}

type Piece = { kind: 'text'; text: string } | { kind: 'document'; text: string; name: string } | { kind: 'tool' | 'image' };

function pieceOf(part: Part): Piece {
  switch (part.type) {
    case 'text':
    case 'refusal':
      return { kind: 'text', text: part.text };
    case 'document':
      if (part.source.kind === 'text') return { kind: 'document', text: part.source.text, name: part.name ?? 'A document' };
      return { kind: 'image' };
    case 'tool_reference':
      return { kind: 'tool' };
    case 'image':
    case 'opaque':
      return { kind: 'image' };
  }
}

/** Messages of one speaker that follow each other are one thing said. */
function add(said: Said[], role: Said['role'], text: string): void {
  const last = said.at(-1);
  if (last?.role === role) last.text = `${last.text}\n\n${text}`;
  else said.push({ role, text });
}
