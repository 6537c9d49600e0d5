import path from 'node:path';
import { z } from 'zod';
import { createBridge } from '../accounts/bridge.ts';
import { createAccountHolder, type Witness } from '../accounts/holder.ts';
import type { Ticker } from '../accounts/keeper.ts';
import { errorSentence } from '../accounts/note-errors.ts';
import { createPools } from '../accounts/pools.ts';
import type { AccountRecord } from '../accounts/registry.ts';
import type { AccountEvent } from '../accounts/state.ts';
import type { BridgeOptions, BridgeService } from '../accounts/service.ts';
import { isPageOfAnother } from '../accounts/unanswered.ts';
import type { OfferedModel } from '../companion/models.ts';
import { DrawbridgeError } from '../contract/errors.ts';
import type { DoctorCheck, Settings } from '../contract/index.ts';
import { plainText } from '../engine/redact.ts';
import type { Upstream } from '../upstreams/upstream.ts';
import type { TurnError } from '../wire/turn.ts';
import { BACK_ENDS, backEndOf, type BackEnd } from './back-end.ts';
import { causeOf, examineM365, type ServiceAnswer } from './doctor.ts';
import { probeApp } from './entra.ts';
import { adminConsentUrl, type Fault } from './faults.ts';
import { prepare } from './prepare.ts';
import { M365_ROUTES } from './routes.ts';
import { m365Session, type Grant, type M365Session } from './session.ts';
import { appOf, createSignIns } from './sign-in.ts';
import { createThreads } from './threads.ts';

const LABEL = 'Microsoft 365 Copilot';
/** Copilot lets nobody choose a model: there is one. */
const MODEL: OfferedModel = { id: 'copilot', title: 'Microsoft 365 Copilot', owner: 'microsoft' };
const ServiceError = z.object({ error: z.object({ code: z.string().optional(), message: z.string().optional() }) });
const NOT_ENDED = 'Drawbridge has forgotten the sign-in. To end it at Microsoft too, take the app away at https://myapps.microsoft.com';
const LICENCES = 'https://www.microsoft.com/microsoft-365-copilot';

