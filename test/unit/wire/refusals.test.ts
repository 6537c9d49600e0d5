import { describe, expect, it } from 'vitest';
import type { ErrorClient } from '../../../bridges/wire/codec.ts';
import { checkStream } from '../../../bridges/wire/grammar.ts';
import { memoryHandleStore } from '../../../bridges/wire/opaque.ts';
import { crossRequest, type Crossing } from '../../../bridges/wire/translate.ts';
import type { JsonObject, WireFormat } from '../../../bridges/wire/turn.ts';

const WHY = 'This request could enable cyber harm.';
const USAGE = { input_tokens: 3, output_tokens: 2 };

function cross(from: WireFormat, to: WireFormat, family: ErrorClient['family'] = 'other', stream = true): Crossing {
  const asked = from === 'responses' ? { input: 'hi' } : { messages: [{ role: 'user', content: 'hi' }], max_tokens: 100 };
  let count = 0;
  return crossRequest({
    body: { model: 'm', stream, ...asked },
    from,
    to,
    store: memoryHandleStore({ max: 10, random: () => `h${++count}` }),
    upstream: 'up',
    now: 0,
    newId: (prefix) => `${prefix}${++count}`,
    wantsReasoning: true,
    client: { family, requestId: 'req_1' },
  });
}

/** What an upstream sends, in frames with or without their names. */
function streamed(crossing: Crossing, frames: readonly JsonObject[]): { text: string; error: string | undefined } {
  const stream = crossing.reply.stream();
  const bytes = frames.map(
    (frame) => `${typeof frame.type === 'string' ? `event: ${frame.type}\n` : ''}data: ${JSON.stringify(frame)}\n\n`,
  );
  const text = stream.push(Buffer.from(bytes.join(''))) + stream.end();
  return { text, error: stream.state.error?.kind };
}

function claudes(said: string, details: JsonObject | null): JsonObject[] {
  return [
    { type: 'message_start', message: { id: 'msg_1', role: 'assistant', content: [], usage: USAGE } },
    ...(said === ''
      ? []
      : [
          { type: 'content_block_start', index: 0, content_block: { type: 'text', text: '' } },
          { type: 'content_block_delta', index: 0, delta: { type: 'text_delta', text: said } },
          { type: 'content_block_stop', index: 0 },
        ]),
    { type: 'message_delta', delta: { stop_reason: 'refusal', stop_sequence: null, stop_details: details }, usage: USAGE },
    { type: 'message_stop' },
  ];
}

const DETAILS = { type: 'refusal', category: 'cyber', explanation: WHY };

describe('why a Claude model refused', () => {
  it.each(['', 'First,'])('is a chat client’s to read, after %j', (said) => {
    const { text } = streamed(cross('chat', 'messages'), claudes(said, DETAILS));
    expect(checkStream('chat', text)).toEqual([]);
    expect(text).toContain(JSON.stringify({ refusal: WHY }));
    expect(text).toContain('"finish_reason":"content_filter"');
  });

  it.each(['', 'First,'])('is a responses client’s to read, after %j', (said) => {
    const { text } = streamed(cross('responses', 'messages'), claudes(said, DETAILS));
    expect(checkStream('responses', text)).toEqual([]);
    expect(text).toContain(JSON.stringify({ type: 'refusal', refusal: WHY }));
    expect(text).toContain('"incomplete_details":{"reason":"content_filter"}');
  });

  it('is told in a whole reply, with what it cost', () => {
    const message = { type: 'message', role: 'assistant', content: [], stop_reason: 'refusal', stop_details: DETAILS, usage: USAGE };
    expect(cross('chat', 'messages', 'other', false).reply.json(message)).toMatchObject({
      body: {
        choices: [{ message: { refusal: WHY }, finish_reason: 'content_filter' }],
        usage: { prompt_tokens: 3, completion_tokens: 2 },
      },
    });
    expect(cross('responses', 'messages', 'other', false).reply.json(message)).toMatchObject({
      body: { status: 'incomplete', output: [{ content: [{ type: 'refusal', refusal: WHY }] }], usage: { input_tokens: 3 } },
    });
  });

  it('is not made up where it did not say', () => {
    const { text } = streamed(cross('responses', 'messages'), claudes('', { type: 'refusal', category: null, explanation: null }));
    expect(text).toContain('"incomplete_details":{"reason":"content_filter"}');
    expect(text).not.toContain('"refusal"');
  });
});

describe('Codex, which passes over refusals and repeats a call whose reply a filter ended', () => {
  it('reads why a Claude model refused in a failed reply, which it shows and does not repeat', () => {
    const { text, error } = streamed(cross('responses', 'messages', 'codex'), claudes('First,', DETAILS));
    expect(checkStream('responses', text)).toEqual([]);
    expect(text).toContain('event: response.failed');
    expect(text).toContain(JSON.stringify({ code: 'invalid_prompt', message: WHY }));
    expect(error).toBe('content_refused');
  });

  it.each<[string, WireFormat, JsonObject[]]>([
    ['Claude', 'messages', claudes('', null)],
    ['a chat model', 'chat', [{ choices: [{ index: 0, delta: { content: 'Fir' }, finish_reason: 'content_filter' }] }]],
  ])('is told of a reply that %s ended without a word, and not asked to repeat the call', (_who, to, frames) => {
    const { text } = streamed(cross('responses', to, 'codex'), frames);
    expect(checkStream('responses', text)).toEqual([]);
    expect(text).toContain('event: response.failed');
    expect(text).toContain('"code":"invalid_prompt"');
    expect(text).toContain('did not say why');
  });

  it('shows the words in which a chat model refused', () => {
    const frames = [{ choices: [{ index: 0, delta: { refusal: 'I can not help.' }, finish_reason: 'stop' }] }];
    const { text } = streamed(cross('responses', 'chat', 'codex'), frames);
    expect(checkStream('responses', text)).toEqual([]);
    expect(text).toContain('"type":"output_text","text":"I can not help."');
    expect(text).toContain('event: response.completed');
  });

  it('reads what a filter said of its request', () => {
    const told = cross('responses', 'chat', 'codex').reply.failure({ kind: 'content_refused', message: WHY });
    if (!('stream' in told)) throw new Error('told as an error');
    expect(told.stream).toContain(JSON.stringify({ code: 'invalid_prompt', message: WHY }));
  });
});
