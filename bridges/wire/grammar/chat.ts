import { asArray, asNumber, asObject, asString, isObject, parseJson } from '../json.ts';
import type { JsonObject, JsonValue } from '../turn.ts';
import { isCount, isName, readObject } from './frames.ts';
import type { CheckedFrame, Checker, Problems } from './frames.ts';

/** Follows an OpenAI Chat Completions stream. */
export function chatChecker(problems: Problems): Checker {
  return new ChatChecker(problems);
}

const FINISH_REASONS = new Set(['stop', 'length', 'tool_calls', 'content_filter', 'function_call']);

type Call = { type: string; input: string };

class ChatChecker implements Checker {
  readonly #problems: Problems;
  #state: 'before' | 'open' | 'finished' | 'counted' | 'failed' | 'over' = 'before';
  #head: string | undefined;
  readonly #calls = new Map<number, Call>();
  readonly #callIds = new Set<string>();
  /** The arguments of the older `function_call` so far. */
  #functionCall: string | undefined;

  constructor(problems: Problems) {
    this.#problems = problems;
  }

  frame(frame: CheckedFrame): void {
    const problems = this.#problems;
    problems.check(frame.event === undefined, 'there are no event lines');
    if (!problems.check(this.#state !== 'over', 'nothing follows [DONE]')) return;
    if (frame.data === '[DONE]') {
      problems.named('[DONE]');
      problems.check(this.#state !== 'before' && this.#state !== 'open', '[DONE] follows a finish_reason');
      this.#state = 'over';
      return;
    }
    if (!problems.check(this.#state !== 'failed', 'nothing follows an error')) return;
    const data = readObject(frame.data, problems);
    if (data === undefined) return;
    if (data.error !== undefined) this.#error(data.error);
    else this.#chunk(data);
  }

  end(): void {
    const problems = this.#problems;
    if (this.#state === 'failed') return;
    if (this.#state === 'before' || this.#state === 'open') problems.add('the stream has a finish_reason');
    problems.check(this.#state === 'over', 'the stream ends with [DONE]');
  }

  #error(value: JsonValue): void {
    const problems = this.#problems;
    problems.named('error');
    problems.check(isName(asObject(value)?.message), 'an error has a message');
    problems.check(this.#state === 'before' || this.#state === 'open', 'no error follows a finish_reason');
    this.#state = 'failed';
  }

  #chunk(data: JsonObject): void {
    const problems = this.#problems;
    problems.named('chat.completion.chunk');
    problems.check(data.object === 'chat.completion.chunk', 'the object is chat.completion.chunk');
    problems.check(isName(data.id) && isName(data.model) && isCount(data.created), 'a chunk has id, model and created');
    const head = JSON.stringify([data.id, data.model, data.created]);
    problems.check(this.#head === undefined || this.#head === head, 'id, model and created are the same in all chunks');
    this.#head ??= head;
    const choices = asArray(data.choices);
    if (choices === undefined) {
      problems.add('a chunk has choices');
      return;
    }
    if (choices.length === 0) {
      this.#usageChunk(data);
      return;
    }
    problems.check(data.usage === undefined || data.usage === null, 'usage stands in a chunk without choices');
    for (const choice of choices) if (problems.check(isObject(choice), 'a choice is an object')) this.#choice(asObject(choice) ?? {});
  }

  #usageChunk(data: JsonObject): void {
    const problems = this.#problems;
    problems.check(this.#state === 'finished', 'the usage chunk stands once, after the finish_reason');
    if (this.#state === 'finished') this.#state = 'counted';
    const usage = asObject(data.usage);
    const { prompt_tokens: input, completion_tokens: output, total_tokens: total } = usage ?? {};
    problems.check(isCount(input) && isCount(output) && total === input + output, 'usage has counts that add up');
  }

  #choice(choice: JsonObject): void {
    const problems = this.#problems;
    problems.check(choice.index === 0, 'the one choice has index 0');
    const delta = asObject(choice.delta);
    problems.check(delta !== undefined, 'a choice has a delta');
    if (!problems.check(this.#state === 'before' || this.#state === 'open', 'no choice follows the finish_reason')) return;
    if (this.#state === 'before') problems.check(delta?.role === 'assistant', 'the first delta has the role');
    this.#state = 'open';
    this.#delta(delta ?? {});
    const finish = choice.finish_reason;
    if (!problems.check(finish === null || typeof finish === 'string', 'finish_reason is null or a string')) return;
    if (typeof finish === 'string') this.#finished(finish);
  }

  #delta(delta: JsonObject): void {
    const problems = this.#problems;
    for (const field of ['content', 'refusal', 'reasoning_content']) {
      const value = delta[field];
      problems.check(value === undefined || value === null || typeof value === 'string', `${field} is text`);
    }
    for (const call of asArray(delta.tool_calls) ?? []) this.#call(asObject(call) ?? {});
    if (delta.function_call !== undefined && delta.function_call !== null) this.#function(asObject(delta.function_call) ?? {});
  }

  #function({ name, arguments: piece }: JsonObject): void {
    const problems = this.#problems;
    if (this.#functionCall === undefined) problems.check(isName(name), 'a function_call begins with its name');
    else problems.check(name === undefined, 'there is one function_call, named once');
    problems.check(piece === undefined || typeof piece === 'string', 'arguments is text');
    this.#functionCall = (this.#functionCall ?? '') + (asString(piece) ?? '');
  }

  #call(value: JsonObject): void {
    const problems = this.#problems;
    const index = asNumber(value.index);
    if (index === undefined) {
      problems.add('a call has an index');
      return;
    }
    const known = this.#calls.get(index);
    const call = known ?? this.#newCall(index, value);
    const body = asObject(value[call.type]);
    if (!problems.check(body !== undefined, 'a call keeps its type')) return;
    const field = call.type === 'custom' ? 'input' : 'arguments';
    const piece = body?.[field];
    problems.check(piece === undefined || typeof piece === 'string', `${field} is text`);
    call.input += asString(piece) ?? '';
  }

  #newCall(index: number, value: JsonObject): Call {
    const problems = this.#problems;
    const type = asString(value.type) ?? 'function';
    problems.check(type === 'function' || type === 'custom', 'a call is a function or custom');
    problems.check(value.type !== undefined && isName(asObject(value[type])?.name), 'a call begins with its type and name');
    problems.check(isName(value.id), 'a call begins with its id');
    const id = asString(value.id) ?? '';
    problems.check(!this.#callIds.has(id), 'ids of calls are unique');
    this.#callIds.add(id);
    const call: Call = { type, input: '' };
    this.#calls.set(index, call);
    return call;
  }

  #finished(finish: string): void {
    const problems = this.#problems;
    problems.check(FINISH_REASONS.has(finish), 'the finish_reason is one of the format');
    problems.check(finish !== 'tool_calls' || this.#calls.size > 0, 'tool_calls means that there are calls');
    const called = this.#functionCall;
    problems.check(finish !== 'function_call' || called !== undefined, 'function_call means that there is one');
    problems.check(called === undefined || this.#calls.size === 0, 'calls are told in tool_calls or in function_call, not in both');
    if (called !== undefined && (finish === 'function_call' || finish === 'stop'))
      problems.check(isObject(parseJson(called)), 'the arguments of a call are a JSON object');
    for (let index = 0; index < this.#calls.size; index++) problems.check(this.#calls.has(index), 'indexes of calls count up from 0');
    if (finish === 'tool_calls' || finish === 'stop') {
      for (const { type, input } of this.#calls.values()) {
        problems.check(type === 'custom' || isObject(parseJson(input)), 'the arguments of a call are a JSON object');
      }
    }
    this.#state = 'finished';
  }
}
