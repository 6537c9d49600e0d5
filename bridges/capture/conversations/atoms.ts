import type { JsonValue, Part, TurnItem } from '../../wire/turn.ts';

/**
 * What was said, in the smallest pieces that keep their sense: one text block, one picture, one tool call, one tool
 * result. Two requests that say the same give the same atoms, whatever wire format they are in and however their
 * messages were grouped. Left out is what changes without being said: ids, cache marks, reasoning (clients drop it),
 * reminders that a client writes into the user's messages.
 */
export type Atom = {
  side: 'system' | 'user' | 'assistant';
  kind: 'text' | 'media' | 'tool_call' | 'tool_result' | 'other';
  /** What is hashed. */
  content: string;
  /** Names a tool call or its result: clients have sent one twice. */
  key: string | null;
};

export function atomsOf(items: readonly TurnItem[]): Atom[] {
  return items.flatMap(fromItem);
}

function fromItem(item: TurnItem): Atom[] {
  switch (item.type) {
    case 'message': {
      const side = item.role === 'developer' ? 'system' : item.role;
      return item.content.flatMap((part) => fromPart(part, side));
    }
    case 'tool_call':
      return [
        {
          side: 'assistant',
          kind: 'tool_call',
          content: `${item.namespace ?? ''}\n${item.name}\n${canonicalJson(item.input)}`,
          key: `call ${item.callId}`,
        },
      ];
    case 'tool_result':
      return [
        {
          side: 'user',
          kind: 'tool_result',
          content: item.content
            .flatMap((part) => fromPart(part, 'user'))
            .map((atom) => atom.content)
            .join('\n'),
          key: `result ${item.callId}`,
        },
      ];
    case 'reasoning':
      return [];
    case 'opaque':
      // `additional_tools` and the like stand for tools, not for something said.
      if (item.role === undefined && item.name === 'additional_tools') return [];
      return [{ side: item.role ?? 'assistant', kind: 'other', content: JSON.stringify(item.value), key: null }];
  }
}

function fromPart(part: Part, side: Atom['side']): Atom[] {
  switch (part.type) {
    case 'text':
    case 'refusal': {
      const content = withoutReminders(part.text);
      return content === '' ? [] : [{ side, kind: 'text', content, key: null }];
    }
    case 'image':
    case 'document': {
      const { source } = part;
      const content =
        source.kind === 'base64' ? source.data : source.kind === 'url' ? source.url : source.kind === 'file' ? source.id : source.text;
      return [{ side, kind: 'media', content, key: null }];
    }
    case 'tool_reference':
      return [{ side, kind: 'other', content: part.name, key: null }];
    case 'opaque':
      return [{ side, kind: 'other', content: JSON.stringify(part.value), key: null }];
  }
}

const REMINDER = /<system-reminder>(?:[\s\S]*?<\/system-reminder>|[\s\S]*$)/g;

/** A text without the reminders a client put into it; those change from request to request. */
export function withoutReminders(text: string): string {
  return (text.includes('<system-reminder>') ? text.replace(REMINDER, '') : text).trim();
}

const INJECTED =
  /^<(system-reminder|environment_context|user_instructions|current_datetime|session|local-command-caveat|skills_instructions)>(?:[\s\S]*?<\/\1>|[\s\S]*$)\s*/;

/** What a person said in a text: without the blocks a client puts before it (its surroundings, the time). */
export function spoken(text: string): string {
  let rest = withoutReminders(text);
  for (;;) {
    const next = rest.replace(INJECTED, '');
    if (next === rest) return rest.trim();
    rest = next;
  }
}

/** JSON text with sorted keys, so that two ways of writing the same arguments are one; other text as it is. */
function canonicalJson(text: string): string {
  try {
    return JSON.stringify(sorted(JSON.parse(text)));
  } catch {
    return text;
  }
}

function sorted(value: JsonValue): JsonValue {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.keys(value)
      .toSorted()
      .map((key) => [key, sorted(value[key] ?? null)]),
  );
}
