import { describe, expect, it } from 'vitest';
import { chooseRoute } from '../../../bridges/companion/route.ts';
import type { Provider as ProviderShape, WireFormat } from '../../../bridges/contract/index.ts';
import { Provider, ProviderPreset } from '../../../bridges/contract/providers.ts';
import { Settings } from '../../../bridges/contract/settings.ts';
import { claimantOf, overlapsOf } from '../../../bridges/upstreams/providers/claims.ts';
import { isVendors, PRESETS } from '../../../bridges/upstreams/providers/presets.ts';
import { targetAt } from '../../../bridges/upstreams/providers/provider.ts';
import { useOlderNames } from '../../../bridges/wire/chat/older-names.ts';

const provider = (name: string, more: object = {}): ProviderShape => Provider.parse({ name, baseUrl: `https://${name}.example`, ...more });

describe('the place of a call at a provider', () => {
  it.each([
    ['https://api.deepseek.com', 'https://api.deepseek.com/anthropic', '/v1/chat/completions', '/anthropic/v1/messages'],
    ['https://openrouter.ai/api/v1', null, '/api/v1/chat/completions', '/api/v1/messages'],
    ['https://openrouter.ai/api/v1/', null, '/api/v1/chat/completions', '/api/v1/messages'],
    ['https://host.example/v1beta/openai', null, '/v1beta/openai/chat/completions', '/v1beta/openai/v1/messages'],
    ['https://host.example/paas/v4', 'https://host.example/anthropic', '/paas/v4/chat/completions', '/anthropic/v1/messages'],
    ['http://127.0.0.1:11434', null, '/v1/chat/completions', '/v1/messages'],
    ['http://127.0.0.1:1234/v1', 'http://127.0.0.1:1234/v1', '/v1/chat/completions', '/v1/messages'],
  ])('%s (%s)', (baseUrl, messagesUrl, chat, messages) => {
    expect(targetAt({ baseUrl, messagesUrl }, '/v1/chat/completions')).toBe(chat);
    expect(targetAt({ baseUrl, messagesUrl }, '/v1/messages?beta=true')).toBe(`${messages}?beta=true`);
  });
});

describe('who serves a model', () => {
  it('is chosen by priority, then by what a pattern says, then in order', () => {
    const all = [
      provider('wide', { models: ['*'] }),
      provider('long', { models: ['qwen3-*'] }),
      provider('again', { models: ['qwen3-*'] }),
    ];
    const first = provider('first', { models: ['*'], priority: 1 });
    expect(claimantOf('qwen3-coder', all)?.name).toBe('long');
    expect(claimantOf('qwen3-coder', [...all, first])?.name).toBe('first');
    expect(claimantOf('glm', all)?.name).toBe('wide');
    expect(claimantOf('glm', all.slice(1))).toBeUndefined();
    expect(overlapsOf(all)).toEqual(['"long" and "again" both serve qwen3-*; "long" gets it.']);
    expect(overlapsOf([...all, first])).toHaveLength(1);
  });
});

