import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Tokens } from '../../bridges/accounts/keeper.ts';
import { netOf } from '../../bridges/accounts/net.ts';
import { beginSignIn } from '../../bridges/codex/chatgpt.ts';
import { pollDevice, startDevice } from '../../bridges/copilot/device.ts';
import { systemClock } from '../../bridges/engine/clock.ts';
import { BACK_ENDS } from '../../bridges/m365/back-end.ts';
import { openEntra } from '../../bridges/m365/entra.ts';
import { tokensOf } from '../../bridges/m365/session.ts';
import { startFakeGitHub } from '../fakes/github.ts';
import { startFakeMicrosoft, TENANT } from '../fakes/microsoft.ts';
import { startFakeOpenAI } from '../fakes/openai.ts';

/** A stand-in of a provider that somebody is signed in to. */
type SignedIn = { url: string; clientId: string; tokens: Tokens; refreshes(): number; stop(): Promise<void> };

const net = netOf('Drawbridge/test');
const never = (): AbortSignal => new AbortController().signal;
const renewals = (seen: readonly { body: Buffer }[]): number =>
  seen.filter(({ body }) => body.toString().includes('grant_type=refresh_token')).length;

const PROVIDERS: Record<'codex' | 'copilot' | 'm365', () => Promise<SignedIn>> = {
  async codex() {
    const openai = await startFakeOpenAI();
    const options = { issuer: openai.baseUrl, net, clock: systemClock, hostId: `urn:uuid:${crypto.randomUUID()}` };
    const { url, done } = await beginSignIn({ ...options, clientId: null, reconsent: false, onClient: () => {} });
    await openai.person(url, 'allow');
    const result = await done;
    if (result.kind !== 'signed_in') throw new Error(result.kind);
    return { url: openai.baseUrl, clientId: '', tokens: result.tokens, refreshes: () => renewals(openai.seen), stop: () => openai.stop() };
  },
  async copilot() {
    const github = await startFakeGitHub();
    github.expiresIn = 28_800;
    github.answer = 'allowed';
    const { clientId, server } = github;
    const start = await startDevice(net, server.baseUrl, clientId);
    if ('problem' in start) throw new Error(start.problem);
    const pause = async (): Promise<void> => {};
    const result = await pollDevice({ net, github: server.baseUrl, clientId, start, signal: never(), now: Date.now, pause });
    if (result.kind !== 'signed_in') throw new Error(result.kind);
    return { url: server.baseUrl, clientId, tokens: result.tokens, refreshes: () => renewals(server.seen), stop: () => server.stop() };
  },
  async m365() {
    const microsoft = await startFakeMicrosoft();
    const { clientId, baseUrl } = microsoft;
    microsoft.mood.device = 'allowed';
    const entra = await openEntra({ net, app: { clientId, tenant: TENANT, login: baseUrl }, scopes: BACK_ENDS.graph.scopes });
    const outcome = await entra.byCode({ claims: null, onCode: () => {}, signal: never() });
    if ('fault' in outcome) throw new Error(outcome.fault.reason);
    const tokens = tokensOf(outcome.granted, Date.now());
    return { url: baseUrl, clientId, tokens, refreshes: () => microsoft.refreshes(), stop: () => microsoft.stop() };
  },
};

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(path.join(os.tmpdir(), 'drawbridge-processes-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

describe.each(['codex', 'copilot', 'm365'] as const)('two processes with one sign-in of %s', (bridge) => {
  it('that renew it at once spend the refresh token once, and both go on', async () => {
    const provider = await PROVIDERS[bridge]();
    const kept: Tokens = { ...provider.tokens, expiresAt: Date.now() - 3_600_000 };
    const file = path.join(folder, 'shared.json');
    writeFileSync(file, JSON.stringify({ [`${bridge}/one`]: JSON.stringify(kept) }));
    const args = [bridge, file, path.join(folder, 'shared.lock'), provider.url, provider.clientId];
    const children = [1, 2].map(() => start(args));
    await Promise.all(children.map(({ said }) => said('READY')));
    for (const { child } of children) child.stdin?.write('go\n');
    const [first, second] = await Promise.all(children.map(({ said }) => said('RESULT')));
    expect(first).toContain('CANARY');
    expect(second).toBe(first);
    expect(first).not.toContain(kept.access);
    expect(provider.refreshes()).toBe(1);
    await provider.stop();
  });
});

function start(args: string[]): { child: ChildProcess; said: (word: string) => Promise<string> } {
  const file = path.join(import.meta.dirname, 'processes.probe.ts');
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
