import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { runCli } from '../../bridges/hosts/cli/index.ts';
import { atTerminal, hasTerminal } from '../support/terminal.ts';
import { KEY, startCodexTest, type CodexTest } from './codex.support.ts';

let test: CodexTest;
beforeEach(async () => {
  test = await startCodexTest();
});
afterEach(() => test.stop());

type Said = { code: number; text: string };

async function cli(line: string, answers: { secret?: string; confirm?: boolean; onText?: (text: string) => void } = {}): Promise<Said> {
  const said: string[] = [];
  const say = (text: string): void => {
    said.push(text);
    answers.onText?.(text);
  };
  const before = process.env['DRAWBRIDGE_HOME'];
  const ci = process.env['CI'];
  process.env['DRAWBRIDGE_HOME'] = test.engine.home;
  // No browser is opened in tests.
  process.env['CI'] = 'true';
  const code = await runCli({
    argv: line.split(' '),
    version: '0',
    windowFolder: '',
    signal: AbortSignal.timeout(15_000),
    output: {
      out: say,
      err: say,
      interactive: answers.confirm !== undefined,
      confirm: async (question) => {
        say(question);
        return answers.confirm === true;
      },
      secret: async () => answers.secret ?? '',
    },
  });
  restore('DRAWBRIDGE_HOME', before);
  restore('CI', ci);
  return { code, text: said.join('\n') };
}

function restore(name: string, value: string | undefined): void {
  if (value === undefined) delete process.env[name];
  else process.env[name] = value;
}

describe('drawbridge signin', () => {
  it('names the routes where none is given', async () => {
    const { code, text } = await cli('signin codex');
    expect(code).toBe(2);
    expect(text).toMatch(/--route api-key .*official[^]*--route chatgpt .*preview[^]*--route codex-cli .*unofficial/);
  });
  it('tells the terms, and does nothing without a yes', async () => {
    const { code, text } = await cli('signin codex --route api-key', { secret: KEY, confirm: false });
    expect(code).toBe(1);
    expect(text).toContain('https://openai.com/policies/');
    expect((await test.bridge()).accounts).toEqual([]);
    expect(await cli('signin codex --route chatgpt')).toMatchObject({ code: 1 });
  });
  it('signs in with a key that is not an argument, after a yes, and asks no second time', async () => {
    const first = await cli('signin codex --route api-key', { secret: `${KEY}\n`, confirm: true });
    expect(first).toMatchObject({ code: 0 });
    expect(first.text).not.toContain(KEY);
    expect(await cli('signout codex')).toMatchObject({ code: 0 });
    expect(await cli('signin codex --route api-key', { secret: KEY })).toMatchObject({ code: 0 });
  });
  it.runIf(hasTerminal)('takes the yes and then the key from a terminal, and shows the key to nobody', async () => {
    const { code, shown } = await atTerminal(['signin', 'codex', '--route', 'api-key'], {
      env: { PATH: process.env['PATH'], DRAWBRIDGE_HOME: test.engine.home },
      answers: [
        ['[y/N]', 'y\r'],
        ['OpenAI key:', `${KEY}\r`],
      ],
    });
    expect(shown).toContain('Codex: ready');
    expect(shown).not.toContain(KEY);
    expect(code).toBe(0);
  });
  it('waits for the browser, and says how it ended', async () => {
    const clicking: Promise<unknown>[] = [];
    const onText = (text: string): void => {
      const url = /https?:\/\/\S+authorize\S+/.exec(text)?.[0];
      if (url !== undefined) clicking.push(test.openai.person(url, 'allow'));
    };
    const { code, text } = await cli('signin codex --route chatgpt --agree', { onText });
    await Promise.all(clicking);
    expect(code).toBe(0);
    expect(text).toContain('user@example.com');
    expect(text).not.toMatch(/CANARY/);
  });
  it('holds two accounts and uses one', async () => {
    await test.signIn('api-key', KEY);
    await test.signIn('chatgpt');
    const key = (await test.bridge()).accounts.find(({ route }) => route === 'api-key');
    expect((await test.bridge()).route).toBe('chatgpt');
    expect(await cli(`account codex ${key?.id ?? ''}`)).toMatchObject({ code: 0 });
    expect((await test.bridge()).route).toBe('api-key');
    expect(await cli('account codex nobody')).toMatchObject({ code: 1 });
  });
});