/** The m365 bridge: one work or school account's Microsoft 365 Copilot, offered on loopback in the public wire formats. */
export function createM365Bridge(options: BridgeOptions & { every?: Ticker | undefined }): BridgeService {
  const { settings, registry, secrets, net, clock, log, onChange } = options;
  const own = (): Settings['bridges']['m365'] => settings().bridges.m365;
  const threads = createThreads();
  const userAgent = `Drawbridge/${options.version}`;
  let lastError: string | null = null;
  /** What Entra said last, where that was no token. */
  let fault: Fault | undefined;

  // ---------------------------------------------------------------------------------------- accounts

  const onFault = (next: Fault | undefined): void => {
    fault = next;
  };
  const lockFile = path.join(options.home, 'm365-renewal.lock');
  const sessionOf = ({ id, route }: AccountRecord, tell: (event: AccountEvent) => void): M365Session => {
    const backEnd = backEndOf(route) ?? BACK_ENDS.graph;
    return m365Session({
      id,
      backEnd,
      baseUrl: () => baseOf(backEnd),
      secrets,
      lockFile,
      clock,
      net,
      app: () => appOf(own()),
      onFault,
      tell,
      ...(options.every === undefined ? {} : { every: options.every }),
    });
  };
  const holder = createAccountHolder<M365Session>({ bridge: 'm365', routes: M365_ROUTES, registry, clock, log, onChange, sessionOf });
  const signIns = createSignIns({ holder, secrets, lockFile, net, clock, log, own, onFault });
  const baseOf = (backEnd: BackEnd): string => backEnd.baseUrl(own()).replace(/\/+$/, '');

  // ------------------------------------------------------------------------------------------ calls

  const pools = createPools('m365', () => settings().limits.upstreamMs, options.proxies);
  const serviceOf = ({ baseUrl }: Grant): Upstream => pools.to(baseUrl);
  const noteError = (error: TurnError, backEnd: BackEnd, witness: Witness): void => {
    lastError = errorSentence(error.message);
    if (error.status === 402 || error.status === 403)
      tellRefusal(backEnd, { status: error.status, code: error.code ?? '', message: error.message }, witness);
    onChange();
  };
  /** The account is signed in, and may not be used: why, and who can change that. */
  const tellRefusal = (backEnd: BackEnd, answer: ServiceAnswer, { tell }: Witness): void => {
    if (causeOf(answer) === 'consent') {
      return tell({
        type: 'not_entitled',
        reason: 'The sign-in lacks permissions that Microsoft 365 Copilot needs.',
        // The owner may have taken the app registration out of the settings since the call went out.
        href: own().clientId === null ? null : adminConsentUrl(appOf(own()), backEnd.scopes),
        label: 'Let an administrator grant the permissions',
      });
    }
    const reason =
      backEnd.name === 'graph'
        ? 'This account has no Microsoft 365 Copilot licence, or may not use it this way.'
        : 'Work IQ is not set up for this account, or it has no Copilot Credits.';
    tell({ type: 'not_entitled', reason, href: LICENCES, label: 'Look at the licence' });
  };

  // ------------------------------------------------------------------------------------ what is told

  /** Begins a conversation and says nothing in it: what the service answers tells whether it would serve. */
  const probeService = async (): Promise<ServiceAnswer | undefined> => {
    const grant = await holder.session()?.grant();
    if (grant === undefined || 'error' in grant) return undefined;
    const reply = await net({
      method: 'POST',
      url: `${grant.baseUrl}${grant.backEnd.conversations}`,
      headers: { authorization: `Bearer ${grant.token}` },
      json: {},
    }).catch(() => undefined);
    if (reply === undefined || isPageOfAnother(reply.status, reply.headers['content-type'])) return undefined;
    const said = ServiceError.safeParse(reply.body).data?.error;
    return {
      status: reply.status,
      code: plainText(said?.code ?? '').slice(0, 100),
      message: plainText(said?.message ?? '').slice(0, 300),
    };
  };
  const examine = async (): Promise<DoctorCheck[]> => {
    const session = holder.session();
    const backEnd = session?.backEnd ?? BACK_ENDS.graph;
    const app = own().clientId === null ? null : appOf(own());
    const registration = app === null ? undefined : ((await probeApp({ net, app, scopes: backEnd.scopes })) ?? null);
    const who = await session?.who();
    const witness = session === undefined || who === undefined ? undefined : holder.witness(session);
    const service = witness === undefined ? undefined : await probeService();
    if (witness !== undefined && service !== undefined) {
      if (service.status < 300) witness.answered();
      else if (causeOf(service) !== 'other') tellRefusal(backEnd, service, witness);
    }
    return examineM365({ app, backEnd, registration, lastFault: fault, who, service });
  };

  return createBridge<M365Session, Grant>(options, {
    name: 'm365',
    label: LABEL,
    standing: 'preview',
    own,
    holder,
    signIns,
    pools,
    calls: {
      prepare: (request, grant, witness) =>
        prepare(request, grant, {
          threads,
          service: serviceOf(grant),
          timeZone: own().timeZone ?? Intl.DateTimeFormat().resolvedOptions().timeZone,
          userAgent,
          now: clock.now(),
          onAnswered: witness.answered,
          onError: (error) => noteError(error, grant.backEnd, witness),
        }),
      upstreamOf: serviceOf,
      replyTo: (sink) => sink,
      onHeaders: () => {},
    },
    speaks: () => ({ wires: ['chat', 'responses', 'messages'], counts: false }),
    models: async () => (holder.session() === undefined ? [] : [MODEL]),
    // Microsoft tells nobody how much of Copilot is used up.
    told: () => ({ quota: null, lastError }),
    warmUp: async () => holder.session()?.grant(),
    async signIn({ route, agree, byCode }) {
      const backEnd = backEndOf(route);
      if (backEnd === undefined) throw new DrawbridgeError('bad_input', `The m365 bridge has no route "${route}".`, { route });
      holder.agreeTo(route, agree);
      const claims = fault?.claims ?? null;
      const start = byCode ? await signIns.withCode(backEnd, claims) : null;
      const url = byCode ? (start?.url ?? null) : await signIns.withBrowser(backEnd, claims);
      const code = start?.code ?? null;
      if (url !== null) holder.offer({ route, url, code, expiresAt: null });
      return { url, code };
    },
    async end() {
      await holder.session()?.keeper.forget();
      fault = undefined;
      return NOT_ENDED;
    },
    askAnew: async () => holder.session()?.grant(),
    examine,
  });
}
