import { createHash, randomBytes } from 'node:crypto';
import http from 'node:http';
import { startFakeUpstream, type Seen } from './upstream.ts';

/**
 * A strict stand-in for login.microsoftonline.com, graph.microsoft.com and Work IQ, on one loopback origin. It refuses
 * what the real services refuse (SPEC 7), and its secrets carry the word CANARY.
 */
export type FakeMicrosoft = {
  baseUrl: string;
  origin: string;
  clientId: string;
  seen: Seen[];
  mood: {
    /** Seconds an access token lives. */
    expiresIn: number;
    /** The app registration allows public client flows. */
    publicClient: boolean;
    consent: boolean;
    /** Permissions of Graph that are left out of its tokens. */
    withheld: string[];
    licence: boolean;
    account: 'work' | 'personal' | 'guest';
    /** The person's answer to the code; `waiting` until then. */
    device: 'waiting' | 'allowed' | 'declined' | 'expired';
    /** Milliseconds between two polls, told as seconds. */
    deviceIntervalMs: number;
    /** Answers refresh requests with this error instead. */
    refresh: { error: string; error_description: string; claims?: string } | null;
    /** Answers the next token request with this instead. */
    tokenAnswer: { status: number; headers?: Record<string, string>; body: unknown } | null;
    dropsToken: boolean;
    /** What a token has to have proved before it is taken (continuous access evaluation); JSON. */
    challenge: string | null;
    /** Answers the next call with this instead. */
    callAnswer: { status: number; headers?: Record<string, string>; body: unknown } | null;
    /** The texts of the next stream's snapshots; the last is the answer. */
    snapshots: string[] | null;
    /** JSON over several lines, as in the documentation. */
    pretty: boolean;
    /** Ends streams before their last frame: with a broken connection, or cleanly. */
    cut: 'broken' | 'clean' | null;
    /** Sends the first snapshot, and then nothing. */
    hangs: boolean;
    disengaged: boolean;
    /** Gives the next conversations this id. */
    conversationId: string | null;
  };
  /** Refresh tokens of every sign-in so far are of no use any more. */
  revoke(): void;
  /** Access tokens stop being accepted. */
  expireAccess(): void;
  /** Forgets all conversations. */
  forgetConversations(): void;
  /** How often a refresh token was spent. */
  refreshes(): number;
  /** A stream that hangs was closed from the other side. */
  abandoned: Promise<void>;
  /** What a person does in the browser, in short: gets the page, and sends its form to where it says. */
  person(url: string, choice: 'allow' | 'deny', change?: Record<string, string>): Promise<{ status: number; text: string }>;
  stop(): Promise<void>;
};

export const TENANT = '11111111-1111-4111-8111-111111111111';
const HOME = '22222222-2222-4222-8222-222222222222';
const PERSONAL = '9188040d-6c67-4c5b-b112-36a304b66dad';
const USER = '33333333-3333-4333-8333-333333333333';
const GRAPH = 'https://graph.microsoft.com/';
const GRAPH_SCOPES = [
  'Sites.Read.All',
  'Mail.Read',
  'People.Read.All',
  'OnlineMeetingTranscript.Read.All',
  'Chat.Read',
  'ChannelMessage.Read.All',
  'ExternalItem.Read.All',
];
const WORK_IQ = 'api://workiq.svc.cloud.microsoft/';
const OIDC = new Set(['openid', 'profile', 'offline_access', 'email']);

type Code = { challenge: string; redirectUri: string; scopes: string[]; nonce: string | null; claims: string; spent: boolean };
type Access = { resource: 'graph' | 'work-iq'; scopes: string[]; proved: string; alive: boolean };

