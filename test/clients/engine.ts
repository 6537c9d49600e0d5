import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { z } from 'zod';
import { BridgeDetail } from '../../bridges/contract/accounts.ts';
import { Call, ClientEnv, type WireFormat } from '../../bridges/contract/schemas.ts';
import { bareEnvironment, endGroup, freshPlace, networkEnvironment, runToEnd, type Place } from './cli.ts';

export type AnswerIn = 'same' | z.infer<typeof WireFormat>;

/** The built engine, used as a person would from a terminal. */
export type Engine = {
  /** `drawbridge keys create` */
  createKey(name: string): Promise<string>;
  /** `drawbridge signin`, agreed to; `secret` is typed in where it asks for one. */
  signIn(bridge: string, route: string, secret?: string): Promise<z.infer<typeof BridgeDetail>>;
  /** `drawbridge scope` */
  widen(bridge: string): Promise<void>;
  /** `drawbridge bridges` */
  bridge(name: string): Promise<z.infer<typeof BridgeDetail>>;
  /** `drawbridge env` */
  envOf(client: string): Promise<z.infer<typeof ClientEnv>>;
  /** `drawbridge attach`, with a model where one is given */
  attach(client: string, model?: string): Promise<void>;
  /** `drawbridge detach` */
  detach(client: string): Promise<void>;
  /** The home folder, a project and a folder for temporary files of whoever runs it. */
  place: Place;
  /** `drawbridge calls`, of one caller, in the order they were made. */
  callsOf(caller: string): Promise<z.infer<typeof Call>[]>;
  stop(): Promise<void>;
};

const MAIN = path.resolve(import.meta.dirname, '../../dist/cli.mjs');
const Ready = z.object({ event: z.literal('ready') });
/** An engine that takes longer to stop is ended. */
const STOP_MS = 15_000;

/** Starts the engine in a state folder of its own, its practice model answering in the given wire format. */
export const startEngine = (answerIn: AnswerIn): Promise<Engine> => startEngineWith({ upstreams: { practice: { answerIn } } });

/** Starts the engine in a state folder of its own with these settings. */
export async function startEngineWith(settings: object): Promise<Engine> {
  const place = freshPlace();
  const env = { ...bareEnvironment(place), ...networkEnvironment(), DRAWBRIDGE_HOME: place.home };
  writeFileSync(path.join(place.home, 'settings.json'), JSON.stringify(settings));
  const engine = spawn(process.execPath, [MAIN, 'start', '--headless', '--no-open', '--json', '--companion-port', '0'], {
    cwd: place.project,
    env,
    detached: true,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const exited = once(engine, 'exit');
  const stop = async (): Promise<void> => {
    const late = setTimeout(() => endGroup(engine.pid), STOP_MS);
    engine.kill('SIGTERM');
    await exited;
    clearTimeout(late);
    endGroup(engine.pid);
    place[Symbol.dispose]();
  };
  const first: unknown = await Promise.race([once(createInterface(engine.stdout), 'line'), exited]).then(([line]) => line);
  if (!Ready.safeParse(parsed(String(first))).success) {
    await stop();
    throw new Error(`The engine did not start: ${String(first)}`);
  }

  const drawbridge = <T>(answer: z.ZodType<T>, ...args: string[]): Promise<T> => typing('', answer, ...args);
  const typing = async <T>(input: string, answer: z.ZodType<T>, ...args: string[]): Promise<T> => {
    const { code, stdout, stderr } = await runToEnd(process.execPath, [MAIN, ...args, '--json'], { env, input });
    if (code !== 0) throw new Error(`"drawbridge ${args.join(' ')}" ended with code ${String(code)}: ${stdout}${stderr}`);
    return answer.parse(parsed(stdout.trim().split('\n').at(-1) ?? ''));
  };

  return {
    signIn: (bridge, route, secret = '') => typing(secret, BridgeDetail, 'signin', bridge, '--route', route, '--agree'),
    widen: async (bridge) => void (await drawbridge(z.object({ scope: z.array(z.string()) }), 'scope', bridge, 'app,clients', '--agree')),
    bridge: async (name) => {
      const found = (await drawbridge(z.array(BridgeDetail), 'bridges')).find((one) => one.name === name);
      if (found === undefined) throw new Error(`There is no bridge ${name}.`);
      return found;
    },
    createKey: async (name) => (await drawbridge(z.object({ key: z.string() }), 'keys', 'create', name)).key,
    envOf: (client) => drawbridge(ClientEnv, 'env', client),
    attach: async (client, model) =>
      void (await drawbridge(z.object({ problem: z.null() }), 'attach', client, ...(model === undefined ? [] : ['--model', model]))),
    detach: async (client) => void (await drawbridge(z.object({ left: z.tuple([]) }), 'detach', client)),
    place,
    callsOf: async (caller) => {
      const newestFirst = await drawbridge(z.array(Call), 'calls', '--limit', '1000');
      return newestFirst.filter((call) => call.caller === caller).toReversed();
    },
    stop,
  };
}

/** The value a line of JSON holds; undefined where it is none. */
export function parsed(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}
