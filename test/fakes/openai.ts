import { createHash, randomBytes } from 'node:crypto';
import type http from 'node:http';
import { exportJWK, generateKeyPair, SignJWT } from 'jose';
import { startFakeUpstream, type FakeUpstream, type Seen } from './upstream.ts';

/**
 * A strict stand-in for auth.openai.com, api.openai.com and the ChatGPT backend, on one loopback origin. It refuses
 * what the real services are known to refuse (SPEC 3.1, 3.3), and its secrets carry the word CANARY.
 */
export type FakeOpenAI = {
  baseUrl: string;
  seen: Seen[];
  /** Platform keys that are accepted. */
  keys: Set<string>;
  /** How it behaves from now on. */
  mood: {
    /** Seconds an access token lives. */
    expiresIn: number;
    /** Unix seconds, told as earliest_refresh_at; a refresh before it is refused and spends the token. */
    earliestRefreshAt: number | null;
    sharesPlan: boolean;
    /** Milliseconds its clock is ahead of ours. */
    ahead: number;
    idToken: 'good' | 'wrong_nonce' | 'wrong_audience' | 'wrong_key' | 'expired';
    /** Answers the next token request with this instead. */
    tokenAnswer: { status: number; headers?: Record<string, string>; body: unknown } | null;
    /** Answers the next model call with this instead. */
    callAnswer: { status: number; headers?: Record<string, string>; body: unknown } | null;
    /** Takes the request in, then drops the connection. */
    dropsToken: boolean;
    revokes: boolean;
    /** Begins its streams and never ends them. */
    hangs: boolean;
  };
  /** Access tokens stop being accepted, as if they had run out. */
  expireAccess(): void;
  /** The person disconnects the app. */
  disconnect(): void;
  /** What a person does in the browser: opens the page and clicks. Returns the callback's status and text. */
  person(url: string, choice: 'allow' | 'deny'): Promise<{ status: number; text: string }>;
  stop(): Promise<void>;
};

type Code = { clientId: string; challenge: string; redirectUri: string; nonce: string };
const SCOPE = 'openid profile email offline_access resource.invoke chatgpt.tokens.use.direct';
const RESOURCE = 'https://api.openai.com/v1';
const REJECTED = [
  'background',
  'conversation',
  'max_output_tokens',
  'max_tool_calls',
  'metadata',
  'moderation',
  'multi_agent',
  'prompt',
  'prompt_cache_retention',
  'safety_identifier',
  'temperature',
  'top_logprobs',
  'top_p',
  'truncation',
  'user',
  'previous_response_id',
  'prompt_cache_options',
  'prompt_cache_breakpoint',
];

