import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { expect, it } from 'vitest';
import { netOf } from '../../bridges/accounts/net.ts';
import { BACK_ENDS } from '../../bridges/m365/back-end.ts';
import { openEntra } from '../../bridges/m365/entra.ts';
import { secretOf, tokensOf } from '../../bridges/m365/session.ts';
import { startFakeMicrosoft, TENANT } from '../fakes/microsoft.ts';

it('two processes that renew at once spend the refresh token once, and both go on', async () => {
  const microsoft = await startFakeMicrosoft();
  const folder = mkdtempSync(path.join(os.tmpdir(), 'drawbridge-m365-'));
  const app = { clientId: microsoft.clientId, tenant: TENANT, login: microsoft.baseUrl };
  microsoft.mood.device = 'allowed';
  const entra = await openEntra({ net: netOf('Drawbridge/test'), app, scopes: BACK_ENDS.graph.scopes });
  const outcome = await entra.byCode({ claims: null, onCode: () => {}, signal: new AbortController().signal });
  if ('fault' in outcome) throw new Error(outcome.fault.reason);
  // Two hours old.
  const kept = tokensOf(outcome.granted, Date.now() - 7_200_000);
  const file = path.join(folder, 'shared.json');
  writeFileSync(file, JSON.stringify({ [secretOf('one')]: JSON.stringify(kept) }));
  const args = [file, path.join(folder, 'shared.lock'), microsoft.baseUrl, microsoft.clientId, 'one'];
  const children = [1, 2].map(() => start(args));
  await Promise.all(children.map(({ said }) => said('READY')));
  for (const { child } of children) child.stdin?.write('go\n');
  const [first, second] = await Promise.all(children.map(({ said }) => said('RESULT')));
  expect(first).toContain('CANARY-access');
  expect(second).toBe(first);
  expect(first).not.toContain(kept.access);
  expect(microsoft.refreshes()).toBe(1);
  await microsoft.stop();
  rmSync(folder, { recursive: true, force: true });
});

function start(args: string[]): { child: ChildProcess; said: (word: string) => Promise<string> } {
  const file = path.join(import.meta.dirname, 'm365.probe.ts');
  const child = spawn(process.execPath, [file, ...args], { stdio: ['pipe', 'pipe', 'inherit'] });
  const lines = createInterface({ input: child.stdout });
  const said = (word: string): Promise<string> =>
    new Promise((resolve, reject) => {
      lines.on('line', (line) => {
        if (line.startsWith(word)) resolve(line);
      });
      child.once('exit', () => reject(new Error(`it ended without saying ${word}`)));
    });
  return { child, said };
}
