import type { DoctorCheck } from '../contract/index.ts';
import { missingScopes, type BackEnd } from './back-end.ts';
import { adminConsentUrl, type AppRegistration, type Fault } from './faults.ts';
import type { Who } from './session.ts';

/** What the doctor found out. `undefined` is what could not be looked at. */
export type M365Facts = {
  /** Null where the settings name no app registration. */
  app: AppRegistration | null;
  backEnd: BackEnd;
  /** What Entra says of the app registration alone; null where it knows it. */
  registration: Fault | null | undefined;
  /** What the last sign-in or renewal came to nothing with. */
  lastFault: Fault | undefined;
  who: Who | undefined;
  /** What the service answered when a conversation was begun, without a prompt. */
  service: ServiceAnswer | undefined;
};
export type ServiceAnswer = { status: number; code: string; message: string };

/**
 * Tells apart, before the first prompt, why Microsoft 365 Copilot would not answer: the app registration, the directory,
 * the kind of account, the permissions, the licence. Pure; nothing in it is secret.
 */
export function examineM365(facts: M365Facts): DoctorCheck[] {
  const { app, backEnd } = facts;
  if (app === null) {
    const mend = 'Make one as docs/m365.md says, and put its client id into bridges.m365.clientId.';
    return [check('app', 'App registration', 'failed', 'The settings name none.', mend)];
  }
  return [
    registration(facts.registration, app),
    lastFault(facts.lastFault, facts.who),
    accountType(facts),
    directory(facts.who, app, backEnd),
    consent(facts, app),
    licence(facts),
  ];
}

const PERSONAL = '9188040d-6c67-4c5b-b112-36a304b66dad';
const GUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;
const NOT_YET = 'Not known until somebody is signed in.';
const FIRST = 'Sign in first: drawbridge signin m365';

function registration(fault: Fault | null | undefined, { clientId, tenant }: AppRegistration): DoctorCheck {
  const title = 'App registration';
  if (fault === undefined) return check('app', title, 'warning', 'It was not looked at.', 'Run this again.');
  if (fault === null) return check('app', title, 'ok', `Entra knows the app ${clientId} in ${tenant}.`, '');
  if (fault.kind === 'passing') return check('app', title, 'warning', fault.reason, fault.mend);
  return check('app', title, 'failed', fault.reason, mendOf(fault));
}

function lastFault(fault: Fault | undefined, who: Who | undefined): DoctorCheck {
  const title = 'Last sign-in';
  if (fault === undefined) return check('sign-in', title, 'ok', who === undefined ? 'None has failed in this run.' : 'It went well.', '');
  return check('sign-in', title, who === undefined ? 'failed' : 'warning', fault.reason, mendOf(fault));
}

function accountType({ who, lastFault: fault }: M365Facts): DoctorCheck {
  const title = 'Kind of account';
  const mend = 'Sign in with the work or school account that has Microsoft 365 Copilot.';
  const isPersonal = who === undefined ? fault?.kind === 'account' : who.tenantId === PERSONAL || who.homeId.endsWith(`.${PERSONAL}`);
  if (isPersonal) return check('account-type', title, 'failed', 'A personal Microsoft account; it has no Microsoft 365 Copilot.', mend);
  if (who === undefined) return check('account-type', title, 'warning', NOT_YET, FIRST);
  return check('account-type', title, 'ok', 'A work or school account.', '');
}

function directory(who: Who | undefined, { tenant }: AppRegistration, backEnd: BackEnd): DoctorCheck {
  const title = 'Directory';
  if (who === undefined) return check('directory', title, 'warning', NOT_YET, FIRST);
  const home = who.homeId.slice(who.homeId.indexOf('.') + 1);
  const mend = `Sign in with an account whose home it is, or set bridges.m365.tenant to ${home}.`;
  if (GUID.test(tenant) && tenant.toLowerCase() !== who.tenantId.toLowerCase())
    return check('directory', title, 'failed', `The sign-in is for ${who.tenantId}, and the settings name ${tenant}.`, mend);
  if (home !== who.tenantId) {
    const what = `The account is a guest in ${who.tenantId}; its home is ${home}. A Copilot licence counts at home.`;
    return check('directory', title, backEnd.name === 'work-iq' ? 'failed' : 'warning', what, mend);
  }
  return check('directory', title, 'ok', `${who.tenantId}, the account’s home.`, '');
}

function consent({ who, backEnd, lastFault: fault, service }: M365Facts, app: AppRegistration): DoctorCheck {
  const title = 'Permissions';
  const link = adminConsentUrl(app, backEnd.scopes);
  const mend = `Let an administrator grant them at ${link} and sign in again.`;
  if (who === undefined && fault?.kind === 'consent') return check('consent', title, 'failed', fault.reason, mend);
  if (who === undefined) return check('consent', title, 'warning', NOT_YET, FIRST);
  const missing = missingScopes(backEnd, who.scopes);
  if (missing.length > 0) return check('consent', title, 'failed', `Not granted: ${missing.join(', ')}.`, mend);
  if (service !== undefined && causeOf(service) === 'consent')
    return check('consent', title, 'failed', 'The service says that a permission is missing.', mend);
  return check('consent', title, 'ok', `All ${backEnd.scopes.length} are granted.`, '');
}

function licence({ who, backEnd, service }: M365Facts): DoctorCheck {
  const workIq = backEnd.name === 'work-iq';
  const title = workIq ? 'Work IQ and Copilot Credits' : 'Copilot licence';
  if (who === undefined || service === undefined) return check('licence', title, 'warning', NOT_YET, FIRST);
  const said = `The service answered ${service.status}${service.code === '' ? '' : ` (${service.code})`}.`;
  if (service.status < 300) return check('licence', title, 'ok', 'A conversation could be begun.', '');
  if (causeOf(service) === 'licence') {
    const mend = workIq
      ? 'Let an administrator set Work IQ up and allow Copilot Credits for this account (docs/m365.md).'
      : 'Let an administrator assign a Microsoft 365 Copilot licence to this account, then wait an hour.';
    return check('licence', title, 'failed', said, mend);
  }
  return check('licence', title, 'warning', said, 'This is not about the licence. Run this again in a while.');
}

/** What a refusal of the service is about. Microsoft documents no codes of its own for it: what is no scope is a licence. Pure. */
export function causeOf({ status, code, message }: ServiceAnswer): 'consent' | 'licence' | 'other' {
  if (status !== 402 && status !== 403) return 'other';
  const text = `${code} ${message}`;
  return status === 403 && /scope|permission|consent|privilege/i.test(text) && !/licen[cs]e|credit/i.test(text) ? 'consent' : 'licence';
}

function mendOf({ mend, href }: Fault): string {
  return href === null ? mend : `${mend} ${href}`;
}

function check(id: string, title: string, state: DoctorCheck['state'], found: string, mend: string): DoctorCheck {
  return { id: `m365-${id}`, title, state, found, mend: state === 'ok' ? null : mend };
}
