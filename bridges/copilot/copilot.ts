import { createHash } from 'node:crypto';
import path from 'node:path';
import { setTimeout as pauseReal } from 'node:timers/promises';
import { bridgeUpstream, signInNeeded, type GrantAnswer, type Session } from '../accounts/call.ts';
import { examineBridge } from '../accounts/doctor.ts';
import { createBridgeDoor } from '../accounts/door.ts';
import { createGovernor } from '../accounts/governor.ts';
import { createAccountHolder } from '../accounts/holder.ts';
import { listenFor } from '../accounts/listening.ts';
import { bridgeNotices } from '../accounts/notices.ts';
import type { AccountRecord } from '../accounts/registry.ts';
import type { BridgeOptions, BridgeService } from '../accounts/service.ts';
import { DrawbridgeError } from '../contract/errors.ts';
import type { BridgeDetail, Settings } from '../contract/index.ts';
import { SecretError } from '../engine/secrets.ts';
import { httpUpstream } from '../upstreams/http.ts';
import type { Upstream } from '../upstreams/upstream.ts';
import type { KnownUpstream } from '../upstreams/upstreams.ts';
import { pollDevice, startDevice, type DeviceResult, type PollOptions } from './device.ts';
import { readModels, readUser, type CopilotModel, type CopilotUser } from './github.ts';
import { plainModel, prepare, type Grant } from './prepare.ts';
import { COPILOT_ROUTES } from './routes.ts';

const LABEL = 'GitHub Copilot';
const KEPT_MS = 10 * 60_000;
const secretOf = (id: string): string => `copilot/${id}`;

