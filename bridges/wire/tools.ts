import { hash } from 'node:crypto';
import { asObject, asString, parseJson } from './json.ts';
import { taughtTool } from './messages/client-tools.ts';
import type {
  ItemStart,
  Loss,
  Part,
  ToolCallItem,
  ToolChoice,
  ToolDefinition,
  TurnEvent,
  TurnItem,
  TurnRequest,
  WireFormat,
} from './turn.ts';

/**
 * Fits the tools of a turn to the format they are about to be sent in, and gives the reply their own names back.
 *
 * | target    | free-form tools              | namespaces | names    |
 * | --------- | ---------------------------- | ---------- | -------- |
 * | chat      | yes                          | `ns__name` | up to 64 |
 * | responses | yes                          | yes        | up to 64 |
 * | messages  | wrapped as `{input: string}` | `ns__name` | up to 128 |
 */
export type FittedTools = {
  turn: TurnRequest;
  /**
   * Maps one event of the reply back to the client's names and kinds. It holds the state of one reply at a time. Undefined
   * where every name and kind is the client's already.
   */
  restore: ((event: TurnEvent) => TurnEvent[]) | undefined;
  lost: Loss[];
};

type ToolName = { name: string; namespace?: string };
type OwnTool = Exclude<ToolDefinition, { type: 'hosted' }>;
type CustomTool = Extract<ToolDefinition, { type: 'custom' }>;
type FunctionTool = Extract<ToolDefinition, { type: 'function' }>;
type CallStart = Extract<ItemStart, { kind: 'tool_call' }>;

const NAME_LIMIT: Record<WireFormat, number> = { chat: 64, responses: 64, messages: 128 };
const NAMES_SHOWN = 5;

/** Makes the tools, the tool choice and the history of a turn speak the names and kinds that `target` knows. */
export function fitTools(given: TurnRequest, target: WireFormat): FittedTools {
  if (given.from === target) return { turn: given, restore: undefined, lost: [] };
  const turn = withTaughtTools(given);
  if (!turn.items.some(namesTools) && turn.tools.length === 0 && turn.toolChoice === undefined) return withoutTools(turn);
  const lost: Loss[] = [];
  const offered = offeredTools(turn, target, lost);
  const names = new NameTable([...offered, ...namesInHistory(turn), ...namesInChoice(turn.toolChoice)], target);
  const tools = offered.map((tool) => fitDefinition(tool, target, names));
  const { tools: _tools, toolChoice: _choice, parallelToolCalls, ...rest } = turn;
  const choice = fitChoice(turn, target, names, lost);
  const fitted: TurnRequest = { ...rest, tools, items: turn.items.map((item) => fitItem(item, target, names)) };
  if (fitted.tools.length === 0) declareCalledTools(fitted, target);
  else {
    // Both fields are refused where no tool is offered.
    if (choice !== undefined) fitted.toolChoice = choice;
    if (parallelToolCalls !== undefined) fitted.parallelToolCalls = parallelToolCalls;
  }
  return { turn: fitted, restore: restorer(names, customNames(turn, names)), lost };
}

/** With the tools that only Claude knows by their type told to any model. */
function withTaughtTools(turn: TurnRequest): TurnRequest {
  if (!turn.tools.some(({ type }) => type === 'hosted')) return turn;
  return { ...turn, tools: turn.tools.map((tool) => (tool.type === 'hosted' ? (taughtTool(tool) ?? tool) : tool)) };
}

/** A turn that knows of no tool: nothing has to fit. */
function withoutTools(turn: TurnRequest): FittedTools {
  const { parallelToolCalls, ...rest } = turn;
  return { turn: parallelToolCalls === undefined ? turn : rest, restore: undefined, lost: [] };
}

function namesTools(item: TurnItem): boolean {
  if (item.type === 'message') return item.content.some((part) => part.type === 'tool_reference');
  return item.type === 'tool_call' || item.type === 'tool_result';
}

/**
 * The name itself where it is at most `limit` characters of [A-Za-z0-9_-]; else its readable part and a hash of the
 * whole, so that the same name always becomes the same short name. `salt` tells two names apart that would collide.
 */