export async function startFakeMicrosoft(): Promise<FakeMicrosoft> {
  const codes = new Map<string, Code>();
  const devices = new Map<string, { scopes: string[]; claims: string; lastPoll: number }>();
  const refreshTokens = new Map<string, { alive: boolean }>();
  const access = new Map<string, Access>();
  const conversations = new Map<string, { turns: number; resource: string }>();
  const abandoned = Promise.withResolvers<void>();
  let spent = 0;

  const directory = (): { tid: string; utid: string } => {
    const { account } = fake.mood;
    if (account === 'personal') return { tid: PERSONAL, utid: PERSONAL };
    return { tid: TENANT, utid: account === 'guest' ? HOME : TENANT };
  };
  const clientInfo = (): string => base64url({ uid: USER, utid: directory().utid });

  const issue = (scopes: string[], nonce: string | null, claims: string): object => {
    const { mood } = fake;
    const mine = scopes.filter((scope) => !OIDC.has(scope));
    const resource = mine.some((scope) => scope.startsWith(WORK_IQ)) ? 'work-iq' : 'graph';
    const held = mine.filter((scope) => !mood.withheld.some((name) => scope.endsWith(`/${name}`)));
    const token = `CANARY-access-${randomBytes(12).toString('hex')}`;
    const refresh = `CANARY-refresh-${randomBytes(600).toString('hex')}`;
    access.set(token, { resource, scopes: held.map((scope) => scope.slice(scope.lastIndexOf('/') + 1)), proved: claims, alive: true });
    refreshTokens.set(refresh, { alive: true });
    const now = Math.floor(Date.now() / 1000);
    const identity = {
      aud: fake.clientId,
      iss: `https://login.example/${directory().tid}/v2.0`,
      iat: now,
      exp: now + 3600,
      oid: USER,
      tid: directory().tid,
      sub: 'subject',
      preferred_username: 'adele@contoso.example',
      name: 'Adele',
      ver: '2.0',
      ...(nonce === null ? {} : { nonce }),
    };
    return {
      token_type: 'Bearer',
      scope: [...held, 'openid', 'profile'].join(' '),
      expires_in: mood.expiresIn,
      ext_expires_in: mood.expiresIn,
      access_token: token,
      refresh_token: refresh,
      id_token: `${base64url({ alg: 'none', typ: 'JWT' })}.${base64url(identity)}.CANARYsignature`,
      client_info: clientInfo(),
    };
  };

  /** What is wrong with the app and the permissions it asks for, as Entra says it. */
  const wrongWith = (clientId: string | null, tenant: string, scopes: string[]): [error: string, description: string] | undefined => {
    if (clientId !== fake.clientId)
      return ['unauthorized_client', `AADSTS700016: Application with identifier '${clientId}' was not found.`];
    if (tenant !== 'organizations' && tenant !== TENANT && tenant !== 'contoso.example')
      return ['invalid_request', `AADSTS90002: Tenant '${tenant}' not found.`];
    const mine = scopes.filter((scope) => !OIDC.has(scope));
    const known = mine.filter(
      (scope) => GRAPH_SCOPES.includes(scope.startsWith(GRAPH) ? scope.slice(GRAPH.length) : '') || scope === `${WORK_IQ}WorkIQAgent.Ask`,
    );
    if (mine.length === 0 || known.length !== mine.length)
      return ['invalid_scope', 'AADSTS70011: The provided value for scope is not valid.'];
    if (new Set(mine.map((scope) => scope.startsWith(GRAPH))).size > 1)
      return ['invalid_scope', 'AADSTS28000: Scopes of more than one resource.'];
    return undefined;
  };

  const authorize = (url: URL, tenant: string, res: http.ServerResponse): void => {
    const q = url.searchParams;
    const scopes = (q.get('scope') ?? '').split(' ');
    const wrong = wrongWith(q.get('client_id'), tenant, scopes);
    const redirectUri = q.get('redirect_uri') ?? '';
    const fault =
      wrong?.[1] ??
      (!/^http:\/\/localhost:\d+$/.test(redirectUri) ? 'AADSTS50011: The redirect URI does not match.' : undefined) ??
      (q.get('response_type') !== 'code' || q.get('response_mode') !== 'form_post' ? 'AADSTS700054: response_mode' : undefined) ??
      (q.get('code_challenge_method') !== 'S256' || (q.get('code_challenge') ?? '').length !== 43 ? 'AADSTS501481: PKCE' : undefined) ??
      (!canProve(q.get('claims')) ? 'AADSTS900000: CP1' : undefined) ??
      (!scopes.includes('offline_access') || q.get('state') === null ? 'AADSTS900144: state' : undefined);
    if (fault !== undefined) return html(res, 400, `<p id="fault">${fault}</p>`);
    const code = `CANARY-code-${randomBytes(12).toString('hex')}`;
    codes.set(code, {
      challenge: q.get('code_challenge') ?? '',
      redirectUri,
      scopes,
      nonce: q.get('nonce'),
      claims: q.get('claims') ?? '',
      spent: false,
    });
    const state = q.get('state') ?? '';
    const consents = fake.mood.consent;
    const answers = {
      allow: consents
        ? { code, client_info: clientInfo(), state, session_state: 's' }
        : { error: 'consent_required', error_description: 'AADSTS90094: Admin consent is required.', state },
      deny: { error: 'access_denied', error_description: 'AADSTS65004: User declined to consent to access the app.', state },
    };
    const form = (id: keyof typeof answers): string =>
      `<form id="form-${id}" method="post" action="${redirectUri}/">${Object.entries(answers[id])
        .map(([name, value]) => `<input type="hidden" name="${name}" value="${escaped(value)}">`)
        .join('')}<button id="${id}">${id}</button></form>`;
    html(res, 200, `<h1>Permissions requested</h1>${form('allow')}${form('deny')}`);
  };

  const deviceCode = (form: URLSearchParams, tenant: string, res: http.ServerResponse): void => {
    const scopes = (form.get('scope') ?? '').split(' ');
    const wrong = wrongWith(form.get('client_id'), tenant, scopes);
    if (wrong !== undefined) return refuse(res, ...wrong);
    const code = `CANARY-device-${randomBytes(12).toString('hex')}`;
    devices.set(code, { scopes, claims: form.get('claims') ?? '', lastPoll: -Infinity });
    json(res, 200, {
      user_code: 'ABCD12345',
      device_code: code,
      verification_uri: 'https://microsoft.com/devicelogin',
      expires_in: 900,
      // Some send it as a text.
      interval: String(fake.mood.deviceIntervalMs / 1000),
      message: 'Type the code in.',
    });
  };

  const token = (req: Seen, form: URLSearchParams, tenant: string, res: http.ServerResponse): void => {
    const { mood } = fake;
    if (mood.dropsToken) return void res.destroy();
    if (mood.tokenAnswer !== null) {
      const { status, headers, body } = mood.tokenAnswer;
      mood.tokenAnswer = null;
      return json(res, status, body, headers);
    }
    if (req.headers['content-type'] !== 'application/x-www-form-urlencoded')
      return refuse(res, 'invalid_request', 'AADSTS900144: content type');
    if (form.get('client_id') !== fake.clientId) return refuse(res, 'unauthorized_client', 'AADSTS700016: Application was not found.');
    if (form.get('client_secret') !== null) return refuse(res, 'invalid_client', 'AADSTS700025: Client is public.');
    if (!mood.publicClient)
      return refuse(res, 'invalid_client', "AADSTS7000218: The request body must contain 'client_assertion' or 'client_secret'.");
    if (!canProve(form.get('claims'))) return refuse(res, 'invalid_request', 'AADSTS900000: CP1');
    const claims = form.get('claims') ?? '';
    const scopes = (form.get('scope') ?? '').split(' ');
    const wrong = wrongWith(form.get('client_id'), tenant, scopes);
    if (wrong !== undefined) return refuse(res, ...wrong);
    switch (form.get('grant_type')) {
      case 'authorization_code': {
        const code = codes.get(form.get('code') ?? '');
        if (code === undefined || code.spent || code.redirectUri !== form.get('redirect_uri'))
          return refuse(res, 'invalid_grant', 'AADSTS54005: OAuth2 Authorization code was already redeemed.');
        code.spent = true;
        const verifier = form.get('code_verifier') ?? '';
        if (createHash('sha256').update(verifier).digest('base64url') !== code.challenge)
          return refuse(res, 'invalid_grant', 'AADSTS501481: The Code_Verifier does not match the code_challenge.');
        return json(res, 200, issue(code.scopes, code.nonce, code.claims));
      }
      case 'device_code': {
        const device = devices.get(form.get('device_code') ?? '');
        if (device === undefined) return refuse(res, 'bad_verification_code', 'AADSTS70018: Bad verification code.');
        const now = performance.now();
        const early = now - device.lastPoll < mood.deviceIntervalMs - 5;
        device.lastPoll = now;
        if (early) return refuse(res, 'slow_down', 'Polled too early.');
        if (mood.device === 'declined') return refuse(res, 'authorization_declined', 'AADSTS70016: declined');
        if (mood.device === 'expired') return refuse(res, 'expired_token', 'AADSTS70020: The code has expired.');
        if (mood.device === 'waiting') return refuse(res, 'authorization_pending', 'AADSTS70016: OAuth 2.0 device flow error.');
        devices.delete(form.get('device_code') ?? '');
        if (!mood.consent) return refuse(res, 'invalid_grant', 'AADSTS65001: The user or administrator has not consented.');
        return json(res, 200, issue(device.scopes, null, device.claims));
      }
      case 'refresh_token': {
        const held = refreshTokens.get(form.get('refresh_token') ?? '');
        if (held?.alive !== true) return refuse(res, 'invalid_grant', 'AADSTS50173: The provided grant has been revoked.');
        if (mood.refresh !== null) return json(res, 400, { ...mood.refresh, error_codes: [] });
        if (!mood.consent) return refuse(res, 'invalid_grant', 'AADSTS65001: The user or administrator has not consented.');
        spent += 1;
        return json(res, 200, issue(scopes, null, claims));
      }
      default:
        return refuse(res, 'unsupported_grant_type', 'AADSTS70003');
    }
  };

  const copilot = (req: Seen, resource: 'graph' | 'work-iq', rest: string, res: http.ServerResponse): void => {
    const { mood } = fake;
    const fail = (status: number, code: string, message: string, headers: Record<string, string> = {}): void =>
      json(res, status, { error: { code, message, innerError: { date: '2026-01-01T00:00:00', 'request-id': 'r' } } }, headers);
    const held = access.get((req.headers.authorization ?? '').replace(/^Bearer /, ''));
    if (held?.alive !== true || held.resource !== resource) {
      return fail(401, 'InvalidAuthenticationToken', 'Access token has expired or is not yet valid.', {
        'www-authenticate': 'Bearer error="invalid_token"',
      });
    }
    if (mood.challenge !== null && !proves(held.proved, mood.challenge)) {
      const claims = Buffer.from(mood.challenge).toString('base64');
      return fail(401, 'InvalidAuthenticationToken', 'Continuous access evaluation resulted in claims challenge.', {
        'www-authenticate': `Bearer realm="", authorization_uri="https://login.example/oauth2/authorize", error="insufficient_claims", claims="${claims}"`,
      });
    }
    const needs = resource === 'graph' ? GRAPH_SCOPES : ['WorkIQAgent.Ask'];
    if (!needs.every((scope) => held.scopes.includes(scope))) return fail(403, 'Forbidden', 'Required scopes are missing in the token.');
    if (!mood.licence) return fail(403, 'Forbidden', 'User does not have a valid license for Microsoft 365 Copilot.');
    if (req.headers['user-agent']?.startsWith('Drawbridge/') !== true) return fail(400, 'BadRequest', 'Who are you?');
    if (req.method !== 'POST' || req.headers['content-type'] !== 'application/json') return fail(415, 'UnsupportedMediaType', 'JSON');
    if (mood.callAnswer !== null && rest !== '') {
      const { status, headers, body } = mood.callAnswer;
      mood.callAnswer = null;
      return json(res, status, body, headers);
    }
    const body: Record<string, unknown> = JSON.parse(req.body.toString());
    if (rest === '') {
      if (req.body.toString() !== '{}') return fail(400, 'BadRequest', 'The body must be empty.');
      const id = mood.conversationId ?? `conversation-${conversations.size + 1}`;
      conversations.set(id, { turns: 0, resource });
      return json(res, 201, { id, createdDateTime: '2026-01-01T00:00:00Z', displayName: '', status: 'active', turnCount: 0 });
    }
    const [, id = '', verb] = /^\/([^/]+)\/(chat|chatOverStream)$/.exec(rest) ?? [];
    const conversation = conversations.get(decodeURIComponent(id));
    if (conversation?.resource !== resource) return fail(404, 'NotFound', 'The conversation was not found.');
    const fault = faultIn(body);
    if (fault !== undefined) return fail(400, 'BadRequest', fault);
    conversation.turns += 1;
    answerChat(res, resource, id, verb === 'chatOverStream', String((body['message'] as { text: unknown }).text), conversation.turns);
  };

  const answerChat = (res: http.ServerResponse, resource: string, id: string, streams: boolean, prompt: string, turn: number): void => {
    const { mood } = fake;
    const texts = mood.snapshots ?? ['You', 'You asked', `You asked: ${prompt} (turn ${turn})[^1^]`];
    mood.snapshots = null;
    const cited = {
      attributionType: 'citation',
      providerDisplayName: 'Demo invite',
      attributionSource: 'model',
      seeMoreWebUrl: 'https://contoso.example/e/1',
    };
    const message = (text: string, cites: boolean): object => ({
      '@odata.type': '#microsoft.graph.copilotConversationResponseMessage',
      id: 'a',
      text,
      adaptiveCards: [],
      ...(resource === 'graph'
        ? { attributions: cites ? [cited] : [] }
        : { references: cites ? { 1: { title: 'Demo invite', url: 'https://contoso.example/e/1' } } : {} }),
    });
    const whole = {
      id,
      displayName: prompt.slice(0, 40),
      state: mood.disengaged ? 'disengagedForRai' : 'active',
      turnCount: turn,
      messages: [message(prompt, false), message(texts.at(-1) ?? '', true)],
    };
    if (!streams) return json(res, 200, whole);
    res.writeHead(200, { 'content-type': 'text/event-stream' });
    const frames = texts.map((text) => ({
      ...whole,
      displayName: 'Intermediate Conversation Update',
      state: 'active',
      turnCount: 0,
      messages: [message(text, false)],
    }));
    const write = (value: object, n: number): void =>
      void res.write(`data: ${mood.pretty ? JSON.stringify(value, null, 2) : JSON.stringify(value)}\nid:${n}\n\n`);
    if (mood.hangs) {
      res.once('close', () => abandoned.resolve());
      return write(frames[0] ?? whole, 1);
    }
    frames.forEach((frame, index) => write(frame, index + 1));
    if (mood.cut === 'broken') return res.socket?.destroySoon();
    if (mood.cut === 'clean') return void res.end();
    write({ ...whole, displayName: 'Intermediate Conversation Update', messages: [], state: 'active' }, frames.length + 1);
    write(whole, frames.length + 2);
    res.end();
  };

  const server = await startFakeUpstream((req, res) => {
    const url = new URL(req.url, 'http://127.0.0.1');
    const form = new URLSearchParams(req.body.toString());
    const [, tenant = '', rest = ''] = /^\/([^/]+)(\/.*)$/.exec(url.pathname) ?? [];
    const secure = server.baseUrl.replace('http:', 'https:');
    if (url.pathname.startsWith('/beta/copilot/conversations'))
      return copilot(req, 'graph', url.pathname.slice('/beta/copilot/conversations'.length), res);
    if (url.pathname.startsWith('/rest/conversations'))
      return copilot(req, 'work-iq', url.pathname.slice('/rest/conversations'.length), res);
    switch (rest) {
      case '/v2.0/.well-known/openid-configuration':
        return json(res, 200, {
          authorization_endpoint: `${secure}/${tenant}/oauth2/v2.0/authorize`,
          token_endpoint: `${secure}/${tenant}/oauth2/v2.0/token`,
          device_authorization_endpoint: `${secure}/${tenant}/oauth2/v2.0/devicecode`,
          jwks_uri: `${secure}/${tenant}/discovery/v2.0/keys`,
          issuer: `${secure}/${tenant}/v2.0`,
        });
      case '/oauth2/v2.0/authorize':
        return authorize(url, tenant, res);
      case '/oauth2/v2.0/devicecode':
        return deviceCode(form, tenant, res);
      case '/oauth2/v2.0/token':
        return token(req, form, tenant, res);
      default:
        return json(res, 404, {});
    }
  });

  const fake: FakeMicrosoft = {
    baseUrl: server.baseUrl,
    origin: server.baseUrl,
    clientId: '44444444-4444-4444-8444-444444444444',
    seen: server.seen,
    mood: {
      expiresIn: 3600,
      publicClient: true,
      consent: true,
      withheld: [],
      licence: true,
      account: 'work',
      device: 'waiting',
      deviceIntervalMs: 40,
      refresh: null,
      tokenAnswer: null,
      dropsToken: false,
      challenge: null,
      callAnswer: null,
      snapshots: null,
      pretty: false,
      cut: null,
      hangs: false,
      disengaged: false,
      conversationId: null,
    },
    revoke() {
      for (const held of refreshTokens.values()) held.alive = false;
      fake.expireAccess();
    },
    expireAccess() {
      for (const held of access.values()) held.alive = false;
    },
    forgetConversations: () => conversations.clear(),
    refreshes: () => spent,
    abandoned: abandoned.promise,
    async person(url, choice, change = {}) {
      const text = await (await fetch(url)).text();
      const form = new RegExp(`<form id="form-${choice}".*?</form>`).exec(text)?.[0] ?? '';
      const action = /action="([^"]+)"/.exec(form)?.[1];
      if (action === undefined) return { status: 0, text };
      const fields = Object.fromEntries(
        [...form.matchAll(/name="([^"]+)" value="([^"]*)"/g)].map(([, name = '', value = '']) => [name, value]),
      );
      // As a browser sends it from an https page.
      return postForm(action.replace('localhost', '127.0.0.1'), { ...fields, ...change });
    },
    stop: () => server.stop(),
  };
  return fake;
}

