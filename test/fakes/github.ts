import { startFakeUpstream, type FakeUpstream, type Seen } from './upstream.ts';

/** A strict stand-in for github.com, api.github.com and Copilot's own API, on one loopback origin. */
export type FakeGitHub = {
  server: FakeUpstream;
  clientId: string;
  /** The person's answer to the device code. */
  answer: 'waiting' | 'allowed' | 'denied' | 'expired';
  /** Resolves once the person has answered, or the signal aborts. */
  answered(signal: AbortSignal): Promise<void>;
  /** Told once, at the next poll. */
  slowDown: boolean;
  /** The code is typed in on a page of its own, for tests that drive a browser. */
  hasPage: boolean;
  token: string;
  api: string;
  chat: boolean;
  /** The account is known, and has no Copilot. */
  noCopilot: boolean;
  /** The network goes once a token was given. */
  goesAfterToken: boolean;
  revoked: boolean;
  /** Calls come by the SDK, under the names the SDK gives out. */
  sdk: boolean;
  /** What a model call must carry besides the token. */
  sessionToken: string | null;
  /** The list of models is told once this is over. */
  listGate: Promise<void>;
  /** Answers with the status 503, or not at all. */
  outage: 'none' | 'failing' | 'gone';
  /** Seconds the tokens of a GitHub App live; null is an OAuth app, whose tokens do not end. */
  expiresIn: number | null;
  /** Answers the next model call with this instead. */
  callAnswer: { status: number; headers?: Record<string, string>; body: unknown } | null;
  /** Quota headers of every model call. */
  quotaHeaders: Record<string, string>;
};

