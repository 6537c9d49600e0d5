import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { SdkClient, SdkClientClass, SdkSession } from '../../bridges/copilot/sdk-module.ts';
import { sdkSource } from '../../bridges/copilot/sdk.ts';
import { allowedApi, type CopilotSource } from '../../bridges/copilot/source.ts';
import { silentLogger } from '../../bridges/engine/log.ts';
import { testClock } from './keeper.support.ts';

let home: string;
let started: number;
let alive: Set<SdkClient>;
/** What the next runtimes wait for before they are up, and endpoints before they are told. */
let gate: Promise<void>;
/** Whether runtimes end when they are asked to. */
let stops: boolean;
let starting: PromiseWithResolvers<void>;
let questioned: PromiseWithResolvers<void>;
/** The time for an answer is over. */
let late: PromiseWithResolvers<void>;
let source: CopilotSource;

let environment: Readonly<Record<string, string>>;

/** A runtime that knows one model. */
class Client implements SdkClient {
  constructor({ env }: ConstructorParameters<SdkClientClass>[0]) {
    environment = env;
  }
  readonly rpc = { account: { getQuota: async () => ({ quotaSnapshots: {} }) } };
  async start(): Promise<void> {
    started += 1;
    alive.add(this);
    starting.resolve();
    await gate;
  }
  async stop(): Promise<void> {
    if (!stops) return new Promise(() => {});
    alive.delete(this);
  }
  async forceStop(): Promise<void> {
    alive.delete(this);
  }
  async createSession(): Promise<SdkSession> {
    return {
      disconnect: async () => {},
      rpc: {
        gitHubAuth: { getStatus: async () => ({ isAuthenticated: true, login: 'octofake' }) },
        model: { list: async () => ({ list: [] }) },
        provider: {
          getEndpoint: async ({ modelId }) => {
            questioned.resolve();
            await gate;
            if (!alive.has(this)) throw new Error('Connection is closed.');
            if (modelId === 'made-up') throw new Error('Request failed with status code 404');
            return { baseUrl: 'https://api.githubcopilot.com', apiKey: 'k', headers: {} };
          },
        },
      },
    };
  }
}

beforeEach(() => {
  home = mkdtempSync(path.join(os.tmpdir(), 'drawbridge-source-'));
  started = 0;
  alive = new Set();
  gate = Promise.resolve();
  stops = true;
  starting = Promise.withResolvers();
  questioned = Promise.withResolvers();
  late = Promise.withResolvers();
  source = sdkSource({
    load: async () => Client,
    home,
    api: () => 'https://api.github.com',
    proxies: () => ({ setting: 'http://proxy.corp:3128', login: 'sam:p', except: ['git.corp'], env: { SECRET: 'CANARY' } }),
    clock: testClock(),
    log: silentLogger,
    version: '1',
    pause: (_milliseconds, signal) =>
      Promise.race([late.promise, new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()))]),
  });
});
afterEach(async () => {
  await source.stop();
  rmSync(home, { recursive: true, force: true });
});

describe('an address for Copilot', () => {
  const GITHUB = 'https://api.github.com';
  const OWN = 'https://api.acme.ghe.com';
  it.each([
    ['https://api.business.githubcopilot.com/', GITHUB, 'https://api.business.githubcopilot.com'],
    ['https://copilot-api.acme.ghe.com', OWN, 'https://copilot-api.acme.ghe.com'],
    ['https://api.acme.ghe.com/copilot', OWN, 'https://api.acme.ghe.com/copilot'],
  ])('%s is one for %s', (address, own, is) => expect(allowedApi(address, own)).toBe(is));
  it.each([
    ['https://githubcopilot.com.evil.example', GITHUB],
    ['http://api.githubcopilot.com', GITHUB],
    ['https://copilot-api.acme.ghe.com', GITHUB],
    ['https://copilot-api.other.ghe.com', OWN],
    ['https://copilot-api.acme.ghe.com.evil.example', OWN],
    ['https://copilot-api.acme.ghe.com:8443', OWN],
    ['https://copilot-api.acme.example', 'https://api.acme.example'],
    ['no address', GITHUB],
  ])('%s is none for %s: a token must not be sent there', (address, own) => expect(allowedApi(address, own)).toBeUndefined());
});

describe('the SDK’s runtime', () => {
  it('goes the way our own connections go, and has nothing else of our environment that is secret', async () => {
    await source.user('t');
    expect(environment).toMatchObject({ HTTPS_PROXY: 'http://sam:p@proxy.corp:3128/', no_proxy: 'git.corp' });
    expect(Object.keys(environment)).not.toContain('DBUS_SESSION_BUS_ADDRESS');
    expect(JSON.stringify(environment)).not.toContain('CANARY');
  });
  it('is one for all questions', async () => {
    await Promise.all([source.user('t'), source.models('t'), source.endpoint('t', 'known')]);
    expect(started).toBe(1);
  });
  it('is not begun again by a question that waited while it was stopped', async () => {
    const opened = Promise.withResolvers<void>();
    gate = opened.promise;
    const asked = [source.models('t'), source.user('t')];
    await starting.promise;
    const stopped = source.stop();
    opened.resolve();
    await stopped;
    await Promise.all(asked);
    expect([started, alive.size]).toEqual([1, 0]);
  });
  it('goes on where it does not know a model that one client made up', async () => {
    await source.user('t');
    expect(await source.endpoint('t', 'made-up')).toHaveProperty('problem');
    expect([started, alive.size]).toEqual([1, 1]);
    expect(await source.endpoint('t', 'known')).toHaveProperty('endpoint');
  });
  it('that is ended for another call’s sake costs a question under way nothing', async () => {
    await source.user('t');
    const answered = Promise.withResolvers<void>();
    gate = answered.promise;
    const asked = source.endpoint('t', 'known');
    await questioned.promise;
    await source.forget();
    answered.resolve();
    expect(await asked).toHaveProperty('endpoint');
    expect([started, alive.size]).toEqual([2, 1]);
  });
  it('that was stopped is not begun again for a question under way', async () => {
    await source.user('t');
    const answered = Promise.withResolvers<void>();
    gate = answered.promise;
    const asked = source.endpoint('t', 'known');
    await questioned.promise;
    await source.stop();
    answered.resolve();
    expect(await asked).toMatchObject({ problem: 'passing' });
    expect([started, alive.size]).toEqual([1, 0]);
  });
  it.each([
    ['does not come up', false],
    ['does not answer', true],
  ])('that %s in time is ended, and nobody waits for it any longer', async (_what, isUp) => {
    if (isUp) await source.user('t');
    gate = new Promise(() => {});
    const asked = source.endpoint('t', 'known');
    await (isUp ? questioned : starting).promise;
    late.resolve();
    expect(await asked).toMatchObject({ problem: 'passing' });
    expect(alive.size).toBe(0);
  });
  it('that can’t be ended in time is ended by force', async () => {
    await source.user('t');
    stops = false;
    late.resolve();
    await source.forget();
    expect(alive.size).toBe(0);
  });
  it('is begun anew where it broke', async () => {
    await source.user('t');
    alive.clear();
    expect(await source.endpoint('t', 'known')).toMatchObject({ problem: 'passing' });
    expect(await source.endpoint('t', 'known')).toHaveProperty('endpoint');
    expect(started).toBe(2);
  });
});
