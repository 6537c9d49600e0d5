import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { implement, ORPCError } from '@orpc/server';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { contract } from '../../bridges/contract/contract.ts';
import { memorySecrets } from '../../bridges/engine/secrets.ts';
import { madeCall } from '../fakes/made-calls.ts';
import { startControlStub } from '../support/control-stub.ts';
import { startFakeUpstream } from '../fakes/upstream.ts';
import { runCommand, type Said } from '../support/command.ts';
import { startTestEngine, type TestEngine } from '../support/engine.ts';
import { call, joined, say } from './support.ts';

const engines: TestEngine[] = [];
let folder: string;
async function engineWith(options: Parameters<typeof startTestEngine>[0] = {}): Promise<TestEngine> {
  const engine = await startTestEngine(options);
  engines.push(engine);
  return engine;
}
beforeEach(() => {
  folder = mkdtempSync(path.join(os.tmpdir(), 'drawbridge-outlets-'));
});
afterEach(async () => {
  for (const engine of engines.splice(0)) await engine.stop();
  rmSync(folder, { recursive: true, force: true });
});

const lines = (text: string): string[] => text.split('\n').filter((line) => line !== '');

describe('calls as JSONL', () => {
  it('go into another store and come out of it byte for byte, oldest first', async () => {
    const [from, to] = [await engineWith(), await engineWith()];
    const first = await say(from, 'grüße \u2028 und 💡');
    const second = await say(from, 'grüße \u2028 und 💡', 'an answer', 'and more');
    const text = await joined(await from.control.exchange.export({ format: 'jsonl' }));
    expect(lines(text).map((line) => JSON.parse(line).call?.id)).toEqual([undefined, first, second]);

    expect(await to.control.exchange.import({ lines: lines(text), firstLine: 1 })).toEqual({ stored: 2, duplicates: 0, bad: [] });
    const again = await joined(await to.control.exchange.export({ format: 'jsonl' }));
    expect(lines(again).slice(1)).toEqual(lines(text).slice(1));
    expect((await to.control.conversations.list({})).conversations).toMatchObject([{ id: first, calls: 2 }]);
    const found = async (engine: TestEngine): Promise<number[]> =>
      (await engine.control.calls.list({ query: 'grüße' })).calls.map(({ id }) => id);
    expect(await found(to)).toContain(first);
    expect(await found(to)).toEqual(await found(from));
  });

  it('are told apart from those the store holds already', async () => {
    const engine = await engineWith();
    await say(engine, 'hello');
    const text = await joined(await engine.control.exchange.export({ format: 'jsonl' }));
    expect(await engine.control.exchange.import({ lines: lines(text), firstLine: 1 })).toEqual({ stored: 0, duplicates: 1, bad: [] });

    const other = JSON.parse(lines(text)[1] ?? '');
    const line = JSON.stringify({ ...other, call: { ...other.call, client: 'another', startedAt: '2026-01-01T00:00:00.000Z' } });
    expect(await engine.control.exchange.import({ lines: [line], firstLine: 2 })).toMatchObject({ stored: 1 });
    expect(await engine.control.exchange.import({ lines: [line], firstLine: 2 })).toMatchObject({ duplicates: 1 });
    expect((await engine.control.calls.list({})).calls).toHaveLength(2);
  });

  it('name each line that can’t be read, and take the others', async () => {
    const engine = await engineWith();
    await say(engine, 'hello');
    const text = await joined(await engine.control.exchange.export({ format: 'jsonl' }));
    const good = JSON.parse(lines(text)[1] ?? '');
    const other = await engineWith();
    const bad = [
      'not json',
      JSON.stringify({ drawbridge: 'calls', version: 2, exportedAt: '', bodies: true }),
      JSON.stringify({ ...good, call: { ...good.call, status: 'fine' } }),
      JSON.stringify({ ...good, call: { ...good.call, state: 'open' } }),
      JSON.stringify({ ...good, sides: [{ ...good.sides[0], body: { encoding: 'base64', content: '***' } }] }),
      JSON.stringify({ ...good, sides: [good.sides[0], good.sides[0]] }),
      '[]',
    ];
    const result = await other.control.exchange.import({ lines: [...bad, '', JSON.stringify(good)], firstLine: 11 });
    expect(result).toMatchObject({ stored: 1, duplicates: 0 });
    expect(result.bad.map(({ line }) => line)).toEqual([11, 12, 13, 14, 15, 16, 17]);
    expect(result.bad[2]?.why).toContain('call.status');
  });

  it('are redacted when they come in, whatever a line says', async () => {
    const engine = await engineWith();
    await say(engine, 'hello');
    const line = JSON.parse(lines(await joined(await engine.control.exchange.export({ format: 'jsonl' })))[1] ?? '');
    line.sides[0].headers.push(['authorization', 'Bearer db_planted-secret-planted-secret-planted']);
    line.call.path = '/k/db_planted-secret-planted-secret-planted/v1/messages?api_key=planted-secret';
    line.call.error = 'refused db_planted-secret-planted-secret-planted';
    const other = await engineWith();
    await other.control.exchange.import({ lines: [JSON.stringify(line)], firstLine: 1 });
    expect(await joined(await other.control.exchange.export({ format: 'jsonl' }))).not.toContain('planted-secret');
  });

  it('leave without what they said where that is wished', async () => {
    const engine = await engineWith();
    await say(engine, 'an unlikely word');
    for (const format of ['jsonl', 'har'] as const) {
      expect(await joined(await engine.control.exchange.export({ format }))).toContain('an unlikely word');
      expect(await joined(await engine.control.exchange.export({ format, bodies: false }))).not.toContain('unlikely');
    }
  });

  it('keep bodies that are no text', async () => {
    const [from, to] = [await engineWith(), await engineWith()];
    const sent = Buffer.from('{"model":"practice/echo","messages":"\xff\xfe"}', 'latin1');
    const stored = from.call(({ requestBytes }) => requestBytes === sent.length);
    await fetch(`${from.origin}/v1/chat/completions`, {
      method: 'POST',
      headers: { authorization: `Bearer ${from.key}`, 'content-type': 'application/json' },
      body: sent,
    });
    const { id } = await stored;
    await to.control.exchange.import({ lines: lines(await joined(await from.control.exchange.export({ format: 'jsonl' }))), firstLine: 1 });
    const side = (await to.headless.engine.capture.get(id))?.sides.find((one) => one.side === 'clientRequest');
    expect(Buffer.from(side?.body ?? []).equals(sent)).toBe(true);
  });

  it('go out in pieces, whatever a call weighs', async () => {
    const engine = await engineWith();
    const word = '💡'.repeat(200_000);
    await say(engine, word);
    let longest = 0;
    let all = '';
    for await (const text of await engine.control.exchange.export({ format: 'jsonl' })) {
      longest = Math.max(longest, text.length);
      all += Buffer.from(text).toString('utf8');
    }
    expect(longest).toBeLessThanOrEqual(128 * 1024);
    expect(all).toContain(word);
  });
});