export async function startFakeOpenAI(): Promise<FakeOpenAI> {
  const { publicKey, privateKey } = await generateKeyPair('RS256');
  const other = await generateKeyPair('RS256');
  const jwk = { ...(await exportJWK(publicKey)), kid: 'k1', alg: 'RS256', use: 'sig' };
  const clients = new Set<string>();
  const codes = new Map<string, Code>();
  const refreshTokens = new Map<string, { clientId: string; spent: boolean; earliest: number | null }>();
  const access = new Set<string>();
  let dead = false;

  const issue = async (clientId: string, nonce: string | null): Promise<object> => {
    const { mood } = fake;
    const serverNow = Math.floor((Date.now() + mood.ahead) / 1000);
    const accessToken = `CANARY-access-${randomBytes(12).toString('hex')}`;
    const refreshToken = `CANARY-refresh-${randomBytes(12).toString('hex')}`;
    access.add(accessToken);
    refreshTokens.set(refreshToken, { clientId, spent: false, earliest: mood.earliestRefreshAt });
    const idToken =
      nonce === null
        ? undefined
        : await new SignJWT({ nonce: mood.idToken === 'wrong_nonce' ? 'other' : nonce, email: 'user@example.com' })
            .setProtectedHeader({ alg: 'RS256', kid: 'k1' })
            .setIssuer(server.baseUrl)
            .setAudience([mood.idToken === 'wrong_audience' ? 'oaiapp_other' : clientId])
            .setSubject('user-opaque')
            .setIssuedAt(serverNow)
            .setExpirationTime(mood.idToken === 'expired' ? serverNow - 3600 : serverNow + 3600)
            .sign(mood.idToken === 'wrong_key' ? other.privateKey : privateKey);
    return {
      access_token: accessToken,
      refresh_token: refreshToken,
      ...(idToken === undefined ? {} : { id_token: idToken }),
      token_type: 'Bearer',
      expires_in: mood.expiresIn,
      scope: mood.sharesPlan ? SCOPE : 'openid profile email offline_access',
      earliest_refresh_at: mood.earliestRefreshAt,
    };
  };

  const token = async (req: Seen, res: http.ServerResponse): Promise<void> => {
    const { mood } = fake;
    if (mood.dropsToken) return void res.destroy();
    if (req.headers['content-type'] !== 'application/x-www-form-urlencoded') return json(res, 400, { error: 'invalid_request' });
    if (mood.tokenAnswer !== null) {
      const { status, headers, body } = mood.tokenAnswer;
      mood.tokenAnswer = null;
      return json(res, status, body, headers);
    }
    const form = new URLSearchParams(req.body.toString());
    const clientId = form.get('client_id') ?? '';
    if (!clients.has(clientId)) return json(res, 401, { error: 'invalid_client' });
    if (form.get('resource') !== RESOURCE) return json(res, 400, { error: 'invalid_target' });
    if (form.get('grant_type') === 'authorization_code') {
      const code = codes.get(form.get('code') ?? '');
      codes.delete(form.get('code') ?? '');
      const challenge = createHash('sha256')
        .update(form.get('code_verifier') ?? '')
        .digest('base64url');
      const fits = code?.clientId === clientId && code.challenge === challenge && code.redirectUri === form.get('redirect_uri');
      return fits ? json(res, 200, await issue(clientId, code.nonce), dated(mood.ahead)) : json(res, 400, { error: 'invalid_grant' });
    }
    if (form.get('grant_type') !== 'refresh_token' || form.has('scope')) return json(res, 400, { error: 'unsupported_grant_type' });
    const held = refreshTokens.get(form.get('refresh_token') ?? '');
    if (held === undefined || held.clientId !== clientId || dead) return json(res, 400, { error: 'invalid_grant' });
    if (held.spent) {
      // A token used twice was stolen: the whole session ends.
      dead = true;
      access.clear();
      return json(res, 400, { error: 'refresh_token_reused' });
    }
    held.spent = true;
    if (held.earliest !== null && (Date.now() + mood.ahead) / 1000 < held.earliest) return json(res, 400, { error: 'invalid_grant' });
    json(res, 200, await issue(clientId, null), dated(mood.ahead));
  };

  const authorize = (url: URL, res: http.ServerResponse): void => {
    const q = url.searchParams;
    const first = q.get('client_id') === 'dynamic_agent_client';
    const known = clients.has(q.get('client_id') ?? '');
    const problem = [
      [first ? q.get('agent_name_hint') === 'Drawbridge' : known && !q.has('agent_name_hint'), 'client'],
      [/^urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-4/.test(q.get('ext_agent_host_id') ?? ''), 'host id'],
      [q.get('response_type') === 'code', 'response_type'],
      [/^http:\/\/127\.0\.0\.1:\d+\/auth\/callback$/.test(q.get('redirect_uri') ?? ''), 'redirect_uri'],
      [q.get('scope') === SCOPE, 'scope'],
      [q.get('resource') === RESOURCE, 'resource'],
      [(q.get('state') ?? '').length >= 32 && (q.get('nonce') ?? '').length >= 32, 'state or nonce'],
      [q.get('code_challenge_method') === 'S256' && /^[\w-]{43}$/.test(q.get('code_challenge') ?? ''), 'PKCE'],
    ].find(([fine]) => fine !== true);
    if (problem !== undefined) return void res.writeHead(400).end(`bad ${String(problem[1])}`);
    const answer = (path: string): string => `${path}?${q.toString().replaceAll('&', '&amp;')}`;
    res
      .writeHead(200, { 'content-type': 'text/html' })
      .end(`<title>Sign in</title><a id="allow" href="${answer('/allow')}">Allow</a> <a id="deny" href="${answer('/deny')}">Deny</a>`);
  };

  const answered = (url: URL, res: http.ServerResponse): void => {
    const q = url.searchParams;
    const back = new URL(q.get('redirect_uri') ?? '');
    back.searchParams.set('state', q.get('state') ?? '');
    if (url.pathname === '/deny') back.searchParams.set('error', 'access_denied');
    else {
      const first = q.get('client_id') === 'dynamic_agent_client';
      const clientId = first ? `oaiapp_${randomBytes(6).toString('hex')}` : (q.get('client_id') ?? '');
      clients.add(clientId);
      const code = `CANARY-code-${randomBytes(12).toString('hex')}`;
      codes.set(code, {
        clientId,
        challenge: q.get('code_challenge') ?? '',
        redirectUri: q.get('redirect_uri') ?? '',
        nonce: q.get('nonce') ?? '',
      });
      dead = false;
      back.searchParams.set('code', code);
      if (first) back.searchParams.set('client_id', clientId);
    }
    res.writeHead(302, { location: back.href }).end();
  };

  const call = (req: Seen, res: http.ServerResponse, path: string): void => {
    const { mood } = fake;
    const bearer = /^Bearer (.*)$/.exec(req.headers.authorization ?? '')?.[1] ?? '';
    const isKey = fake.keys.has(bearer);
    const backend = path.startsWith('/backend-api/');
    if (!isKey && !access.has(bearer)) {
      return bearer.startsWith('sk-')
        ? json(res, 401, {
            error: { message: 'Incorrect API key provided', type: 'invalid_request_error', code: 'invalid_api_key', param: null },
          })
        : json(res, 401, { detail: { error_code: 'invalid_token' } });
    }
    if (/codex/i.test(req.headers['user-agent'] ?? '') || req.headers.originator?.toString().startsWith('codex') === true)
      return json(res, 403, { detail: 'Impersonation' });
    if (req.method === 'GET') return lists(res, path, isKey, new URL(req.url, 'http://x').searchParams.get('client_version'));
    if (mood.callAnswer !== null) {
      const { status, headers, body } = mood.callAnswer;
      mood.callAnswer = null;
      return json(res, status, body, headers);
    }
    const body: Record<string, unknown> = JSON.parse(req.body.toString());
    if (mood.hangs) {
      res.writeHead(200, { 'content-type': 'text/event-stream' }).write('event: response.created\ndata: {"type":"response.created"}\n\n');
      return;
    }
    if (isKey) return platform(res, path, body);
    const refusal = planRefusal(body, backend);
    if (refusal !== undefined) return json(res, 400, refusal);
    if (backend && req.headers['chatgpt-account-id'] === undefined) return json(res, 403, { detail: 'No account' });
    res.writeHead(200, {
      'content-type': 'text/event-stream',
      ...(backend
        ? {
            'x-codex-primary-used-percent': '12.5',
            'x-codex-primary-window-minutes': '300',
            'x-codex-primary-reset-at': '1800000000',
            'openai-model': 'gpt-5.5-2026',
            'x-codex-turn-state': 'CANARY-turn-state',
          }
        : {}),
    });
    res.end(stream(String(body['model']), [], usage()));
  };

  const server: FakeUpstream = await startFakeUpstream((req, res) => {
    const url = new URL(req.url, 'http://x');
    switch (url.pathname) {
      case '/api/accounts/authorize':
        return authorize(url, res);
      case '/allow':
      case '/deny':
        return answered(url, res);
      case '/api/accounts/oauth/token':
        return req.method === 'POST' ? token(req, res) : json(res, 405, {});
      case '/api/accounts/oauth/revoke': {
        const form = new URLSearchParams(req.body.toString());
        const held = refreshTokens.get(form.get('token') ?? '');
        if (!fake.mood.revokes || held === undefined || form.get('token_type_hint') !== 'refresh_token') return json(res, 503, {});
        dead = true;
        access.clear();
        return void res.writeHead(200).end();
      }
      case '/.well-known/jwks.json':
        return json(res, 200, { keys: [jwk] });
      case '/.well-known/openid-configuration':
        return json(res, 200, { issuer: server.baseUrl, revocation_endpoint: `${server.baseUrl}/api/accounts/oauth/revoke` });
      default:
        return call(req, res, url.pathname);
    }
  });

  const fake: FakeOpenAI = {
    baseUrl: server.baseUrl,
    seen: server.seen,
    keys: new Set(['sk-CANARY-platform-key-0001']),
    mood: {
      expiresIn: 3600,
      earliestRefreshAt: null,
      sharesPlan: true,
      ahead: 0,
      idToken: 'good',
      tokenAnswer: null,
      callAnswer: null,
      dropsToken: false,
      revokes: true,
      hangs: false,
    },
    expireAccess: () => access.clear(),
    disconnect() {
      dead = true;
      access.clear();
    },
    async person(url, choice) {
      const page = await fetch(url);
      const html = await page.text();
      const link = new RegExp(`id="${choice}" href="([^"]*)"`).exec(html)?.[1];
      if (link === undefined) throw new Error(`no page to click on: ${page.status} ${html}`);
      const moved = await fetch(server.baseUrl + link.replaceAll('&amp;', '&'), { redirect: 'manual' });
      const back = await fetch(moved.headers.get('location') ?? '');
      return { status: back.status, text: await back.text() };
    },
    stop: () => server.stop(),
  };

  /** A token of Codex' own, as its login file holds it. */
  access.add('CANARY-cli-access');
  return fake;
}

