import { describe, expect, it } from 'vitest';
import { fitHistory } from '../../../bridges/wire/history.ts';
import type { MessageItem, Part, ReasoningRequest, TurnItem, TurnRequest, WireFormat } from '../../../bridges/wire/turn.ts';

const FORMATS: WireFormat[] = ['chat', 'responses', 'messages'];

function text(value: string): Part {
  return { type: 'text', text: value };
}

function say(role: MessageItem['role'], ...texts: string[]): TurnItem {
  return { type: 'message', role, content: texts.map(text) };
}

function call(callId: string): TurnItem {
  return { type: 'tool_call', callId, name: 'f', kind: 'function', input: '{}' };
}

function result(callId: string, said = `of ${callId}`): TurnItem {
  return { type: 'tool_result', callId, kind: 'function', content: [text(said)] };
}

function turnOf(items: TurnItem[], more: Partial<TurnRequest> = {}): TurnRequest {
  return { from: 'responses', model: 'm', stream: false, items, tools: [], extra: {}, ...more };
}

/** The history as short words: u(text), a(text), call(id), result(id: text). */
function words(items: readonly TurnItem[]): string[] {
  return items.map((item) => {
    if (item.type === 'tool_call') return `call ${item.callId}`;
    if (item.type === 'tool_result') return `result ${item.callId}: ${said(item.content)}${item.isError === true ? ' (error)' : ''}`;
    return item.type === 'message' ? `${item.role}: ${said(item.content)}` : item.type;
  });
}

function said(parts: readonly Part[]): string {
  return parts.map((part) => (part.type === 'text' ? part.text : part.type)).join('|');
}

function fit(items: TurnItem[], target: WireFormat, from: WireFormat = target === 'responses' ? 'messages' : 'responses'): string[] {
  return words(fitHistory(turnOf(items, { from }), target).turn.items);
}

describe.each(FORMATS)('calls and results for %s', (target) => {
  it('puts results right behind the turn that called, in the order of the calls', () => {
    const items = [say('user', 'go'), call('a'), call('b'), result('b'), say('user', 'and?'), result('a'), say('assistant', 'done')];
    expect(fit(items, target)).toEqual([
      'user: go',
      'call a',
      'call b',
      'result a: of a',
      'result b: of b',
      'user: and?',
      'assistant: done',
    ]);
  });

  it('keeps rounds apart that were answered one by one', () => {
    const items = [say('user', 'go'), call('a'), result('a'), call('b'), result('b')];
    expect(fit(items, target)).toEqual(words(items));
  });

  it('finds a result that stands before its call', () => {
    expect(fit([say('user', 'go'), result('a'), call('a')], target)).toEqual(['user: go', 'call a', 'result a: of a']);
  });

  it('takes the first of two results and reports the other', () => {
    const { turn, lost } = fitHistory(turnOf([say('user', 'go'), call('a'), result('a', '1'), result('a', '2')]), target);
    expect(words(turn.items)).toEqual(['user: go', 'call a', 'result a: 1']);
    expect(lost).toEqual([expect.objectContaining({ path: 'tool results' })]);
  });

  it.each([
    ['in the middle', [say('user', 'hm')]],
    ['at the end', []],
  ])('answers a call without a result with an error %s', (_, after) => {
    const { turn, lost } = fitHistory(turnOf([say('user', 'go'), call('a'), ...after]), target);
    expect(words(turn.items)).toEqual(['user: go', 'call a', 'result a: no result was recorded for this call (error)', ...words(after)]);
    expect(lost).toHaveLength(1);
  });

  it('turns a result without a call into text of the user', () => {
    expect(fit([say('user', 'go'), result('gone')], target)).toEqual(['user: go', 'user: Result of an earlier tool call (gone):|of gone']);
  });

  it('gives calls that share an id one each, and their results with them', () => {
    const items = [say('user', 'go'), call('call_0'), result('call_0', '1'), call('call_0'), result('call_0', '2')];
    const [, first, one, second, two] = fit(items, target);
    expect([first, one]).toEqual(['call call_0', 'result call_0: 1']);
    expect(second).toMatch(/^call call_0_[0-9a-f]{8}$/u);
    expect(two).toBe(`${second?.replace('call', 'result')}: 2`);
    expect(fit(items, target)[3]).toBe(second);
  });
});

