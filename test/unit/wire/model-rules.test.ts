import { describe, expect, it } from 'vitest';
import { codecs } from '../../../bridges/wire/codecs.ts';
import { fitHistory } from '../../../bridges/wire/history.ts';
import { claudeRules } from '../../../bridges/wire/messages/claude-models.ts';
import { memoryHandleStore } from '../../../bridges/wire/opaque.ts';
import { openAiRules } from '../../../bridges/wire/openai-models.ts';
import { splitStops } from '../../../bridges/wire/stop-sequences.ts';
import { crossRequest } from '../../../bridges/wire/translate.ts';
import type { JsonObject, ReasoningRequest, TurnItem, TurnRequest, WireFormat } from '../../../bridges/wire/turn.ts';

const said: TurnItem = { type: 'message', role: 'user', content: [{ type: 'text', text: 'go' }] };

function render(to: WireFormat, model: string, fields: Partial<TurnRequest>): { body: JsonObject; lost: string[] } {
  const from = to === 'messages' ? 'responses' : 'messages';
  const turn: TurnRequest = { from, model, items: [said], tools: [], stream: false, extra: {}, ...fields };
  const { body, lost } = codecs[to].renderRequest(turn);
  return { body, lost: lost.map(({ path }) => path) };
}

describe('a model of OpenAI’s that does not reason', () => {
  it.each([
    ['gpt-4o', 32_000, 16_384],
    ['gpt-4o-mini-2024-07-18', 64_000, 16_384],
    ['openai/gpt-4o-2024-05-13', 8_000, 4_096],
    ['gpt-4.1-mini', 64_000, 32_768],
    ['gpt-4-turbo', 32_000, 4_096],
    ['gpt-3.5-turbo', 32_000, 4_096],
    ['gpt-4o', 8_000, 8_000],
    ['gpt-5.5', 128_000, 128_000],
    ['some-model', 128_000, 128_000],
  ])('is asked for no more than it writes: %s, %i', (model, maxOutputTokens, most) => {
    const lost = most === maxOutputTokens ? [] : ['max_tokens'];
    expect(render('chat', model, { maxOutputTokens })).toMatchObject({ body: { max_completion_tokens: most }, lost });
    expect(render('responses', model, { maxOutputTokens })).toMatchObject({ body: { max_output_tokens: most }, lost });
  });
});

describe('a model of Mistral’s', () => {
  it.each([
    'mistral-large-latest',
    'mistralai/Ministral-8B',
    'open-mixtral-8x22b',
    'magistral-medium-2509',
    'codestral-2508',
    'labs-devstral-small-2512',
  ])('is told the limit by the only name that its API knows: %s', (model) => {
    const { body, lost } = render('chat', model, { maxOutputTokens: 500 });
    expect(body.max_tokens).toBe(500);
    expect(body).not.toHaveProperty('max_completion_tokens');
    expect(lost).toEqual([]);
  });
});

