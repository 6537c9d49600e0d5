import { createHash, randomBytes } from 'node:crypto';
import { createAttempts } from '../accounts/attempt.ts';
import { holdSignIn } from '../accounts/hold-sign-in.ts';
import type { AccountHolder } from '../accounts/holder.ts';
import type { Net } from '../accounts/net.ts';
import { DrawbridgeError } from '../contract/errors.ts';
import type { Settings } from '../contract/index.ts';
import type { Clock } from '../engine/clock.ts';
import type { Logger } from '../engine/log.ts';
import type { SecretStore } from '../engine/secrets.ts';
import { missingScopes, type BackEnd } from './back-end.ts';
import { openEntra, type CodeStart, type Entra, type Granted, type Outcome } from './entra.ts';
import { adminConsentUrl, faultOf, type AppRegistration, type Fault } from './faults.ts';
import { startLanding, type Answer, type Landing } from './landing.ts';
import { secretOf, tokensOf, type M365Session } from './session.ts';

type Own = Settings['bridges']['m365'];

export type SignInsOptions = {
  holder: AccountHolder<M365Session>;
  secrets: SecretStore;
  /** The lock that renewals hold. */
  lockFile: string;
  net: Net;
  clock: Clock;
  log: Logger;
  own: () => Own;
  /** Something Entra said last, for the doctor; undefined where the last sign-in went well. */
  onFault: (fault: Fault | undefined) => void;
};

/** The two ways to sign in. What becomes of one is told to the holder. */
export type SignIns = {
  /** Returns the page to open. Throws bad_input where there is no app registration. */
  withBrowser(backEnd: BackEnd, claims: string | null): Promise<string | null>;
  /** Returns a code, and where to type it in. Throws bad_input where there is no app registration. */
  withCode(backEnd: BackEnd, claims: string | null): Promise<CodeStart | null>;
  /** Drops a sign-in that waits for a person. */
  drop(): void;
};

/** The directory of all personal accounts. */
const PERSONAL = '9188040d-6c67-4c5b-b112-36a304b66dad';
const PATIENCE_MS = 10 * 60_000;

