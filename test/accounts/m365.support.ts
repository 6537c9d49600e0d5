import type { BridgeDetail, RouteName } from '../../bridges/contract/index.ts';
import { memorySecrets, type SecretStore } from '../../bridges/engine/secrets.ts';
import type { HeadlessOptions } from '../../bridges/hosts/headless.ts';
import { startFakeMicrosoft, TENANT, type FakeMicrosoft } from '../fakes/microsoft.ts';
import { startTestEngine, type TestEngine } from '../support/engine.ts';
import type { Reply } from './codex.support.ts';

export type M365Test = {
  engine: TestEngine;
  microsoft: FakeMicrosoft;
  keychain: SecretStore;
  bridge(): BridgeDetail;
  origin(): string;
  until(fits: (bridge: BridgeDetail) => boolean): Promise<BridgeDetail>;
  /** Signs in through the browser's page, and widens the scope to clients. */
  signIn(route?: RouteName): Promise<BridgeDetail>;
  call(path: string, body: object, options?: { headers?: Record<string, string>; origin?: string; key?: string }): Promise<Reply>;
  stop(): Promise<void>;
};

/** An engine with a keychain of its own, whose Microsoft is the stand-in. */
export async function startM365Test(
  options: { m365?: object; home?: string; keychain?: SecretStore; microsoft?: FakeMicrosoft; headless?: Partial<HeadlessOptions> } = {},
): Promise<M365Test> {
  const microsoft = options.microsoft ?? (await startFakeMicrosoft());
  const keychain = options.keychain ?? { ...memorySecrets(), lasting: true };
  const { baseUrl, clientId } = microsoft;
  const m365 = { clientId, tenant: TENANT, login: baseUrl, graph: baseUrl, workIq: baseUrl, timeZone: 'Europe/Berlin', paceMs: 0 };
  const engine = await startTestEngine({
    settings: { bridges: { m365: { ...m365, ...options.m365 } } },
    ...(options.home === undefined ? {} : { home: options.home }),
    headless: { keychain, ...options.headless },
  });
  const { engine: inner } = engine.headless;
  const bridge = (): BridgeDetail => inner.bridges.m365.detail();
  const until = async (fits: (bridge: BridgeDetail) => boolean): Promise<BridgeDetail> => {
    const events = inner.events.subscribe(AbortSignal.timeout(10_000));
    for await (const event of events) if (event.type === 'status' && fits(bridge())) return bridge();
    throw new Error(`it stayed at ${JSON.stringify(bridge())}`);
  };
  return {
    engine,
    microsoft,
    keychain,
    bridge,
    until,
    origin: () => `http://${bridge().address ?? ''}`,
    async signIn(route = 'graph') {
      const { url } = await engine.control.bridges.signIn({ bridge: 'm365', route, agree: true });
      const settled = until(({ state }) => state !== 'signing_in');
      if (url !== null) await microsoft.person(url, 'allow');
      await settled;
      await engine.control.bridges.setScope({ bridge: 'm365', route, scope: ['app', 'clients'] });
      return bridge();
    },
    async call(path, body, { headers = {}, origin = engine.origin, key = engine.key } = {}) {
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
      if (options.microsoft === undefined) await microsoft.stop();
    },
  };
}