describe('a Claude model', () => {
  it.each([
    ['claude-2.1', 'never'],
    ['claude-3-5-sonnet-20241022', 'never'],
    ['claude-3.5-haiku', 'never'],
    ['claude-3-7-sonnet-latest', 'budget'],
    ['claude-sonnet-4-20250514', 'budget'],
    ['claude-opus-4-1-20250805', 'budget'],
    ['claude-opus-41', 'budget'],
    ['claude-haiku-4.5', 'budget'],
    ['us.anthropic.claude-sonnet-4-5-20250929-v1:0', 'budget'],
    ['anthropic/claude-opus-4.6', 'adaptive'],
    ['claude-4.7-opus', 'adaptive'],
    ['claude-haiku-5-5', 'adaptive'],
    ['claude-opus-6', 'adaptive'],
    ['some-model', 'adaptive'],
  ])('is known by its name: %s', (model, thinks) => {
    expect(claudeRules(model).thinks).toBe(thinks);
  });

  it.each<[string, number | undefined, number, string[]]>([
    ['claude-3-haiku-20240307', undefined, 4_096, []],
    ['claude-3-5-haiku-latest', undefined, 8_192, []],
    ['claude-3-5-sonnet-20241022', 4_000, 4_000, []],
    ['claude-opus-4-1', 64_000, 32_000, ['max_tokens']],
    ['claude-3-7-sonnet-latest', 64_000, 64_000, []],
    ['claude-haiku-4-5', 100_000, 64_000, ['max_tokens']],
    ['claude-opus-4-6', 100_000, 100_000, []],
    ['claude-fable-5-2', 200_000, 128_000, ['max_tokens']],
    ['some-model', 200_000, 200_000, []],
    ['some-model', undefined, 32_000, []],
  ])('is asked for no more than it writes: %s, %s', (model, maxOutputTokens, max_tokens, lost) => {
    expect(render('messages', model, maxOutputTokens === undefined ? {} : { maxOutputTokens })).toMatchObject({
      body: { max_tokens },
      lost,
    });
  });
  it('is asked as its own client asks, and refuses itself what it does not write', () => {
    const { body } = codecs.messages.renderRequest(
      codecs.messages.parseRequest({ model: 'claude-opus-4-1', max_tokens: 64_000, messages: [{ role: 'user', content: 'go' }] }),
    );
    expect(body.max_tokens).toBe(64_000);
  });

  const high = { reasoning: { effort: 'high', summary: 'auto' } };
  it.each<[string, Partial<TurnRequest>, JsonObject, string[]]>([
    ['claude-3-5-haiku-latest', high, {}, ['reasoning']],
    ['claude-haiku-4-5-20251001', high, { thinking: { type: 'enabled', budget_tokens: 16_000 } }, []],
    ['claude-haiku-4-5', { ...high, maxOutputTokens: 64_000 }, { thinking: { type: 'enabled', budget_tokens: 24_000 } }, []],
    ['claude-haiku-4-5', { ...high, maxOutputTokens: 2000 }, {}, ['reasoning']],
    ['claude-haiku-4-5', { ...high, toolChoice: { type: 'any' } }, {}, ['reasoning']],
    [
      'claude-opus-4-5',
      { reasoning: { effort: 'max' } },
      { thinking: { type: 'enabled', budget_tokens: 16_000 }, output_config: { effort: 'high' } },
      ['reasoning.effort'],
    ],
    ['claude-opus-4-6', high, { thinking: { type: 'adaptive', display: 'summarized' }, output_config: { effort: 'high' } }, []],
    [
      'claude-opus-4-6',
      { reasoning: { effort: 'xhigh' } },
      { thinking: { type: 'adaptive' }, output_config: { effort: 'high' } },
      ['reasoning.effort'],
    ],
    ['claude-opus-4-6', { reasoning: { budgetTokens: 3000 } }, { thinking: { type: 'enabled', budget_tokens: 3000 } }, []],
    ['claude-opus-4-7', { reasoning: { budgetTokens: 3000 } }, { thinking: { type: 'adaptive' } }, ['reasoning']],
    ['claude-sonnet-5', { reasoning: { effort: 'xhigh' } }, { thinking: { type: 'adaptive' }, output_config: { effort: 'xhigh' } }, []],
    [
      'claude-opus-5',
      { ...high, toolChoice: { type: 'any' } },
      { thinking: { type: 'adaptive', display: 'summarized' }, output_config: { effort: 'high' } },
      [],
    ],
  ])('%s thinks in its own way: %j', (model, fields, expected, lost) => {
    const { body, lost: paths } = render('messages', model, fields);
    expect({
      ...(body.thinking !== undefined && { thinking: body.thinking }),
      ...(body.output_config !== undefined && { output_config: body.output_config }),
    }).toEqual(expected);
    expect(paths).toEqual(lost);
  });

  it.each<[string, JsonObject, string[]]>([
    ['claude-haiku-4-5', {}, []],
    ['claude-opus-4-8', {}, []],
    ['claude-opus-5', { thinking: { type: 'disabled' } }, []],
    ['claude-haiku-5-5', { thinking: { type: 'disabled' } }, []],
    ['claude-sonnet-5-5', { thinking: { type: 'between_tools' } }, []],
    ['claude-opus-5-5', { output_config: { effort: 'low' } }, ['reasoning']],
    ['claude-fable-5', { output_config: { effort: 'low' } }, ['reasoning']],
  ])('%s is kept from thinking as far as it can be', (model, expected, lost) => {
    const { body, lost: paths } = render('messages', model, { reasoning: { effort: 'none', enabled: false } });
    expect(body).toMatchObject(expected);
    expect(Object.keys(body).filter((key) => key === 'thinking' || key === 'output_config')).toEqual(Object.keys(expected));
    expect(paths).toEqual(lost);
  });

  it('shows what it thinks to chat clients, who have no word to ask for it', () => {
    const thinkingOf = (from: WireFormat, model: string) =>
      render('messages', model, { from, reasoning: { effort: 'high' } }).body.thinking;
    expect(thinkingOf('chat', 'claude-opus-5-5')).toEqual({ type: 'adaptive', display: 'summarized' });
    expect(thinkingOf('responses', 'claude-opus-5-5')).toEqual({ type: 'adaptive' });
    expect(thinkingOf('chat', 'some-model')).toEqual({ type: 'adaptive' });
    expect(thinkingOf('chat', 'claude-haiku-4-5')).toEqual({ type: 'enabled', budget_tokens: 16_000 });
  });

  it('takes no more effort than goes with thinking that is off', () => {
    const { body } = render('messages', 'claude-opus-5', { reasoning: { enabled: false, effort: 'max' } });
    expect(body).toMatchObject({ thinking: { type: 'disabled' }, output_config: { effort: 'high' } });
  });

  it('is not sent a setting that it refuses', () => {
    expect(render('messages', 'claude-opus-4-8', { temperature: 0.2, topP: 1 })).toMatchObject({ lost: ['temperature'] });
    expect(render('messages', 'claude-opus-4-8', { temperature: 0.2, topP: 1 }).body).not.toHaveProperty('temperature');
    expect(render('messages', 'claude-sonnet-4-5', { temperature: 0.2 })).toMatchObject({ body: { temperature: 0.2 }, lost: [] });
  });

  it('that can’t be forced to make a call is asked to decide', () => {
    const tools: TurnRequest['tools'] = [{ type: 'function', name: 'shell' }];
    const forced = (model: string) => render('messages', model, { tools, toolChoice: { type: 'tool', name: 'shell' } });
    expect(forced('claude-opus-5-5')).toMatchObject({ body: { tool_choice: { type: 'auto' } }, lost: ['tool_choice'] });
    expect(forced('claude-opus-5')).toMatchObject({ body: { tool_choice: { type: 'tool', name: 'shell' } }, lost: [] });
  });

  it('is the one that is asked, not the one the client named', () => {
    const crossed = (model: string) =>
      crossRequest({
        body: {
          model: 'mine',
          reasoning: { effort: 'high' },
          input: [
            { role: 'user', content: 'go' },
            { type: 'function_call', call_id: 'a', name: 'shell', arguments: '{}' },
            { type: 'function_call_output', call_id: 'a', output: 'ok' },
          ],
        },
        from: 'responses',
        to: 'messages',
        model,
        store: memoryHandleStore({ max: 10, random: () => 'h' }),
        upstream: 'anthropic',
        now: 0,
        newId: (prefix) => `${prefix}_1`,
        client: { family: 'other', requestId: 'r' },
        wantsReasoning: true,
      }).body;
    expect(crossed('claude-opus-5-5')).toMatchObject({ thinking: { type: 'adaptive' } });
    expect(crossed('claude-haiku-4-5')).not.toHaveProperty('thinking');
  });

  it('is asked to continue where it does not go on in its own words', () => {
    const items: TurnItem[] = [said, { type: 'message', role: 'assistant', content: [{ type: 'text', text: '{"a":' }] }];
    const fitted = (model: string, from: WireFormat = 'chat') =>
      fitHistory({ from, model, items, tools: [], stream: false, extra: {} }, 'messages');
    expect(fitted('claude-opus-4-6').turn.items.at(-1)).toMatchObject({ role: 'user', content: [{ text: 'Continue the conversation.' }] });
    expect(fitted('claude-opus-4-6').lost.map(({ path }) => path)).toEqual(['messages']);
    for (const kept of [fitted('claude-haiku-4-5'), fitted('some-model'), fitted('claude-opus-5-5', 'messages')])
      expect(kept).toMatchObject({ turn: { items }, lost: [] });
  });

  it('goes on thinking in a tool loop that began without, where it may', () => {
    const items: TurnItem[] = [
      said,
      { type: 'tool_call', callId: 'a', name: 'shell', kind: 'function', input: '{}' },
      { type: 'tool_result', callId: 'a', kind: 'function', content: [{ type: 'text', text: 'ok' }] },
    ];
    const reasoningOf = (model: string) =>
      fitHistory({ from: 'responses', model, items, tools: [], stream: false, extra: {}, reasoning: { effort: 'high' } }, 'messages').turn
        .reasoning;
    expect(reasoningOf('claude-opus-5-5')).toEqual({ effort: 'high' });
    expect(reasoningOf('claude-haiku-4-5')).toEqual({ effort: 'high', enabled: false });
  });
});

