import path from 'node:path';
import { startEngine, type Engine } from './engine.ts';
import { field } from './json.ts';
import { startProcess } from './processes.ts';

/** What is measured: nothing in between, the plainest proxy, the engine passing through, and the engine translating. */
export const TARGETS = ['direct', 'raw', 'drawbridge', 'drawbridge-translate'] as const;
export type TargetName = (typeof TARGETS)[number];

/** Something that requests can be sent to. */
export type Target = {
  name: TargetName;
  port: number;
  path: string;
  /** The wire format its clients speak. */
  wire: 'chat' | 'messages';
  headers: Readonly<Record<string, string>>;
  /** The process that is measured; undefined where there is nothing in between. */
  pid: number | undefined;
  engine: Engine | undefined;
  /** Throws where the target has ended by itself. */
  check: () => void;
  stop: () => Promise<void>;
};

/** Starts the stand-in for the provider, on the measuring side's core; resolves with its port. */
export async function startMock(): Promise<{ port: number; stop: () => Promise<void> }> {
  const { ready, stop } = await startProcess({
    command: process.execPath,
    args: [path.join(import.meta.dirname, 'mock.ts')],
    core: 'load',
    ready: portOf,
  });
  return { port: ready, stop };
}

/** Starts one target before the given mock. `nodeArgs` go to the engine's Node, for profiling. */
export async function startTarget(name: TargetName, mock: number, nodeArgs: readonly string[] = []): Promise<Target> {
  const chat = { name, path: '/v1/chat/completions', wire: 'chat' as const };
  const upstream = `http://127.0.0.1:${mock}`;
  switch (name) {
    case 'direct':
      return { ...chat, port: mock, headers: {}, pid: undefined, engine: undefined, check: () => {}, stop: () => Promise.resolve() };
    case 'raw': {
      const { pid, ready, check, stop } = await startProcess({
        command: process.execPath,
        args: [path.join(import.meta.dirname, 'raw.ts'), String(mock)],
        core: 'proxy',
        ready: portOf,
      });
      return { ...chat, port: ready, headers: {}, pid, engine: undefined, check, stop };
    }
    case 'drawbridge': {
      const engine = await startEngine({ upstreams: { gateway: { baseUrl: upstream } } }, nodeArgs);
      return {
        ...chat,
        port: engine.port,
        headers: { authorization: `Bearer ${engine.key}` },
        pid: engine.pid,
        engine,
        check: engine.check,
        stop: engine.stop,
      };
    }
    case 'drawbridge-translate': {
      // This upstream takes no messages, so they cross to responses. Its credential is the client's own.
      const settings = { companion: { routes: [{ wire: 'messages', upstream: 'openai' }] }, upstreams: { openai: { baseUrl: upstream } } };
      const engine = await startEngine(settings, nodeArgs);
      return {
        name,
        port: engine.port,
        path: `/k/${engine.key}/v1/messages`,
        wire: 'messages',
        headers: { 'x-api-key': 'own', 'anthropic-version': '2023-06-01' },
        pid: engine.pid,
        engine,
        check: engine.check,
        stop: engine.stop,
      };
    }
  }
}

/** Starts several targets, runs `work` with them, and ends them again. */
export async function withTargets<T>(names: readonly TargetName[], mock: number, work: (targets: Target[]) => Promise<T>): Promise<T> {
  const targets: Target[] = [];
  try {
    for (const name of names) targets.push(await startTarget(name, mock));
    const result = await work(targets);
    for (const target of targets) target.check();
    return result;
  } finally {
    for (const target of targets) await target.stop();
  }
}

function portOf(line: string): number | undefined {
  const port = field(line, 'port');
  return typeof port === 'number' ? port : undefined;
}
