import type { WireFormat } from '../contract/index.ts';
import { asArray, asName, asNumber, asObject, asString } from '../wire/json.ts';
import type { JsonObject, JsonValue } from '../wire/turn.ts';

/** How many tools a reply called: those of the client's, and those that the provider ran itself. */

/** Null where a whole reply holds no answer (an error, say). Pure. */
export function toolCallsOf(wire: WireFormat, reply: JsonObject): number | null {
  const calls = callsIn(wire, reply);
  return calls === undefined ? null : calls.length;
}

/** Collects them from the events of a stream. One that comes twice counts once. */
export class ToolCallCounter {
  readonly #wire: WireFormat;
  readonly #seen = new Set<string>();
  /** As a last event told them that repeats the whole reply. */
  #whole: number | null = null;
  #began = false;

  constructor(wire: WireFormat) {
    this.#wire = wire;
  }

  read(event: JsonObject): void {
    this.#began = true;
    switch (this.#wire) {
      case 'messages': {
        if (event['type'] === 'content_block_start' && isToolUse(event['content_block'])) this.#seen.add(`${asNumber(event['index'])}`);
        return;
      }
      case 'responses': {
        const { type } = event;
        if ((type === 'response.output_item.added' || type === 'response.output_item.done') && isCallItem(event['item']))
          this.#seen.add(`${asNumber(event['output_index'])}`);
        const whole = asObject(event['response']);
        if (type !== 'response.created' && type !== 'response.in_progress' && whole !== undefined)
          this.#whole = callsIn('responses', whole)?.length ?? null;
        return;
      }
      case 'chat':
        for (const key of chatCalls(event, 'delta')) this.#seen.add(key);
    }
  }

  /** `inPart`: not all events were read. Null where the number can't be told. */
  count(inPart: boolean): number | null {
    const whole = this.#whole ?? 0;
    if (inPart) return whole > 0 ? whole : null;
    return this.#began ? Math.max(this.#seen.size, whole) : null;
  }
}

function callsIn(wire: WireFormat, reply: JsonObject): readonly JsonValue[] | undefined {
  switch (wire) {
    case 'messages':
      return asArray(reply['content'])?.filter(isToolUse);
    case 'responses':
      return asArray(reply['output'])?.filter(isCallItem);
    case 'chat':
      return asArray(reply['choices']) === undefined ? undefined : chatCalls(reply, 'message');
  }
}

/** Names for the calls of a chunk, or of a whole reply. A call's later pieces have no name in them, and so none here. */
function chatCalls(reply: JsonObject, where: 'delta' | 'message'): string[] {
  return (asArray(reply['choices']) ?? []).flatMap((choice, at) => {
    const said = asObject(asObject(choice)?.[where]);
    const answer = asNumber(asObject(choice)?.['index']) ?? at;
    const legacy = isNamed(said?.['function_call']) ? [`${answer} function`] : [];
    const calls = (asArray(said?.['tool_calls']) ?? []).flatMap((one, i) => {
      const call = asObject(one);
      if (!isNamed(call?.['function']) && !isNamed(call?.['custom'])) return [];
      // Some providers give each call the index 0, others repeat a call's name in each of its pieces.
      return [`${answer} ${asName(call?.['id']) ?? asNumber(call?.['index']) ?? i}`];
    });
    return [...legacy, ...calls];
  });
}

function isNamed(call: JsonValue | undefined): boolean {
  return asName(asObject(call)?.['name']) !== undefined;
}

function isToolUse(block: JsonValue | undefined): boolean {
  return asString(asObject(block)?.['type'])?.endsWith('tool_use') === true;
}

function isCallItem(item: JsonValue | undefined): boolean {
  return asString(asObject(item)?.['type'])?.endsWith('_call') === true;
}
