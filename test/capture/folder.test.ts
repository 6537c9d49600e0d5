import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Folders, keepOf } from '../../bridges/capture/folder.ts';

const body = (value: unknown): Buffer => Buffer.from(JSON.stringify(value));

describe('the folder of a request', () => {
  it.each([
    [
      'in Claude Code’s system prompt',
      { system: [{ text: '<env>\nWorking directory: /home/ada/secret project\nIs git repo: Yes' }] },
      '/home/ada/secret project',
    ],
    [
      'in Claude Code’s words about its environment, behind what was said of another',
      {
        messages: [{ content: 'Primary working directory: /elsewhere\nWorking directory: /elsewhere\n' }],
        system: [{ text: '# Environment\n - Primary working directory: /home/ada/secret project\n - Is a git repository: true' }],
      },
      '/home/ada/secret project',
    ],
    [
      'in a system prompt behind a long conversation',
      { messages: [{ content: 'x'.repeat(600_000) }], system: [{ text: '<env>\nWorking directory: /home/ada/x\n' }] },
      '/home/ada/x',
    ],
    ['in Codex’s first message', { input: [{ content: [{ text: '<environment_context>\n  <cwd>/srv/x</cwd>\n' }] }] }, '/srv/x'],
    ['in the Copilot CLI’s prompt', { messages: [{ content: 'Current working directory: /w\nmore' }] }, '/w'],
    ['on Windows', { system: 'Working directory: C:\\Users\\ada\\x\n' }, 'C:\\Users\\ada\\x'],
    [
      'on Windows, below a folder that begins as a line’s end is written',
      { system: 'Working directory: C:\\repos\\new\n' },
      'C:\\repos\\new',
    ],
    ['in a text within a text', { user: JSON.stringify({ cwd: 'C:\\repos\\x' }) }, 'C:\\\\repos\\\\x'],
    ['nowhere', { messages: [{ content: 'hello' }] }, null],
    ['in a sentence about something else', { messages: [{ content: 'Working directory: unknown' }] }, null],
  ])('is told %s', (_where, request, folder) => {
    expect(new Folders().of(body(request))).toBe(folder);
  });
});

it('the folder of a request is told where its letters are written as numbers', () => {
  expect(new Folders().of(Buffer.from('{"system":"Working directory: \\/home\\/j\\u00fcrgen\\n"}'))).toBe('/home/jürgen');
});

describe('the folder of a request that repeats another one', () => {
  const WORDS = ['Primary working directory: ', 'Working directory: ', '<cwd>', 'Current working directory: ', '\\"cwd\\":\\"', '"cwd":"'];
  const text = fc
    .array(fc.oneof(fc.constantFrom(...WORDS, '/a', '/b<', 'x', '\\n', 'Primary working dir', 'ectory: '), fc.constantFrom('/c\\n')), {
      maxLength: 14,
    })
    .map((parts) => parts.join(''));

  it('is the one it is told without the other, wherever the two part', () => {
    fc.assert(
      fc.property(text, fc.array(text, { minLength: 1, maxLength: 4 }), fc.nat(), (start, ends, cut) => {
        const folders = new Folders();
        let before: Buffer | undefined;
        for (const end of ends) {
          const shared = before?.toString().slice(0, cut % (before.length + 1)) ?? start;
          const request = Buffer.from(shared + end);
          expect(folders.of(request, before)).toBe(new Folders().of(Buffer.from(request)));
          before = request;
        }
      }),
      { numRuns: 2_000 },
    );
  });
});

describe('the rules for folders', () => {
  const rules = [
    { folder: '/home/ada', keep: 'metadata' as const },
    { folder: '/home/ada/open/', keep: 'keep' as const },
    { folder: '~/private', keep: 'ignore' as const },
  ];
  it.each([
    ['/home/ada/x', 'metadata'],
    ['/home/ada', 'metadata'],
    ['/home/adam', 'keep'],
    ['/home/ada/open/y', 'keep'],
    ['/home/eve/private/z', 'ignore'],
    [null, 'keep'],
  ])('%s is %s', (folder, keep) => {
    expect(keepOf(folder, rules, '/home/eve')).toBe(keep);
  });
});
