import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import http from 'node:http';
import os from 'node:os';
import path from 'node:path';
import type { TunnelDefinition, TunnelStatus } from '../../bridges/contract/index.ts';
import { CAUSE_CODES, meaningOf } from '../../bridges/tunnels/causes.ts';
import { CHECK_PATH, CHECK_SCRIPT } from '../../bridges/tunnels/kit.ts';
import type { TunnelsTuning } from '../../bridges/tunnels/tunnels.ts';
import { startAccessEdge, type AccessEdge } from '../fakes/access-edge.ts';
import { freePort, startSshd, writeScript, type Sshd } from '../fakes/sshd.ts';
import { startTestEngine, type TestEngine } from '../support/engine.ts';
import { cloudflared } from '../support/programs.ts';

export type ConnectorKind = TunnelDefinition['connector']['kind'];

export type Rig = {
  engine: TestEngine;
  sshd: Sshd;
  edge: AccessEdge;
  folder: string;
  farPorts: [number, number];
  /** The key the gateway calls with. */
  key: string;
  /** `http://127.0.0.1:PORT` of the far port that is live. */
  far(): Promise<string>;
  status(): Promise<TunnelStatus>;
  /** Waits until the tunnel's status fits; not for ever. */
  until(fits: (status: TunnelStatus) => boolean | Promise<boolean>, what?: string): Promise<TunnelStatus>;
  /** From now on nobody vouches for the edge's certificate. */
  untrustEdge(): void;
  /** Processes of this tunnel and of no other. */
  processes(part: 'ssh' | 'connector' | 'leash'): number[];
  /**
   * Waits until a call goes through again, over a session that was begun after `cause` (unless the old one may go on).
   * `cause` resolves when what was wrong has gone away: the time is counted from there. Resolves with milliseconds, and
   * prints the row of docs/tunnels.md.
   */
  heals(scenario: string, cause: () => unknown, options?: { sameSession?: boolean }): Promise<number>;
  /** Prints the row of docs/tunnels.md for a state that only a person mends. */
  tell(scenario: string, status: TunnelStatus, healed: string): void;
  /** Pins the gateway's host key as a person would. */
  trust(): Promise<void>;
  /** Trusts, starts and waits until it is proven up; resolves with the milliseconds from start to connected. */
  up(): Promise<number>;
  stop(): Promise<void>;
};

export type RigOptions = {
  connector?: ConnectorKind;
  keepAlive?: TunnelsTuning['keepAlive'];
  timings?: TunnelsTuning['timings'];
  random?: TunnelsTuning['random'];
  definition?: Partial<TunnelDefinition>;
  settings?: Record<string, unknown>;
  /** Changes the kit's block for sshd. */
  config?: (kit: string) => string;
  authorizedKeys?: (kit: string) => string;
  withToken?: boolean;
};

export const NAME = 'lab';