export function fitName(name: string, limit: number, salt = ''): string {
  const safe = name.replaceAll(/[^A-Za-z0-9_-]/gu, '_');
  if (salt === '' && safe === name && name.length > 0 && name.length <= limit) return name;
  const mark = hash('sha256', name + salt).slice(0, 8);
  return `${safe.slice(0, limit - mark.length - 1)}_${mark}`;
}

// ---------------------------------------------------------------------------------------------- which tools

/** The client's own tools that the upstream may see; what is held back is reported. */
function offeredTools(turn: TurnRequest, target: WireFormat, lost: Loss[]): OwnTool[] {
  const allowed = target === 'messages' && turn.toolChoice?.type === 'allowed' ? new Set(turn.toolChoice.tools.map(keyOf)) : undefined;
  const isOffered = offeredIn(turn);
  const seen = new Map<string, OwnTool>();
  const deferred: string[] = [];
  for (const [index, tool] of turn.tools.entries()) {
    if (tool.type === 'hosted') {
      lost.push({ path: `tools[${index}]`, why: `"${tool.name}" is a tool that only ${tool.from} providers run` });
      continue;
    }
    const key = keyOf(tool);
    const first = seen.get(key);
    if (first !== undefined) {
      if (JSON.stringify(first) !== JSON.stringify(tool)) {
        lost.push({ path: `tools[${index}]`, why: `"${tool.name}" is defined twice; the first definition counts` });
      }
    } else if (!isOffered(tool)) deferred.push(tool.name);
    else if (allowed?.has(key) !== false) {
      seen.set(key, tool);
      if (tool.type === 'custom' && target === 'messages' && grammarOf(tool) !== undefined) {
        lost.push({ path: `tools[${index}].format`, why: 'the grammar is told to the model in words and not enforced' });
      }
    }
  }
  if (deferred.length > 0) lost.push({ path: 'tools', why: deferredText(deferred) });
  return [...seen.values()];
}

function deferredText(names: string[]): string {
  const shown = names.slice(0, NAMES_SHOWN).join(', ');
  const more = names.length > NAMES_SHOWN ? ` and ${names.length - NAMES_SHOWN} more` : '';
  return `deferred tools that no tool search has found yet are not offered: ${shown}${more}`;
}

/** Tells the tools a model may see from those held back: deferred ones that no tool search found, that were not called before, and that the client does not want called now. */
export function offeredIn(turn: TurnRequest): (tool: ToolDefinition) => boolean {
  const found = new Set([...namesInHistory(turn), ...namesInChoice(turn.toolChoice)].map(keyOf));
  return (tool) => tool.type === 'hosted' || tool.deferred !== true || tool.found === true || found.has(keyOf(tool));
}

function namesInHistory(turn: TurnRequest): ToolName[] {
  const names: ToolName[] = [];
  for (const item of turn.items) {
    if (item.type === 'tool_call') names.push(item);
    else if (item.type === 'tool_result' || item.type === 'message') {
      for (const part of item.content) if (part.type === 'tool_reference') names.push({ name: part.name });
    }
  }
  return names;
}

function namesInChoice(choice: ToolChoice | undefined): ToolName[] {
  if (choice?.type === 'tool') return [choice];
  return choice?.type === 'allowed' ? choice.tools : [];
}

/**
 * A history that holds calls is refused by some `messages` hosts where no tool is declared (a summary request after a
 * long session looks like that): the called tools are declared, and may not be called.
 */
function declareCalledTools(turn: TurnRequest, target: WireFormat): void {
  if (target !== 'messages') return;
  const names = new Set(turn.items.filter((item) => item.type === 'tool_call').map((item) => item.name));
  if (names.size === 0) return;
  turn.tools = [...names].map((name) => ({ type: 'function', name, parameters: { type: 'object' } }));
  turn.toolChoice = { type: 'none' };
}

// ---------------------------------------------------------------------------------------------- names

/** Both ways between the client's tool names and those of the target. */
class NameTable {
  readonly #wire = new Map<string, ToolName>();
  readonly #own = new Map<string, ToolName>();

