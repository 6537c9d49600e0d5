import { describe, expect, it } from 'vitest';
import { Settings } from '../../bridges/contract/settings.ts';
import { chooseRoute, type Offers, type RouteQuestion } from '../../bridges/companion/route.ts';

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

describe('a model named without its bridge', () => {
  const offers: Offers = (bridge, model) =>
    ({ codex: ['gpt-5.5', 'both'], copilot: ['claude-sonnet-4.6', 'both'] })[bridge].includes(model);
  const prefer = (...order: string[]) => ({ companion: { prefer: order } });
  const table: [string, string, object, object][] = [
    ['goes to the bridge that has it', 'claude-sonnet-4.6', {}, { upstream: 'copilot', rule: 'copilot bridge, by preference' }],
    ['goes to the first in order where both have it', 'both', {}, { upstream: 'codex' }],
    ['goes by the order its owner chose', 'both', prefer('copilot', 'codex'), { upstream: 'copilot' }],
    ['goes to the gateway first where there is one', 'both', gateway, { upstream: 'gateway', rule: 'gateway' }],
    ['goes to the gateway last where its owner says so', 'both', { ...gateway, ...prefer('codex', 'gateway') }, { upstream: 'codex' }],
    ['goes to the gateway where no bridge has it', 'llama', { ...gateway, ...prefer('codex', 'gateway') }, { upstream: 'gateway' }],
    ['goes nowhere where nobody is preferred', 'both', prefer(), { refused: 'model_unknown' }],
    ['goes nowhere where nobody has it', 'llama', {}, { refused: 'model_unknown' }],
  ];
  it.each(table)('%s', (_name, model, value, answer) =>
    expect(chooseRoute({ ...question, model }, settings(value), offers)).toMatchObject(answer),
  );
  it('goes to the client’s own provider where the client brings its credential', () =>
    expect(chooseRoute({ ...question, model: 'both', ownCredential: true }, settings(), offers)).toMatchObject({ upstream: 'openai' }));
});

describe('an alias', () => {
  const aliases = { sonnet: 'copilot/claude-sonnet-4.6', again: 'sonnet' };
  it.each([
    ['stands for its model', 'sonnet', { upstream: 'copilot', model: 'copilot/claude-sonnet-4.6', rule: 'alias, copilot bridge' }],
    ['is not looked up twice', 'again', { refused: 'model_unknown' }],
    ['is not what every object has', 'constructor', { refused: 'model_unknown' }],
  ])('%s', (_name, model, answer) =>
    expect(chooseRoute({ ...question, model }, settings({ companion: { aliases } }))).toMatchObject(answer),
  );
  it('may be what a rule is about', () => {
    const companion = { aliases, routes: [{ model: 'copilot/*', upstream: 'practice' }] };
    expect(chooseRoute({ ...question, model: 'sonnet' }, settings({ companion }))).toMatchObject({
      upstream: 'practice',
      rule: 'alias, rule 1',
    });
  });
});
