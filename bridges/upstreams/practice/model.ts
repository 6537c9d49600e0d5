import type { Part, ToolDefinition, TurnEvent, TurnRequest, Usage } from '../../wire/turn.ts';
import { COMMAND, sample } from './sample.ts';

/** The practice models: built in, deterministic, and never mistaken for a real one. */
export const PRACTICE_MODELS = [
  { id: 'practice/echo', title: 'Practice: says back what you said' },
  { id: 'practice/reason', title: 'Practice: reasons, then answers' },
  { id: 'practice/tool', title: 'Practice: calls the first tool offered' },
  { id: 'practice/parallel', title: 'Practice: calls two tools at once' },
  { id: 'practice/cut', title: 'Practice: ends in the middle of its stream' },
  { id: 'practice/slow', title: 'Practice: takes its time' },
  { id: 'practice/error-429', title: 'Practice: answers with an error (any status)' },
] as const;

/** What the practice model does about a request. */
export type Plan =
  | { kind: 'reply'; events: TurnEvent[]; cut: boolean; paceMs: number | undefined }
  | { kind: 'error'; status: number }
  | { kind: 'unknown_model' };

const SLOW_MS = 500;

/** Decides the whole reply to a turn. Pure: the same turn always gets the same plan. */
export function practise(turn: TurnRequest): Plan {
  // A rule or the fallback may send any model here; what has no practice name of its own is echoed.
  const name = turn.model.startsWith('practice/') ? turn.model.slice('practice/'.length) : 'echo';
  const error = /^error-([45]\d\d)$/.exec(name);
  if (error) return { kind: 'error', status: Number(error[1]) };
  const slow = /^slow(?:-(\d{1,5}))?$/.exec(name);
  if (slow) return reply(turn, [text(answerText(turn))], { paceMs: slow[1] === undefined ? SLOW_MS : Number(slow[1]) });
  switch (name) {
    case 'echo':
      return reply(turn, [text(answerText(turn))]);
    case 'reason':
      return reply(turn, [reasoning('I am the practice model. I read what was said last, and I say it back.'), text(answerText(turn))]);
    case 'tool':
      return reply(turn, callsOr(turn, 1));
    case 'parallel':
      return reply(turn, callsOr(turn, 2));
    case 'cut':
      return reply(turn, [text(`${answerText(turn)} This sentence will never be`)], { cut: true });
    default:
      return { kind: 'unknown_model' };
  }
}

type Piece =
  | { kind: 'text' | 'reasoning'; text: string }
  | { kind: 'call'; name: string; namespace: string | undefined; tool: 'function' | 'custom'; input: string };

const text = (value: string): Piece => ({ kind: 'text', text: value });
const reasoning = (value: string): Piece => ({ kind: 'reasoning', text: value });

function reply(turn: TurnRequest, pieces: readonly Piece[], options: { cut?: boolean; paceMs?: number } = {}): Plan {
  const events: TurnEvent[] = [{ type: 'start', model: turn.model, usage: { input: countInput(turn) } }];
  let output = 0;
  let reasoned = 0;
  pieces.forEach((piece, item) => {
    const whole = piece.kind === 'call' ? piece.input : piece.text;
    output += tokens(whole);
    if (piece.kind === 'reasoning') reasoned += tokens(whole);
    if (piece.kind === 'call') {
      const { name, namespace, tool } = piece;
      events.push({
        type: 'item_start',
        item,
        kind: 'tool_call',
        callId: `call_practice_${callNumber(turn, item)}`,
        name,
        tool,
        ...(namespace === undefined ? {} : { namespace }),
      });
    } else {
      events.push({ type: 'item_start', item, kind: piece.kind });
    }
    for (const part of inPieces(whole)) events.push({ type: 'delta', item, text: part });
    if (options.cut === true && item === pieces.length - 1) return;
    events.push({ type: 'item_end', item, text: whole });
  });
  if (options.cut !== true) {
    const usage: Usage = { input: countInput(turn), output, ...(reasoned > 0 ? { reasoning: reasoned } : {}) };
    events.push({ type: 'end', stop: pieces.some((piece) => piece.kind === 'call') ? 'tool_use' : 'end_turn', usage });
  }
  return { kind: 'reply', events, cut: options.cut === true, paceMs: options.paceMs };
}

/** Call ids must differ between the replies of one conversation: clients match results to calls by them. */
function callNumber(turn: TurnRequest, item: number): string {
  return `${turn.items.filter((entry) => entry.type === 'tool_call').length + 1}_${item + 1}`;
}