/** Sends a form to a listener as a browser does that was on another site. */
function postForm(url: string, fields: Readonly<Record<string, string>>): Promise<{ status: number; text: string }> {
  return new Promise((resolve, reject) => {
    const headers = {
      'content-type': 'application/x-www-form-urlencoded',
      origin: 'null',
      'sec-fetch-site': 'cross-site',
      'sec-fetch-mode': 'navigate',
      'sec-fetch-dest': 'document',
    };
    const request = http.request(url, { method: 'POST', headers }, (res) => {
      let text = '';
      res.setEncoding('utf8');
      res.on('data', (piece: string) => (text += piece));
      res.on('end', () => resolve({ status: res.statusCode ?? 0, text }));
    });
    request.on('error', reject);
    request.end(new URLSearchParams(fields).toString());
  });
}

/** We say that we can be told to prove more; without that, Entra would never ask. */
function canProve(claims: string | null): boolean {
  return claims?.includes('"xms_cc":{"values":["CP1"]}') === true;
}

/** A token was asked for with these claims; the challenge names what has to be among them. */
function proves(claims: string, challenge: string): boolean {
  const asked = (JSON.parse(claims === '' ? '{}' : claims) as Claims).access_token ?? {};
  return Object.entries((JSON.parse(challenge) as Claims).access_token ?? {}).every(
    ([name, value]) => JSON.stringify(asked[name]) === JSON.stringify(value),
  );
}
type Claims = { access_token?: Record<string, unknown> };

