import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { RequestError } from '../../bridges/wire/codec.ts';
import { lift, restored } from '../../bridges/wire/lift.ts';
import { memoryHandleStore } from '../../bridges/wire/opaque.ts';
import { crossRequest, type CrossingInput } from '../../bridges/wire/translate.ts';
import type { JsonValue, WireFormat } from '../../bridges/wire/turn.ts';
import { recorded } from './recorded.ts';

const FORMATS = ['chat', 'responses', 'messages'] as const;

function cross(body: JsonValue, from: WireFormat, to: WireFormat, restore?: CrossingInput['restore']) {
  return crossRequest({
    ...(restore && { restore }),
    body,
    from,
    to,
    store: memoryHandleStore({ max: 10, random: () => 'handle' }),
    upstream: 'u',
    now: 0,
    newId: (prefix) => `${prefix}1`,
    wantsReasoning: true,
    client: { family: 'other', requestId: 'r' },
  });
}

/** What is sent for a body, its long texts lifted out or not; the message where it is refused. */
function sent(json: Buffer, from: WireFormat, to: WireFormat, long?: number): unknown {
  const lifted = long === undefined ? undefined : lift(json, 'nonce', long);
  try {
    const crossed = JSON.stringify(cross(JSON.parse(lifted?.json ?? json.toString('utf8')), from, to).body);
    return JSON.parse((lifted?.lower(crossed) ?? Buffer.from(crossed)).toString('utf8'));
  } catch (error) {
    if (error instanceof RequestError) return error.path;
    throw error;
  }
}

describe('long texts lifted out of a request', () => {
  // Recorded texts were cut short, so that the shorter ones must be lifted too for the recordings to hold any.
  it.each(recorded('request').map((each) => [each.name, each] as const))('change nothing of what is sent: %s', (_name, { wire, body }) => {
    const json = Buffer.from(JSON.stringify(body));
    for (const to of FORMATS) expect(sent(json, wire, to, 80)).toEqual(sent(json, wire, to));
  });

  const text = fc.oneof(
    fc.string({ minLength: 0, maxLength: 60, unit: 'binary' }),
    fc.constantFrom('\\u0001', '\\"', '\u0001', '{"a":"\\\\n"}', 'data:image/png;base64,AAAA'),
  );
  it('are put back byte for byte wherever they stood, however deep they were quoted', () => {
    fc.assert(
      fc.property(fc.array(text, { maxLength: 6 }), (texts) => {
        const messages = texts.flatMap((content, i) => [
          { role: 'user', content: [{ type: 'text', text: content }] },
          {
            role: 'assistant',
            content: [{ type: 'tool_use', id: `t${i}`, name: 'Write', input: { file: 'f', content, nested: { text: [content] } } }],
          },
          { role: 'user', content: [{ type: 'tool_result', tool_use_id: `t${i}`, is_error: i % 2 === 1, content }] },
        ]);
        const json = Buffer.from(JSON.stringify({ model: 'm', max_tokens: 9, messages: [{ role: 'user', content: 'go' }, ...messages] }));
        for (const to of FORMATS) expect(sent(json, 'messages', to, 3)).toEqual(sent(json, 'messages', to));
      }),
    );
  });

  it.each([' ', '\n', '\t\u00a0', '\u2028'])('stay where they are as long as they are blank: %j', (blank) => {
    const content = blank.repeat(600);
    const messages = [
      {
        role: 'user',
        content: [
          { type: 'text', text: 'go' },
          { type: 'text', text: content },
        ],
      },
    ];
    const json = Buffer.from(JSON.stringify({ model: 'm', max_tokens: 9, messages }));
    for (const to of FORMATS) expect(sent(json, 'messages', to, 512)).toEqual(sent(json, 'messages', to));
    const results = [{ role: 'user', content: [{ type: 'tool_result', tool_use_id: 't', content }] }];
    const told = Buffer.from(JSON.stringify({ model: 'm', max_tokens: 9, messages: results }));
    for (const to of FORMATS) expect(sent(told, 'messages', to, 512)).toEqual(sent(told, 'messages', to));
  });

  it('leave bytes that are no JSON for the parser to refuse', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => typeof lift(Buffer.from(bytes), 'nonce', 3).json === 'string'));
  });

  it('are not confused with a text that looks like a marker', () => {
    const once = lift(Buffer.from(JSON.stringify({ text: 'x'.repeat(20) })), 'nonce', 10).json;
    const marker: string = JSON.parse(once).text;
    const json = Buffer.from(JSON.stringify({ model: 'm', messages: [{ role: 'user', content: marker.repeat(4) }] }));
    expect(sent(json, 'chat', 'messages', 10)).toEqual(sent(json, 'chat', 'messages'));
  });

  it('are told as they were where a reply repeats the request', () => {
    const schema = { type: 'object', examples: [{ content: 'x'.repeat(600) }] };
    const tool_choice = { type: 'hosted_thing', data: 'y'.repeat(600) };
    const format = { type: 'json_schema', name: 'f', schema };
    const body = Buffer.from(JSON.stringify({ model: 'm', input: 'go', text: { format }, tool_choice }));
    const lifted = lift(body, 'nonce');
    const { reply } = cross(JSON.parse(lifted.json), 'responses', 'chat', (value) => restored(lifted, value));
    const answer = reply.json({ choices: [{ message: { content: 'done' } }] });
    expect(answer).toMatchObject({ body: { text: { format }, tool_choice } });
    expect(JSON.stringify(answer)).not.toContain('nonce');
  });
});
