import { createHash } from 'node:crypto';
import { createAttempts } from '../accounts/attempt.ts';
import { holdSignIn } from '../accounts/hold-sign-in.ts';
import type { AccountHolder } from '../accounts/holder.ts';
import type { Net } from '../accounts/net.ts';
import { DrawbridgeError } from '../contract/errors.ts';
import type { Clock, Pause } from '../engine/clock.ts';
import type { Logger } from '../engine/log.ts';
import type { SecretStore } from '../engine/secrets.ts';
import { NOT_REACHED, pollDevice, startDevice, type DeviceResult } from './device.ts';
import type { CopilotRoute } from './routes.ts';
import type { CopilotSession } from './session.ts';
import { UNREACHED, type CopilotSource, type CopilotUser } from './source.ts';

export type SignInOptions = {
  holder: AccountHolder<CopilotSession>;
  secrets: SecretStore;
  /** The lock that renewals hold. */
  lockFile: string;
  net: Net;
  clock: Clock;
  log: Logger;
  github: () => string;
  clientId: () => string | null;
  sourceOf: (route: CopilotRoute) => CopilotSource;
  /** Makes ready what a route needs. Throws DrawbridgeError. */
  ready: (route: CopilotRoute) => Promise<void>;
  /** Told who signed in, once the account is held. */
  onUser: (user: CopilotUser) => void;
  pause: Pause;
};

export type SignIns = {
  /** Begins with a code for the person to type in; null where that came to nothing, as the account's state then says. */
  withCode(route: CopilotRoute): Promise<{ url: string; code: string } | null>;
  drop(): void;
};

/** Name of the secret of an account. */
export const secretOf = (id: string): string => `copilot/${id}`;

/** GitHub's device flow with the owner's own app, for either route (SPEC 5.1, 5.3). */
export function createSignIns(options: SignInOptions): SignIns {
  const { holder, secrets, net, clock, log } = options;
  const failed = (reason: string): void => holder.fallBack({ type: 'sign_in_failed', reason });

  const finish = async ({ route, ...result }: DeviceResult & { route: CopilotRoute }, signal: AbortSignal): Promise<void> => {
    if (result.kind === 'cancelled') return holder.fallBack({ type: 'sign_in_cancelled' });
    if (result.kind === 'declined') return holder.fallBack({ type: 'declined' });
    if (result.kind === 'failed') return failed(result.reason);
    const source = options.sourceOf(route);
    const answer = await source.user(result.tokens.access);
    await source.stop();
    if (signal.aborted) return;
    if ('problem' in answer) {
      return answer.problem === 'not_entitled'
        ? holder.fallBack({ type: 'not_entitled', reason: answer.reason, href: null })
        : failed(answer === UNREACHED ? NOT_REACHED : answer.reason);
    }
    const { login, plan } = answer.user;
    const id = `${route}-${createHash('sha256').update(login).digest('hex').slice(0, 12)}`;
    const given = { account: { id, route, label: login, plan }, value: result.tokens };
    const held = await holdSignIn(given, { signal, holder, secrets, secret: secretOf(id), lockFile: options.lockFile });
    if (held) options.onUser(answer.user);
  };
  const attempts = createAttempts<DeviceResult & { route: CopilotRoute }>({ bridge: 'copilot', holder, log, finish });

  return {
    async withCode(route) {
      const clientId = options.clientId();
      if (clientId === null) {
        throw new DrawbridgeError(
          'bad_input',
          'This sign-in needs an OAuth app of your own, with device flow allowed. Make one at https://github.com/settings/developers and set bridges.copilot.clientId to its client id.',
        );
      }
      const signal = attempts.begin('What the sign-in needs is made ready.');
      const problem = await attempts.prepare(signal, () => problemOf(options.ready(route)));
      if (problem !== undefined) {
        if (!signal.aborted) failed(problem);
        return null;
      }
      const github = options.github();
      const start = signal.aborted ? undefined : await startDevice(net, github, clientId);
      // Dropped meanwhile, or another one began.
      if (start === undefined || signal.aborted) return null;
      if ('problem' in start) {
        failed(start.problem);
        return null;
      }
      holder.tell({ type: 'sign_in_started', waitingFor: `Type the code ${start.userCode} at ${start.url}` });
      const expiresAt = new Date(clock.now() + start.expiresInMs).toISOString();
      holder.offer({ route, url: start.url, code: start.userCode, expiresAt });
      const done = pollDevice({ net, github, clientId, start, signal, now: () => clock.now(), pause: options.pause });
      const answered = done.then((result) => ({ ...result, route }));
      void attempts.follow(signal, answered);
      return { url: start.url, code: start.userCode };
    },
    drop: attempts.drop,
  };
}

/** What stands in the way, as a sentence. */
async function problemOf(work: Promise<void>): Promise<string | undefined> {
  try {
    await work;
    return undefined;
  } catch (error) {
    if (error instanceof DrawbridgeError) return error.message;
    throw error;
  }
}