describe('drawbridge scope', () => {
  it('widens past the terms only with a yes, and says what holds', async () => {
    expect(await cli('scope codex app,clients --route chatgpt')).toMatchObject({ code: 1 });
    expect(await cli('scope codex --route chatgpt')).toMatchObject({ text: expect.stringMatching(/used by: app\./) });
    expect(await cli('scope codex app,clients --route chatgpt --agree')).toMatchObject({
      code: 0,
      text: expect.stringMatching(/app, clients/),
    });
    expect(await cli('scope codex none --route chatgpt')).toMatchObject({ code: 0, text: expect.stringMatching(/nothing/) });
    expect(await cli('scope codex everything --route chatgpt')).toMatchObject({ code: 2 });
  });
});

describe('drawbridge bridges', () => {
  it('shows where each stands, and switches them', async () => {
    await test.signIn('api-key', KEY);
    expect(await cli('bridges off codex')).toMatchObject({ code: 0, text: expect.stringMatching(/switched off/) });
    expect(await cli('bridges on codex')).toMatchObject({ code: 0 });
    const { text } = await cli('bridges');
    expect(text).toMatch(/Codex: ready/);
    expect(JSON.parse((await cli('bridges --json')).text)[0]).toMatchObject({ name: 'codex', state: 'ready' });
  });
});

describe('drawbridge keys create', () => {
  it('makes a key for this machine’s programs, or for the gateway, and for nothing else', async () => {
    expect(await cli('keys create mine')).toMatchObject({ code: 0 });
    expect(await cli('keys create far --use gateway')).toMatchObject({ code: 0 });
    expect((await cli('keys')).text).toMatch(/mine +db_\S+ +clients[^]*far +db_\S+ +gateway/);
    expect(await cli('keys create sly --use app')).toMatchObject({ code: 2, text: expect.stringMatching(/clients or gateway/) });
  });
});

describe('a command that was given what the engine does not take', () => {
  it.each([
    ['a key', `keys create ${'x'.repeat(65)}`, '"name" is wrong'],
    ['a read key', `read-keys create ${'x'.repeat(65)}`, '"name" is wrong'],
    ['a query', `calls --query ${'x'.repeat(2001)}`, '"query" is wrong'],
    ['a tunnel', 'tunnels start Lab', '"name" is wrong'],
  ])('says what is wrong with %s', async (_what, line, said) => {
    const { code, text } = await cli(line);
    expect(code).toBe(2);
    expect(text).toContain(said);
    expect(JSON.parse((await cli(`${line} --json`)).text)).toMatchObject({ event: 'error', code: 'bad_input' });
  });
});

describe('drawbridge doctor codex', () => {
  it('tells how to widen what the sign-in is for, in a command that asks nothing', async () => {
    await test.signIn('api-key', KEY);
    await test.engine.control.bridges.setScope({ bridge: 'codex', route: 'api-key', scope: ['app'] });
    const command = /To widen it: drawbridge (scope codex app,clients --agree)/.exec((await cli('doctor codex')).text)?.[1];
    expect(await cli(command ?? '')).toMatchObject({ code: 0, text: expect.stringMatching(/app, clients/) });
  });
  it('tells what is wrong and what to report, and nothing secret', async () => {
    await test.signIn('api-key', KEY);
    const fine = await cli('doctor codex');
    expect(fine.text).toMatch(/ok +Account: ready[^]*ok +Models: 1 are listed/);
    await cli('signout codex');
    const signedOut = await cli('doctor codex');
    expect(signedOut.code).toBe(1);
    expect(signedOut.text).toMatch(/FAILED +Account: signed_out[^]*drawbridge signin codex/);
    expect(fine.text + signedOut.text).not.toContain('CANARY');
    expect(await cli('doctor nothing')).toMatchObject({ code: 2 });
  });
});
