import { expect, it, vi } from 'vitest';
import type { ChildRunner } from '../../../bridges/engine/child.ts';
import { openBrowser } from '../../../bridges/hosts/cli/start.ts';

const LINK = 'http://127.0.0.1:1/?token=x';

it('a browser on Linux is told of the desktop it opens on, and of nothing else', async () => {
  const run = vi.fn<ChildRunner>(async () => ({ code: 0, stdout: '', stderr: '' }));
  const desktop = { XAUTHORITY: '/run/user/1000/gdm/Xauthority', XDG_CURRENT_DESKTOP: 'GNOME', BROWSER: 'firefox' };
  await openBrowser(LINK, 'linux', { DISPLAY: ':0', ...desktop, OPENAI_API_KEY: 'planted', CI: '' }, run);
  expect(run).toHaveBeenCalledExactlyOnceWith('xdg-open', [LINK], { timeoutMs: 10_000, env: desktop });
});

it('no browser is looked for where there is no screen', async () => {
  const run = vi.fn<ChildRunner>();
  await openBrowser(LINK, 'linux', {}, run);
  expect(run).not.toHaveBeenCalled();
});
