import { describe, expect, it } from 'vitest';
import { Settings } from '../../bridges/contract/settings.ts';
import { chooseRoute, type RouteQuestion } from '../../bridges/companion/route.ts';

const question: RouteQuestion = { model: 'gpt-5.5', wire: 'responses', client: 'codex', backend: false, ownCredential: false };
const settings = (value: object = {}) => Settings.parse(value);
const gateway = { upstreams: { gateway: { baseUrl: 'https://gw.example.com' } } };

describe('the route of a call', () => {
  const table: [string, Partial<RouteQuestion>, object, object][] = [
    ['a practice model goes to practice', { model: 'practice/echo' }, {}, { upstream: 'practice' }],
    ['a practice model goes to practice even where there is a gateway', { model: 'practice/echo' }, gateway, { upstream: 'practice' }],
    ['ChatGPT’s paths go to ChatGPT', { backend: true, ownCredential: true }, {}, { upstream: 'chatgpt' }],
    ['ChatGPT’s paths want the client’s credential', { backend: true }, {}, { refused: 'sign_in_needed' }],
    [
      'an own credential goes to its own provider (messages)',
      { wire: 'messages', ownCredential: true },
      gateway,
      { upstream: 'anthropic' },
    ],
    ['an own credential goes to its own provider (chat)', { wire: 'chat', ownCredential: true }, gateway, { upstream: 'openai' }],
    ['without one the gateway takes it', {}, gateway, { upstream: 'gateway' }],
    ['without a gateway nothing does', {}, {}, { refused: 'model_unknown' }],
    ['unless there is a fallback', {}, { companion: { fallback: 'practice' } }, { upstream: 'practice', rule: 'fallback' }],
    [
      'a rule comes before everything',
      { model: 'practice/echo' },
      { ...gateway, companion: { routes: [{ model: 'practice/*', upstream: 'gateway' }] } },
      { upstream: 'gateway', rule: 'rule 1' },
    ],
    [
      'a rule may ask for a wire format and a client',
      {},
      {
        companion: {
          routes: [
            { model: 'gpt-*', wire: 'chat', upstream: 'gateway' },
            { model: 'gpt-*', client: 'cod*', upstream: 'practice' },
          ],
        },
      },
      { upstream: 'practice', rule: 'rule 2' },
    ],
    [
      'a rule to a provider wants the client’s credential',
      {},
      { companion: { routes: [{ model: '*', upstream: 'anthropic' }] } },
      { refused: 'sign_in_needed' },
    ],
    [
      'a pattern may hold a star anywhere',
      { model: 'a-b-c' },
      { companion: { routes: [{ model: 'a*b*c', upstream: 'practice' }] } },
      { upstream: 'practice' },
    ],
    [
      'and matches the whole name',
      { model: 'a-b-c-d' },
      { companion: { routes: [{ model: 'a*b*c', upstream: 'practice' }] } },
      { refused: 'model_unknown' },
    ],
  ];
  it.each(table)('%s', (_name, change, value, expected) => {
    expect(chooseRoute({ ...question, ...change }, settings(value))).toMatchObject(expected);
  });
});
