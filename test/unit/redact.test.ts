import { mkdtempSync, readFileSync, readdirSync, rmSync, statSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { createLogger, openLogFile } from '../../bridges/engine/log.ts';
import { redactedHead } from '../../bridges/capture/heads.ts';
import { isSecretHeader, maskText, plainText, redactTarget, redactText } from '../../bridges/engine/redact.ts';

describe('redaction', () => {
  it.each([
    'Authorization',
    'x-api-key',
    'Cookie',
    'set-cookie',
    'cf-access-client-secret',
    'copilot-session-token',
    'x-codex-turn-state',
    'X-Goog-Api-Key',
    'x-some-secret',
    'my-password',
    'Ocp-Apim-Subscription-Key',
    'x-functions-key',
    'x-litellm-key',
    'apikey',
    'Authentication',
    'x-authorization',
    'x-forwarded-authorization',
    'x-goog-iam-authorization',
    'x-ms-authorization-auxiliary',
    'x-auth',
    'x-goog-iap-jwt-assertion',
    'accessToken',
  ])('takes %s for a secret', (name) => {
    expect(isSecretHeader(name)).toBe(true);
  });
  it.each([
    'content-type',
    'anthropic-beta',
    'anthropic-ratelimit-tokens-remaining',
    'x-ratelimit-limit-tokens',
    'user-agent',
    'session-id',
    'x-max-tokens',
    'max_tokens',
    'x-ratelimit-remaining-tokens',
    'x-stainless-retry-count',
    'anthropic-version',
    'www-authenticate',
    'idempotency-key',
    'x-cache-key',
    'key_id',
    'keyboard',
    'author',
  ])('leaves %s readable', (name) => {
    expect(isSecretHeader(name)).toBe(false);
  });
  it('keeps names, order and schemes of headers', () => {
    const head = ['A', '"1"', 'Authorization', 'Bearer abc', 'X-Api-Key', 'k', 'x-note', 'Bearer abcdefghijkl'];
    // The second time much of it is remembered.
    for (const json of [redactedHead(head), redactedHead(head)]) {
      expect(JSON.parse(json)).toEqual([
        ['A', '"1"'],
        ['Authorization', 'Bearer [redacted]'],
        ['X-Api-Key', '[redacted]'],
        ['x-note', 'Bearer [redacted]'],
      ]);
    }
    expect(redactedHead([])).toBe('[]');
  });
  it.each([
    ['/k/db_abc/v1/messages?beta=true', '/k/[redacted]/v1/messages?beta=true'],
    ['/v1/x?api_key=a&b=c&access_token=d', '/v1/x?api_key=[redacted]&b=c&access_token=[redacted]'],
    ['/v1/x?limit=1000', '/v1/x?limit=1000'],
    ['/cb?code=abc&state=x', '/cb?code=[redacted]&state=x'],
    ['/v1/x?apikey=a&apiKey=b&APIKey=c&api%5Fkey=d', '/v1/x?apikey=[redacted]&apiKey=[redacted]&APIKey=[redacted]&api%5Fkey=[redacted]'],
    ['/v1/x?accessToken=a&sig=b&pwd=c&jwt=d', '/v1/x?accessToken=[redacted]&sig=[redacted]&pwd=[redacted]&jwt=[redacted]'],
    ['/v1/x?X-Amz-Signature=a&auth[secret]=b', '/v1/x?X-Amz-Signature=[redacted]&auth[secret]=[redacted]'],
    ['/v1/x?maxTokens=1&max_tokens=2&keyword=k&author=a&design=s&%=5', '/v1/x?maxTokens=1&max_tokens=2&keyword=k&author=a&design=s&%=5'],
    ['/v1/x?q=%22sk-0123456789abcdefghij%22', '/v1/x?q=%22[redacted]%22'],
  ])('shortens %s', (target, shown) => {
    expect(redactTarget(target)).toBe(shown);
  });
  it.each([
    'db_0123456789abcdefghijklmnop',
    `sk-proj-${'a1'.repeat(12)}`,
    'gho_0123456789abcdefghijklmnop',
    'github_pat_0123456789abcdefghijklm',
    'eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.abc',
  ])('finds %s in a text', (secret) => {
    expect(redactText(`it said: ${secret}, and more`)).toBe('it said: [redacted], and more');
  });
  const keys = [
    'db_0123456789abcdefghijklmnop',
    'sk-ant-api03-0123456789abcdef',
    'rk-0123456789abcdefghij',
    'ghp_0123456789abcdefghijklmnop',
    'github_pat_0123456789abcdefghijklm',
    'eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.abc',
    'Bearer 0123456789',
  ];
  it.each(keys)('finds %s after whatever JSON writes with a backslash, also in JSON within JSON', (key) => {
    for (const before of ['\n', '\t', '\r', '\b', '\f', '\u0001', '"', '\\', '/', '-', '\n-', '\t-'].flatMap((one) => [one, `é${one}`])) {
      // A carriage return before k- is written as rk- after a backslash: what it is can't be told there.
      if (before.endsWith('\\') && key.startsWith('rk-')) continue;
      const once = JSON.stringify({ said: `${before}${key}\n` });
      const twice = JSON.stringify({ arguments: once });
      for (const json of [once, twice]) {
        expect(redactText(json)).not.toContain('0123456789');
        expect(JSON.parse(maskText(json))).toEqual(JSON.parse(json.replace(key.replace('Bearer ', ''), (one) => '*'.repeat(one.length))));
      }
    }
  });
  it.each(keys)('finds %s right behind what colours it in a terminal', (key) => {
    for (const colour of ['\u001b[31m', '\u001b[01;31m\u001b[K', '\u001b[m', '\u001b[38;5;196m']) {
      const text = `key=${colour}${key}\u001b[0m`;
      for (const each of [text, JSON.stringify(text), JSON.stringify(JSON.stringify(text))]) {
        expect(redactText(each)).not.toContain('0123456789');
        expect(maskText(each)).not.toContain('0123456789');
      }
    }
  });
  it('takes a scheme in small letters for one where a number stands in its value', () => {
    expect(maskText('authorization: bearer abcdef0123456789')).toBe('authorization: bearer ****************');
    expect(maskText('a bearer token_endpoint_auth_method')).toBe('a bearer token_endpoint_auth_method');
    expect(redactText('authorization: bearer abcdefghijkl')).toBe('authorization: bearer [redacted]');
  });
  it.each(['\rk-0123456789abcdefghij', 'Bearer $OPENAI_API_KEY', 'Bearer abcdefgh1', 'Bearer abc"defgh1'])(
    'leaves JSON whole around %j',
    (said) => {
      const json = JSON.stringify({ said: `curl -H "Authorization: ${said}" \\` });
      expect(() => JSON.parse(maskText(json))).not.toThrow();
      expect(maskText(json)).toHaveLength(json.length);
    },
  );
  it.each(['sk-', 'pk-', 'rk-', 'db_', 'gho_', 'eyJ'])('leaves base64url that happens to hold %s', (prefix) => {
    const blob = `gAAAAAB${'aB3_'.repeat(20)}-${prefix}${'xY9A'.repeat(20)}`;
    expect(maskText(`{"encrypted_content":"${blob}"}`)).toContain(blob);
  });
  it('leaves prose about bearers in bodies, and takes short values for credentials elsewhere', () => {
    const prose = 'use Bearer authentication, or a Bearer <token>';
    expect(maskText(prose)).toBe(prose);
    expect(maskText('use Bearer abcdefghijklmnopqrst')).toBe('use Bearer ********************');
    expect(redactText('use Bearer abcdefghijkl')).toBe('use Bearer [redacted]');
  });
  // It would be minutes, if each prefix were tried up to the end of the text.
  const pieces =
    '-eyJ|.eyJ|eyJ|eyJaaaaaaaa.|.eyJaaaaaaaa!|eyJa.|\\neyJ|\\n-eyJ|\\u00e9eyJ|\\|-|a|-sk-|sk-!|\\nsk-|-db_|-gho_|gho_|-github_pat_|Bearer |Bearer a|Bearer -eyJ|bearer |[1;2|[0meyJ';
  it.each(pieces.split('|'))('comes to an end soon in a text of nothing but %j', (piece) => {
    const text = piece.repeat(Math.ceil(1_000_000 / piece.length));
    expect(maskText(text)).toHaveLength(text.length);
    expect(maskText(`eyJaaaaaaaa.${text}`)).toHaveLength(text.length + 12);
    expect(redactText(text).length).toBeLessThanOrEqual(text.length);
  });
  it.each(['db_', 'sk-', 'rk-', 'gho_', 'github_pat_', 'eyJ', 'eyJaaaaaaaa.', 'Bearer '])('reads a run of megabytes after %s', (prefix) => {
    const text = prefix + 'a1'.repeat(6_000_000);
    expect(maskText(text)).toHaveLength(text.length);
  });
  it('makes terminal escapes harmless', () => {
    expect(plainText('\u001b[31mred\u001b[0m\u0007\r\nline')).toBe('red\nline');
  });
});

describe('the log', () => {
  it('writes one JSON line an event, without secrets or escapes, and only what its level asks for', () => {
    const lines: string[] = [];
    const log = createLogger(
      (line) => lines.push(line),
      () => 'info',
      { now: () => 0, monotonic: () => 0 },
    );
    log.debug('hidden');
    log.warn('upstream.failed', {
      authorization: 'Bearer x',
      nested: { 'x-api-key': 'k', note: 'Bearer abcdefghijklm \u001b[31m' },
      error: new Error('db_0123456789abcdefghijklmnop'),
    });
    expect(lines).toHaveLength(1);
    expect(JSON.parse(lines[0] ?? '')).toEqual({
      time: '1970-01-01T00:00:00.000Z',
      level: 'warn',
      event: 'upstream.failed',
      authorization: '[redacted]',
      nested: { 'x-api-key': '[redacted]', note: 'Bearer [redacted] ' },
      error: { name: 'Error', message: '[redacted]' },
    });
  });
  it('turns its file over, keeps three older ones, and is its owner’s alone', () => {
    const folder = mkdtempSync(path.join(os.tmpdir(), 'drawbridge-log-'));
    const file = openLogFile(folder);
    const line = `${'x'.repeat(1024 * 1024)}\n`;
    for (let i = 0; i < 30; i++) file.write(line);
    file.stop();
    expect(readdirSync(folder).sort()).toEqual(['drawbridge.log', 'drawbridge.log.1', 'drawbridge.log.2', 'drawbridge.log.3']);
    for (const name of readdirSync(folder)) expect(statSync(path.join(folder, name)).mode & 0o077).toBe(0);
    expect(readFileSync(path.join(folder, 'drawbridge.log'), 'utf8').length).toBeLessThan(6 * 1024 * 1024);
    rmSync(folder, { recursive: true, force: true });
  });
});

it('gives back a name in a body that only begins like a key of ours', () => {
  expect(maskText('db_connection_pool_size_default')).toBe('db_connection_pool_size_default');
  expect(maskText('sk-nothing-but-letters-in-it')).toBe('*'.repeat(28));
});
