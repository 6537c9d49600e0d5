import { createHash, randomBytes } from 'node:crypto';
import { readFileSync, rmSync } from 'node:fs';
import type { ChildRunner } from '../engine/child.ts';
import type { Cause, CauseCode } from './causes.ts';
import { causeOf, isHopeless, isOfOneCall, progressOf, type Reached } from './classify.ts';
import type { StartLeashed } from './leashed.ts';
import { checkArguments, hostKeyArguments, tunnelArguments, type KeepAlive, type SshPlan } from './ssh.ts';
import type { CheckReport, HostKey, Route, Transport } from './transport.ts';

export type OpensshOptions = {
  /** Absolute path of ssh. */
  ssh: string;
  host: string;
  user: string;
  knownHosts: string;
  identityFile: string;
  keepAlive: KeepAlive;
  leashed: StartLeashed;
  run: ChildRunner;
};

/** A session says little that matters for why it ended besides its last lines; one that lives long must not fill memory. */
const KEPT_LINES = 100;
const CHECK_MS = 20_000;
/** With which codes a program that is not there, or is none, fails to start. */
const MISSING: ReadonlySet<string> = new Set(['ENOENT', 'EACCES']);

/** The system's OpenSSH. */
export function openssh(options: OpensshOptions): Transport {
  const plan = (route: Route): SshPlan => ({
    host: options.host,
    user: options.user,
    port: route.port,
    knownHosts: options.knownHosts,
    identityFile: options.identityFile,
    keepAlive: options.keepAlive,
    proxyCommand: route.proxyCommand,
  });

  return {
    open(route, farPort, relay, on) {
      const said: string[] = [];
      const reached: Reached = { sshd: false, up: false, edge: route.proxyCommand !== undefined, proxied: route.proxied };
      const child = options.leashed(options.ssh, tunnelArguments(plan(route), farPort, relay), {
        env: route.env,
        onLine(line) {
          if (isOfOneCall(line)) return;
          said.push(line);
          if (said.length > KEPT_LINES) said.shift();
          on.line(line);
          const progress = progressOf(line);
          reached.sshd ||= progress?.step === 'edge-open';
          reached.up ||= progress?.step === 'up';
          if (progress !== undefined) on.progress(progress);
          if (isHopeless(line)) void child.stop();
        },
      });
      const ended = child.ended.then(({ failed }): Cause => {
        if (failed === null) return causeOf(said, reached);
        // Any other failure is the system's (it may have no process to spare), and passes.
        return { code: MISSING.has(failed) ? 'ssh-missing' : 'exited' };
      });
      return { ended, stop: () => child.stop() };
    },

    async hostKey(route) {
      // Its own: two may ask at once, and for different hosts where the tunnel is changed meanwhile.
      const shown = `${options.knownHosts}.${randomBytes(6).toString('hex')}.shown`;
      const args = hostKeyArguments({ ...plan(route), knownHosts: shown });
      const { stderr } = await options.run(options.ssh, args, { timeoutMs: CHECK_MS, env: route.env });
      try {
        return hostKeyOf(readFileSync(shown, 'utf8'));
      } catch {
        return { problem: causeOfRun(route, stderr) };
      } finally {
        rmSync(shown, { force: true });
      }
    },

    async check(route, farPort, nonce) {
      const args = checkArguments(plan(route), `drawbridge-check ${nonce} ${farPort}`);
      const { code, stdout, stderr } = await options.run(options.ssh, args, { timeoutMs: CHECK_MS, env: route.env });
      return reportOf(code, stdout, stderr, (said) => causeOfRun(route, said));
    },
  };
}

/** Why a command that ran to its end came to nothing. */
function causeOfRun(route: Route, stderr: string): Cause {
  const lines = stderr.split('\n');
  const sshd = lines.some((line) => progressOf(line)?.step === 'edge-open');
  return causeOf(lines, { sshd, up: false, edge: route.proxyCommand !== undefined, proxied: route.proxied });
}

const CUTS: ReadonlySet<CauseCode> = new Set(['dead-peer', 'closed-by-gateway', 'dropped']);

/** Reads what the check script printed (kit.ts). `code` is null where the check was killed. */
export function reportOf(code: number | null, stdout: string, stderr: string, explain: (said: string) => Cause): CheckReport {
  const listens = /^listens(?: (.*))?$/m.exec(stdout);
  // Nothing stands behind the word where the gateway has no curl.
  const status = /^status ?(\d{3})?(?: (\d+\.\d+))?$/m.exec(stdout);
  if (code === 0 && listens !== null && status !== null) {
    return {
      kind: 'report',
      listens: (listens[1] ?? '').split(' ').filter((address) => address !== ''),
      status: status[1] === undefined ? null : Number(status[1]),
      latencyMs: status[2] === undefined ? null : Number(status[2]) * 1000,
    };
  }
  const cause = explain(stderr);
  // One that was killed for its slowness, or cut, says nothing of what is permitted. Else the session was let in, and
  // whatever it said besides is not about the way there.
  const wasCut = code === null || CUTS.has(cause.code);
  if (!wasCut && /^(?:debug1: )?Authenticated to /m.test(stderr)) return { kind: 'not-permitted' };
  return { kind: 'failed', cause };
}

/** The first key of a known_hosts file, with the fingerprint ssh-keygen shows. Throws where there is none. */
export function hostKeyOf(knownHosts: string): HostKey {
  const [host, type, key] = knownHosts.trim().split('\n')[0]?.split(' ') ?? [];
  if (host === undefined || type === undefined || key === undefined || !/^[A-Za-z0-9+/=]+$/.test(key)) throw new Error('no host key');
  const fingerprint = `SHA256:${createHash('sha256').update(Buffer.from(key, 'base64')).digest('base64').replace(/=+$/, '')}`;
  return { type, fingerprint, line: `${host} ${type} ${key}\n` };
}
