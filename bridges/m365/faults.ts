import { answeredByAnother } from '../accounts/unanswered.ts';

/** The owner's app registration, as the settings name it. */
export type AppRegistration = { clientId: string; tenant: string; login: string };

/** What Entra said when it gave no token. */
export type Said = { error: string; description: string; claims: string | null; suberror?: string | undefined };

export type FaultKind =
  /** The app registration, or the settings that name it. */
  | 'app'
  | 'tenant'
  | 'account'
  | 'consent'
  | 'licence'
  /** A rule of the organization: conditional access, a device that is not managed. */
  | 'policy'
  | 'declined'
  /** Only a person can go on, and there is nothing wrong with anything else. */
  | 'sign_in'
  | 'passing';

/** Why there is no token, and what a person can do about it. Nothing in it is secret. */
export type Fault = {
  kind: FaultKind;
  /** `AADSTS65001`, or OAuth's own word. */
  code: string;
  reason: string;
  mend: string;
  /** Where it is mended, or read about. */
  href: string | null;
  retryAfterMs: number | null;
  /** What the service asks a new sign-in to prove (continuous access evaluation); it has to be sent along. */
  claims: string | null;
};

type Known = readonly [kind: FaultKind, reason: string, mend: string];

const OWN_APP = 'Check bridges.m365.clientId and bridges.m365.tenant in the settings against the app registration in Entra.';
const PUBLIC_CLIENT =
  'In the app registration, under Authentication: add the platform "Mobile and desktop applications" with http://localhost, and allow public client flows.';
const CONSENT = 'Let an administrator open the link and grant the permissions, then sign in again.';
const OTHER_TENANT = 'Sign in with an account of that directory, or name your own in bridges.m365.tenant.';
const AGAIN = 'Sign in again.';
/** Read where a sign-in came to nothing, and by the doctor: neither is tried again by itself, as a renewal is. */
const LATER = 'Try again in a while.';
const BY_RULE = 'Sign in again from a device and a place that your organization allows, or ask its administrator.';

/**
 * What Entra's numbered errors mean here. Microsoft may renumber them: they choose words alone, never what is done with
 * a token. (learn.microsoft.com/entra/identity-platform/reference-error-codes)
 */
