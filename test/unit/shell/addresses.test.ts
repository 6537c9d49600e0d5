import { expect, test } from 'vitest';
import { isForBrowser, isOwn, pageOf, pageOfLink } from '../../../electron/main/addresses.ts';

test.for(['app://drawbridge/', 'app://drawbridge/calls/1?x#y'])('%s is ours', (url) => {
  expect(isOwn(url)).toBe(true);
});

test.for([
  'app://drawbridge.evil.test/',
  'app://drawbridge@evil.test/',
  'app://evil.test/?app://drawbridge/',
  'app://user@drawbridge/',
  'app://drawbridge:80/',
  'http://drawbridge/',
  'app:drawbridge',
  'file:///etc/passwd',
  'about:blank',
  'javascript:alert(1)',
  '',
])('%s is not ours', (url) => {
  expect(isOwn(url)).toBe(false);
});

test('only https is handed to the browser', () => {
  expect(isForBrowser('https://example.com/')).toBe(true);
  expect(
    ['http://example.com/', 'file:///etc/passwd', 'javascript:alert(1)', 'smb://host/share', 'vscode://x', ''].filter(isForBrowser),
  ).toEqual([]);
});

test.for([
  ['drawbridge://', '/'],
  ['drawbridge://calls', '/calls'],
  ['drawbridge://calls/12/', '/calls/12'],
  ['drawbridge://bridges', '/bridges'],
  ['drawbridge://engine/stop', null],
  ['drawbridge://calls/../../x', null],
  ['drawbridge://calls/12/%2e%2e/stop', null],
  ['drawbridge://bridges/codex/sign-out', null],
  ['https://calls', null],
  ['--hidden', null],
] as const)('the link %s leads to %s', ([link, page]) => {
  expect(pageOfLink(link)).toBe(page);
});

test.for(['/', '/bridges/m365', '/tunnels/my-office', '/calls/12', '/usage'])('%s may be asked for in the window', (path) => {
  expect(pageOf(path)).toBe(path);
});

test.for([
  '',
  '//evil.test',
  '/\\evil.test',
  'https://evil.test/',
  '/calls/1/../..',
  '/calls/1?x#y',
  '/bridges/Codex',
  '/popover',
  '/calls\n',
  null,
  ['/'],
])('%j may not', (path) => {
  expect(pageOf(path)).toBeNull();
});
