import { spawn } from 'node:child_process';
import { once } from 'node:events';
import http from 'node:http';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { cloudflared, hasCheckTools, hasOpenssl, hasSsh } from '../../test/support/programs.ts';
import { call, NAME, practice, startRig, type Rig } from '../../test/tunnels/rig.ts';
import type { Context, Scenario } from '../scenario.ts';
import { median, percentile, rounded, shuffled } from '../stats.ts';

const STREAMS = 1_000;

/** What the relay and its key cost on top of a bare `ssh -R` by the same way, and whether a thousand streams fit through. */
export const tunnel: Scenario = {
  name: 'tunnel',
  about:
    'Calls on one kept connection (milliseconds): the companion itself, a bare ssh -R to its port, and the tunnel with its relay, by the same connector in the same run.',
  async run(context) {
    if (!hasSsh || !hasOpenssl || !hasCheckTools) return { rows: [], goals: [], notes: ['skipped: no sshd, openssl, ss or curl here'] };
    const rig = await startRig({ connector: cloudflared === undefined ? 'none' : 'cloudflared' });
    try {
      await rig.up();
      const bare = await bareForward(rig);
      try {
        return await measure(context, rig, bare.origin);
      } finally {
        await bare.stop();
      }
    } finally {
      await rig.stop();
    }
  },
};

async function measure(context: Context, rig: Rig, bare: string): ReturnType<Scenario['run']> {
  const own = `127.0.0.1:${rig.engine.port}`;
  const ways = [
    { name: 'companion', origin: rig.engine.origin, host: own },
    { name: 'bare ssh -R', origin: bare, host: own },
    { name: 'tunnel', origin: await rig.far(), host: new URL(await rig.far()).host },
  ].map((way) => ({
    ...way,
    agent: new http.Agent({ keepAlive: true, maxSockets: 1 }),
    p50: new Array<number>(),
    p99: new Array<number>(),
  }));
  const calls = context.quick ? 150 : 300;
  for (let round = 0; round < context.rounds(15, 5) + 1; round += 1) {
    for (const way of shuffled(ways)) {
      const times: number[] = [];
      for (let i = 0; i < calls; i += 1) times.push(await timed(way.origin, way.host, way.agent));
      // The first round warms up.
      if (round > 0) way.p50.push(percentile(times, 50));
      if (round > 0) way.p99.push(percentile(times, 99));
    }
  }
  for (const { agent } of ways) agent.destroy();
  const far = await rig.far();
  const stream = () => call(far, '/v1/chat/completions', { key: rig.key, body: practice('one two three', true), timeoutMs: 60_000 });
  const begun = performance.now();
  const answers = await Promise.allSettled(Array.from({ length: STREAMS }, stream));
  const whole = answers.filter((one) => one.status === 'fulfilled' && one.value.body.endsWith('data: [DONE]\n\n')).length;
  const took = performance.now() - begun;
  const of = (name: string): number => median(ways.find((way) => way.name === name)?.p50 ?? []);
  return {
    rows: ways.map((way) => ({
      way: way.name,
      p50: rounded(median(way.p50), 3),
      p99: rounded(median(way.p99), 3),
      'to bare': rounded(median(way.p50) / of('bare ssh -R'), 2),
    })),
    goals: [
      { goal: 'tunnel: kept-connection p50 to a bare ssh -R', bound: 1.5, side: 'at most', measured: of('tunnel') / of('bare ssh -R') },
      { goal: `tunnel: whole streams of ${STREAMS} at once`, bound: STREAMS, side: 'at least', measured: whole },
    ],
    notes: [`${STREAMS} streams at once took ${Math.round(took)} ms`],
  };
}

function timed(origin: string, host: string, agent: http.Agent): Promise<number> {
  return new Promise((resolve, reject) => {
    const begun = performance.now();
    http
      .get(`${origin}/health`, { agent, headers: { host } }, (reply) => {
        reply.resume();
        reply.once('end', () => resolve(performance.now() - begun));
      })
      .once('error', reject);
  });
}

/** The far port the tunnel does not use, led straight to the companion's port by plain ssh. */
async function bareForward(rig: Rig): Promise<{ origin: string; stop: () => Promise<void> }> {
  const { farPort } = await rig.status();
  const port = rig.farPorts[farPort === rig.farPorts[0] ? 1 : 0];
  const options = ['StrictHostKeyChecking=no', 'UserKnownHostsFile=/dev/null', 'IdentityAgent=none', 'ExitOnForwardFailure=yes'];
  if (cloudflared !== undefined) options.push(`ProxyCommand=${cloudflared} access ssh --hostname localhost:${rig.edge.port}`);
  const args = ['-F', 'none', '-v', '-N', ...options.flatMap((option) => ['-o', option])];
  const where = ['-i', path.join(rig.engine.home, 'tunnels', `${NAME}.key`), '-p', String(rig.sshd.port), '-l', rig.sshd.user];
  const { id, secret } = rig.edge.token;
  const child = spawn('ssh', [...args, ...where, '-R', `127.0.0.1:${port}:127.0.0.1:${rig.engine.port}`, '--', 'localhost'], {
    stdio: ['ignore', 'ignore', 'pipe'],
    env: { ...process.env, SSL_CERT_FILE: rig.edge.ca, TUNNEL_SERVICE_TOKEN_ID: id, TUNNEL_SERVICE_TOKEN_SECRET: secret },
  });
  const gone = once(child, 'exit');
  await new Promise<void>((resolve, reject) => {
    createInterface({ input: child.stderr }).on('line', (line) => {
      if (line.includes('remote forward success')) resolve();
    });
    child.once('exit', () => reject(new Error('the bare ssh -R ended')));
  });
  return {
    origin: `http://127.0.0.1:${port}`,
    async stop() {
      child.kill();
      await gone;
    },
  };
}
