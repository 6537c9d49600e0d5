import { describe, expect, it } from 'vitest';
import { asObject } from '../../../bridges/wire/json.ts';
import { fitName, fitTools, type FittedTools } from '../../../bridges/wire/tools.ts';
import type { ToolChoice, ToolDefinition, TurnEvent, TurnItem, TurnRequest, WireFormat } from '../../../bridges/wire/turn.ts';

type ToolName = { name: string; namespace?: string };

function turnOf(fields: Partial<TurnRequest>): TurnRequest {
  return { from: 'responses', model: 'm', stream: false, items: [], tools: [], extra: {}, ...fields };
}

function call(name: string, more: Partial<Extract<TurnItem, { type: 'tool_call' }>> = {}): TurnItem {
  return { type: 'tool_call', callId: 'c1', name, kind: 'function', input: '{}', ...more };
}

function startOf(name: string, tool: 'function' | 'custom' = 'function', namespace?: string): TurnEvent {
  const event = { type: 'item_start', item: 0, kind: 'tool_call', callId: 'c1', name, tool } as const;
  return namespace === undefined ? event : { ...event, namespace };
}

const fn = (name: string, namespace?: string): ToolDefinition =>
  namespace === undefined ? { type: 'function', name } : { type: 'function', name, namespace };

function names(turn: TurnRequest): string[] {
  return turn.tools.map((tool) => tool.name);
}

/** Fits tools whose names or kinds change, so that there is something to restore. */
function fitted(turn: TurnRequest, target: WireFormat): FittedTools & { restore: NonNullable<FittedTools['restore']> } {
  const { restore, ...rest } = fitTools(turn, target);
  if (restore === undefined) throw new Error('there is nothing to restore');
  return { ...rest, restore };
}

describe('names', () => {
  it('leaves a name alone that fits', () => {
    expect(fitName('read_file-2', 64)).toBe('read_file-2');
  });

  it('shortens a long name, always to the same one, and never two to one', () => {
    const long = 'mcp__server__'.repeat(6) + 'a';
    const short = fitName(long, 64);
    expect(short).toHaveLength(64);
    expect(short).toMatch(/^[A-Za-z0-9_-]+$/u);
    expect(fitName(long, 64)).toBe(short);
    expect(fitName(`${long}b`, 64)).not.toBe(short);
  });

  it('replaces characters that are not allowed, also in a name without any that is', () => {
    expect(fitName('a.b', 64)).toMatch(/^a_b_[0-9a-f]{8}$/u);
    expect(fitName('a b', 64)).not.toBe(fitName('a.b', 64));
    expect(fitName('読む', 64)).toMatch(/^___[0-9a-f]{8}$/u);
    expect(fitName('', 64)).toMatch(/^_[0-9a-f]{8}$/u);
  });

  it('keeps up to 128 characters for messages and 64 for the others', () => {
    const name = 'n'.repeat(100);
    const fit = (from: WireFormat, to: WireFormat): string => names(fitTools(turnOf({ from, tools: [fn(name)] }), to).turn)[0] ?? '';
    expect(fit('responses', 'messages')).toBe(name);
    expect(fit('messages', 'chat')).toHaveLength(64);
    expect(fit('messages', 'responses')).toHaveLength(64);
  });

  it('joins a namespace to the name where there are none, and takes it apart in the reply', () => {
    const { turn, restore } = fitted(turnOf({ tools: [fn('search', 'github')] }), 'chat');
    expect(turn.tools).toEqual([{ type: 'function', name: 'github__search' }]);
    expect(restore(startOf('github__search'))).toEqual([startOf('search', 'function', 'github')]);
  });

  it('keeps names apart that would become the same', () => {
    const tools = [fn('b__c', 'a'), fn('c', 'a__b'), fn('a__b__c')];
    const { turn, restore } = fitted(turnOf({ tools }), 'messages');
    expect(new Set(names(turn)).size).toBe(3);
    expect(names(turn)[2]).toBe('a__b__c');
    const back = names(turn).map((name) => restore(startOf(name))[0]);
    expect(back).toEqual([startOf('b__c', 'function', 'a'), startOf('c', 'function', 'a__b'), startOf('a__b__c')]);
    const reversed = fitTools(turnOf({ tools: tools.toReversed() }), 'messages');
    expect(names(reversed.turn).toReversed()).toEqual(names(turn));
  });

  it('keeps a name that looks like another one shortened', () => {
    const long = 'x'.repeat(80);
    const lookalike = fitName(long, 64);
    const fitted = fitTools(turnOf({ from: 'messages', tools: [fn(long), fn(lookalike)] }), 'chat');
    expect(names(fitted.turn)[1]).toBe(lookalike);
    expect(names(fitted.turn)[0]).not.toBe(lookalike);
  });

  it('renames in the choice and the history too', () => {
    const long = 'y'.repeat(90);
    const { turn } = fitTools(
      turnOf({ from: 'messages', tools: [fn(long)], toolChoice: { type: 'tool', name: long }, items: [call(long)] }),
      'chat',
    );
    const short = fitName(long, 64);
    expect(turn.toolChoice).toEqual({ type: 'tool', name: short });
    expect(turn.items[0]).toMatchObject({ name: short });
  });

  it('changes nothing on a way to the same format', () => {
    const turn = turnOf({ tools: [fn('x'.repeat(90)), { type: 'custom', name: 'p' }], items: [call('a.b')] });
    expect(fitTools(turn, 'responses').turn).toBe(turn);
  });
});

