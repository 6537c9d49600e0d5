import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { helpOf } from '../../bridges/hosts/cli/help.ts';
import { USAGE } from '../../bridges/hosts/cli/index.ts';
import { runCommand, type Said } from '../support/command.ts';
import { startTestEngine, type TestEngine } from '../support/engine.ts';

let engine: TestEngine;
let id: number;
const REQUEST = JSON.stringify({
  model: 'practice/reason',
  messages: [
    { role: 'user', content: 'first question' },
    { role: 'assistant', content: 'an answer' },
    { role: 'user', content: 'line one\nline two\u001b[31m' },
  ],
});

beforeAll(async () => {
  engine = await startTestEngine();
  const stored = engine.call(({ state }) => state === 'done');
  const reply = await fetch(`${engine.origin}/v1/chat/completions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${engine.key}`, 'content-type': 'application/json' },
    body: REQUEST,
  });
  await reply.text();
  ({ id } = await stored);
});
afterAll(async () => {
  await engine.stop();
});

const drawbridge = (...argv: string[]): Promise<Said> => runCommand(engine.home, argv);

describe('one call', () => {
  it('is found by the number that the list shows, and shows what it said and what is new of its history', async () => {
    const { out: list } = await drawbridge('calls');
    expect(list.split('\n')[1]?.split(' ').at(-1)).toBe(String(id));
    const { code, out } = await drawbridge('calls', String(id));
    expect(code).toBe(0);
    expect(out).toContain('model    practice/reason\n');
    expect(out).toContain('(2 earlier parts of the history: --whole shows them)\n\n── user\nline one\nline two\n');
    expect(out).toMatch(/── assistant reasoning\n.+\n\n── assistant\n/);
    expect(out).not.toContain('first question');
    expect(out).not.toContain('\u001b');
    expect((await drawbridge('calls', String(id), '--whole')).out).toContain('── user\nfirst question\n\n── assistant\nan answer\n');
  });

  it('gives a body back as it went over the wire', async () => {
    expect((await drawbridge('calls', String(id), '--body', 'request')).out).toBe(`${REQUEST}\n`);
    expect((await drawbridge('calls', String(id), '--body', 'upstream-request')).out).toContain('"practice/reason"');
    expect((await drawbridge('calls', String(id), '--body', 'reply')).out).toContain('"finish_reason":"stop"');
    const detail: unknown = JSON.parse((await drawbridge('calls', String(id), '--json')).out);
    expect(detail).toMatchObject({ call: { id }, client: { request: { body: { content: REQUEST } } } });
  });

  it.each([
    [['calls', '0x12'], '"0x12" is no number of a call. "drawbridge calls" tells them.'],
    [['calls', '1', '--body', 'all'], '--body takes request, reply, upstream-request, upstream-reply, not "all".'],
    [['calls', '1', '--query', 'x'], '"drawbridge calls" does not take "--query". Run "drawbridge help calls" for what it takes.'],
    [['calls', '--whole'], '"drawbridge calls" does not take "--whole". Run "drawbridge help calls" for what it takes.'],
    [['calls', '--jsn'], 'There is no option "--jsn". Run "drawbridge help calls" for those there are.'],
    [['--jsn'], 'There is no option "--jsn". Run "drawbridge help" for those there are.'],
    [['help', 'nix'], 'There is no command "nix". Run "drawbridge help" for those there are.'],
  ])('is refused as %j with what to do', async (argv, words) =>
    expect(await drawbridge(...argv)).toEqual({ code: 2, out: '', err: `drawbridge: ${words}\n` }),
  );

  it('that is not there is told so', async () =>
    expect(await drawbridge('calls', '1')).toEqual({
      code: 1,
      out: '',
      err: 'drawbridge: There is no call 1. It may have been removed.\n',
    }));
});

describe('help', () => {
  it('of a command is its own lines', async () => {
    const { out } = await drawbridge('help', 'keys');
    expect(out.trim().split('\n')).toHaveLength(3);
    expect((await drawbridge('keys', '--help')).out).toBe(out);
    expect((await drawbridge('help', 'calls')).out).toContain('Q as in');
    expect((await drawbridge('help')).out).toBe(`${USAGE}\n`);
  });

  it('leaves no line of the usage out', () => {
    const commands = new Set([...USAGE.matchAll(/^ {2}drawbridge (\S+)/gm)].map(([, command = '']) => command));
    const lines = [...commands].flatMap((command) => helpOf(USAGE, command)?.split('\n') ?? []);
    expect(lines.toSorted()).toEqual(
      USAGE.split('\n')
        .filter((line) => line.startsWith('  '))
        .toSorted(),
    );
  });
});
