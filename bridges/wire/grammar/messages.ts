import { asObject, asString, isObject, parseJson } from '../json.ts';
import type { JsonObject } from '../turn.ts';
import { isCount, isName, readObject } from './frames.ts';
import type { CheckedFrame, Checker, Problems } from './frames.ts';

/** Follows an Anthropic Messages stream. */
export function messagesChecker(problems: Problems): Checker {
  return new MessagesChecker(problems);
}

const DELTAS: Record<string, readonly string[]> = {
  text: ['text_delta', 'citations_delta'],
  thinking: ['thinking_delta', 'signature_delta'],
  tool_use: ['input_json_delta'],
  server_tool_use: ['input_json_delta'],
};

/** The field each delta carries its piece in. */
const PIECES: Record<string, string> = {
  text_delta: 'text',
  thinking_delta: 'thinking',
  signature_delta: 'signature',
  input_json_delta: 'partial_json',
};

const STOP_REASONS = new Set([
  'end_turn',
  'max_tokens',
  'stop_sequence',
  'tool_use',
  'pause_turn',
  'refusal',
  'model_context_window_exceeded',
]);

/** Stop reasons after which the last tool input may be half written. */
const CUT_SHORT = new Set(['max_tokens', 'model_context_window_exceeded', 'refusal', 'stop_sequence']);

type Block = { index: number; type: string; input: string; signed: boolean };

class MessagesChecker implements Checker {
  readonly #problems: Problems;
  #state: 'before' | 'open' | 'stopping' | 'over' = 'before';
  #block: Block | undefined;
  #blocks = 0;
  /** Inputs of finished calls that are no JSON object; fine only where the reply was cut short. */
  #badInputs = 0;
  readonly #callIds = new Set<string>();

  constructor(problems: Problems) {
    this.#problems = problems;
  }

  frame(frame: CheckedFrame): void {
    const problems = this.#problems;
    const data = readObject(frame.data, problems);
    if (data === undefined) return;
    problems.check(frame.event === data.type, 'the event line names the type in the data');
    if (!problems.check(this.#state !== 'over', 'nothing follows message_stop or error')) return;
    switch (data.type) {
      case 'ping':
        problems.check(this.#state !== 'before', 'message_start comes first');
        break;
      case 'error':
        this.#error(data);
        break;
      case 'message_start':
        this.#messageStart(data);
        break;
      case 'content_block_start':
        if (this.#isOpen()) this.#blockStart(data);
        break;
      case 'content_block_delta':
        if (this.#isOpen()) this.#blockDelta(data);
        break;
      case 'content_block_stop':
        if (this.#isOpen()) this.#blockStop(data);
        break;
      case 'message_delta':
        if (this.#isOpen()) this.#messageDelta(data);
        break;
      case 'message_stop':
        problems.check(this.#state === 'stopping', 'message_stop follows message_delta');
        this.#state = 'over';
        break;
      default:
        problems.add('the type is one of the format');
    }
  }

  end(): void {
    this.#problems.check(this.#state === 'over', 'the stream ends with message_stop or error');
  }

  #isOpen(): boolean {
    return this.#problems.check(this.#state === 'open', 'blocks and message_delta stand between message_start and message_stop');
  }

  #error(data: JsonObject): void {
    const error = asObject(data.error);
    this.#problems.check(isName(error?.type) && isName(error?.message), 'an error has a type and a message');
    this.#state = 'over';
  }

  #messageStart(data: JsonObject): void {
    const problems = this.#problems;
    problems.check(this.#state === 'before', 'there is one message_start');
    this.#state = 'open';
    const message = asObject(data.message);
    problems.check(message?.type === 'message' && message.role === 'assistant', 'message_start holds an assistant message');
    problems.check(isName(message?.id) && isName(message.model), 'the message has an id and a model');
    problems.check(Array.isArray(message?.content) && message.content.length === 0, 'the message starts without content');
    problems.check(message?.stop_reason === null && message.stop_sequence === null, 'the message starts without a stop reason');
    const usage = asObject(message?.usage);
    problems.check(isCount(usage?.input_tokens) && isCount(usage?.output_tokens), 'the message starts with token counts');
  }

  #blockStart(data: JsonObject): void {
    const problems = this.#problems;
    problems.check(this.#block === undefined, 'a block ends before the next begins');
    problems.check(data.index === this.#blocks, 'block indexes count up from 0');
    const block = asObject(data.content_block);
    const type = asString(block?.type) ?? '';
    this.#block = { index: this.#blocks++, type, input: '', signed: false };
    if (block === undefined || !problems.check(type !== '', 'a block has a type')) return;
    if (type === 'text') problems.check(block.text === '', 'a text block starts empty');
    if (type === 'thinking') problems.check(block.thinking === '', 'a thinking block starts empty');
    if (type === 'redacted_thinking') problems.check(isName(block.data), 'redacted thinking has data');
    if (type === 'tool_use') this.#callStart(block);
  }

  #callStart(block: JsonObject): void {
    const problems = this.#problems;
    problems.check(isObject(block.input) && Object.keys(block.input).length === 0, 'a tool_use block starts with input {}');
    problems.check(isName(block.name), 'a tool_use block has a name');
    if (!problems.check(isName(block.id), 'a tool_use block has an id')) return;
    const id = asString(block.id) ?? '';
    problems.check(!this.#callIds.has(id), 'ids of calls are unique');
    this.#callIds.add(id);
  }

  #blockDelta(data: JsonObject): void {
    const problems = this.#problems;
    const block = this.#block;
    if (!problems.check(block !== undefined && data.index === block.index, 'a delta belongs to the open block') || block === undefined)
      return;
    const delta = asObject(data.delta);
    const type = asString(delta?.type) ?? '';
    const allowed = DELTAS[block.type] ?? [];
    problems.check(allowed.includes(type), `a ${block.type} block takes ${allowed.join(' and ') || 'no deltas'}`);
    const piece = PIECES[type];
    if (delta === undefined || piece === undefined) return;
    const text = asString(delta[piece]);
    problems.check(text !== undefined, `${type} holds ${piece}`);
    if (type === 'input_json_delta') block.input += text ?? '';
    if (type === 'thinking_delta') problems.check(!block.signed, 'the signature comes after the thinking');
    if (type !== 'signature_delta') return;
    problems.check(!block.signed, 'a thinking block has one signature');
    block.signed = true;
  }

  #blockStop(data: JsonObject): void {
    const block = this.#block;
    this.#problems.check(block !== undefined && data.index === block.index, 'a stop belongs to the open block');
    this.#block = undefined;
    if (block?.type === 'tool_use' && block.input !== '' && !isObject(parseJson(block.input))) this.#badInputs += 1;
  }

  #messageDelta(data: JsonObject): void {
    const problems = this.#problems;
    this.#state = 'stopping';
    problems.check(this.#block === undefined, 'all blocks end before message_delta');
    const stop = asString(asObject(data.delta)?.stop_reason) ?? '';
    problems.check(STOP_REASONS.has(stop), 'message_delta has a stop reason of the format');
    problems.check(isCount(asObject(data.usage)?.output_tokens), 'message_delta has output_tokens');
    const sequence = asObject(data.delta)?.stop_sequence;
    problems.check(stop !== 'stop_sequence' || isName(sequence), 'a stop_sequence is named');
    if (!CUT_SHORT.has(stop)) problems.check(this.#badInputs === 0, 'the input of a call is a JSON object');
  }
}
