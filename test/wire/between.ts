import type { Settings } from '../../bridges/contract/index.ts';
import { startFakeUpstream, type FakeUpstream } from '../fakes/upstream.ts';
import { startTestEngine, type TestEngine } from '../support/engine.ts';

/** An engine before a provider that stands in for them all. */
export type Between = { provider: FakeUpstream; engine: TestEngine; stop: () => Promise<void> };

/** Starts one whose calls go by these rules. */
export async function startBetween(routes: Settings['companion']['routes']): Promise<Between> {
  const provider = await startFakeUpstream();
  const { baseUrl } = provider;
  const upstreams = { openai: { baseUrl }, anthropic: { baseUrl }, gateway: { baseUrl } };
  const engine = await startTestEngine({ settings: { companion: { routes }, upstreams } });
  return {
    provider,
    engine,
    async stop() {
      await engine.stop();
      await provider.stop();
    },
  };
}

/** What OpenAI's models are called goes to OpenAI, all else to Anthropic. */
export const BY_MODEL: Settings['companion']['routes'] = [
  { model: 'gpt-*', upstream: 'openai' },
  { model: '*', upstream: 'anthropic' },
];