  constructor(names: readonly ToolName[], target: WireFormat) {
    const distinct = new Map(names.map((name) => [keyOf(name), name]));
    // A name that needs no change keeps it whatever the others become; the rest is taken in an order that does not
    // depend on the client's, so that a tool has the same name in every request.
    const changed: [string, ToolName][] = [];
    for (const [key, name] of distinct) {
      const wire = wireName(name, target, '');
      if (keyOf(wire) === key) this.#add(name, wire);
      else changed.push([key, name]);
    }
    changed.sort(([a], [b]) => (a < b ? -1 : 1));
    for (const [, name] of changed) {
      let wire = wireName(name, target, '');
      for (let salt = 1; this.#own.has(keyOf(wire)); salt++) wire = wireName(name, target, String(salt));
      this.#add(name, wire);
    }
  }

  toWire({ name, namespace }: ToolName): ToolName {
    const own = namespace === undefined ? { name } : { name, namespace };
    return this.#wire.get(keyOf(own)) ?? own;
  }

  toOwn(wire: ToolName): ToolName | undefined {
    return this.#own.get(keyOf(wire));
  }

  #add({ name, namespace }: ToolName, wire: ToolName): void {
    const own = namespace === undefined ? { name } : { name, namespace };
    this.#wire.set(keyOf(own), wire);
    this.#own.set(keyOf(wire), own);
  }
}

function keyOf(name: ToolName): string {
  return `${name.namespace ?? ''}\n${name.name}`;
}

function wireName({ name, namespace }: ToolName, target: WireFormat, salt: string): ToolName {
  const limit = NAME_LIMIT[target];
  if (namespace === undefined) return { name: fitName(name, limit, salt) };
  if (target === 'responses') return { name: fitName(name, limit, salt), namespace: fitName(namespace, limit) };
  // The hash is made of both names apart, so that `a` + `b__c` and `a__b` + `c` differ once they are salted.
  return { name: fitName(`${namespace}__${name}`, limit, salt === '' ? '' : `${salt}\n${namespace}`) };
}

function renamed<T extends ToolName>(value: T, wire: ToolName): T {
  const copy: T = { ...value, ...wire };
  if (wire.namespace === undefined) delete copy.namespace;
  return copy;
}

// ---------------------------------------------------------------------------------------------- request

function fitDefinition(tool: OwnTool, target: WireFormat, names: NameTable): ToolDefinition {
  const wire = names.toWire(tool);
  if (tool.type === 'custom' && target === 'messages') return wrapped(tool, wire.name);
  const named: OwnTool = renamed(tool, wire);
  // What is offered is found already, and a tool search does not cross: the tool is plainly there.
  delete named.deferred;
  delete named.found;
  return named;
}

/** A free-form tool for a format that has none. */
function wrapped(tool: CustomTool, name: string): FunctionTool {
  const grammar = grammarOf(tool);
  const description = [tool.description, grammar].filter((text) => text !== undefined).join('\n\n');
  return {
    type: 'function',
    name,
    ...(description === '' ? {} : { description }),
    parameters: { type: 'object', properties: { input: { type: 'string' } }, required: ['input'] },
  };
}

/** The grammar of a free-form tool in words. */
function grammarOf(tool: CustomTool): string | undefined {
  const definition = asString(tool.format?.definition);
  if (definition === undefined) return undefined;
  const syntax = asString(tool.format?.syntax);
  return `The input must follow this ${syntax === undefined ? '' : `${syntax} `}grammar:\n${definition}`;
}

