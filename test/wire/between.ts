import { afterAll, beforeAll } from 'vitest';
import type { Settings } from '../../bridges/contract/index.ts';
import { startFakeUpstream, type FakeUpstream } from '../fakes/upstream.ts';
import { startTestEngine, type TestEngine } from '../support/engine.ts';

/** An engine before a provider that stands in for them all. */
export type Between = {
  readonly provider: FakeUpstream;
  readonly engine: TestEngine;
  /** What the provider answers from now on. */
  answers(body: string, type?: string, status?: number): void;
};

/** One for all tests of a file, whose calls go by these rules. To be called once, outside its tests. */
export function between(routes: Settings['companion']['routes']): Between {
  let provider: FakeUpstream;
  let engine: TestEngine;
  beforeAll(async () => {
    provider = await startFakeUpstream();
    const { baseUrl } = provider;
    const upstreams = { openai: { baseUrl }, anthropic: { baseUrl }, gateway: { baseUrl } };
    engine = await startTestEngine({ settings: { companion: { routes }, upstreams } });
  });
  afterAll(async () => {
    await engine.stop();
    await provider.stop();
  });
  return {
    get provider() {
      return provider;
    },
    get engine() {
      return engine;
    },
    answers(body, type = 'application/json', status = 200) {
      provider.answer = (_req, res) => void res.writeHead(status, { 'content-type': type }).end(body);
    },
  };
}

/** What OpenAI's models are called goes to OpenAI, all else to Anthropic. */
export const BY_MODEL: Settings['companion']['routes'] = [
  { model: 'gpt-*', upstream: 'openai' },
  { model: '*', upstream: 'anthropic' },
];