/** Tool calls, unless the tools were already called: then what they said. */
function callsOr(turn: TurnRequest, count: number): Piece[] {
  const tools = turn.tools.filter((tool) => tool.type !== 'hosted' && tool.deferred !== true);
  if (tools.length === 0 || turn.toolChoice?.type === 'none' || lastIsToolResult(turn)) return [text(answerText(turn))];
  if (count === 1 || turn.parallelToolCalls === false) return [toolCall(tools.find((tool) => !startsAgent(tool)) ?? tools[0], 0)];
  // Of two different tools the second often needs what only the first made; two commands stand alone.
  const commands = tools.filter(takesCommand);
  const chosen = commands.length > 0 ? commands : tools;
  return Array.from({ length: count }, (_, i) => toolCall(chosen[i] ?? chosen[0], i));
}

/** An agent would ask the practice model again, which would start an agent, and so on without end. */
function startsAgent(tool: ToolDefinition): boolean {
  return tool.name === 'Agent' || tool.name === 'Task';
}

function takesCommand(tool: ToolDefinition): boolean {
  const required = tool.type === 'function' ? tool.parameters?.['required'] : undefined;
  return Array.isArray(required) && required.some((name) => typeof name === 'string' && COMMAND.test(name));
}

function toolCall(tool: ToolDefinition | undefined, index: number): Piece {
  if (tool?.type === 'custom')
    return { kind: 'call', name: tool.name, namespace: tool.namespace, tool: 'custom', input: `practice ${index + 1}` };
  const parameters = tool?.type === 'function' ? (tool.parameters ?? {}) : {};
  const input = JSON.stringify(sample(parameters, index));
  return {
    kind: 'call',
    name: tool?.name ?? '',
    namespace: tool?.type === 'function' ? tool.namespace : undefined,
    tool: 'function',
    input,
  };
}

function lastIsToolResult(turn: TurnRequest): boolean {
  for (const item of turn.items.toReversed()) {
    if (item.type === 'tool_result') return true;
    if (item.type === 'message' && (item.role === 'user' || item.role === 'assistant')) return false;
  }
  return false;
}

function answerText(turn: TurnRequest): string {
  if (turn.output?.type === 'json_schema') return JSON.stringify(sample(turn.output.schema, 0));
  if (turn.output?.type === 'json') return JSON.stringify({ practice: true, said: lastSaid(turn) });
  if (lastIsToolResult(turn)) {
    const last = turn.items.findLastIndex((item) => item.type === 'tool_call');
    const results = turn.items.filter((item, i) => item.type === 'tool_result' && i > last - 8);
    const said = results.map((item) => (item.type === 'tool_result' ? readable(item.content) : '')).at(-1) ?? '';
    return `Practice model: the tool answered ${quoted(said)}. Done.`;
  }
  const images = countImages(turn);
  const seen = images === 0 ? '' : ` I was given ${images === 1 ? 'one image' : `${images} images`}.`;
  return `Practice model: you said ${quoted(lastSaid(turn))}.${seen}`;
}

function lastSaid(turn: TurnRequest): string {
  const last = turn.items.findLast((item) => item.type === 'message' && item.role === 'user');
  return last?.type === 'message' ? readable(last.content.filter((part) => part.type !== 'text' || !OWN_CONTEXT.test(part.text))) : '';
}

/** What clients put beside the words of their user. */
const OWN_CONTEXT = /^<(?:system-reminder|environment_context)>/;

function readable(parts: readonly Part[]): string {
  return parts
    .map((part) => (part.type === 'text' || part.type === 'refusal' ? part.text : ''))
    .join(' ')
    .trim();
}

function quoted(value: string): string {
  const short = value.length > 400 ? `${value.slice(0, 400)}…` : value;
  return short === '' ? 'nothing' : `"${short}"`;
}

function countImages(turn: TurnRequest): number {
  const inParts = (parts: readonly Part[]): number => parts.filter((part) => part.type === 'image').length;
  return turn.items.reduce((sum, item) => sum + (item.type === 'message' || item.type === 'tool_result' ? inParts(item.content) : 0), 0);
}

/** Words of a text, each with its space, so that a stream has something to flush. */
function inPieces(value: string): string[] {
  return value.match(/\S+\s*|\s+/g) ?? [];
}

/** A rough count, good enough for practice: four characters a token. */
function tokens(value: string): number {
  return Math.ceil(value.length / 4);
}

function countInput(turn: TurnRequest): number {
  let length = 0;
  for (const item of turn.items) {
    if (item.type === 'message' || item.type === 'tool_result') length += readable(item.content).length;
    else if (item.type === 'tool_call') length += item.input.length;
  }
  return Math.max(1, Math.ceil(length / 4));
}