export async function startFakeGitHub(): Promise<FakeGitHub> {
  const server = await startFakeUpstream((req, res) => {
    const json = (status: number, body: unknown, headers: Record<string, string> = {}): void =>
      void res.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body));
    if (fake.outage === 'gone') return void res.destroy();
    if (fake.outage === 'failing') return json(503, { message: 'Unavailable' });
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
    if (path === '/login/oauth/access_token' && form.get('grant_type') === 'refresh_token') {
      const fits = form.get('refresh_token') === refreshToken && form.get('client_id') === fake.clientId && !fake.revoked;
      // A refresh token is good for one renewal.
      return json(200, fits ? give() : { error: 'bad_refresh_token' });
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
      if (fake.answer === 'expired') return json(200, { error: 'expired_token' });
      return json(200, fake.answer === 'allowed' ? give() : { error: 'authorization_pending' });
    }
    if (!authorized) return json(401, { message: 'Bad credentials' });
    if (!(fake.sdk ? isSdks(req) : isOurs(req))) return json(403, { message: 'Impersonation' });
    if (path === '/copilot_internal/user') {
      if (fake.noCopilot) return json(403, { message: 'No Copilot' });
      return json(200, {
        login: 'octofake',
        copilot_plan: 'individual_pro',
        chat_enabled: fake.chat,
        endpoints: { api: fake.api === '' ? server.baseUrl : fake.api },
        quota_reset_date_utc: '2026-12-01T00:00:00.000Z',
        quota_snapshots: {
          chat: { unlimited: true, entitlement: 0, percent_remaining: 100, overage_count: 0, overage_permitted: false },
          premium_interactions: { unlimited: false, entitlement: 1500, percent_remaining: 80.5, overage_count: 0, overage_permitted: true },
        },
      });
    }
    if (path === '/models') {
      const policy = { state: 'enabled' };
      const list = {
        data: [
          { id: 'gpt-5.4', vendor: 'OpenAI', policy, supported_endpoints: ['/chat/completions', '/responses', 'ws:/responses'] },
          { id: 'claude-sonnet-4.6', vendor: 'Anthropic', policy, supported_endpoints: ['/chat/completions', '/v1/messages'] },
          { id: 'gpt-4.1', vendor: 'Azure OpenAI', policy, supported_endpoints: ['/chat/completions'] },
          { id: 'only-responses', vendor: 'OpenAI', policy, supported_endpoints: ['/responses'] },
          { id: 'off', policy: { state: 'disabled' } },
        ],
      };
      return void fake.listGate.then(() => json(200, list));
    }
    const { model, stream }: { model: unknown; stream?: boolean } = JSON.parse(req.body.toString());
    if (req.headers['x-initiator'] !== 'user' && req.headers['x-initiator'] !== 'agent') return json(400, { message: 'No initiator' });
    if (fake.sessionToken !== null && req.headers['copilot-session-token'] !== fake.sessionToken)
      return json(401, { message: 'Bad session token' });
    if (fake.callAnswer !== null) {
      const { status, headers, body } = fake.callAnswer;
      fake.callAnswer = null;
      return json(status, body, headers);
    }
    for (const [name, value] of Object.entries(fake.quotaHeaders)) res.setHeader(name, value);
    const streamed = stream === true ? STREAMS[path] : undefined;
    const takes: Record<string, boolean> = {
      '/v1/messages': model === 'claude-sonnet-4.6',
      '/responses': model === 'gpt-5.4' || model === 'only-responses',
      '/chat/completions': model !== 'only-responses',
    };
    if (streamed !== undefined && takes[path] === true)
      return void res.writeHead(200, { 'content-type': 'text/event-stream' }).end(eventsOf(streamed(model), path !== '/chat/completions'));
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
    if (path === '/chat/completions' && model !== 'only-responses') {
      return json(200, {
        id: 'c',
        object: 'chat.completion',
        created: 1,
        model,
        choices: [{ index: 0, message: { role: 'assistant', content: 'Hello.' }, finish_reason: 'stop' }],
      });
    }
    if (path === '/responses' && (model === 'gpt-5.4' || model === 'only-responses')) {
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
  let answer: FakeGitHub['answer'] = 'waiting';
  let decided = Promise.withResolvers<void>();
  let given = 0;
  let refreshToken = '';
  const give = (): object => {
    if (fake.goesAfterToken) fake.outage = 'gone';
    if (fake.expiresIn === null) return { access_token: fake.token, token_type: 'bearer', scope: 'read:user' };
    given += 1;
    fake.token = `ghu_CANARY-${given}`;
    refreshToken = `ghr_CANARY-${given}`;
    return { access_token: fake.token, refresh_token: refreshToken, expires_in: fake.expiresIn, token_type: 'bearer', scope: '' };
  };
  const fake: FakeGitHub = {
    server,
    clientId: 'Ov23liOwnApp',
    listGate: Promise.resolve(),
    get answer() {
      return answer;
    },
    set answer(next) {
      answer = next;
      decided.resolve();
      decided = Promise.withResolvers();
    },
    async answered(signal) {
      if (answer !== 'waiting' || signal.aborted) return;
      const aborted = new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
      await Promise.race([decided.promise, aborted]);
    },
    slowDown: false,
    hasPage: false,
    token: 'gho_CANARY0123456789012345678901234567',
    api: '',
    chat: true,
    noCopilot: false,
    goesAfterToken: false,
    revoked: false,
    sdk: false,
    sessionToken: null,
    outage: 'none',
    expiresIn: null,
    callAnswer: null,
    quotaHeaders: {},
  };
  return fake;
}

/** No other product's name, anywhere. */
function isOurs({ headers }: Seen): boolean {
  const named = /copilot|vscode|github/i.test(headers['user-agent'] ?? '');
  return !named && headers['copilot-integration-id'] === undefined && headers['editor-version'] === undefined;
}

/** The SDK's own questions, or a call with all that the SDK says to send, and our name beside its own. */
function isSdks({ headers, method }: Seen): boolean {
  const agent = headers['user-agent'] ?? '';
  if (method === 'GET') return /^copilot(?:-agent-runtime)?\//.test(agent);
  const whole = ['copilot-integration-id', 'copilot-harness-id', 'editor-version', 'x-interaction-id', 'x-github-api-version'];
  return whole.every((name) => headers[name] !== undefined) && /^copilot\/.* Drawbridge\//.test(agent);
}

type Events = Record<string, unknown>[];

/** "Hello." as a stream of each kind, whole (SPEC 9). */
const STREAMS: Readonly<Record<string, (model: unknown) => Events>> = {
  '/v1/messages': (model) => [
    {
      type: 'message_start',
      message: {
        id: 'msg_1',
        type: 'message',
        role: 'assistant',
        model,
        content: [],
        stop_reason: null,
        stop_sequence: null,
        usage: { input_tokens: 5, output_tokens: 1 },
      },
    },
    { type: 'content_block_start', index: 0, content_block: { type: 'text', text: '' } },
    { type: 'content_block_delta', index: 0, delta: { type: 'text_delta', text: 'Hello.' } },
    { type: 'content_block_stop', index: 0 },
    { type: 'message_delta', delta: { stop_reason: 'end_turn', stop_sequence: null }, usage: { output_tokens: 2 } },
    { type: 'message_stop' },
  ],
  '/responses': (model) => {
    const item = (status: string, text: string | null): object => ({
      id: 'msg_1',
      type: 'message',
      status,
      role: 'assistant',
      content: text === null ? [] : [{ type: 'output_text', text, annotations: [] }],
    });
    const at = { item_id: 'msg_1', output_index: 0, content_index: 0 };
    const usage = {
      input_tokens: 5,
      input_tokens_details: { cached_tokens: 0 },
      output_tokens: 2,
      output_tokens_details: { reasoning_tokens: 0 },
      total_tokens: 7,
    };
    const response = (status: string, output: object[]): object => ({
      id: 'resp_1',
      object: 'response',
      created_at: 1,
      status,
      model,
      output,
    });
    return [
      { type: 'response.created', response: response('in_progress', []) },
      { type: 'response.output_item.added', output_index: 0, item: item('in_progress', null) },
      { type: 'response.content_part.added', ...at, part: { type: 'output_text', text: '', annotations: [] } },
      { type: 'response.output_text.delta', ...at, delta: 'Hello.' },
      { type: 'response.output_text.done', ...at, text: 'Hello.' },
      { type: 'response.content_part.done', ...at, part: { type: 'output_text', text: 'Hello.', annotations: [] } },
      { type: 'response.output_item.done', output_index: 0, item: item('completed', 'Hello.') },
      { type: 'response.completed', response: { ...response('completed', [item('completed', 'Hello.')]), usage } },
    ].map((event, n) => ({ ...event, sequence_number: n }));
  },
  '/chat/completions': (model) => {
    const chunk = (delta: object, finish: string | null): Record<string, unknown> => ({
      id: 'c',
      object: 'chat.completion.chunk',
      created: 1,
      model,
      choices: [{ index: 0, delta, finish_reason: finish }],
    });
    return [chunk({ role: 'assistant', content: 'Hello.' }, null), chunk({}, 'stop')];
  },
};

function eventsOf(events: Events, named: boolean): string {
  const lines = events.map((event) => `${named ? `event: ${String(event['type'])}\n` : ''}data: ${JSON.stringify(event)}\n\n`);
  return lines.join('') + (named ? '' : 'data: [DONE]\n\n');
}
