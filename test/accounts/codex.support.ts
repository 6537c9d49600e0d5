import type { BridgeDetail, RouteName } from '../../bridges/contract/index.ts';
import { memorySecrets, type SecretStore } from '../../bridges/engine/secrets.ts';
import type { HeadlessOptions } from '../../bridges/hosts/headless.ts';
import { startFakeOpenAI, type FakeOpenAI } from '../fakes/openai.ts';
import { startTestEngine, type TestEngine } from '../support/engine.ts';

export const KEY = 'sk-CANARY-platform-key-0001';

export type Reply = { status: number; headers: Headers; text: string; body: any }; // eslint-disable-line typescript/no-explicit-any

export type CodexTest = {
  engine: TestEngine;
  openai: FakeOpenAI;
  keychain: SecretStore;
  /** A key of the app itself; `engine.key` is a client's. */
  appKey: string;
  bridge(): Promise<BridgeDetail>;
  /** The codex bridge's own listener. */
  origin(): Promise<string>;
  /** Waits until the bridge's account is as wanted. */
  until(fits: (bridge: BridgeDetail) => boolean): Promise<BridgeDetail>;
  signIn(route: RouteName, key?: string): Promise<BridgeDetail>;
  /** Calls the companion as a client does. */
  call(path: string, body: object, options?: { key?: string; headers?: Record<string, string>; origin?: string }): Promise<Reply>;
  stop(): Promise<void>;
};

/** An engine with a keychain of its own, whose only provider is the stand-in. */
export async function startCodexTest(
  options: { codex?: object; home?: string; keychain?: SecretStore; openai?: FakeOpenAI; headless?: Partial<HeadlessOptions> } = {},
): Promise<CodexTest> {
  const openai = options.openai ?? (await startFakeOpenAI());
  const keychain = options.keychain ?? { ...memorySecrets(), lasting: true };
  const engine = await startTestEngine({
    settings: {
      upstreams: { openai: { baseUrl: openai.baseUrl }, chatgpt: { baseUrl: openai.baseUrl } },
      bridges: { codex: { issuer: openai.baseUrl, paceMs: 0, ...options.codex } },
    },
    ...(options.home === undefined ? {} : { home: options.home }),
    headless: { keychain, ...options.headless },
  });
  const { engine: inner } = engine.headless;
  const bridge = (): Promise<BridgeDetail> => Promise.resolve(inner.codex.detail());
  const until = async (fits: (bridge: BridgeDetail) => boolean): Promise<BridgeDetail> => {
    for await (const event of inner.events.subscribe(AbortSignal.timeout(10_000))) {
      const now = await bridge();
      if (event.type !== 'status') continue;
      if (fits(now)) return now;
    }
    throw new Error(`it stayed at ${JSON.stringify(await bridge())}`);
  };
  return {
    engine,
    openai,
    keychain,
    appKey: inner.keys.create(`app ${inner.keys.list().length}`, 'app').key,
    bridge,
    until,
    origin: async () => `http://${(await bridge()).address ?? ''}`,
    async signIn(route, key) {
      const { url } = await engine.control.bridges.signIn({ bridge: 'codex', route, agree: true, ...(key === undefined ? {} : { key }) });
      if (url !== null) await openai.person(url, 'allow');
      return until(({ state }) => state !== 'signing_in');
    },
    async call(path, body, { key = engine.key, headers = {}, origin = engine.origin } = {}) {
      const res = await fetch(origin + path, {
        method: 'POST',
        headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json', ...headers },
        body: JSON.stringify(body),
      });
      const text = await res.text();
      return { status: res.status, headers: res.headers, text, body: text.startsWith('{') ? JSON.parse(text) : undefined };
    },
    async stop() {
      await engine.stop();
      if (options.openai === undefined) await openai.stop();
    },
  };
}