export function createSignIns(options: SignInsOptions): SignIns {
  const { holder, secrets, net, clock, log } = options;

  const failed = (fault: Fault): void => {
    options.onFault(fault);
    const reason = `${fault.reason} ${fault.mend}`;
    if (fault.kind === 'declined') return holder.fallBack({ type: 'declined' });
    if (fault.kind === 'consent')
      return holder.fallBack({ type: 'not_entitled', reason, href: fault.href, label: 'Let an administrator grant the permissions' });
    if (fault.kind === 'account' || fault.kind === 'policy') return holder.fallBack({ type: 'not_entitled', reason, href: null });
    holder.fallBack({ type: 'sign_in_failed', reason });
  };

  const finish = async ({ backEnd, app, outcome }: Ended, signal: AbortSignal): Promise<void> => {
    if ('fault' in outcome) return failed(outcome.fault);
    const { granted } = outcome;
    if (granted.tenantId === PERSONAL) return failed(personal(app, backEnd));
    options.onFault(undefined);
    const id = idOf(backEnd, granted);
    const account = { id, route: backEnd.name, label: granted.username || 'Microsoft account', plan: null };
    const given = { account, value: tokensOf(granted, clock.now()) };
    if (!(await holdSignIn(given, { signal, holder, secrets, secret: secretOf(id), lockFile: options.lockFile }))) return;
    const missing = missingScopes(backEnd, granted.scopes);
    if (missing.length > 0) {
      holder.tell({
        type: 'not_entitled',
        reason: `Signed in, but without the permissions ${missing.join(', ')}.`,
        href: adminConsentUrl(app, backEnd.scopes),
        label: 'Let an administrator grant the permissions',
      });
    }
  };

  const attempts = createAttempts<Ended>({ bridge: 'm365', holder, log, finish });
  const open = (backEnd: BackEnd, app: AppRegistration): Promise<Entra> => openEntra({ net, app, scopes: backEnd.scopes });

  return {
    drop: attempts.drop,
    async withBrowser(backEnd, claims) {
      const app = appOf(options.own());
      const entra = await open(backEnd, app);
      const signal = attempts.begin('Continue at Microsoft in your browser.');
      const answered = Promise.withResolvers<Answer>();
      const state = randomBytes(24).toString('base64url');
      const from = new URL(app.login).origin;
      const landing = await attempts.prepare(signal, () => startLanding({ state, from, onAnswer: answered.resolve }));
      const asking = await entra.ask({ redirectUri: landing.redirectUri, state, claims });
      if (signal.aborted || 'fault' in asking) {
        void landing.stop();
        if (!signal.aborted && 'fault' in asking) failed(asking.fault);
        return null;
      }
      const redeemed = async (): Promise<Outcome> => {
        const answer = await withPatience(answered.promise, signal, landing);
        if (answer === undefined) return { fault: faultOf(NOBODY, app, backEnd.scopes) };
        if ('code' in answer) return asking.redeem(answer);
        return { fault: faultOf({ ...answer, claims: null }, app, backEnd.scopes) };
      };
      void attempts.follow(signal, ended(backEnd, app, redeemed()));
      return asking.url;
    },
    async withCode(backEnd, claims) {
      const app = appOf(options.own());
      const entra = await open(backEnd, app);
      const signal = attempts.begin('Microsoft is being asked for a code.');
      const started = Promise.withResolvers<CodeStart | null>();
      const onCode = (start: CodeStart): void => {
        if (signal.aborted) return;
        holder.tell({ type: 'sign_in_started', waitingFor: `Type the code ${start.code} at ${start.url}` });
        started.resolve(start);
      };
      signal.addEventListener('abort', () => started.resolve(null));
      const done = attempts.follow(signal, ended(backEnd, app, entra.byCode({ claims, onCode, signal })));
      void done.finally(() => started.resolve(null));
      return started.promise;
    },
  };
}

/** How a sign-in to one of the back ends ended, with the app registration it began with. */
type Ended = { backEnd: BackEnd; app: AppRegistration; outcome: Outcome };

async function ended(backEnd: BackEnd, app: AppRegistration, outcome: Promise<Outcome>): Promise<Ended> {
  return { backEnd, app, outcome: await outcome };
}

const NOBODY = { error: 'expired_token', description: '', claims: null };

/** The app registration of the settings. Throws bad_input where there is none. */
export function appOf({ clientId, tenant, login }: Own): AppRegistration {
  if (clientId === null) {
    throw new DrawbridgeError(
      'bad_input',
      'This sign-in needs an app registration of your own in Microsoft Entra. docs/m365.md says how to make one; then set bridges.m365.clientId to its client id.',
    );
  }
  return { clientId, tenant, login: login.replace(/\/+$/, '') };
}

function personal(app: AppRegistration, backEnd: BackEnd): Fault {
  return faultOf({ error: 'invalid_request', description: 'AADSTS500200', claims: null }, app, backEnd.scopes);
}

function idOf({ name }: BackEnd, { homeId }: Granted): string {
  return `${name}-${createHash('sha256').update(homeId).digest('hex').slice(0, 12)}`;
}

/** What the browser brings back; undefined where it did not in time, or nobody waits for it any more. Then nothing listens. */
async function withPatience(answered: Promise<Answer>, signal: AbortSignal, landing: Landing): Promise<Answer | undefined> {
  const over = Promise.withResolvers<undefined>();
  const timer = setTimeout(() => over.resolve(undefined), PATIENCE_MS);
  timer.unref();
  const dropped = (): void => over.resolve(undefined);
  signal.addEventListener('abort', dropped);
  const answer = await Promise.race([answered, over.promise]);
  clearTimeout(timer);
  signal.removeEventListener('abort', dropped);
  void landing.stop();
  return answer;
}