describe('free-form tools', () => {
  const patch: ToolDefinition = {
    type: 'custom',
    name: 'apply_patch',
    description: 'Edits files.',
    format: { type: 'grammar', syntax: 'lark', definition: 'start: LINE' },
  };

  it('are wrapped for messages, with the grammar in words', () => {
    const { turn, lost } = fitTools(turnOf({ tools: [patch] }), 'messages');
    expect(turn.tools).toEqual([
      {
        type: 'function',
        name: 'apply_patch',
        description: 'Edits files.\n\nThe input must follow this lark grammar:\nstart: LINE',
        parameters: { type: 'object', properties: { input: { type: 'string' } }, required: ['input'] },
      },
    ]);
    expect(lost).toEqual([expect.objectContaining({ path: 'tools[0].format' })]);
  });

  it('are wrapped in the history, results too, and in the choice', () => {
    const items: TurnItem[] = [
      call('apply_patch', { kind: 'custom', input: 'say "hi"\n' }),
      { type: 'tool_result', callId: 'c1', kind: 'custom', content: [] },
    ];
    const { turn } = fitTools(
      turnOf({ tools: [patch], items, toolChoice: { type: 'tool', name: 'apply_patch', custom: true } }),
      'messages',
    );
    expect(turn.items).toEqual([
      call('apply_patch', { input: '{"input":"say \\"hi\\"\\n"}' }),
      { type: 'tool_result', callId: 'c1', kind: 'function', content: [] },
    ]);
    expect(turn.toolChoice).toEqual({ type: 'tool', name: 'apply_patch' });
  });

  it('stay as they are for chat', () => {
    const { turn, restore } = fitted(turnOf({ tools: [patch] }), 'chat');
    expect(turn.tools).toEqual([patch]);
    const events: TurnEvent[] = [
      startOf('apply_patch', 'custom'),
      { type: 'delta', item: 0, text: '{"in' },
      { type: 'item_end', item: 0, text: '{"in' },
    ];
    expect(events.flatMap(restore)).toEqual(events);
  });

  it.each([
    ['a wrapped input', '{"input":"*** Begin\\n"}', '*** Begin\n'],
    ['what is not JSON', '*** Begin', '*** Begin'],
    ['JSON without an input', '{"patch":"x"}', '{"patch":"x"}'],
    ['an input that is no text', '{"input":1}', '{"input":1}'],
  ])('unwraps %s in the reply', (_, told, plain) => {
    const { restore } = fitted(turnOf({ tools: [patch] }), 'messages');
    const events: TurnEvent[] = [
      startOf('apply_patch'),
      { type: 'delta', item: 0, text: told.slice(0, 4) },
      { type: 'delta', item: 0, text: told.slice(4) },
      { type: 'item_end', item: 0, text: told },
      { type: 'item_start', item: 1, kind: 'text' },
      { type: 'delta', item: 1, text: 'done' },
    ];
    expect(events.flatMap(restore)).toEqual([
      startOf('apply_patch', 'custom'),
      { type: 'delta', item: 0, text: plain },
      { type: 'item_end', item: 0, text: plain },
      ...events.slice(4),
    ]);
  });

  it('restores a second reply after one that was cut in the middle of a wrapped call', () => {
    const { restore } = fitted(turnOf({ tools: [patch, fn('f')] }), 'messages');
    restore(startOf('apply_patch'));
    const delta: TurnEvent = { type: 'delta', item: 0, text: '{}' };
    expect([startOf('f'), delta].flatMap(restore)).toEqual([startOf('f'), delta]);
  });
});