describe('the route of a call to a provider', () => {
  const providers = [
    { name: 'lab', baseUrl: 'https://lab.example', models: ['qwen*'] },
    { name: 'own', baseUrl: 'https://own.example', credential: 'client', models: ['glm*'] },
  ];
  const route = (model: string, companion: object = {}, question: { ownCredential?: boolean; wire?: WireFormat } = {}) =>
    chooseRoute(
      { model, wire: 'chat', client: 'curl', backend: false, ownCredential: false, ...question },
      Settings.parse({ companion, upstreams: { providers } }),
    );

  it('goes by its name before the model’s, which it gets without', () => {
    expect(route('lab/vendor/some')).toEqual({ upstream: 'lab', rule: 'named provider', model: 'vendor/some' });
    expect(route('labour/some')).toMatchObject({ refused: 'model_unknown' });
  });
  it('goes by the models it serves, after the client’s own credential', () => {
    expect(route('qwen3')).toEqual({ upstream: 'lab', rule: 'provider that serves it' });
    expect(route('qwen3', {}, { ownCredential: true })).toMatchObject({ upstream: 'openai' });
  });
  it('goes by a rule, an alias and the fallback, too', () => {
    expect(route('gpt-5.5', { routes: [{ model: 'gpt-*', upstream: 'lab' }] })).toEqual({ upstream: 'lab', rule: 'rule 1' });
    expect(route('lab/x', { routes: [{ upstream: 'lab' }] })).toEqual({ upstream: 'lab', rule: 'rule 1', model: 'x' });
    expect(route('sonnet', { aliases: { sonnet: 'lab/x' } })).toEqual({ upstream: 'lab', rule: 'alias, named provider', model: 'x' });
    expect(route('any', { fallback: 'lab' })).toEqual({ upstream: 'lab', rule: 'fallback' });
  });
  it('wants the client’s credential where the provider does', () => {
    expect(route('own/x')).toMatchObject({ refused: 'sign_in_needed' });
    expect(route('glm-5')).toMatchObject({ refused: 'sign_in_needed' });
    expect(route('own/x', {}, { ownCredential: true })).toEqual({ upstream: 'own', rule: 'named provider', model: 'x' });
  });
});

describe('the settings of providers', () => {
  const problemOf = (settings: object): string =>
    Settings.safeParse(settings)
      .error?.issues.map(({ path, message }) => `${path.join('.')}: ${message}`)
      .join() ?? '';
  const lab = { name: 'lab', baseUrl: 'https://lab.example' };
  it.each([
    [{ providers: [{ ...lab, name: 'codex' }] }, 'something built in'],
    [{ providers: [{ ...lab, name: 'none' }] }, 'something built in'],
    [{ providers: [{ ...lab, name: 'My Lab' }] }, 'small letters'],
    [{ providers: [{ ...lab, name: '__proto__' }] }, 'small letters'],
    [{ providers: [lab, lab] }, 'must not name a provider twice'],
    [{ providers: [{ ...lab, baseUrl: 'http://lab.example' }] }, 'must be https'],
    [{ providers: [{ ...lab, baseUrl: 'https://a:b@lab.example' }] }, 'user name'],
    [{ providers: [{ ...lab, messagesUrl: 'https://elsewhere.example' }] }, 'messagesUrl: must be at the same host'],
    [{ providers: [{ ...lab, wires: [] }] }, 'wires'],
    [{ providers: [{ ...lab, key: 'sk-1' }] }, 'key'],
  ])('%j are refused', (upstreams, problem) => {
    expect(problemOf({ upstreams })).toContain(problem);
  });
  it('are refused where a rule names one that is not there', () => {
    const companion = { routes: [{ upstream: 'lab' }], fallback: 'lap' };
    expect(problemOf({ companion })).toBe(
      'companion.routes.0.upstream: there is no upstream "lab",companion.fallback: there is no upstream "lap"',
    );
    expect(problemOf({ companion, upstreams: { providers: [lab, { ...lab, name: 'lap' }] } })).toBe('');
  });
});

describe('the presets', () => {
  it('are whole', () => {
    for (const preset of PRESETS) expect(ProviderPreset.safeParse({ ...preset, from: 'built-in' }).error).toBeUndefined();
    expect(new Set(PRESETS.map(({ name }) => name)).size).toBe(PRESETS.length);
  });
  it('know the vendors’ addresses from those of one’s own', () => {
    expect(['https://api.deepseek.com/anthropic', 'https://lab.example', 'http://127.0.0.1:11434'].map(isVendors)).toEqual([
      true,
      false,
      false,
    ]);
  });
});

it('the limit goes by its older name but to OpenAI’s reasoning models', () => {
  const named = (model: string): object => {
    const body = { model, max_completion_tokens: 5 };
    useOlderNames(body, model);
    return body;
  };
  expect(named('deepseek-v4-pro')).toEqual({ model: 'deepseek-v4-pro', max_tokens: 5 });
  expect(named('openai/gpt-5.5')).toEqual({ model: 'openai/gpt-5.5', max_completion_tokens: 5 });
});