const KNOWN: ReadonlyMap<string, Known> = new Map<string, Known>([
  ['700016', ['app', 'Entra finds no app with this client id in this directory.', OWN_APP]],
  ['7000112', ['app', 'The app registration is switched off.', 'Switch it on in Entra, under Enterprise applications > Properties.']],
  ['900144', ['app', 'Entra was sent a request without a client id.', OWN_APP]],
  ['50011', ['app', 'The app registration does not know the address http://localhost.', PUBLIC_CLIENT]],
  ['500113', ['app', 'The app registration has no redirect address.', PUBLIC_CLIENT]],
  ['7000218', ['app', 'The app registration wants a secret, which a desktop program can’t keep.', PUBLIC_CLIENT]],
  ['70002', ['app', 'The app registration is not that of a public client.', PUBLIC_CLIENT]],
  ['9002326', ['app', 'The app registration has http://localhost as a single-page application.', `Take it away there. ${PUBLIC_CLIENT}`]],
  ['9002327', ['app', 'The app registration has http://localhost as a single-page application.', `Take it away there. ${PUBLIC_CLIENT}`]],
  ['700054', ['app', 'The app registration allows no sign-in of this kind.', PUBLIC_CLIENT]],
  ['70001', ['app', 'The app is not known in this directory.', OWN_APP]],
  ['70011', ['app', 'The app asks for a permission that does not exist there.', 'Add the API permissions that docs/m365.md lists.']],
  ['650053', ['app', 'The app asks for a permission that does not exist there.', 'Add the API permissions that docs/m365.md lists.']],
  ['650057', ['app', 'The app registration lacks an API permission.', 'Add the API permissions that docs/m365.md lists.']],
  [
    '500011',
    [
      'app',
      'The service is not set up in this directory.',
      'For Work IQ, let an administrator add the service principal of fdcc1f02-fc51-4226-8753-f668596af7f7 (docs/m365.md).',
    ],
  ],
  [
    '650052',
    [
      'app',
      'The organization has not subscribed to this service, or it is not set up.',
      'For Work IQ, let an administrator add the service principal of fdcc1f02-fc51-4226-8753-f668596af7f7 (docs/m365.md).',
    ],
  ],
  ['50194', ['app', 'The app is for one directory only.', 'Put that directory’s id into bridges.m365.tenant.']],
  ['90002', ['tenant', 'There is no such directory.', OWN_APP]],
  ['900023', ['tenant', 'The directory is not named by an id or a domain.', OWN_APP]],
  ['90009', ['tenant', 'The directory is not named as it should be.', OWN_APP]],
  ['50020', ['tenant', 'The account is not in this directory.', OTHER_TENANT]],
  ['90072', ['tenant', 'The account belongs to another directory.', OTHER_TENANT]],
  ['50034', ['tenant', 'The directory does not know this account.', OTHER_TENANT]],
  ['51004', ['tenant', 'The account is not in this directory.', OTHER_TENANT]],
  ['50178', ['tenant', 'The account is not in this directory.', OTHER_TENANT]],
  ['500200', ['account', 'This is a personal Microsoft account.', 'Sign in with a work or school account.']],
  ['500201', ['account', 'This is a personal Microsoft account.', 'Sign in with a work or school account.']],
  ['9002346', ['account', 'The app is for personal accounts only.', 'Let the app registration accept work or school accounts.']],
  ['9002331', ['account', 'The app is for personal accounts only.', 'Let the app registration accept work or school accounts.']],
  ['50057', ['account', 'The account is switched off.', 'Ask your administrator.']],
  ['50055', ['account', 'The password has expired.', 'Change it, then sign in again.']],
  [
    '50105',
    ['consent', 'The app is not assigned to this account.', 'Let an administrator assign it in Entra, under Enterprise applications.'],
  ],
  ['65001', ['consent', 'Nobody has granted the app its permissions yet.', CONSENT]],
  ['65004', ['declined', 'The permissions were declined.', 'Sign in again and accept them.']],
  ['65005', ['consent', 'The app asks for a permission that nobody granted.', CONSENT]],
  ['90094', ['consent', 'Only an administrator can grant the permissions.', CONSENT]],
  ['90095', ['consent', 'An administrator is asked to grant the permissions.', 'Sign in again once they have.']],
  ['90008', ['consent', 'Nobody has granted the app its permissions yet.', CONSENT]],
  ['50076', ['policy', 'The organization asks for a second proof of who you are.', AGAIN]],
  ['50079', ['policy', 'The organization asks you to set up a second proof of who you are.', AGAIN]],
  ['50158', ['policy', 'The organization asks for another proof of who you are.', AGAIN]],
  ['53000', ['policy', 'The organization allows managed devices only.', BY_RULE]],
  ['53001', ['policy', 'The organization allows devices of its own domain only.', BY_RULE]],
  ['53002', ['policy', 'The organization does not allow this app.', BY_RULE]],
  ['53003', ['policy', 'A rule of the organization (conditional access) forbids this.', BY_RULE]],
  ['530003', ['policy', 'The organization allows managed devices only.', BY_RULE]],
  ['50097', ['policy', 'The organization asks for a device it knows.', BY_RULE]],
  ['50173', ['sign_in', 'The sign-in was ended: the password was changed, or it was revoked.', AGAIN]],
  ['700082', ['sign_in', 'The sign-in has not been used for too long.', AGAIN]],
  ['70043', ['sign_in', 'The sign-in has reached its age.', AGAIN]],
  ['70008', ['sign_in', 'The sign-in has expired.', AGAIN]],
  ['50089', ['sign_in', 'The sign-in has expired.', AGAIN]],
  ['50132', ['sign_in', 'The sign-in was ended.', AGAIN]],
  ['50133', ['sign_in', 'The sign-in was ended: the password was changed.', AGAIN]],
  ['50058', ['sign_in', 'Nobody is signed in.', AGAIN]],
  ['70020', ['sign_in', 'The code was not typed in before it ran out.', AGAIN]],
  ['70019', ['sign_in', 'The code was not typed in before it ran out.', AGAIN]],
  ['70018', ['sign_in', 'Entra does not know the code.', AGAIN]],
  ['50196', ['passing', 'Entra asks for fewer requests.', LATER]],
  ['90033', ['passing', 'Entra is not available just now.', LATER]],
]);