/** What a chat request may not look like. */
function faultIn(body: Record<string, unknown>): string | undefined {
  const known = ['message', 'locationHint', 'additionalContext', 'contextualResources'];
  const unknown = Object.keys(body).find((key) => !known.includes(key));
  if (unknown !== undefined) return `Unknown field ${unknown}.`;
  const text = (body['message'] as { text?: unknown } | undefined)?.text;
  if (typeof text !== 'string' || text.trim() === '') return 'message.text is required.';
  const zone = (body['locationHint'] as { timeZone?: unknown } | undefined)?.timeZone;
  try {
    if (typeof zone !== 'string') return 'locationHint.timeZone is required.';
    Intl.DateTimeFormat('en', { timeZone: zone });
  } catch {
    return 'locationHint.timeZone is no IANA time zone.';
  }
  const context = body['additionalContext'] ?? [];
  if (!Array.isArray(context) || context.some((one) => typeof one?.text !== 'string' || typeof one?.description !== 'string'))
    return 'additionalContext is not as it should be.';
  return undefined;
}

function json(res: http.ServerResponse, status: number, body: unknown, headers: Record<string, string> = {}): void {
  res.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body));
}

function refuse(res: http.ServerResponse, error: string, description: string): void {
  const number = Number(/AADSTS(\d+)/.exec(description)?.[1] ?? 0);
  json(res, 400, { error, error_description: description, error_codes: [number], trace_id: 't', correlation_id: 'c' });
}

function html(res: http.ServerResponse, status: number, body: string): void {
  res.writeHead(status, { 'content-type': 'text/html; charset=utf-8' }).end(`<!doctype html><meta charset="utf-8">${body}`);
}

function base64url(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('"', '&quot;').replaceAll('<', '&lt;');
}
