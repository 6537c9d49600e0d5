import { describe, expect, it } from 'vitest';
import { isObject } from '../../../bridges/wire/json.ts';
import { memoryHandleStore } from '../../../bridges/wire/opaque.ts';
import { crossRequest } from '../../../bridges/wire/translate.ts';
import type { JsonObject, JsonValue, Loss, WireFormat } from '../../../bridges/wire/turn.ts';

/** What is sent for a request, and what could not be. */
function cross(from: WireFormat, to: WireFormat, body: JsonObject): { body: JsonObject; lost: Loss[] } {
  return crossRequest({
    body: { model: 'm', ...(from === 'messages' && { max_tokens: 99 }), ...body },
    from,
    to,
    store: memoryHandleStore({ max: 10, random: () => 'h' }),
    upstream: 'u',
    now: 0,
    newId: (prefix) => `${prefix}1`,
    wantsReasoning: true,
    client: { family: 'other', requestId: 'r' },
  });
}

function conversation(body: JsonObject): JsonValue[] {
  const items = body.input ?? body.messages;
  return Array.isArray(items) ? items : [];
}

function roles(body: JsonObject): (JsonValue | undefined)[] {
  return conversation(body).map((item) => (isObject(item) ? item.role : undefined));
}

const docx = { type: 'file', file: { filename: 'a.docx', file_data: 'data:application/vnd.ms-word;base64,AAAA' } };
const audio = { type: 'input_audio', input_audio: { data: 'AAAA', format: 'wav' } };
const image = { type: 'image', source: { type: 'file', file_id: 'f' } };
const storedImage = { type: 'input_image', file_id: 'f' };

describe('a message of the user of which nothing can cross', () => {
  it.each<[WireFormat, WireFormat, JsonObject, string]>([
    ['chat', 'messages', docx, 'a.docx'],
    ['chat', 'messages', audio, 'input_audio'],
    ['chat', 'responses', audio, 'input_audio'],
    ['messages', 'chat', image, 'an image'],
    ['messages', 'responses', image, 'an image'],
    ['responses', 'messages', storedImage, 'an image'],
    ['responses', 'chat', storedImage, 'an image'],
  ])('leaves the turn to the user: %s to %s, %j', (from, to, part, name) => {
    const said = [
      { role: 'user', content: [part] },
      { role: 'assistant', content: 'hello' },
      { role: 'user', content: [part] },
    ];
    const { body, lost } = cross(from, to, { [from === 'responses' ? 'input' : 'messages']: said });
    expect(roles(body)).toEqual(['user', 'assistant', 'user']);
    expect(JSON.stringify(body).split(`"[${name} could not be passed on]"`)).toHaveLength(3);
    expect(lost).not.toEqual([]);
  });
});