it('gives calls that a query finds as HTTP Archive 1.2', async () => {
  const engine = await engineWith();
  await say(engine, 'hello');
  await call(engine, '/v1/chat/completions?a=1', { model: 'practice/echo', messages: [{ role: 'user', content: 'with a query' }] });
  await call(engine, '/v1/messages', { model: 'nobody/knows', max_tokens: 9, messages: [{ role: 'user', content: 'lost' }] });
  const text = await joined(await engine.control.exchange.export({ format: 'har', query: 'model:practice/*' }));
  const { log } = JSON.parse(text);
  expect(log).toMatchObject({ version: '1.2', creator: { name: 'Drawbridge' } });
  expect(log.entries).toHaveLength(2);
  expect(log.entries[1]).toMatchObject({
    request: { method: 'POST', url: `${engine.origin}/v1/chat/completions?a=1`, queryString: [{ name: 'a', value: '1' }] },
    response: { status: 200, statusText: 'OK', content: { mimeType: 'application/json' } },
  });
  expect(JSON.parse(log.entries[1].request.postData.text).messages[0].content).toBe('with a query');
  expect(text).not.toContain(engine.key);
  await expect(joined(await engine.control.exchange.export({ format: 'har', query: 'nonsense:1' }))).rejects.toMatchObject({
    code: 'bad_input',
  });
});