describe('ids of calls', () => {
  it('fit the target, and stay what they are where they may', () => {
    const id = (callId: string, from: WireFormat, target: WireFormat): string =>
      fit([say('user', 'go'), call(callId), result(callId)], target, from)[1]?.slice('call '.length) ?? '';
    expect(id('functions.f:0', 'responses', 'chat')).toBe('functions.f:0');
    expect(id('functions.f:0', 'responses', 'messages')).toMatch(/^functions_f_0_[0-9a-f]{8}$/u);
    expect(id('x'.repeat(60), 'responses', 'chat')).toHaveLength(40);
    expect(id('x'.repeat(60), 'chat', 'chat')).toHaveLength(60);
  });
  it('stay whole for a gateway that hides signatures in them, but not for a model that refuses such ids', () => {
    const signed = `call_a__thought__${'Ab+/'.repeat(300)}==`;
    const idFor = (model: string, target: WireFormat): string[] =>
      words(fitHistory(turnOf([say('user', 'go'), call(signed), result(signed, 'r')], { model }), target).turn.items);
    expect(idFor('gemini/gemini-3-pro', 'chat')).toEqual(['user: go', `call ${signed}`, `result ${signed}: r`]);
    expect(idFor('openai/gpt-5.5', 'chat')[1]).toMatch(/^call .{40}$/u);
    expect(idFor('gemini/gemini-3-pro', 'messages')[1]).toMatch(/^call .{64}$/u);
  });
});

describe('chat', () => {
  it('has the text of a turn before its calls', () => {
    const items = [say('user', 'go'), call('a'), say('assistant', 'and'), call('b'), result('a'), result('b')];
    expect(fit(items, 'chat').slice(1, 4)).toEqual(['assistant: and', 'call a', 'call b']);
    expect(fit(items, 'messages').slice(1, 4)).toEqual(['call a', 'assistant: and', 'call b']);
  });
});

describe('messages', () => {
  it('begin with the user', () => {
    expect(fit([say('system', 's'), say('assistant', 'hi')], 'messages')).toEqual([
      'system: s',
      'user: Continue the conversation.',
      'assistant: hi',
    ]);
    expect(fit([say('developer', 's')], 'messages')).toEqual(['developer: s', 'user: Continue the conversation.']);
    expect(fit([call('a'), result('a')], 'messages')[0]).toBe('user: Continue the conversation.');
    expect(fit([say('assistant', 'hi')], 'chat')).toEqual(['assistant: hi']);
  });

  it('hold no blank text', () => {
    const items = [say('user', 'go', ' \n'), say('user', ''), say('assistant', ''), call('a'), result('a', ''), say('user', 'x')];
    expect(fit(items, 'messages')).toEqual(['user: go', 'call a', 'result a: ', 'user: x']);
    expect(fitHistory(turnOf(items), 'messages').turn.items[2]).toMatchObject({ content: [] });
  });

  it('say something in an error', () => {
    const items: TurnItem[] = [
      say('user', 'go'),
      call('a'),
      { type: 'tool_result', callId: 'a', kind: 'function', content: [], isError: true },
    ];
    expect(fit(items, 'messages')[2]).toBe('result a: the tool failed and said nothing (error)');
    expect(fit(items, 'chat')[2]).toBe('result a:  (error)');
  });
});