function lists(res: http.ServerResponse, path: string, isKey: boolean, clientVersion: string | null): void {
  if (path === '/backend-api/wham/usage') {
    return json(res, 200, {
      plan_type: 'plus',
      rate_limit: {
        primary_window: { used_percent: 40, limit_window_seconds: 18_000, reset_after_seconds: 60, reset_at: 1_800_000_000 },
        secondary_window: { used_percent: 5, limit_window_seconds: 604_800, reset_after_seconds: 600 },
      },
    });
  }
  if (path === '/backend-api/wham/accounts/check')
    return json(res, 200, {
      accounts: [{ id: 'acct-1', workspace_backend_origin: 'https://chatgpt.com', account_routing_override: 'us' }],
    });
  if (path.endsWith('/models')) {
    return isKey
      ? json(res, 200, { object: 'list', data: [{ id: 'gpt-5.5' }, { id: 'whisper-1' }] })
      : json(res, 200, {
          models: [
            // A client that does not say how new it is is shown nothing newer.
            ...(/^0\.1[6-9]\d\./.test(clientVersion ?? '')
              ? [{ slug: 'gpt-6.1-sol', display_name: 'GPT-6.1-Sol', visibility: 'list' }]
              : []),
            { slug: 'gpt-5.5', display_name: 'GPT-5.5', visibility: 'list' },
            { slug: 'internal-x', visibility: 'hide' },
          ],
        });
  }
  json(res, 404, { error: { message: 'no such path', type: 'invalid_request_error', code: null, param: null } });
}