describe('a conversation as a page', () => {
  it('says each thing once, runs nothing and loads nothing', async () => {
    const engine = await engineWith();
    const hostile = '</pre><script>alert(1)</script><img src=x onerror=alert(2)>';
    await say(engine, hostile);
    const last = await say(engine, hostile, 'once answered', 'asked again');
    const page = await joined(await engine.control.exchange.export({ format: 'html', conversation: last }));
    expect(page).toContain('Content-Security-Policy');
    expect(page).toContain('default-src &#39;none&#39;');
    expect(page).not.toMatch(/<script|<img|<link|<iframe|javascript:|https?:\/\//i);
    expect(page.split('&lt;script&gt;alert(1)&lt;/script&gt;&lt;img').length - 1).toBeGreaterThanOrEqual(1);
    expect(page.match(/asked again<\/pre>/g)).not.toBeNull();
    // Its own request repeats what was said before; the page does not.
    expect(page.match(/<h3>user<\/h3>/g)).toHaveLength(2);
    expect(page.match(/<article /g)).toHaveLength(2);
  });

  it('leaves out what is under way', async () => {
    const waits = Promise.withResolvers<void>();
    const provider = await startFakeUpstream(async ({ body }, res) => {
      if (body.includes('under way')) await waits.promise;
      res.writeHead(200, { 'content-type': 'application/json' }).end('{"choices":[]}');
    });
    try {
      const engine = await engineWith({ settings: { upstreams: { gateway: { baseUrl: provider.baseUrl } } } });
      const asked = (...content: string[]): object => ({
        model: 'm',
        messages: content.map((text, i) => ({ role: i % 2 === 0 ? 'user' : 'assistant', content: text })),
      });
      const ended = await call(engine, '/v1/chat/completions', asked('what has ended'));
      const open = Promise.withResolvers<void>();
      const off = engine.headless.engine.capture.onCalls((calls) => {
        if (calls.some(({ id, state }) => id !== ended && state === 'open')) open.resolve();
      });
      const later = call(engine, '/v1/chat/completions', asked('what has ended', 'an answer', 'what is under way'));
      await open.promise;
      off();
      const page = async (): Promise<string> => joined(await engine.control.exchange.export({ format: 'html', conversation: ended }));
      const before = await page();
      expect(before).not.toContain('under way');
      expect(before).toContain('1 calls');
      waits.resolve();
      await later;
      expect(await page()).toContain('under way');
    } finally {
      await provider.stop();
    }
  });

  it('is found by none of its calls where there is none', async () => {
    const engine = await engineWith();
    await expect(joined(await engine.control.exchange.export({ format: 'html', conversation: 7 }))).rejects.toMatchObject({
      code: 'not_found',
    });
    await expect(joined(await engine.control.exchange.export({ format: 'html' }))).rejects.toMatchObject({ code: 'bad_input' });
  });
});

describe('on the command line', () => {
  /** What is typed, an answer a question: a terminal gives one line at a time. A pipe gives all at once. */
  let secrets: string[];
  beforeEach(() => {
    secrets = ['Basic planted-header-secret'];
  });
  const run = (home: string, ...argv: string[]): Promise<Said> => runCommand(home, argv, secrets);

  it('leaves the file that is there as it is until the new one is whole', async () => {
    const engine = await engineWith();
    await say(engine, 'hello');
    const file = path.join(folder, 'kept.jsonl');
    writeFileSync(file, 'precious');
    expect(await run(engine.home, 'export', '--query', 'status:abc', '-o', file)).toMatchObject({ code: 2 });
    expect(readFileSync(file, 'utf8')).toBe('precious');
    expect(await run(engine.home, 'export', '-o', file)).toMatchObject({ code: 0 });
    expect(readFileSync(file, 'utf8')).toContain('hello');
    expect(readdirSync(folder).filter((name) => name.startsWith('kept'))).toEqual(['kept.jsonl']);
  });

  it('says what is wrong with a file or folder that was named, and what to do', async () => {
    const engine = await engineWith();
    const id = await say(engine, 'hello');
    const missing = path.join(folder, 'missing');
    const file = path.join(folder, 'a file');
    writeFileSync(file, '');
    const read = 'Name a file of calls that were exported as JSONL.';
    const write = 'Name a place that is there';
    for (const [argv, place, why, mend] of [
      [['import', missing], missing, "can't be read: no such file or directory (ENOENT).", read],
      [['import', folder], folder, "can't be read: illegal operation on a directory (EISDIR).", read],
      [['export', '-o', path.join(missing, 'x')], path.join(missing, 'x'), "can't be written: no such file or directory (ENOENT).", write],
      [['export', '-o', folder], folder, "can't be written: illegal operation on a directory (EISDIR).", write],
      [['export', '--format', 'html', '-o', file], file, "can't be written: file already exists (EEXIST).", write],
      [['replay', String(id), '--edit', missing], `There is no file ${missing}.`, 'Name one that holds the body', ''],
    ] as const) {
      const { code, err } = await run(engine.home, ...argv);
      expect(code).not.toBe(0);
      expect(err).toContain(place);
      expect(err).toContain(why);
      expect(err).toContain(mend);
    }
    expect(await run(engine.home, 'export', '-o', '')).toMatchObject({ code: 2, err: expect.stringContaining('-o FILE') });
    expect(await run(engine.home, 'import', '')).toMatchObject({ code: 2, err: expect.stringContaining('import FILE') });
    expect(await run(engine.home, 'replay', '')).toMatchObject({ code: 2, err: expect.stringContaining('no number') });
  });

  it('says that an engine ended while it exported, and leaves nothing of the file', async () => {
    const home = path.join(folder, 'state');
    const stub = await startControlStub(home, {
      exchange: {
        export: implement(contract).exchange.export.handler(async function* () {
          yield 'the first lines\n';
          // Every connection is cut, as where an engine is killed.
          await stub.stop();
        }),
      },
    });
    expect(await run(home, 'export', '-o', path.join(folder, 'calls.jsonl'))).toMatchObject({
      code: 1,
      err: expect.stringContaining('Drawbridge ended before it had answered'),
    });
    expect(readdirSync(folder)).toEqual(['state']);
  });

  it.runIf(process.platform === 'linux')('says that an export could not be written', async () => {
    const engine = await engineWith();
    await say(engine, 'hello');
    expect(await run(engine.home, 'export', '-o', '/dev/full')).toMatchObject({ code: 1, err: expect.stringContaining('ENOSPC') });
    expect(statSync('/dev/full').isFile()).toBe(false);
  });

  it('moves calls by a file only its owner may read, and tells of lines it could not take', async () => {
    const [from, to] = [await engineWith(), await engineWith()];
    await say(from, 'hello');
    const file = path.join(folder, 'calls.jsonl');
    expect(await run(from.home, 'export', '--format', 'jsonl', '-o', file)).toMatchObject({ code: 0 });
    expect(statSync(file).mode & 0o077).toBe(0);
    const text = readFileSync(file);
    writeFileSync(file, Buffer.concat([text, Buffer.from([0xff, 0x0a]), Buffer.from('{}\n')]));
    const taken = await run(to.home, 'import', file, '--json');
    expect(taken.code).toBe(1);
    expect(JSON.parse(taken.out)).toMatchObject({ stored: 1, duplicates: 0, bad: [{ line: 3 }, { line: 4 }] });
  });

  it('writes a page for each conversation that is found', async () => {
    const engine = await engineWith();
    const [one, two] = [await say(engine, 'one thing'), await say(engine, 'another thing')];
    expect(await run(engine.home, 'export', '--format', 'html', '-o', path.join(folder, 'pages'))).toMatchObject({
      code: 0,
      err: expect.stringContaining('2 pages'),
    });
    for (const id of [one, two]) expect(readFileSync(path.join(folder, 'pages', `conversation-${id}.html`), 'utf8')).toContain('thing');
  });

  it('passes over calls of no conversation, and says so when the engine can not tell of one', async () => {
    const fault = { code: 'not_found' };
    const engine = await startControlStub(folder, {
      calls: { list: implement(contract).calls.list.handler(() => ({ calls: [madeCall(1, 0)], more: false })) },
      conversations: {
        tree: implement(contract).conversations.tree.handler(() => {
          throw new ORPCError(fault.code, { message: 'No answer.' });
        }),
      },
    });
    const argv = ['export', '--format', 'html', '-o', path.join(folder, 'pages')];
    expect(await run(folder, ...argv)).toMatchObject({ code: 0, err: expect.stringContaining('0 pages') });
    fault.code = 'store_unavailable';
    expect(await run(folder, ...argv)).toMatchObject({ code: 1, err: expect.stringContaining('No answer.') });
    await engine.stop();
  });

  it('sends a call again and shows both answers', async () => {
    const engine = await engineWith();
    const id = await say(engine, 'hello again');
    const shown = await run(engine.home, 'replay', String(id));
    expect(shown).toMatchObject({ code: 0 });
    expect(shown.out).toContain('The same text:');
    const edit = path.join(folder, 'edit.json');
    writeFileSync(edit, JSON.stringify({ model: 'practice/echo', messages: [{ role: 'user', content: 'other words' }] }));
    expect(await run(engine.home, 'replay', String(id), '--edit', edit)).toMatchObject({ code: 1, out: expect.stringContaining('+ ') });
  });

  it('keeps the values of a collector’s headers in the keychain alone', async () => {
    const keychain = memorySecrets();
    const engine = await engineWith({ headless: { keychain } });
    const set = await run(engine.home, 'telemetry', 'set', 'http://127.0.0.1:9', '--header', 'authorization');
    expect(set).toMatchObject({ code: 0 });
    expect(await engine.control.telemetry.status({})).toMatchObject({ endpoint: 'http://127.0.0.1:9', headers: ['authorization'] });
    expect(readFileSync(path.join(engine.home, 'settings.json'), 'utf8')).not.toContain('planted-header-secret');
    expect(await keychain.get('otlp-headers')).toContain('planted-header-secret');
    await run(engine.home, 'telemetry', 'clear');
    expect(await keychain.get('otlp-headers')).toBeUndefined();
  });

  it.each([
    ['typed, one after the other', ['first', 'second']],
    ['piped, one a line', ['first\nsecond\n']],
  ])('takes the values of two headers as they are %s', async (_how, given) => {
    const keychain = memorySecrets();
    const engine = await engineWith({ headless: { keychain } });
    secrets = given;
    const argv = ['telemetry', 'set', 'http://127.0.0.1:9', '--header', 'x-one', '--header', 'x-two'];
    expect(await run(engine.home, ...argv)).toMatchObject({ code: 0 });
    expect(JSON.parse((await keychain.get('otlp-headers')) ?? '')).toEqual({ 'x-one': 'first', 'x-two': 'second' });
  });

  it('sets no collector where the value of a header is missing', async () => {
    const engine = await engineWith();
    secrets = ['first\n'];
    const argv = ['telemetry', 'set', 'http://127.0.0.1:9', '--header', 'x-one', '--header', 'x-two'];
    expect(await run(engine.home, ...argv)).toMatchObject({ code: 2, err: expect.stringContaining('x-two') });
    expect((await engine.control.telemetry.status({})).endpoint).toBeNull();
  });
});

describe('spans for a collector', () => {
  it('tell of each call, and never what was said', async () => {
    const arrived = Promise.withResolvers<{ url: string; headers: object; body: string }>();
    const collector = await startFakeUpstream(({ url, headers, body }, res) => {
      arrived.resolve({ url, headers, body: body.toString('utf8') });
      res.writeHead(200, { 'content-type': 'application/json' }).end('{}');
    });
    try {
      const engine = await engineWith();
      await engine.control.telemetry.set({ endpoint: collector.baseUrl, headers: { 'x-collector': 'a-value' } });
      await say(engine, 'an unlikely word');
      const { url, headers, body } = await arrived.promise;
      expect(url).toBe('/v1/traces');
      expect(headers).toMatchObject({ 'content-type': 'application/json', 'x-collector': 'a-value' });
      expect(body).not.toContain('unlikely');
      const [span] = JSON.parse(body).resourceSpans[0].scopeSpans[0].spans;
      expect(span).toMatchObject({ name: 'chat practice/echo', kind: 3, status: {} });
      expect(span.traceId).toMatch(/^[0-9a-f]{32}$/);
      expect(span.spanId).toMatch(/^[0-9a-f]{16}$/);
      expect(BigInt(span.endTimeUnixNano)).toBeGreaterThanOrEqual(BigInt(span.startTimeUnixNano));
      expect(span.attributes).toContainEqual({ key: 'gen_ai.request.model', value: { stringValue: 'practice/echo' } });
      expect(span.attributes).toContainEqual({ key: 'http.response.status_code', value: { intValue: '200' } });
    } finally {
      await collector.stop();
    }
  });

  it('tell of a call that ended just before the engine stops', async () => {
    const said: string[] = [];
    const collector = await startFakeUpstream(({ body }, res) => {
      said.push(body.toString('utf8'));
      res.writeHead(200, { 'content-type': 'application/json' }).end('{}');
    });
    try {
      const engine = await engineWith();
      await engine.control.telemetry.set({ endpoint: collector.baseUrl });
      const reply = await fetch(`${engine.origin}/v1/chat/completions`, {
        method: 'POST',
        headers: { authorization: `Bearer ${engine.key}`, 'content-type': 'application/json' },
        body: JSON.stringify({ model: 'practice/echo', messages: [{ role: 'user', content: 'the last word' }] }),
      });
      await reply.text();
      await engine.stop();
      expect(said.join()).toContain('"chat practice/echo"');
    } finally {
      await collector.stop();
    }
  });

  it('are tried with what was typed or what is held, and nothing of it is kept', async () => {
    const asked: { body: string; token: string | undefined }[] = [];
    const collector = await startFakeUpstream(({ headers, body }, res) => {
      const token = headers['x-collector'];
      asked.push({ body: body.toString('utf8'), token: typeof token === 'string' ? token : undefined });
      res.writeHead(token === 'right' ? 200 : 401, { 'content-type': 'application/json' }).end('{}');
    });
    try {
      const { telemetry } = (await engineWith()).control;
      const endpoint = collector.baseUrl;
      const refused = { taken: false, found: 'The collector answered with status 401.' };
      expect(await telemetry.try({ endpoint, headers: { 'x-collector': 'wrong' } })).toEqual(refused);
      expect(await telemetry.try({ endpoint, headers: { 'x-collector': 'right' } })).toMatchObject({ taken: true });
      expect(await telemetry.try({ endpoint })).toEqual(refused);
      expect(await telemetry.status({})).toMatchObject({ endpoint: null, headers: [], sent: 0, dropped: 0 });
      await telemetry.set({ endpoint, headers: { 'x-collector': 'right' } });
      expect(await telemetry.try({ endpoint })).toMatchObject({ taken: true });
      expect(asked.map(({ token }) => token)).toEqual(['wrong', 'right', undefined, 'right']);
      expect(asked.map(({ body }) => JSON.parse(body))).toEqual(asked.map(() => ({ resourceSpans: [] })));
      await expect(telemetry.try({ endpoint: 'http://collector.example' })).rejects.toMatchObject({
        code: 'bad_input',
        message: 'The endpoint must be https, or http on 127.0.0.1.',
      });
    } finally {
      await collector.stop();
    }
  });

  it('go nowhere but to https or this machine', async () => {
    const keychain = memorySecrets();
    const engine = await engineWith({ headless: { keychain } });
    const target = { endpoint: 'http://collector.example', headers: { 'x-collector': 'not-to-be-kept' } };
    await expect(engine.control.telemetry.set(target)).rejects.toMatchObject({
      code: 'bad_input',
      message: 'The endpoint must be https, or http on 127.0.0.1.',
    });
    expect(await keychain.get(engine.headless.engine.settings.current().telemetry.headersSecret)).toBeUndefined();
    expect(await engine.control.telemetry.status({})).toMatchObject({ endpoint: null });
  });
});