function fitChoice(turn: TurnRequest, target: WireFormat, names: NameTable, lost: Loss[]): ToolChoice | undefined {
  const choice = turn.toolChoice;
  switch (choice?.type) {
    case 'tool': {
      if (isHosted(turn.tools, choice)) {
        lost.push({ path: 'tool_choice', why: `"${choice.name}" is not offered here, so it cannot be chosen` });
        return undefined;
      }
      const named = renamed(choice, names.toWire(choice));
      if (target === 'messages') delete named.custom;
      return named;
    }
    case 'allowed': {
      const { given, mode, tools } = choice;
      if (given !== undefined) lost.push({ path: 'tool_choice.tools', why: `some are tools that only ${turn.from} providers run` });
      if (tools.length === 0) return { type: 'none' };
      if (target === 'messages') return { type: mode };
      return { type: 'allowed', mode, tools: tools.map((tool) => names.toWire(tool)) };
    }
    case 'opaque':
      lost.push({ path: 'tool_choice', why: `only ${choice.from} providers know this choice` });
      return undefined;
    case 'auto':
    case 'none':
    case 'any':
    case undefined:
      return choice;
  }
}

/** True where only a tool that its provider runs has this name. */
function isHosted(tools: readonly ToolDefinition[], name: ToolName): boolean {
  const named = tools.filter((tool) => keyOf(tool) === keyOf(name));
  return named.length > 0 && named.every((tool) => tool.type === 'hosted');
}

function fitItem(item: TurnItem, target: WireFormat, names: NameTable): TurnItem {
  switch (item.type) {
    case 'tool_call':
      return fitCall(item, target, names);
    case 'tool_result': {
      const content = fitParts(item.content, target, names);
      const kind = target === 'messages' ? 'function' : item.kind;
      return content === item.content && kind === item.kind ? item : { ...item, kind, content };
    }
    case 'message': {
      const content = fitParts(item.content, target, names);
      return content === item.content ? item : { ...item, content };
    }
    case 'reasoning':
    case 'opaque':
      return item;
  }
}

function fitCall(item: ToolCallItem, target: WireFormat, names: NameTable): ToolCallItem {
  const wire = names.toWire(item);
  const named = wire.name === item.name && wire.namespace === item.namespace ? item : renamed(item, wire);
  if (item.kind !== 'custom' || target !== 'messages') return named;
  return { ...named, kind: 'function', input: JSON.stringify({ input: item.input }) };
}

/** The same array where nothing had to change, so that a long history is not copied for nothing. */
function fitParts(parts: Part[], target: WireFormat, names: NameTable): Part[] {
  if (!parts.some((part) => part.type === 'tool_reference')) return parts;
  return parts.map((part) => {
    if (part.type !== 'tool_reference') return part;
    const { name } = names.toWire({ name: part.name });
    return target === 'messages' ? { ...part, name } : { type: 'text', text: `Tool found: ${name}` };
  });
}

// ---------------------------------------------------------------------------------------------- reply

/** The target's names of the client's free-form tools. */
function customNames(turn: TurnRequest, names: NameTable): Set<string> {
  return new Set(turn.tools.filter((tool) => tool.type === 'custom').map((tool) => keyOf(names.toWire(tool))));
}

function restorer(names: NameTable, customs: ReadonlySet<string>): NonNullable<FittedTools['restore']> {
  const wrappedItems = new Set<number>();
  const start = (event: CallStart): CallStart => {
    // A free-form tool that was called with JSON: wrapped by us, or by an upstream that knows functions only.
    const unwrap = event.tool === 'function' && customs.has(keyOf(event));
    if (unwrap) wrappedItems.add(event.item);
    else wrappedItems.delete(event.item);
    const own = names.toOwn(event);
    const named = own === undefined ? event : renamed(event, own);
    return unwrap ? { ...named, tool: 'custom' } : named;
  };
  return (event) => {
    switch (event.type) {
      case 'item_start':
        return [event.kind === 'tool_call' ? start(event) : event];
      case 'delta':
        return wrappedItems.size > 0 && wrappedItems.has(event.item) ? [] : [event];
      case 'item_end':
        return wrappedItems.delete(event.item) ? unwrapped(event) : [event];
      default:
        return [event];
    }
  };
}

function unwrapped(event: Extract<TurnEvent, { type: 'item_end' }>): TurnEvent[] {
  const text = plainInput(event.text);
  return [
    { type: 'delta', item: event.item, text },
    { ...event, text },
  ];
}

/** The plain input in a wrapped call's arguments; the text as it is where the model wrote something else. */
function plainInput(text: string): string {
  return asString(asObject(parseJson(text))?.input) ?? text;
}
