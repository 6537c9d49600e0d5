import { asksForNothing } from './losses.ts';
import { isBillingHeader, isSilent } from './marks.ts';
import { claudeRules } from './messages/claude-models.ts';
import { openAiRules } from './openai-models.ts';
import { standIn } from './stand-in.ts';
import { fitName } from './tools.ts';
import type { Loss, MessageItem, OpaqueItem, Part, ToolCallItem, ToolResultItem, TurnItem, TurnRequest, WireFormat } from './turn.ts';

/** Characters an id of a call may have; `messages` providers are also particular about which. */
const CALL_ID_LIMIT: Record<WireFormat, number> = { chat: 40, responses: 64, messages: 64 };

/** Said elsewhere in the turn (`tools`), so nothing is lost with these items. */
const SAID_ELSEWHERE = new Set(['additional_tools']);

const NO_RESULT = 'no result was recorded for this call';
const NO_OUTPUT = 'the tool failed and said nothing';
const OPENING = 'Continue the conversation.';

/** Where a client of each format asked for thinking. */
const THINKING_PATH: Record<WireFormat, string> = { chat: 'reasoning_effort', responses: 'reasoning', messages: 'thinking' };

export type HistoryOptions = {
  /** Reasoning of this very conversation was left out just before (opaque.ts). */
  reasoningDropped?: boolean;
};

/**
 * Brings the history of a turn into an order that `target` accepts: every call is answered right after the assistant
 * turn that made it, no message is empty, something is asked, and a `messages` conversation begins with the user.
 */
export function fitHistory(turn: TurnRequest, target: WireFormat, options: HistoryOptions = {}): { turn: TurnRequest; lost: Loss[] } {
  const lost: Loss[] = [];
  const known = turn.from === target ? turn.items : dropForeign(turn, target, lost);
  const items = answerCalls(dropEmpty(known, turn.from, target, lost), turn, target, lost);
  const fitted: TurnRequest = { ...turn, items };
  if (turn.from !== target) leaveTurnToUser(items, turn.items);
  if (target === 'messages') {
    if (turn.from !== target) askToGoOn(items, turn, lost);
    beginWithUser(items);
    switchThinkingOff(fitted, options.reasoningDropped === true, lost);
  }
  return { turn: fitted, lost };
}

// ---------------------------------------------------------------------------------------------- calls and results

type OpaquePart = Extract<Part, { type: 'opaque' }>;
type Call = { id: string; result?: ToolResultItem };

type Pairing = {
  calls: Map<ToolCallItem, Call>;
  /** Results that have a place, and those that came a second time. A result that is not here answers no call. */
  placed: Map<ToolResultItem, 'first' | 'again'>;
};

function answerCalls(items: readonly TurnItem[], { from, model }: TurnRequest, target: WireFormat, lost: Loss[]): TurnItem[] {
  if (!items.some(isOfCall)) return [...items];
  const pairing = pairResults(items, from === target ? (id) => id : callIds(target, model), lost);
  const out: TurnItem[] = [];
  let assistant: TurnItem[] = [];
  const endAssistantTurn = (): void => {
    if (assistant.length > 0) placeAssistantTurn(assistant, pairing, target, out, lost);
    assistant = [];
  };
  for (const item of items) {
    if (isAssistants(item)) {
      assistant.push(item);
      continue;
    }
    endAssistantTurn();
    if (item.type !== 'tool_result') out.push(item);
    // In its own format its call may be in a reply that the upstream stores, or behind a reference.
    else if (!pairing.placed.has(item)) out.push(from === target ? item : orphanAsText(item));
  }
  endAssistantTurn();
  return out;
}

/**
 * Finds the result of each call: the first one after it, or else the first before it. Some upstreams use an id twice
 * in one conversation, which others refuse, so each call gets an id of its own.
 */
function pairResults(items: readonly TurnItem[], idOf: (callId: string) => string, lost: Loss[]): Pairing {
  const pairing: Pairing = { calls: new Map(), placed: new Map() };
  const latest = new Map<string, Call>();
  const early = new Map<string, ToolResultItem>();
  const again = (item: ToolResultItem): void => {
    pairing.placed.set(item, 'again');
    lost.push({ path: 'tool results', why: `call "${item.callId}" was answered twice; the first result counts` });
  };
  for (const item of items) {
    if (item.type === 'tool_call') {
      const call: Call = { id: idOf(item.callId) };
      const before = early.get(item.callId);
      if (before !== undefined) {
        call.result = before;
        pairing.placed.set(before, 'first');
        early.delete(item.callId);
      }
      latest.set(item.callId, call);
      pairing.calls.set(item, call);
    } else if (item.type === 'tool_result') {
      const call = latest.get(item.callId);
      if (call === undefined && !early.has(item.callId)) early.set(item.callId, item);
      else if (call === undefined || call.result !== undefined) again(item);
      else {
        call.result = item;
        pairing.placed.set(item, 'first');
      }
    }
  }
  return pairing;
}