/** An engine, a real sshd set up by the server kit, and a stand-in edge between them. */
export async function startRig(options: RigOptions = {}): Promise<Rig> {
  const kind = options.connector ?? 'none';
  const folder = mkdtempSync(path.join(os.tmpdir(), 'drawbridge-tunnel-'));
  const sshdPort = await freePort();
  const edge = await startAccessEdge(folder, sshdPort);
  // Rigs run beside each other, so the authority of this one's edge goes to its own engine and not to the whole process.
  const env: NodeJS.ProcessEnv = { ...process.env, SSL_CERT_FILE: edge.ca };
  const tuning: TunnelsTuning = {
    env,
    keepAlive: options.keepAlive,
    timings: options.timings,
    ...(options.random === undefined ? {} : { random: options.random }),
  };
  const engine = await startTestEngine({
    settings: { tunnels: { cloudflared: cloudflared ?? null }, ...options.settings },
    headless: { tunnels: tuning },
  });
  const { control } = engine;
  const farPorts: [number, number] = [await freePort(), await freePort()];
  const { key } = await control.tunnels.add({
    definition: {
      name: NAME,
      host: 'localhost',
      port: kind === 'none' ? sshdPort : edge.port,
      user: os.userInfo().username,
      farPorts,
      connector: kind === 'cloudflared' ? { kind, login: 'service-token' } : { kind },
      ...options.definition,
    },
    ...(options.withToken === false ? {} : { token: edge.token }),
  });
  const kit = await control.tunnels.serverKit({ name: NAME });
  const check = path.join(folder, 'drawbridge-check');
  writeScript(check, CHECK_SCRIPT);
  const config = kit.sshdConfig.replace(/^PerSourcePenaltyExemptList.*$/m, '').replace(CHECK_PATH, check);
  const sshd = await startSshd(path.join(folder, 'sshd'), {
    port: sshdPort,
    authorizedKeys: options.authorizedKeys?.(kit.authorizedKeys) ?? kit.authorizedKeys,
    config: options.config?.(config) ?? config,
  });

  const status = async (): Promise<TunnelStatus> => {
    const [tunnel] = await control.tunnels.list({});
    if (tunnel === undefined) throw new Error('the tunnel is gone');
    return tunnel;
  };
  const until: Rig['until'] = async (fits, what = 'a state') => {
    const over = new AbortController();
    const timer = setTimeout(() => over.abort(), 60_000);
    let last: TunnelStatus | undefined;
    try {
      for await (const event of engine.headless.engine.events.subscribe(over.signal)) {
        if (event.type !== 'status') continue;
        last = await status();
        if (await fits(last)) return last;
      }
    } finally {
      clearTimeout(timer);
      over.abort();
    }
    const lines = (await control.tunnels.logs({ name: NAME })).map(({ line }) => line);
    throw new Error(`waited in vain for ${what}; last ${JSON.stringify(last)}\n${lines.slice(-60).join('\n')}`);
  };
  const trust = async (): Promise<void> => {
    const { fingerprint } = await control.tunnels.hostKey({ name: NAME });
    await control.tunnels.trust({ name: NAME, fingerprint });
  };
  const processes: Rig['processes'] = (part) => {
    const edgePort = `localhost[: ]${edge.port}$`;
    const looks = {
      ssh: (args: string) => /^\S*ssh -N /.test(args) && args.includes(engine.home),
      leash: (args: string) => /\/leash\.ts |tunnel-leash\.mjs /.test(args) && args.includes(engine.home),
      connector: (args: string) => new RegExp(`(?:cloudflared access ssh --hostname|connector\\.ts) ${edgePort}`).test(args),
    };
    const all = execFileSync('ps', ['-eo', 'pid=,args='], { encoding: 'utf8' }).trim().split('\n');
    return all.flatMap((line) => {
      const [, pid = '', args = ''] = /^ *(\d+) (.*)$/.exec(line) ?? [];
      return looks[part](args) ? [Number(pid)] : [];
    });
  };
  const heals: Rig['heals'] = async (scenario, cause, { sameSession = false } = {}) => {
    const before = (await status()).marks.connected?.at;
    const harmedAt = new Date().toISOString();
    await cause();
    const begun = performance.now();
    await until(async (one) => {
      if (one.state !== 'up' || (!sameSession && one.marks.connected?.at === before)) return false;
      const origin = `http://127.0.0.1:${one.farPort}`;
      const answer = await call(origin, '/v1/chat/completions', { key, body: practice('back') }).catch(() => undefined);
      return answer?.status === 200;
    }, `${scenario}: answering again`);
    const took = Math.round(performance.now() - begun);
    const said = (await control.tunnels.logs({ name: NAME })).filter(({ at }) => at >= harmedAt).map(({ line }) => line);
    row(scenario, journey(said), reasons(said), `${(took / 1000).toFixed(1)} s`);
    return took;
  };
  return {
    engine,
    untrustEdge: () => void delete env['SSL_CERT_FILE'],
    processes,
    heals,
    tell: (scenario, one, healed) => row(scenario, one.state, one.reason ?? '', healed),
    sshd,
    edge,
    folder,
    farPorts,
    key,
    status,
    until,
    trust,
    far: async () => `http://127.0.0.1:${(await status()).farPort}`,
    async up() {
      await trust();
      const begun = performance.now();
      await control.tunnels.start({ name: NAME });
      await until((one) => one.farPort !== null, 'connected');
      const took = performance.now() - begun;
      await until((one) => one.state === 'up' && (one.marks.private !== null || !one.definition.check), 'up and proven');
      return took;
    },
    async stop() {
      await engine.stop();
      await edge.stop();
      await sshd.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

export type Answer = { status: number; headers: http.IncomingHttpHeaders; body: string };

/** One call through a far port, as the gateway would make it. */
export function call(
  origin: string,
  target: string,
  options: { key?: string; headers?: Record<string, string>; body?: unknown; timeoutMs?: number } = {},
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const request = http.request(`${origin}${target}`, {
      method: options.body === undefined ? 'GET' : 'POST',
      agent: false,
      headers: {
        ...(options.key === undefined ? {} : { authorization: `Bearer ${options.key}` }),
        ...(options.body === undefined ? {} : { 'content-type': 'application/json' }),
        ...options.headers,
      },
    });
    request.setTimeout(options.timeoutMs ?? 5_000, () => request.destroy(new Error('no answer')));
    request.once('error', reject);
    request.once('response', (reply) => {
      let body = '';
      reply.setEncoding('utf8');
      reply.on('data', (chunk: string) => (body += chunk));
      reply.once('error', reject);
      reply.once('end', () => resolve({ status: reply.statusCode ?? 0, headers: reply.headers, body }));
    });
    request.end(options.body === undefined ? undefined : JSON.stringify(options.body));
  });
}

export const practice = (text: string, stream = false): object => ({
  model: 'practice/echo',
  stream,
  messages: [{ role: 'user', content: text }],
});

/** A row of the table in docs/tunnels.md. */
function row(...cells: string[]): void {
  console.log(`| ${cells.join(' | ')} |`);
}

/** The states a tunnel was seen in, by its own log, without those of every session that comes up. */
function journey(lines: readonly string[]): string {
  const seen = lines.flatMap((line) => /^drawbridge: \S+ -> (\S+)/.exec(line)?.[1] ?? []);
  const telling = seen.filter((state) => !['edge-open', 'authenticated', 'up'].includes(state));
  return [...new Set(telling)].join(', ') || 'up';
}

/** What a person was told meanwhile. */
function reasons(lines: readonly string[]): string {
  const codes = new Set(lines.flatMap((line) => /^drawbridge: .*\((\S+)\)$/.exec(line)?.[1] ?? []));
  const definition = { name: NAME, connector: { kind: 'none' } } as const;
  return CAUSE_CODES.filter((code) => codes.has(code))
    .map((code) => meaningOf(code, definition, true).sentence)
    .join(' ');
}
