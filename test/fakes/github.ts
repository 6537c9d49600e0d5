import { startFakeUpstream, type FakeUpstream } from './upstream.ts';

/** A strict stand-in for github.com, api.github.com and Copilot's own API, on one loopback origin. */
export type FakeGitHub = {
  server: FakeUpstream;
  clientId: string;
  /** The person's answer to the device code. */
  answer: 'waiting' | 'allowed' | 'denied';
  /** Told once, at the next poll. */
  slowDown: boolean;
  /** The code is typed in on a page of its own, for tests that drive a browser. */
  hasPage: boolean;
  token: string;
  api: string;
  chat: boolean;
  revoked: boolean;
};

export async function startFakeGitHub(): Promise<FakeGitHub> {
  const server = await startFakeUpstream((req, res) => {
    const json = (status: number, body: unknown): void =>
      void res.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
    const form = new URLSearchParams(req.body.toString());
    const path = req.url.replace(/\?.*$/, '');
    const authorized = req.headers.authorization === `Bearer ${fake.token}` && !fake.revoked;
    if (path === '/login/device/code') {
      if (form.get('client_id') !== fake.clientId) return json(404, { error: 'Not Found' });
      return json(200, {
        device_code: 'CANARY-device',
        user_code: 'ABCD-1234',
        verification_uri: fake.hasPage ? `${server.baseUrl}/login/device` : 'https://github.com/login/device',
        interval: '1',
        expires_in: 899,
      });
    }
    if (path === '/login/device') {
      if (form.get('user_code') === 'ABCD-1234') fake.answer = form.get('choice') === 'allow' ? 'allowed' : 'denied';
      const html = `<title>Device</title><form method="post"><input name="user_code" aria-label="Code">
        <button name="choice" value="allow">Authorize</button> <button name="choice" value="deny">Cancel</button></form><p>${fake.answer}</p>`;
      return void res.writeHead(200, { 'content-type': 'text/html' }).end(html);
    }
    if (path === '/login/oauth/access_token') {
      if (form.get('device_code') !== 'CANARY-device' || form.get('client_id') !== fake.clientId)
        return json(200, { error: 'incorrect_device_code' });
      if (fake.slowDown) {
        fake.slowDown = false;
        return json(200, { error: 'slow_down', interval: 6 });
      }
      if (fake.answer === 'denied') return json(200, { error: 'access_denied' });
      return json(
        200,
        fake.answer === 'allowed'
          ? { access_token: fake.token, token_type: 'bearer', scope: 'read:user' }
          : { error: 'authorization_pending' },
      );
    }
    if (!authorized) return json(401, { message: 'Bad credentials' });
    if (/copilot|vscode|github/i.test(req.headers['user-agent'] ?? '') || req.headers['copilot-integration-id'] !== undefined)
      return json(403, { message: 'Impersonation' });
    if (path === '/copilot_internal/user') {
      return json(200, {
        login: 'octofake',
        copilot_plan: 'individual_pro',
        chat_enabled: fake.chat,
        endpoints: { api: fake.api === '' ? server.baseUrl : fake.api },
        quota_reset_date_utc: '2026-12-01T00:00:00.000Z',
        quota_snapshots: {
          chat: { unlimited: true, percent_remaining: 100 },
          premium_interactions: { unlimited: false, percent_remaining: 80.5 },
        },
      });
    }
    if (path === '/models') {
      const policy = { state: 'enabled' };
      return json(200, {
        data: [
          { id: 'gpt-5.4', vendor: 'OpenAI', policy, supported_endpoints: ['/chat/completions', '/responses', 'ws:/responses'] },
          { id: 'claude-sonnet-4.6', vendor: 'Anthropic', policy, supported_endpoints: ['/chat/completions', '/v1/messages'] },
          { id: 'off', policy: { state: 'disabled' } },
        ],
      });
    }
    const model: unknown = JSON.parse(req.body.toString()).model;
    if (path === '/v1/messages' && model === 'claude-sonnet-4.6') {
      return json(200, {
        id: 'msg_1',
        type: 'message',
        role: 'assistant',
        model,
        content: [{ type: 'text', text: 'Hello.' }],
        stop_reason: 'end_turn',
        usage: { input_tokens: 1, output_tokens: 1 },
      });
    }
    if (path === '/chat/completions') {
      return json(200, {
        id: 'c',
        object: 'chat.completion',
        created: 1,
        model,
        choices: [{ index: 0, message: { role: 'assistant', content: 'Hello.' }, finish_reason: 'stop' }],
      });
    }
    if (path === '/responses' && model === 'gpt-5.4') {
      const output = [
        {
          type: 'message',
          id: 'm',
          role: 'assistant',
          status: 'completed',
          content: [{ type: 'output_text', text: 'Hello.', annotations: [] }],
        },
      ];
      return json(200, { id: 'r', object: 'response', status: 'completed', model, output });
    }
    json(400, { error: { message: 'unsupported_api_for_model', code: 'unsupported_api_for_model' } });
  });
  const fake: FakeGitHub = {
    server,
    clientId: 'Ov23liOwnApp',
    answer: 'waiting',
    slowDown: false,
    hasPage: false,
    token: 'gho_CANARY0123456789012345678901234567',
    api: '',
    chat: true,
    revoked: false,
  };
  return fake;
}
