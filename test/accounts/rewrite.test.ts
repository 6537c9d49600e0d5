import { describe, expect, it } from 'vitest';
import { readLogin } from '../../bridges/codex/codex-cli.ts';
import { prepare } from '../../bridges/codex/prepare.ts';
import { quotaOfHeaders, quotaOfUsage } from '../../bridges/codex/quota.ts';
import { planRequest } from '../../bridges/codex/rewrite.ts';
import type { JsonObject } from '../../bridges/wire/turn.ts';

const rewritten = (request: JsonObject, lane: 'plan' | 'backend' = 'plan') => {
  const result = planRequest(request, lane);
  if ('error' in result) throw new Error(result.error.message);
  return result;
};

it('a request for a platform key goes on byte for byte but for its model’s name', () => {
  const body = (model: string): Buffer => Buffer.from(`{ "model" : "${model}", "tools":[{"maximum":9223372036854775807}]}`);
  const request = { method: 'POST' as const, target: '/v1/responses', headers: [], body: body('codex/gpt-5.5') };
  const ready = prepare(request, { lane: 'platform', token: 't', accountId: null }, 'drawbridge/1');
  expect(ready).toMatchObject({ request: { body: body('gpt-5.5') } });
});

it.each(['plan', 'backend'] as const)('a request for a %s keeps the numbers that JavaScript would round', (lane) => {
  const body = Buffer.from(
    '{"model":"m","input":[],"tools":[{"type":"function","name":"f","parameters":{"maximum":9223372036854775807}}]}',
  );
  const ready = prepare(
    { method: 'POST', target: '/v1/responses', headers: [], body },
    { lane, token: 't', accountId: null },
    'drawbridge/1',
  );
  expect('request' in ready && ready.request.body?.toString()).toContain('"maximum":9223372036854775807}');
});

describe('a request for a plan', () => {
  it('always streams, is never stored, and names the model as the provider does', () => {
    expect(rewritten({ model: 'codex/gpt-5.5', input: [], store: true }).body).toEqual({
      model: 'gpt-5.5',
      input: [],
      store: false,
      stream: true,
    });
    expect(rewritten({ model: 'm', input: 'x', stream: true }).stream).toBe(true);
    expect(rewritten({ model: 'm', input: 'x' }).stream).toBe(false);
  });
  it('turns a text into a message, and a system message into a developer’s', () => {
    expect(rewritten({ model: 'm', input: 'hi' }).body.input).toEqual([
      { type: 'message', role: 'user', content: [{ type: 'input_text', text: 'hi' }] },
    ]);
    expect(rewritten({ model: 'm', input: [{ role: 'system', content: 'a' }] }).body.input).toEqual([{ role: 'developer', content: 'a' }]);
  });
  it('tells nothing lost where nothing was asked', () => {
    const { body, lost } = rewritten({ model: 'm', input: [], temperature: null, previous_response_id: null });
    expect(lost).toEqual([]);
    expect(body).not.toHaveProperty('temperature');
    expect(body).not.toHaveProperty('previous_response_id');
  });
  it.each(['previous_response_id', 'conversation', 'prompt'])('refuses %s, which would lose the conversation', (name) => {
    expect(planRequest({ model: 'm', input: [], [name]: 'x' }, 'plan')).toMatchObject({ error: { kind: 'invalid_request', param: name } });
  });
  it('moves the client’s own tools to where the plan promises to take them, and leaves the rest', () => {
    const { body, lost } = rewritten({
      model: 'm',
      input: 'x',
      tools: [
        { type: 'function', name: 'f' },
        { type: 'custom', name: 'c' },
        { type: 'namespace', name: 'n', tools: [] },
        { type: 'web_search' },
      ],
      tool_choice: { type: 'function', name: 'f' },
    });
    expect(body.tools).toEqual([{ type: 'namespace', name: 'n', tools: [] }, { type: 'web_search' }]);
    expect(body.input).toMatchObject([
      {
        type: 'additional_tools',
        role: 'developer',
        tools: [
          { name: 'f', parameters: null, strict: null },
          { type: 'custom', name: 'c' },
        ],
      },
      { role: 'user' },
    ]);
    expect(body.tool_choice).toEqual({ type: 'function', name: 'f' });
    expect(lost).toEqual([]);
  });
  it('leaves tools flat at the backend, as Codex itself sends them', () => {
    expect(rewritten({ model: 'm', input: 'x', tools: [{ type: 'function', name: 'f' }] }, 'backend').body.tools).toMatchObject([
      { name: 'f' },
    ]);
  });
  it('leaves the search for tools at the backend, which Codex itself asks for there, and drops it elsewhere', () => {
    const request = { model: 'm', input: [], tools: [{ type: 'tool_search' }] };
    expect(rewritten(request, 'backend')).toMatchObject({ body: { tools: [{ type: 'tool_search' }] }, lost: [] });
    expect(rewritten(request).lost).toMatchObject([{ path: 'tools[0]' }]);
  });
  it('drops hosted tools a plan lacks, and a choice of one', () => {
    const { body, lost } = rewritten({ model: 'm', input: 'x', tools: [{ type: 'file_search' }], tool_choice: { type: 'file_search' } });
    expect(body).not.toHaveProperty('tools');
    expect(body).not.toHaveProperty('tool_choice');
    expect(lost.map(({ path }) => path)).toEqual(['tools[0]', 'tool_choice']);
  });
});

describe('what is told of usage', () => {
  it('is nothing where nothing is told', () => {
    expect(quotaOfHeaders({ 'content-type': 'x' }, 0, null)).toBeNull();
    expect(quotaOfUsage('nonsense', 0)).toBeNull();
    expect(quotaOfUsage({ plan_type: 'plus' }, 0)).toMatchObject({ plan: 'plus', windows: [] });
  });
  it('survives numbers that are none', () => {
    expect(quotaOfHeaders({ 'x-codex-primary-used-percent': 'NaN', 'x-codex-secondary-reset-at': '1e99' }, 0, null)?.windows).toEqual([
      { name: 'secondary', usedPercent: null, minutes: null, resetsAt: null },
    ]);
  });
});

describe('the Codex CLI’s login file', () => {
  const jwt = (claims: object): string => `eyJhbGciOiJub25lIn0.${Buffer.from(JSON.stringify(claims)).toString('base64url')}.`;
  it.each([
    [undefined, /not signed in/],
    ['not json', /can’t be understood/],
    ['{}', /not signed in/],
    [JSON.stringify({ tokens: { access_token: jwt({ exp: 1 }) } }), /run out/],
  ])('says what is wrong with %j', (text, problem) =>
    expect(readLogin(text, 2_000)).toMatchObject({ problem: expect.stringMatching(problem) }),
  );
  it('is used at the door its shape opens', () => {
    const claims = { exp: 9e9, 'https://api.openai.com/auth': { chatgpt_account_id: 'acct-2', chatgpt_plan_type: 'pro' } };
    expect(readLogin(JSON.stringify({ tokens: { access_token: jwt(claims) } }), 0)).toMatchObject({
      grant: { lane: 'backend', accountId: 'acct-2' },
      plan: 'pro',
    });
    const siwc = { tokens: { access_token: jwt({ exp: 9e9 }), oauth_provenance: { client_id: 'oaiapp_x' } } };
    expect(readLogin(JSON.stringify(siwc), 0)).toMatchObject({ grant: { lane: 'plan' } });
    expect(readLogin(JSON.stringify({ OPENAI_API_KEY: 'sk-1' }), 0)).toMatchObject({ grant: { lane: 'platform', token: 'sk-1' } });
  });
});