const OAUTH: Readonly<Record<string, Known>> = {
  access_denied: ['declined', 'The sign-in was declined at Microsoft.', AGAIN],
  authorization_declined: ['declined', 'The sign-in was declined at Microsoft.', AGAIN],
  expired_token: ['sign_in', 'The code was not typed in before it ran out.', AGAIN],
  bad_verification_code: ['sign_in', 'Entra does not know the code.', AGAIN],
  consent_required: ['consent', 'Nobody has granted the app its permissions yet.', CONSENT],
  invalid_client: ['app', 'Entra does not accept this app registration.', PUBLIC_CLIENT],
  unauthorized_client: ['app', 'Entra does not accept this app registration.', OWN_APP],
  invalid_grant: ['sign_in', 'Microsoft does not accept this sign-in any more.', AGAIN],
  interaction_required: ['sign_in', 'Microsoft asks you to sign in again.', AGAIN],
  login_required: ['sign_in', 'Microsoft asks you to sign in again.', AGAIN],
  temporarily_unavailable: ['passing', 'Entra is not available just now.', LATER],
  server_error: ['passing', 'Entra is not available just now.', LATER],
};

/** What an answer of Entra's means. Pure. */
export function faultOf(said: Said, app: AppRegistration, scopes: readonly string[]): Fault {
  const number = numberOf(said);
  const known = knownOf(said);
  const word = said.error.replace(/[^\w.-]/g, '').slice(0, 60);
  const code = number === undefined ? word : `AADSTS${number}`;
  const [kind, reason, mend] = known ?? ['sign_in', 'Microsoft ended the sign-in.', 'Try again; the link says what the code means.'];
  return {
    kind,
    code,
    reason: `${reason} (${code})`,
    mend,
    href: kind === 'consent' ? adminConsentUrl(app, scopes) : number === undefined ? null : `${app.login}/error?code=${number}`,
    retryAfterMs: null,
    claims: said.claims,
  };
}

/** OAuth's words for a grant that only a person can make anew. */
const GRANT_IS_OVER: ReadonlySet<string> = new Set(['invalid_grant', 'interaction_required', 'login_required', 'consent_required']);
/** Entra's own word beside `invalid_grant` for a rule that stands in the way just now, a place for one. */
const NOT_NOW = 'message_only';

/**
 * The same of an answer to a renewal: what does not say that the grant is over says nothing certain of the sign-in, so the
 * sign-in is kept and tried again. Pure.
 */
export function renewalFaultOf(said: Said, app: AppRegistration, scopes: readonly string[]): Fault {
  const fault = faultOf(said, app, scopes);
  if (GRANT_IS_OVER.has(said.error) && said.suberror !== NOT_NOW) return fault;
  if (knownOf(said) !== undefined)
    return fault.kind === 'passing' ? fault : { ...fault, kind: 'passing', reason: `${fault.reason} ${fault.mend}` };
  const reason = `Microsoft did not renew the sign-in this time. (${fault.code})`;
  return { ...fault, kind: 'passing', reason, mend: LATER };
}

function knownOf(said: Said): Known | undefined {
  const number = numberOf(said);
  return (number === undefined ? undefined : KNOWN.get(number)) ?? OAUTH[said.error];
}

function numberOf({ description }: Said): string | undefined {
  return /AADSTS(\d{4,8})/.exec(description)?.[1];
}

export const SERVICE = 'Microsoft’s sign-in service';

/** There was no answer at all. `why`: a sentence, where that is known. */
export function unreachable(why?: string): Fault {
  const plain = `${SERVICE} could not be reached.`;
  return why === undefined
    ? passing(plain, 'Check the network, then try again.', null)
    : passing(`${plain} ${why}`, 'Mend that, then try again.', null);
}

/** There was an answer that says nothing of what was asked. */
export function unanswered(status: number, retryAfterMs: number | null): Fault {
  if (status === 429) return passing(`${SERVICE} was asked too often (status 429).`, 'Try again in a while.', retryAfterMs);
  if (status >= 500) return passing(`${SERVICE} has trouble (status ${status}).`, 'Try again in a while.', retryAfterMs);
  return passing(answeredByAnother('Microsoft'), 'Then try again.', retryAfterMs);
}

function passing(reason: string, mend: string, retryAfterMs: number | null): Fault {
  return { kind: 'passing', code: 'unreachable', reason, mend, href: null, retryAfterMs, claims: null };
}

/** Where an administrator grants the permissions for everybody. */
export function adminConsentUrl({ login, tenant, clientId }: AppRegistration, scopes: readonly string[]): string {
  const query = new URLSearchParams({ client_id: clientId, scope: scopes.join(' '), redirect_uri: 'http://localhost' });
  return `${login}/${encodeURIComponent(tenant)}/v2.0/adminconsent?${query.toString()}`;
}