/** Gives every call of a history an id that fits and that no other call has; the same history gets the same ids. */
function callIds(target: WireFormat, model: string): (callId: string) => string {
  const limit = CALL_ID_LIMIT[target];
  const used = new Set<string>();
  const repeats = new Map<string, number>();
  // LiteLLM hides the signature of a call in its id (https://github.com/BerriAI/litellm/pull/16895). No model of OpenAI's signs.
  const signs = target === 'chat' && openAiRules(model).efforts === undefined;
  const fits = (callId: string): boolean =>
    target !== 'messages' && callId.length > 0 && (callId.length <= limit || (signs && callId.includes('__thought__')));
  return (callId) => {
    let repeat = repeats.get(callId) ?? 0;
    // Some chat providers read meaning into their ids, so what is allowed is left alone.
    let id = repeat === 0 && fits(callId) ? callId : fitName(callId, limit, repeat === 0 ? '' : String(repeat));
    while (used.has(id)) id = fitName(callId, limit, String(++repeat));
    repeats.set(callId, repeat + 1);
    used.add(id);
    return id;
  };
}

function isOfCall({ type }: TurnItem): boolean {
  return type === 'tool_call' || type === 'tool_result';
}

function isAssistants(item: TurnItem): boolean {
  switch (item.type) {
    case 'message':
      return item.role === 'assistant';
    case 'tool_result':
      return false;
    case 'opaque':
      return item.role !== 'user';
    case 'tool_call':
    case 'reasoning':
      return true;
  }
}

function placeAssistantTurn(items: TurnItem[], pairing: Pairing, target: WireFormat, out: TurnItem[], lost: Loss[]): void {
  const results: ToolResultItem[] = [];
  // A chat message holds its text before its calls; text behind a call would begin a second message there.
  for (const item of target === 'chat' ? callsLast(items) : items) {
    const call = item.type === 'tool_call' ? pairing.calls.get(item) : undefined;
    if (item.type !== 'tool_call' || call === undefined) {
      out.push(item);
      continue;
    }
    out.push(call.id === item.callId ? item : { ...item, callId: call.id });
    if (call.result === undefined)
      lost.push({ path: 'tool results', why: `call "${item.callId}" has no result; an error stands in its place` });
    results.push(resultOf(item, call, target));
  }
  for (const result of results) out.push(result);
}

function callsLast(items: TurnItem[]): TurnItem[] {
  if (!items.some((item) => item.type === 'tool_call')) return items;
  return [...items.filter((item) => item.type !== 'tool_call'), ...items.filter((item) => item.type === 'tool_call')];
}

function resultOf(item: ToolCallItem, call: Call, target: WireFormat): ToolResultItem {
  const { result } = call;
  if (result === undefined) {
    return { type: 'tool_result', callId: call.id, kind: item.kind, content: [{ type: 'text', text: NO_RESULT }], isError: true };
  }
  const fitted: ToolResultItem = { ...result, callId: call.id, kind: item.kind };
  if (target === 'messages') {
    fitted.content = withoutBlankText(result.content);
    // An error without a word is refused there.
    if (fitted.content.length === 0 && result.isError === true) fitted.content = [{ type: 'text', text: NO_OUTPUT }];
  }
  return fitted;
}

function orphanAsText(item: ToolResultItem): MessageItem {
  const heading: Part = { type: 'text', text: `Result of an earlier tool call (${item.callId}):` };
  return { type: 'message', role: 'user', content: [heading, ...item.content] };
}

// ---------------------------------------------------------------------------------------------- messages

/** Leaves out what only the client's own format knows; of a part that has words of its own, these stay. */
function dropForeign(turn: TurnRequest, target: WireFormat, lost: Loss[]): TurnItem[] {
  const isForeign = (value: Part | TurnItem): value is OpaqueItem | OpaquePart => value.type === 'opaque' && value.from !== target;
  const hasParts = (item: TurnItem): item is MessageItem | ToolResultItem => item.type === 'message' || item.type === 'tool_result';
  if (!turn.items.some((item) => isForeign(item) || (hasParts(item) && item.content.some(isForeign)))) return turn.items;
  const names = new Set<string>();
  const worded = new Set<string>();
  const wordsOf = (part: Part): Part[] => {
    if (!isForeign(part)) return [part];
    (part.text === undefined ? names : worded).add(part.name);
    return part.text === undefined ? [] : [{ type: 'text', text: part.text }];
  };
  const items: TurnItem[] = [];
  for (const item of turn.items) {
    if (isForeign(item)) {
      if (!SAID_ELSEWHERE.has(item.name)) names.add(item.name);
    } else if (hasParts(item) && item.content.some(isForeign)) {
      const content = item.content.flatMap(wordsOf);
      const missed = content.length === 0 && item.type === 'message' && item.role === 'user' ? standIn(item.content) : undefined;
      items.push({ ...item, content: missed === undefined ? content : [{ type: 'text', text: missed }] });
    } else items.push(item);
  }
  const path = turn.from === 'responses' ? 'input' : 'messages';
  for (const name of names) lost.push({ path, why: `"${name}" means something to ${turn.from} providers only` });
  for (const name of worded) lost.push({ path, why: `of "${name}" the text alone is passed on` });
  return items;
}