describe('a model of OpenAI’s', () => {
  it.each([
    ['gpt-4.1-mini', []],
    ['gpt-4o', []],
    ['chatgpt-4o-latest', []],
    ['gpt-5-chat-latest', []],
    ['o3', ['low', 'medium', 'high']],
    ['o4-mini-2025-04-16', ['low', 'medium', 'high']],
    ['gpt-5', ['minimal', 'low', 'medium', 'high']],
    ['gpt-5-nano-2025-08-07', ['minimal', 'low', 'medium', 'high']],
    ['gpt-5-codex', ['low', 'medium', 'high']],
    ['gpt-5-pro', ['high']],
    ['openai/gpt-5.1', ['none', 'low', 'medium', 'high']],
    ['gpt-5.1-codex-max', ['low', 'medium', 'high', 'xhigh']],
    ['gpt-5.2', ['none', 'low', 'medium', 'high', 'xhigh']],
    ['gpt-5.2-pro', ['medium', 'high', 'xhigh']],
    ['gpt-5.3-codex', ['low', 'medium', 'high', 'xhigh']],
    ['gpt-5.6-terra', ['none', 'low', 'medium', 'high', 'xhigh', 'max']],
    ['gpt-6-sol', ['none', 'low', 'medium', 'high', 'xhigh', 'max']],
    ['gpt-6-astra', ['low', 'medium', 'high', 'xhigh', 'max']],
    ['gpt-6.2-sol', ['low', 'medium', 'high', 'xhigh', 'max']],
    ['gpt-7', ['low', 'medium', 'high', 'xhigh', 'max']],
    ['gpt-oss-120b', undefined],
    ['deepseek-v4', undefined],
    ['gpt-40', undefined],
  ])('is known by its name: %s', (model, efforts) => {
    expect(openAiRules(model).efforts).toEqual(efforts);
  });

  it.each<[string, ReasoningRequest, string | undefined, string[]]>([
    ['gpt-4.1', { enabled: true, effort: 'high' }, undefined, ['output_config.effort']],
    ['gpt-4.1', { enabled: false }, undefined, []],
    ['gpt-5', { effort: 'max' }, 'high', ['output_config.effort']],
    ['gpt-5', { enabled: false }, 'minimal', ['output_config.effort']],
    ['gpt-5.2', { enabled: false }, 'none', []],
    ['gpt-5.2', { effort: 'max' }, 'xhigh', ['output_config.effort']],
    ['gpt-5.3-codex', { enabled: false }, 'low', ['output_config.effort']],
    ['gpt-5.6-sol', { effort: 'max' }, 'max', []],
    ['gpt-5.6-sol', { effort: 'minimal' }, 'low', ['output_config.effort']],
    ['gpt-5.6-sol', { effort: 'ultra' }, undefined, ['output_config.effort']],
    ['deepseek-v4', { effort: 'max' }, 'max', []],
  ])('%s is asked for an effort that it takes, in both formats: %j', (model, reasoning, effort, lost) => {
    const asked = { reasoning };
    const { body, lost: paths } = render('responses', model, asked);
    expect([asObject(body.reasoning)['effort'], paths]).toEqual([effort, lost]);
    const chat = render('chat', model, asked);
    expect([chat.body.reasoning_effort, chat.lost]).toEqual([effort, lost]);
  });

  it('that reasons is sent no stop sequences: the reply is cut on its way back', () => {
    expect(splitStops(['END'], 'chat', 'gpt-5.4')).toEqual({ sent: [], kept: ['END'] });
    expect(splitStops(['END'], 'chat', 'gpt-4.1')).toEqual({ sent: ['END'], kept: [] });
    expect(splitStops(['END'], 'chat', 'some-model')).toEqual({ sent: ['END'], kept: [] });
  });

  it('that does not reason is told nothing about reasoning', () => {
    const asked = { reasoning: { enabled: true, summary: 'auto' } };
    expect(render('responses', 'gpt-4.1', asked).body).not.toHaveProperty('reasoning');
    expect(render('responses', 'gpt-4.1', asked).body).not.toHaveProperty('include');
    expect(render('responses', 'gpt-4.1', asked).lost).toEqual(['thinking']);
    expect(render('responses', 'gpt-5.2', asked).body).toMatchObject({
      reasoning: { summary: 'auto' },
      include: ['reasoning.encrypted_content'],
    });
  });

  it.each([
    ['gpt-4.1', undefined, { temperature: 0.2 }, []],
    ['o3', undefined, {}, ['temperature']],
    ['gpt-5', undefined, {}, ['temperature']],
    ['gpt-5.2', undefined, { temperature: 0.2 }, []],
    ['gpt-5.2', { effort: 'low' }, {}, ['temperature']],
    ['some-model', { effort: 'low' }, { temperature: 0.2 }, []],
  ])('%s is sent a temperature only where it takes one: %j', (model, reasoning, expected, lost) => {
    for (const to of ['responses', 'chat'] as const) {
      const { body, lost: paths } = render(to, model, { temperature: 0.2, ...(reasoning !== undefined && { reasoning }) });
      expect({ ...(body.temperature !== undefined && { temperature: body.temperature }) }).toEqual(expected);
      expect(paths).toEqual(lost);
    }
  });

  it('is left to its own client', () => {
    const turn: TurnRequest = {
      from: 'chat',
      model: 'gpt-4.1',
      items: [said],
      tools: [],
      stream: false,
      extra: {},
      temperature: 0.2,
      reasoning: { effort: 'max' },
    };
    expect(codecs.chat.renderRequest(turn)).toMatchObject({ body: { reasoning_effort: 'max', temperature: 0.2 }, lost: [] });
  });
});

const asObject = (value: unknown): Record<string, unknown> => ({ ...(typeof value === 'object' ? value : {}) });