describe('which tools are offered', () => {
  const deferred = (name: string): ToolDefinition => ({ type: 'function', name, deferred: true });
  const found: TurnItem = {
    type: 'tool_result',
    callId: 'c0',
    kind: 'function',
    content: [{ type: 'tool_reference', name: 'b' }],
  };

  it('holds back deferred tools until they were found, and says which', () => {
    const tools = [fn('ToolSearch'), deferred('a'), deferred('b')];
    const fitted = fitTools(turnOf({ from: 'messages', tools, items: [found] }), 'chat');
    expect(fitted.turn.tools).toEqual([fn('ToolSearch'), fn('b')]);
    expect(fitted.turn.items[0]).toMatchObject({ content: [{ type: 'text', text: 'Tool found: b' }] });
    expect(fitted.lost).toEqual([{ path: 'tools', why: expect.stringContaining(': a') }]);
  });

  it('offers deferred tools that were called before or must be called now, without a report', () => {
    const fitted = fitTools(
      turnOf({ from: 'messages', tools: [deferred('a'), deferred('b')], items: [call('a')], toolChoice: { type: 'tool', name: 'b' } }),
      'responses',
    );
    expect(names(fitted.turn)).toEqual(['a', 'b']);
    expect(fitted.lost).toEqual([]);
  });

  it('offers what a search found, and does not say of it that it was', () => {
    const tools: ToolDefinition[] = [{ type: 'function', name: 'a', deferred: true, found: true }];
    expect(fitTools(turnOf({ tools }), 'messages')).toMatchObject({ turn: { tools: [fn('a')] }, lost: [] });
    expect(fitTools(turnOf({ tools }), 'chat').turn.tools).toEqual([fn('a')]);
  });

  it('names only some of many held back', () => {
    const tools = Array.from({ length: 8 }, (_, i) => deferred(`t${i}`));
    expect(fitTools(turnOf({ from: 'messages', tools }), 'chat').lost[0]?.why).toMatch(/t4 and 3 more$/u);
  });

  it('keeps tool references for messages', () => {
    const turn = turnOf({ from: 'messages', tools: [deferred('a')], items: [found] });
    expect(fitTools(turn, 'messages').turn).toBe(turn);
  });

  it.each([
    ['bash_20250124', 'bash', ['command', 'restart']],
    ['text_editor_20250124', 'str_replace_editor', ['command', 'path', 'view_range', 'file_text', 'old_str', 'insert_line', 'new_str']],
    [
      'text_editor_20250728',
      'str_replace_based_edit_tool',
      ['command', 'path', 'view_range', 'file_text', 'old_str', 'insert_line', 'new_str', 'insert_text'],
    ],
    [
      'memory_20250818',
      'memory',
      ['command', 'path', 'view_range', 'file_text', 'old_str', 'insert_line', 'new_str', 'insert_text', 'old_path', 'new_path'],
    ],
  ])('tells any model of %s, which the client runs', (type, name, inputs) => {
    const hosted: ToolDefinition = { type: 'hosted', from: 'messages', name, value: { type, name } };
    const toolChoice = { type: 'tool', name } as const;
    for (const target of ['chat', 'responses'] as const) {
      const { turn, lost } = fitTools(turnOf({ from: 'messages', tools: [hosted], toolChoice }), target);
      expect(lost).toEqual([]);
      expect(turn).toMatchObject({ tools: [{ type: 'function', name, parameters: { type: 'object' } }], toolChoice });
      const [tool] = turn.tools;
      expect(tool?.type === 'function' ? Object.keys(asObject(tool.parameters?.properties) ?? {}) : []).toEqual(inputs);
    }
    expect(fitTools(turnOf({ from: 'messages', tools: [hosted] }), 'messages').turn.tools).toEqual([hosted]);
  });

  it.each(['computer_20251124', 'web_search_20250305', 'toString', 'my_bash_1'])('does not make one of %s', (type) => {
    const hosted: ToolDefinition = { type: 'hosted', from: 'messages', name: 'x', value: { type, name: 'x' } };
    expect(fitTools(turnOf({ from: 'messages', tools: [hosted] }), 'chat')).toMatchObject({
      turn: { tools: [] },
      lost: [{ path: 'tools[0]' }],
    });
  });

  it('drops hosted tools of another format and reports each', () => {
    const hosted: ToolDefinition = { type: 'hosted', from: 'responses', name: 'web_search', value: { type: 'web_search' } };
    const fitted = fitTools(turnOf({ tools: [fn('a'), hosted] }), 'messages');
    expect(names(fitted.turn)).toEqual(['a']);
    expect(fitted.lost).toEqual([{ path: 'tools[1]', why: expect.stringContaining('web_search') }]);
  });

  it('offers a tool once that is defined twice, and reports a difference', () => {
    const twice = fitTools(turnOf({ tools: [fn('a'), fn('a')] }), 'chat');
    expect([names(twice.turn), twice.lost]).toEqual([['a'], []]);
    const changed = fitTools(turnOf({ tools: [fn('a'), { type: 'function', name: 'a', description: 'x' }] }), 'chat');
    expect([names(changed.turn), changed.lost]).toEqual([['a'], [expect.objectContaining({ path: 'tools[1]' })]]);
  });

  it('offers only the allowed tools where a choice can not name several', () => {
    const toolChoice = { type: 'allowed', mode: 'any', tools: [{ name: 'b', namespace: 'n' }] } as const;
    const tools = [fn('a'), fn('b', 'n'), fn('b')];
    const messages = fitTools(turnOf({ tools, toolChoice: { ...toolChoice, tools: [...toolChoice.tools] } }), 'messages');
    expect(names(messages.turn)).toEqual(['n__b']);
    expect(messages.turn.toolChoice).toEqual({ type: 'any' });
    const chat = fitTools(turnOf({ tools, toolChoice: { ...toolChoice, tools: [...toolChoice.tools] } }), 'chat');
    expect(names(chat.turn)).toEqual(['a', 'n__b', 'b']);
    expect(chat.turn.toolChoice).toEqual({ type: 'allowed', mode: 'any', tools: [{ name: 'n__b' }] });
  });

  it.each<[WireFormat, ToolName[], string[], object]>([
    ['messages', [{ name: 'b' }], ['b'], { type: 'auto' }],
    ['chat', [{ name: 'b' }], ['a', 'b'], { type: 'allowed', mode: 'auto', tools: [{ name: 'b' }] }],
    ['chat', [], ['a', 'b'], { type: 'none' }],
  ])('keeps the others out for %s where tools that a provider runs were allowed beside %j', (target, allowed, offered, choice) => {
    const given = { type: 'allowed_tools', tools: [{ type: 'web_search' }, ...allowed] };
    const toolChoice: ToolChoice = { type: 'allowed', mode: 'auto', tools: allowed, given };
    const { turn, lost } = fitTools(turnOf({ tools: [fn('a'), fn('b')], toolChoice }), target);
    expect([names(turn), turn.toolChoice]).toEqual([offered, choice]);
    expect(lost).toEqual([expect.objectContaining({ path: 'tool_choice.tools' })]);
  });

  it('offers and declares nothing to messages where only tools that a provider runs were allowed', () => {
    const toolChoice: ToolChoice = { type: 'allowed', mode: 'auto', tools: [], given: {} };
    const { turn } = fitTools(turnOf({ tools: [fn('a')], toolChoice }), 'messages');
    expect([turn.tools, turn.toolChoice]).toEqual([[], undefined]);
  });

  it('drops and reports a choice only its own format knows', () => {
    const fitted = fitTools(
      turnOf({ tools: [fn('a')], toolChoice: { type: 'opaque', from: 'responses', value: { type: 'mcp' } } }),
      'chat',
    );
    expect(fitted.turn.toolChoice).toBeUndefined();
    expect(fitted.lost).toEqual([expect.objectContaining({ path: 'tool_choice' })]);
  });

  it('drops and reports the choice of a tool that is not offered because its provider runs it', () => {
    const hosted: ToolDefinition = { type: 'hosted', from: 'messages', name: 'web_search', value: { type: 'web_search_20250305' } };
    const toolChoice = { type: 'tool', name: 'web_search' } as const;
    const fitted = fitTools(turnOf({ from: 'messages', tools: [fn('a'), hosted], toolChoice }), 'chat');
    expect(fitted.turn).not.toHaveProperty('toolChoice');
    expect(fitted.lost.map((loss) => loss.path)).toEqual(['tools[1]', 'tool_choice']);
    const own = fitTools(turnOf({ from: 'messages', tools: [fn('web_search'), hosted], toolChoice }), 'chat');
    expect(own.turn.toolChoice).toEqual(toolChoice);
  });

  it('sends no choice where no tool is left', () => {
    const { turn } = fitTools(turnOf({ toolChoice: { type: 'auto' }, parallelToolCalls: false }), 'chat');
    expect(turn).not.toHaveProperty('toolChoice');
    expect(turn).not.toHaveProperty('parallelToolCalls');
  });

  it('declares called tools for messages where the client offers none any more, without letting them be called', () => {
    const { turn } = fitTools(turnOf({ items: [call('a', { namespace: 'n' }), call('a', { namespace: 'n' })] }), 'messages');
    expect(names(turn)).toEqual(['n__a']);
    expect(turn.toolChoice).toEqual({ type: 'none' });
    expect(fitTools(turnOf({ items: [call('a')] }), 'chat').turn.tools).toEqual([]);
  });
});