describe('what only the client’s format knows', () => {
  const search: TurnItem = { type: 'opaque', from: 'responses', name: 'web_search_call', value: {} };
  const more: TurnItem = { type: 'opaque', from: 'responses', name: 'additional_tools', value: {} };

  it('is left out and reported once for each kind', () => {
    const { turn, lost } = fitHistory(
      turnOf([more, say('user', 'go'), search, call('a'), search, call('b'), result('a'), result('b')]),
      'messages',
    );
    expect(words(turn.items)).toEqual(['user: go', 'call a', 'call b', 'result a: of a', 'result b: of b']);
    expect(lost).toEqual([{ path: 'input', why: expect.stringContaining('web_search_call') }]);
  });

  it('is left out of messages, and named where nothing else is in one of the user', () => {
    const part: Part = { type: 'opaque', from: 'chat', name: 'input_audio', value: {} };
    const items: TurnItem[] = [
      { type: 'message', role: 'user', content: [part, text('listen')] },
      { type: 'message', role: 'assistant', content: [part] },
      { type: 'message', role: 'user', content: [part] },
    ];
    const { turn, lost } = fitHistory(turnOf(items, { from: 'chat' }), 'messages');
    expect(words(turn.items)).toEqual(['user: listen', 'user: [input_audio could not be passed on]']);
    expect(lost).toHaveLength(1);
  });

  it('stays on a way to the same format', () => {
    expect(fitHistory(turnOf([more, say('user', 'go'), search]), 'responses').turn.items).toHaveLength(3);
  });
});

describe('thinking in a tool loop', () => {
  const loop = [say('user', 'go'), call('a'), result('a')];
  const signed: TurnItem = { type: 'reasoning', summary: ['t'], opaque: { family: 'messages', data: 's' } };
  const reasoningFor = (
    items: TurnItem[],
    reasoning: ReasoningRequest,
    from: WireFormat = 'responses',
    dropped = false,
  ): ReasoningRequest | undefined =>
    fitHistory(turnOf(items, { reasoning, from }), 'messages', { reasoningDropped: dropped }).turn.reasoning;

  it('is switched off where the loop has lost it, and this is reported', () => {
    const { turn, lost } = fitHistory(turnOf(loop, { reasoning: { effort: 'high', budgetTokens: 9 } }), 'messages');
    expect(turn.reasoning).toEqual({ effort: 'high', enabled: false });
    expect(lost).toEqual([expect.objectContaining({ path: 'reasoning' })]);
  });

  it('stays on where the loop begins with signed thinking', () => {
    const kept = [say('user', 'go'), signed, call('a'), result('a'), call('b'), result('b')];
    expect(reasoningFor(kept, { effort: 'high' })).toEqual({ effort: 'high' });
  });

  it('stays on outside a loop', () => {
    expect(reasoningFor([...loop, say('user', 'now this')], { enabled: true })).toEqual({ enabled: true });
    expect(reasoningFor([say('user', 'go')], { enabled: true })).toEqual({ enabled: true });
  });

  it('looks past system text in the loop', () => {
    expect(reasoningFor([...loop, say('system', 'note')], { enabled: true })).toEqual({ enabled: false });
  });

  it('is left to a messages client that lost nothing', () => {
    expect(reasoningFor(loop, { enabled: true }, 'messages')).toEqual({ enabled: true });
    expect(reasoningFor(loop, { enabled: true }, 'messages', true)).toEqual({ enabled: false });
  });

  it('is not touched where it was not asked for', () => {
    expect(reasoningFor(loop, { summary: 'auto' })).toEqual({ summary: 'auto' });
    expect(reasoningFor(loop, { enabled: false })).toEqual({ enabled: false });
  });
});

describe('a message that says nothing', () => {
  const silent: TurnItem = { type: 'message', role: 'system', content: [], extra: { output_config: { effort: 'low' }, inline: true } };

  it('is left out, and what else it held is listed', () => {
    const { turn, lost } = fitHistory(turnOf([say('user', 'hi'), silent], { from: 'messages' }), 'chat');
    expect(words(turn.items)).toEqual(['user: hi']);
    expect(lost).toEqual([{ path: 'messages[].output_config', why: expect.any(String) }]);
  });
});
