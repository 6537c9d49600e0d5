import path from 'node:path';
import type { BridgeDetail, RouteName } from '../../bridges/contract/index.ts';
import { memorySecrets, type SecretStore } from '../../bridges/engine/secrets.ts';
import type { HeadlessOptions } from '../../bridges/hosts/headless.ts';
import { startFakeGitHub, type FakeGitHub } from '../fakes/github.ts';
import { startTestEngine, type TestEngine } from '../support/engine.ts';
import type { Reply } from './codex.support.ts';

export type CopilotRoute = Extract<RouteName, 'sdk' | 'device'>;

export type CopilotTest = {
  engine: TestEngine;
  github: FakeGitHub;
  keychain: SecretStore;
  bridge(): BridgeDetail;
  /** The copilot bridge's own listener. */
  origin(): string;
  /** Waits until the bridge is as wanted; returns at once where it is so already. */
  until(fits: (bridge: BridgeDetail) => boolean): Promise<BridgeDetail>;
  /** Signs in as the stand-in has it answered, and waits for how it ends. Its calls are for all programs then. */
  signIn(route: CopilotRoute): Promise<BridgeDetail>;
  call(path: string, body: object, options?: { key?: string; headers?: Record<string, string>; origin?: string }): Promise<Reply>;
  stop(): Promise<void>;
};

export const SDK_FOLDER = path.resolve(import.meta.dirname, '../fakes/copilot-sdk');

/** An engine with a keychain of its own, whose only provider is the stand-in of GitHub. */
export async function startCopilotTest(
  options: { copilot?: object; home?: string; keychain?: SecretStore; github?: FakeGitHub; headless?: Partial<HeadlessOptions> } = {},
): Promise<CopilotTest> {
  const github = options.github ?? (await startFakeGitHub());
  const url = github.server.baseUrl;
  const keychain = options.keychain ?? { ...memorySecrets(), lasting: true };
  const engine = await startTestEngine({
    settings: {
      bridges: { copilot: { clientId: github.clientId, github: url, api: url, paceMs: 0, sdkFolder: SDK_FOLDER, ...options.copilot } },
    },
    ...(options.home === undefined ? {} : { home: options.home }),
    headless: { keychain, pause: (_milliseconds, signal) => github.answered(signal), ...options.headless },
  });
  const { engine: inner } = engine.headless;
  const bridge = (): BridgeDetail => inner.bridges.copilot.detail();
  const until = async (fits: (bridge: BridgeDetail) => boolean): Promise<BridgeDetail> => {
    const events = inner.events.subscribe(AbortSignal.timeout(10_000));
    if (fits(bridge())) return bridge();
    for await (const event of events) if (event.type === 'status' && fits(bridge())) return bridge();
    throw new Error(`it stayed at ${JSON.stringify(bridge())}`);
  };
  return {
    engine,
    github,
    keychain,
    bridge,
    until,
    origin: () => `http://${bridge().address ?? ''}`,
    async signIn(route) {
      github.sdk = route === 'sdk';
      if (github.answer === 'waiting') github.answer = 'allowed';
      await engine.control.bridges.signIn({ bridge: 'copilot', route, agree: true });
      const ended = await until(({ state }) => state !== 'signing_in');
      await engine.control.bridges.setScope({ bridge: 'copilot', route, scope: ['app', 'clients'] });
      if (ended.state === 'ready') await engine.control.bridges.retry({ bridge: 'copilot' });
      return ended;
    },
    async call(target, body, { key = engine.key, headers = {}, origin = engine.origin } = {}) {
      const res = await fetch(origin + target, {
        method: 'POST',
        headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json', 'user-agent': 'claude-cli/2.1.0', ...headers },
        body: JSON.stringify(body),
      });
      const text = await res.text();
      return { status: res.status, headers: res.headers, text, body: text.startsWith('{') ? JSON.parse(text) : undefined };
    },
    async stop() {
      await engine.stop();
      if (options.github === undefined) await github.server.stop();
    },
  };
}