/** `messages` refuses blank text anywhere; an assistant message without content is refused by all. */
function dropEmpty(items: readonly TurnItem[], from: WireFormat, target: WireFormat, lost: Loss[]): TurnItem[] {
  const kept: TurnItem[] = [];
  const fields = new Set<string>();
  for (const item of items) {
    if (item.type !== 'message') {
      kept.push(item);
      continue;
    }
    const strict = target === 'messages' || item.role === 'assistant';
    const content = strict ? withoutBlankText(item.content) : item.content;
    if (content.length === item.content.length && content.length > 0) kept.push(item);
    else if (content.length > 0) kept.push({ ...item, content });
    else for (const [key, value] of Object.entries(item.extra ?? {})) if (!isSilent(key) && !asksForNothing(value)) fields.add(key);
  }
  const path = from === 'responses' ? 'input' : 'messages';
  for (const key of fields) lost.push({ path: `${path}[].${key}`, why: 'it stood on a message that says nothing, which is left out' });
  return kept;
}

function withoutBlankText(parts: Part[]): Part[] {
  return parts.filter((part) => part.type !== 'text' || part.text.trim() !== '');
}

/** Where nothing is left to answer, or only the assistant's words after the user's that were blank. */
function leaveTurnToUser(items: TurnItem[], given: readonly TurnItem[]): void {
  const last = items.findLast(isSaid);
  const before = given.at(-1);
  if (last === undefined || (isAssistants(last) && before !== undefined && !isAssistants(before))) items.push(opening());
}

/** Newer models refuse a history that ends in words of their own. */
function askToGoOn(items: TurnItem[], { model, from }: TurnRequest, lost: Loss[]): void {
  const last = items.findLast(isSaid);
  if (last === undefined || !isAssistants(last) || claudeRules(model).takesPrefill) return;
  items.push(opening());
  lost.push({
    path: from === 'responses' ? 'input' : 'messages',
    why: 'the model can not go on in words of its own, and was asked to continue',
  });
}

/** True for what every format says in its history: all but the text that Claude Code bills by. */
function isSaid(item: TurnItem): boolean {
  return item.type !== 'message' || !item.content.every(isBillingHeader);
}

function beginWithUser(items: TurnItem[]): void {
  const first = items.findIndex((item) => !isSystem(item));
  const item = items[first];
  if (item !== undefined && !isAssistants(item)) return;
  items.splice(first < 0 ? items.length : first, 0, opening());
}

function opening(): MessageItem {
  return { type: 'message', role: 'user', content: [{ type: 'text', text: OPENING }] };
}

function isSystem(item: TurnItem): boolean {
  return item.type === 'message' && (item.role === 'system' || item.role === 'developer');
}

// ---------------------------------------------------------------------------------------------- thinking

/**
 * With thinking on, the assistant turn of a tool loop in progress must begin with its signed thinking, but for models that
 * decide themselves when they think. Where it could not come along, the one request that ends the loop is made without.
 */
function switchThinkingOff(turn: TurnRequest, reasoningDropped: boolean, lost: Loss[]): void {
  const { reasoning } = turn;
  if (reasoning === undefined || !wantsThinking(turn) || (turn.from === 'messages' && !reasoningDropped)) return;
  const { thinksMidway, takesBudget } = claudeRules(turn.model);
  if (thinksMidway && (reasoning.budgetTokens === undefined || !takesBudget)) return;
  const first = firstOfToolLoop(turn.items);
  if (first === undefined || (first.type === 'reasoning' && first.opaque?.family === 'messages')) return;
  const { budgetTokens: _budget, ...rest } = reasoning;
  turn.reasoning = { ...rest, enabled: false };
  lost.push({
    path: THINKING_PATH[turn.from],
    why: 'thinking is off for this request: the thinking behind the calls in progress cannot be shown again',
  });
}

function wantsThinking({ reasoning }: TurnRequest): boolean {
  if (reasoning === undefined || reasoning.enabled === false || reasoning.effort === 'none') return false;
  return reasoning.enabled === true || reasoning.effort !== undefined || reasoning.budgetTokens !== undefined;
}

/** What the assistant said first since the user last spoke, where the history ends in tool results. */
function firstOfToolLoop(items: readonly TurnItem[]): TurnItem | undefined {
  let first: TurnItem | undefined;
  let endsInResult = false;
  for (let i = items.length - 1; i >= 0; i--) {
    const item = items[i];
    if (item === undefined || isSystem(item)) continue;
    if (!endsInResult) {
      if (item.type !== 'tool_result') return undefined;
      endsInResult = true;
    } else if (isAssistants(item)) first = item;
    else if (item.type !== 'tool_result') break;
  }
  return first;
}
