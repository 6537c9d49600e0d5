import { asArray, asNumber, asObject, asString, isObject, parseJson } from '../json.ts';
import type { JsonObject, JsonValue } from '../turn.ts';
import { isCount, isName, readObject } from './frames.ts';
import type { CheckedFrame, Checker, Problems } from './frames.ts';

/** Follows an OpenAI Responses stream. */
export function responsesChecker(problems: Problems): Checker {
  return new ResponsesChecker(problems);
}

/** What a run of deltas builds: where it is counted, which part it is, and the field its `done` holds the whole in. */
type Strand = { item: string; index?: 'content_index' | 'summary_index'; part?: string; whole: string };

const STRANDS: Record<string, Strand> = {
  'response.output_text': { item: 'message', index: 'content_index', part: 'output_text', whole: 'text' },
  'response.refusal': { item: 'message', index: 'content_index', part: 'refusal', whole: 'refusal' },
  'response.reasoning_text': { item: 'reasoning', index: 'content_index', part: 'reasoning_text', whole: 'text' },
  'response.reasoning_summary_text': { item: 'reasoning', index: 'summary_index', part: 'summary_text', whole: 'text' },
  'response.function_call_arguments': { item: 'function_call', whole: 'arguments' },
  'response.custom_tool_call_input': { item: 'custom_tool_call', whole: 'input' },
};

const PARTS: Record<string, 'content_index' | 'summary_index'> = {
  'response.content_part': 'content_index',
  'response.reasoning_summary_part': 'summary_index',
};

/** Item types whose deltas and contents are followed; others pass as they are. */
const FOLLOWED = new Set(['message', 'reasoning', 'function_call', 'custom_tool_call']);

const ENDINGS: Record<string, string> = {
  'response.completed': 'completed',
  'response.incomplete': 'incomplete',
  'response.failed': 'failed',
};

const HOSTED =
  /^response\.(?:web_search_call|file_search_call|code_interpreter_call|code_interpreter_call_code|image_generation_call|mcp_call|mcp_call_arguments|mcp_list_tools|audio)\./u;

type Part = { type: string; text: string; done: boolean };

type OpenItem = {
  id: string;
  type: string;
  /** The parts that have ended, in order, and the open one. */
  parts: string[];
  open: Part | undefined;
};

class ResponsesChecker implements Checker {
  readonly #problems: Problems;
  #state: 'before' | 'created' | 'open' | 'over' = 'before';
  #sequence = -1;
  #responseId: JsonValue | undefined;
  readonly #open = new Map<number, OpenItem>();
  readonly #done = new Map<number, string>();
  readonly #ids = new Set<string>();
  #items = 0;
  /** Finished calls whose arguments are no JSON object; fine only where the reply was cut short. */
  #badArguments = 0;

  constructor(problems: Problems) {
    this.#problems = problems;
  }