/** The copilot bridge: one GitHub account's Copilot, offered on loopback in the public wire formats. */
export function createCopilotBridge(options: BridgeOptions & { pause?: PollOptions['pause'] }): BridgeService {
  const { settings, registry, secrets, net, clock, log, onChange } = options;
  const own = (): Settings['bridges']['copilot'] => settings().bridges.copilot;
  let user: { of: string; until: number; value: CopilotUser } | undefined;
  let models: { until: number; list: readonly CopilotModel[] } = { until: 0, list: [] };
  let waiting: AbortController | undefined;

  const isAllowed = (origin: string): boolean =>
    /^https:\/\/(?:[\w-]+\.)*githubcopilot\.com$/.test(origin) || origin === new URL(own().api).origin;

  const sessionOf = ({ id }: AccountRecord): Session<Grant> => {
    let token: string | undefined;
    const grant = async (): Promise<GrantAnswer<Grant>> => {
      try {
        token ??= await secrets.get(secretOf(id));
      } catch (error) {
        if (!(error instanceof SecretError)) throw error;
        holder.tell({ type: 'keychain', problem: error.kind });
        return signInNeeded('copilot', error.message);
      }
      if (token === undefined) {
        holder.tell({ type: 'rejected', reason: 'The sign-in is not in the keychain any more.' });
        return signInNeeded('copilot', 'The sign-in is not in the keychain any more.');
      }
      if (user?.of === token && clock.now() < user.until) return { token, api: user.value.api };
      const answer = await readUser(net, own().api, token, isAllowed, clock.now());
      if ('user' in answer) {
        user = { of: token, until: clock.now() + KEPT_MS, value: answer.user };
        holder.tell({ type: 'usable' });
        return { token, api: answer.user.api };
      }
      if (answer.problem === 'passing') {
        holder.tell({ type: 'renewal_delayed', reason: answer.reason });
        return { error: { kind: 'overloaded', message: answer.reason } };
      }
      if (answer.problem === 'rejected') holder.tell({ type: 'rejected', reason: answer.reason });
      else holder.tell({ type: 'not_entitled', reason: answer.reason, href: 'https://github.com/settings/copilot' });
      return answer.problem === 'rejected'
        ? signInNeeded('copilot', answer.reason)
        : { error: { kind: 'not_entitled', message: answer.reason } };
    };
    return {
      grant,
      async refused() {
        const reason = 'GitHub does not accept this sign-in any more.';
        holder.tell({ type: 'rejected', reason });
        return signInNeeded('copilot', reason);
      },
      async retry() {
        token = undefined;
        user = undefined;
        await grant();
      },
      stop: async () => {},
    };
  };
  const holder = createAccountHolder<Session<Grant>>({
    bridge: 'copilot',
    routes: COPILOT_ROUTES,
    registry,
    clock,
    log,
    onChange,
    sessionOf,
  });

  const drop = (): void => {
    waiting?.abort();
    waiting = undefined;
  };
  const finish = async (result: DeviceResult): Promise<void> => {
    if (result.kind === 'cancelled') return holder.fallBack({ type: 'sign_in_cancelled' });
    if (result.kind === 'declined') return holder.fallBack({ type: 'declined' });
    if (result.kind === 'failed') return holder.fallBack({ type: 'sign_in_failed', reason: result.reason });
    const answer = await readUser(net, own().api, result.token, isAllowed, clock.now());
    if (!('user' in answer)) {
      const denied = answer.problem === 'not_entitled';
      return holder.fallBack(
        denied ? { type: 'not_entitled', reason: answer.reason, href: null } : { type: 'sign_in_failed', reason: answer.reason },
      );
    }
    const id = `device-${createHash('sha256').update(answer.user.login).digest('hex').slice(0, 12)}`;
    await secrets.set(secretOf(id), result.token);
    user = { of: result.token, until: clock.now() + KEPT_MS, value: answer.user };
    holder.add({ id, route: 'device', label: answer.user.login, plan: answer.user.plan });
    await warm();
  };
  const conclude = async (poll: PollOptions, attempt: AbortController): Promise<void> => {
    try {
      const result = await pollDevice(poll);
      if (waiting !== attempt) return;
      waiting = undefined;
      await finish(result);
    } catch (error) {
      if (error instanceof SecretError) return holder.fallBack({ type: 'keychain', problem: error.kind });
      log.error('copilot.sign_in_failed', { error });
      holder.fallBack({ type: 'sign_in_failed', reason: 'The sign-in could not be kept. The log says why; try again.' });
    }
  };

  const pools = new Map<string, Upstream>();
  const upstreamOf = ({ api }: Grant): Upstream => {
    const kept = pools.get(api) ?? httpUpstream({ id: 'copilot', baseUrl: api, timeoutMs: settings().limits.upstreamMs, publicOnly: true });
    pools.set(api, kept);
    return kept;
  };
  const governor = createGovernor({ limits: own, clock, file: path.join(options.home, 'copilot-count.json') });
  const upstream = bridgeUpstream<Grant>({
    bridge: 'copilot',
    session: holder.session,
    enabled: () => own().enabled,
    dailyCalls: () => own().dailyCalls,
    governor,
    prepare: (request, grant) => prepare(request, grant, `Drawbridge/${options.version}`),
    upstreamOf,
    replyTo: (sink) => sink,
    onHeaders: () => {},
  });
  const known = (): KnownUpstream => {
    const base: KnownUpstream = { upstream, wires: ['chat'], credential: 'none', readsBody: true, rewrites: true, admits: holder.admits };
    return {
      ...base,
      forModel: (model) => ({ ...base, wires: models.list.find(({ id }) => id === plainModel(model ?? ''))?.wires ?? base.wires }),
    };
  };

  const offered = async (): Promise<readonly CopilotModel[]> => {
    if (clock.now() < models.until) return models.list;
    const grant = await holder.session()?.grant();
    if (grant === undefined || 'error' in grant) return [];
    const headers = { authorization: `Bearer ${grant.token}`, 'openai-intent': 'model-access' };
    const reply = await net({ method: 'GET', url: `${grant.api}/models`, headers }).catch(() => undefined);
    if (reply?.status === 200) models = { until: clock.now() + KEPT_MS, list: readModels(reply.body) };
    return models.list;
  };
  const door = createBridgeDoor('copilot', {
    options,
    account: holder,
    enabled: () => own().enabled,
    known,
    models: offered,
    more: () => ({ quota: user?.value.quota ?? null }),
  });
  const listening = listenFor({ bridge: 'copilot', door, port: () => own().port, fixedPort: options.port, log, onChange });
  const detail = (): BridgeDetail => ({
    name: 'copilot',
    label: LABEL,
    ...holder.describe(),
    address: listening.address(),
    listenerProblem: listening.problem(),
    enabled: own().enabled,
    quota: holder.session() === undefined ? null : (user?.value.quota ?? null),
    today: { calls: governor.today(), ceiling: own().dailyCalls },
    lastError: null,
  });
  /** Which wire formats a model takes is known before the first call asks. */
  const warm = async (): Promise<void> => {
    models = { until: 0, list: [] };
    await offered().catch((error: unknown) => log.warn('copilot.models_failed', { error }));
  };

  return {
    async start() {
      holder.restore();
      await listening.start();
      void warm();
    },
    async stop(graceMs) {
      drop();
      await holder.stop();
      await listening.stop(graceMs);
      await upstream.stop();
      governor.stop();
      await Promise.all([...pools.values()].map((pool) => pool.stop()));
    },
    apply() {
      if (!own().enabled) upstream.endAll('The copilot bridge was switched off.');
      listening.apply();
    },
    known,
    door,
    models: async () =>
      holder.session() === undefined ? [] : (await offered()).map(({ id, title, owner }) => ({ id: `copilot/${id}`, title, owner })),
    status() {
      const { state, reason, mend } = holder.view();
      return {
        name: 'copilot',
        label: LABEL,
        standing: 'unofficial',
        state,
        address: listening.address(),
        reason: reason ?? listening.problem(),
        mend: mend === null ? null : { label: mend.label, action: mend.action?.kind === 'link' ? mend.action : null },
      };
    },
    detail,
    notices: () => bridgeNotices(detail()),
    async signIn({ route, agree }) {
      holder.agreeTo(route, agree);
      const { clientId, github } = own();
      if (clientId === null) {
        throw new DrawbridgeError(
          'bad_input',
          'This sign-in needs an OAuth app of your own, with device flow allowed. Make one at https://github.com/settings/developers and set bridges.copilot.clientId to its client id.',
        );
      }
      drop();
      holder.begin('GitHub is being asked for a code.');
      const start = await startDevice(net, github, clientId);
      if ('problem' in start) {
        holder.fallBack({ type: 'sign_in_failed', reason: start.problem });
        return { url: null, code: null, bridge: detail() };
      }
      holder.tell({ type: 'sign_in_started', waitingFor: `Type the code ${start.userCode} at ${start.url}` });
      const expiresAt = new Date(clock.now() + start.expiresInMs).toISOString();
      holder.offer({ route, url: start.url, code: start.userCode, expiresAt });
      const attempt = new AbortController();
      waiting = attempt;
      void conclude({ net, github, clientId, start, signal: attempt.signal, pause: options.pause ?? pause }, attempt);
      return { url: start.url, code: start.userCode, bridge: detail() };
    },
    cancelSignIn() {
      drop();
      holder.fallBack({ type: 'sign_in_cancelled' });
      return detail();
    },
    async signOut() {
      drop();
      const account = holder.active();
      if (account === undefined) {
        holder.restore();
        return detail();
      }
      await secrets.delete(secretOf(account.id));
      holder.remove(account.id);
      // Ending it at GitHub takes the app's client secret, which is not kept here.
      holder.tell({
        type: 'signed_out',
        unconfirmed: 'To end it at GitHub too, revoke your app at https://github.com/settings/applications',
      });
      return detail();
    },
    async useAccount(id) {
      holder.use(id);
      await warm();
      return detail();
    },
    setScope(route, scope) {
      holder.setScope(route, scope);
      return detail();
    },
    async retry() {
      await holder.session()?.retry();
      await warm();
      return detail();
    },
    async examine() {
      await warm();
      return examineBridge({ bridge: detail(), secretsLast: secrets.lasting, models: models.list.length });
    },
  };
}

async function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  await pauseReal(milliseconds, undefined, { signal, ref: false }).catch(() => undefined);
}