function platform(res: http.ServerResponse, path: string, body: Record<string, unknown>): void {
  if (path === '/v1/chat/completions') {
    return json(res, 200, {
      id: 'chatcmpl_1',
      object: 'chat.completion',
      created: 1,
      model: body['model'],
      choices: [{ index: 0, message: { role: 'assistant', content: 'Hello.' }, finish_reason: 'stop' }],
    });
  }
  const output = [
    {
      type: 'message',
      id: 'msg_1',
      role: 'assistant',
      status: 'completed',
      content: [{ type: 'output_text', text: 'Done.', annotations: [] }],
    },
  ];
  if (body['stream'] === true)
    return void res.writeHead(200, { 'content-type': 'text/event-stream' }).end(stream(String(body['model']), output, usage()));
  json(res, 200, { id: 'resp_1', object: 'response', status: 'completed', model: body['model'], output, usage: usage() });
}

/** What a plan refuses, in the shapes it refuses it (SPEC 3.1.5, 3.1.6). */
function planRefusal(body: Record<string, unknown>, backend: boolean): object | undefined {
  const unsupported = (param: string): object => ({
    error: { code: 'subscription_sharing_unsupported_capability', param, message: `${param} is not supported` },
  });
  if (body['store'] !== false) return { detail: 'Store must be set to false' };
  if (body['stream'] !== true) return { detail: 'Stream must be set to true' };
  if (!Array.isArray(body['input'])) return { detail: 'Input must be a list' };
  const rejected = REJECTED.find((name) => name in body);
  if (rejected !== undefined) return { detail: `Unsupported parameter: ${rejected}` };
  if (body['service_tier'] === 'flex') return { detail: 'Unsupported service_tier: flex' };
  for (const item of body['input']) if (item.role === 'system') return unsupported('input');
  const tools = Array.isArray(body['tools']) ? body['tools'] : [];
  const flat = tools.findIndex((tool) => (backend ? false : ['function', 'custom'].includes(tool.type)));
  if (flat >= 0) return unsupported(`tools[${flat}]`);
  const known = ['namespace', 'web_search', 'function', 'custom', ...(backend ? ['tool_search'] : [])];
  const hosted = tools.findIndex((tool) => !known.includes(tool.type));
  if (hosted >= 0) return unsupported(`tools[${hosted}]`);
  return undefined;
}