  frame(frame: CheckedFrame): void {
    const problems = this.#problems;
    if (frame.data === '[DONE]') {
      problems.check(this.#state === 'over', '[DONE] stands at the end, if at all');
      return;
    }
    const data = readObject(frame.data, problems);
    if (data === undefined) return;
    const type = asString(data.type) ?? '';
    problems.check(frame.event === type, 'the event line names the type in the data');
    if (!problems.check(this.#state !== 'over', 'nothing follows the terminal event')) return;
    const sequence = data.sequence_number;
    problems.check(isCount(sequence) && sequence > this.#sequence, 'sequence_number rises');
    this.#sequence = asNumber(sequence) ?? this.#sequence;
    this.#event(type, data);
  }

  end(): void {
    this.#problems.check(this.#state === 'over', 'the stream ends with a terminal event');
  }

  #event(type: string, data: JsonObject): void {
    const problems = this.#problems;
    if (type === 'error') {
      problems.check(isName(data.message) || isName(asObject(data.error)?.message), 'an error has a message');
      this.#state = 'over';
    } else if (type === 'response.created') {
      problems.check(this.#state === 'before', 'response.created comes first, once');
      this.#state = 'created';
      this.#response(data, 'in_progress');
    } else if (type === 'response.in_progress' || type === 'response.queued') {
      problems.check(this.#state !== 'before', 'response.created comes first');
      if (type === 'response.in_progress') this.#state = 'open';
      this.#response(data, type === 'response.queued' ? 'queued' : 'in_progress');
    } else if (ENDINGS[type] !== undefined) this.#ending(data, ENDINGS[type]);
    else if (problems.check(this.#state === 'open', 'items come after response.in_progress')) this.#itemEvent(type, data);
  }

  #itemEvent(type: string, data: JsonObject): void {
    const dot = type.lastIndexOf('.');
    const family = type.slice(0, dot);
    const step = type.slice(dot + 1);
    const strand = STRANDS[family];
    const partIndex = PARTS[family];
    if (type === 'response.output_item.added') this.#added(data);
    else if (type === 'response.output_item.done') this.#itemDone(data);
    else if (partIndex !== undefined && step === 'added') this.#partAdded(data, partIndex);
    else if (partIndex !== undefined && step === 'done') this.#partDone(data, partIndex);
    else if (strand !== undefined && step === 'delta') this.#delta(data, strand);
    else if (strand !== undefined && step === 'done') this.#strandDone(data, strand);
    else if (type === 'response.output_text.annotation.added') this.#itemOf(data, 'message');
    else this.#problems.check(type === 'keepalive' || HOSTED.test(type), 'the type is one of the format');
  }

  // ------------------------------------------------------------------------------------- the response

  #response(data: JsonObject, status: string): JsonObject | undefined {
    const problems = this.#problems;
    const response = asObject(data.response);
    problems.check(response?.object === 'response' && isName(response.id), 'the event holds a response with an id');
    problems.check(response?.status === status, `the status is ${status}`);
    problems.check(this.#responseId === undefined || response?.id === this.#responseId, 'the id of the response stays the same');
    this.#responseId ??= response?.id;
    return response;
  }

  #ending(data: JsonObject, status: string): void {
    const problems = this.#problems;
    problems.check(
      this.#state === 'open' || (status === 'failed' && this.#state === 'created'),
      'the reply ends after response.in_progress',
    );
    this.#state = 'over';
    const response = this.#response(data, status);
    if (status === 'failed') {
      const error = asObject(response?.error);
      problems.check(isName(error?.code) && isName(error?.message), 'a failed response has an error with code and message');
      return;
    }
    problems.check(this.#open.size === 0, 'all items end before the reply does');
    if (status === 'incomplete')
      problems.check(isName(asObject(response?.incomplete_details)?.reason), 'an incomplete response has a reason');
    else problems.check(this.#badArguments === 0, 'the arguments of a call are a JSON object');
    this.#wholeOutput(response);
    const usage = asObject(response?.usage);
    if (usage === undefined) return;
    const { input_tokens: input, output_tokens: output, total_tokens: total } = usage;
    problems.check(isCount(input) && isCount(output) && total === input + output, 'usage has counts that add up');
    problems.check(isCount(asObject(usage.input_tokens_details)?.cached_tokens), 'usage counts cached tokens');
    problems.check(isCount(asObject(usage.output_tokens_details)?.reasoning_tokens), 'usage counts reasoning tokens');
  }

  /** Some clients read only the terminal event, others only the items: both must tell the same. */
  #wholeOutput(response: JsonObject | undefined): void {
    const output = asArray(response?.output) ?? [];
    const told = [...this.#done.entries()].sort(([a], [b]) => a - b).map(([, item]) => item);
    const same = output.length === told.length && output.every((item, i) => JSON.stringify(item) === told[i]);
    this.#problems.check(same, 'the output of the response is the items that were done, in order');
  }

  // -------------------------------------------------------------------------------------------- items

  #added(data: JsonObject): void {
    const problems = this.#problems;
    problems.check(data.output_index === this.#items, 'output indexes count up from 0');
    const item = asObject(data.item);
    const id = asString(item?.id) ?? '';
    const type = asString(item?.type) ?? '';
    problems.check(id !== '' && type !== '', 'an item has an id and a type');
    problems.check(!this.#ids.has(id), 'ids of items are unique');
    this.#ids.add(id);
    if (type === 'function_call' || type === 'custom_tool_call') {
      problems.check(isName(item?.call_id) && isName(item.name), 'a call has a call_id and a name');
    }
    this.#open.set(this.#items++, { id, type, parts: [], open: undefined });
  }

  #itemDone(data: JsonObject): void {
    const problems = this.#problems;
    const index = asNumber(data.output_index) ?? -1;
    const open = this.#open.get(index);
    if (!problems.check(open !== undefined, 'an item that is done was added') || open === undefined) return;
    const item = asObject(data.item) ?? {};
    problems.check(item.id === open.id && item.type === open.type, 'an item keeps its id and type');
    problems.check(open.open === undefined || open.open.type === 'input', 'all parts end before their item');
    if (open.open !== undefined) problems.check(open.open.done, 'deltas are followed by a done event');
    this.#open.delete(index);
    this.#done.set(index, JSON.stringify(item));
    if (FOLLOWED.has(open.type)) this.#sameText(open, item);
    if (open.type === 'function_call' && !isObject(parseJson(asString(item.arguments) ?? ''))) this.#badArguments += 1;
  }

  #sameText(open: OpenItem, item: JsonObject): void {
    const told = open.open === undefined ? open.parts : [...open.parts, open.open.text];
    const whole = wholeTexts(open.type, item);
    const same = told.length === whole.length ? told.every((text, i) => text === whole[i]) : told.length === 0;
    this.#problems.check(same, 'a done item holds what its deltas said');
    const isSilent = open.type === 'message' && told.length === 0 && whole.length > 0;
    this.#problems.check(!isSilent, 'the parts of a message are announced');
  }

  /** The open item an event belongs to. */
  #itemOf(data: JsonObject, type: string): OpenItem | undefined {
    const problems = this.#problems;
    const open = this.#open.get(asNumber(data.output_index) ?? -1);
    if (!problems.check(open !== undefined && open.id === data.item_id, 'the event belongs to an open item')) return undefined;
    return problems.check(open?.type === type, `the event belongs to a ${type}`) ? open : undefined;
  }

  #partAdded(data: JsonObject, index: 'content_index' | 'summary_index'): void {
    const problems = this.#problems;
    const type = asString(asObject(data.part)?.type) ?? '';
    const item = this.#itemOf(data, type === 'reasoning_text' || type === 'summary_text' ? 'reasoning' : 'message');
    if (item === undefined) return;
    problems.check(item.open === undefined, 'a part ends before the next begins');
    problems.check(data[index] === item.parts.length, `${index} counts up from 0`);
    item.open = { type, text: '', done: false };
  }

  #partDone(data: JsonObject, index: 'content_index' | 'summary_index'): void {
    const problems = this.#problems;
    const part = asObject(data.part);
    const type = asString(part?.type) ?? '';
    const item = this.#itemOf(data, type === 'reasoning_text' || type === 'summary_text' ? 'reasoning' : 'message');
    if (item === undefined) return;
    const { open } = item;
    if (!problems.check(open?.type === type && data[index] === item.parts.length, 'a part that is done was added') || open === undefined)
      return;
    problems.check(open.done, 'the text of a part is done before the part');
    problems.check((part?.text ?? part?.refusal) === open.text, 'a done part holds what its deltas said');
    item.parts.push(open.text);
    item.open = undefined;
  }

  #delta(data: JsonObject, strand: Strand): void {
    const open = this.#strandOf(data, strand);
    const delta = asString(data.delta);
    this.#problems.check(delta !== undefined, 'a delta is text');
    if (open === undefined) return;
    this.#problems.check(!open.done, 'no delta follows its done event');
    open.text += delta ?? '';
  }

  #strandDone(data: JsonObject, strand: Strand): void {
    const problems = this.#problems;
    const open = this.#strandOf(data, strand);
    const whole = asString(data[strand.whole]);
    problems.check(whole !== undefined, `the done event holds ${strand.whole}`);
    if (open === undefined) return;
    problems.check(!open.done, 'there is one done event');
    // Without deltas the done event is the first to tell.
    problems.check(open.text === whole || (open.text === '' && open.type === 'input'), 'the done event holds what the deltas said');
    open.text = whole ?? open.text;
    open.done = true;
  }

  /** What a delta adds to: the open part of its item, or the one input a call has. */
  #strandOf(data: JsonObject, strand: Strand): Part | undefined {
    const item = this.#itemOf(data, strand.item);
    if (item === undefined) return undefined;
    if (strand.part === undefined) {
      item.open ??= { type: 'input', text: '', done: false };
      return item.open;
    }
    const isHere = item.open?.type === strand.part && strand.index !== undefined && data[strand.index] === item.parts.length;
    return this.#problems.check(isHere, `the event belongs to an open ${strand.part} part`) ? item.open : undefined;
  }
}

/** The texts a done item holds, part by part. */
function wholeTexts(type: string, item: JsonObject): (string | undefined)[] {
  if (type === 'function_call') return [asString(item.arguments)];
  if (type === 'custom_tool_call') return [asString(item.input)];
  const parts = [...(asArray(item.summary) ?? []), ...(asArray(item.content) ?? [])].map((part) => asObject(part));
  return parts.map((part) => asString(part?.text) ?? asString(part?.refusal));
}
