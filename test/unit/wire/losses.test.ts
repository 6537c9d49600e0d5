import { describe, expect, it } from 'vitest';
import { codecs } from '../../../bridges/wire/codecs.ts';
import type { JsonObject, TurnItem, TurnRequest, WireFormat } from '../../../bridges/wire/turn.ts';
import { FORMATS } from '../../wire/hub.ts';

const WAYS = FORMATS.flatMap((from) => FORMATS.filter((to) => to !== from).map((to): [WireFormat, WireFormat] => [from, to]));

const ASK: Omit<TurnRequest, 'from' | 'extra'> = {
  model: 'm',
  stream: false,
  items: [{ type: 'message', role: 'user', content: [{ type: 'text', text: 'hi' }] }],
  tools: [],
};

function lostWith(from: WireFormat, to: WireFormat, extra: NonNullable<Extract<TurnItem, { type: 'message' }>['extra']>): string[] {
  const items: TurnItem[] = [
    { type: 'message', role: 'system', content: [{ type: 'text', text: 'Be brief.', extra }], extra },
    { type: 'message', role: 'user', content: [{ type: 'text', text: 'hi' }], extra },
    { type: 'tool_call', callId: 'c', name: 'f', kind: 'function', input: '{}', extra },
    { type: 'tool_result', callId: 'c', kind: 'function', content: [{ type: 'text', text: 'ok' }], extra },
  ];
  const turn: TurnRequest = { from, model: 'm', stream: false, items, tools: [{ type: 'function', name: 'f', extra }], extra: {} };
  return codecs[to].renderRequest(turn).lost.map(({ path }) => path);
}

describe('the marks of one codec', () => {
  it.each(WAYS)('are no loss on the way from %s to %s', (from, to) => {
    const marks = {
      instructions: true,
      inline: true,
      message: {},
      namespace: {},
      field: 'reasoning',
      status: 'completed',
      file_data: 'AA==',
    };
    expect(lostWith(from, to, marks)).toEqual([]);
  });

  it.each(WAYS)('hide no field of a client: from %s to %s', (from, to) => {
    const lost = lostWith(from, to, { odd: 1, message: { strange: 2 } });
    expect(new Set(lost.map((path) => path.replace(/^.*\./, '')))).toEqual(new Set(['odd', 'strange']));
    expect(new Set(lost).size).toBe(lost.length);
  });
});

describe('what asks for nothing', () => {
  const nothing = { a: null, b: false, c: [], d: '' };

  it.each(WAYS)('is no loss on the way from %s to %s, wherever it stands', (from, to) => {
    expect(lostWith(from, to, nothing)).toEqual([]);
    expect(lostWith(from, to, { message: nothing })).toEqual([]);
    const { body, lost } = codecs[to].renderRequest({ ...ASK, from, extra: { ...nothing, metadata: null } });
    expect(lost).toEqual([]);
    expect(body).not.toHaveProperty('a');
  });

  it.each(WAYS)('hides no wish beside it: from %s to %s', (from, to) => {
    expect(codecs[to].renderRequest({ ...ASK, from, extra: { ...nothing, odd: {} } }).lost.map(({ path }) => path)).toEqual(['odd']);
  });

  it('is a reply that its client sends back whole', () => {
    const content = [{ type: 'output_text', text: 'hi', annotations: [], logprobs: [] }];
    const turn = codecs.responses.parseRequest({
      model: 'm',
      input: [{ type: 'message', id: 'msg_1', role: 'assistant', status: 'completed', content }],
    });
    for (const to of ['chat', 'messages'] as const) expect(codecs[to].renderRequest(turn).lost).toEqual([]);
  });
});

describe('what is left of a field that was passed on', () => {
  it.each<[WireFormat, JsonObject, string[]]>([
    [
      'messages',
      {
        max_tokens: 9,
        messages: [{ role: 'user', content: 'hi' }],
        thinking: { type: 'adaptive', pace: 1 },
        output_config: { effort: 'high', task_budget: {} },
        metadata: { user_id: 'u', status: 1 },
      },
      ['metadata.status', 'output_config.task_budget', 'thinking.pace'],
    ],
    [
      'responses',
      { input: 'hi', reasoning: { effort: 'low', context: 'auto', summary: null }, text: { odd: 1 } },
      ['reasoning.context', 'text.odd'],
    ],
  ])('is named by itself: %s', (from, body, paths) => {
    const turn = codecs[from].parseRequest({ model: 'm', ...body });
    const { lost } = codecs.chat.renderRequest(turn);
    expect(lost.map(({ path }) => path).toSorted()).toEqual(paths);
  });
});