function usage(): object {
  return {
    input_tokens: 20,
    input_tokens_details: { cached_tokens: 0 },
    output_tokens: 8,
    output_tokens_details: { reasoning_tokens: 0 },
    total_tokens: 28,
  };
}

/** A stream as a plan sends it: whole items as they are done, and `output` of the last event as it is given. */
function stream(model: string, output: object[], use: object): string {
  const item = {
    id: 'msg_1',
    type: 'message',
    role: 'assistant',
    status: 'completed',
    phase: 'final_answer',
    content: [{ type: 'output_text', text: 'Done.', annotations: [] }],
  };
  const events: Record<string, unknown>[] = [
    { type: 'response.created', response: { id: 'resp_1', status: 'in_progress', model, output: [] } },
    { type: 'response.output_item.added', output_index: 0, item: { ...item, status: 'in_progress', content: [] } },
    { type: 'response.output_text.delta', item_id: 'msg_1', output_index: 0, content_index: 0, delta: 'Done.' },
    { type: 'response.output_item.done', output_index: 0, item },
    { type: 'response.completed', response: { id: 'resp_1', object: 'response', status: 'completed', model, output, usage: use } },
  ];
  return events
    .map((event, n) => `event: ${String(event['type'])}\ndata: ${JSON.stringify({ ...event, sequence_number: n })}\n\n`)
    .join('');
}

function json(res: http.ServerResponse, status: number, body: unknown, headers: Record<string, string> = {}): void {
  res.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body));
}

function dated(ahead: number): Record<string, string> {
  return { date: new Date(Date.now() + ahead).toUTCString() };
}
