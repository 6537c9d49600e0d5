import path from 'node:path';
import type { OfferedModel } from '../companion/models.ts';
import type { Bridge, BridgeDetail, BridgeName, DoctorCheck } from '../contract/index.ts';
import type { KnownUpstream } from '../upstreams/upstreams.ts';
import type { WireFormat } from '../wire/turn.ts';
import { bridgeUpstream, type BridgeUpstreamOptions, type Grant, type Session } from './call.ts';
import { examineBridge } from './doctor.ts';
import { createBridgeDoor } from './door.ts';
import { createGovernor, type GovernorLimits } from './governor.ts';
import type { AccountHolder } from './holder.ts';
import { listenFor } from './listening.ts';
import { bridgeNotices } from './notices.ts';
import type { Pools } from './pools.ts';
import type { AccountRecord } from './registry.ts';
import type { BridgeOptions, BridgeService } from './service.ts';

/** What one provider's bridge is made of, besides what all of them share. */
export type BridgeParts<S extends Session<G>, G extends Grant> = {
  name: BridgeName;
  label: string;
  /** How the bridge is labelled while no account tells. */
  standing: Bridge['standing'];
  own: () => GovernorLimits & { enabled: boolean; port: number };
  holder: AccountHolder<S>;
  signIns: { drop(): void };
  pools: Pools;
  calls: Pick<BridgeUpstreamOptions<S, G>, 'prepare' | 'upstreamOf' | 'sparesSignIn' | 'replyTo' | 'onHeaders'>;
  /** `wiresOf`: those of one model, where they differ. */
  speaks: () => Pick<KnownUpstream, 'wires' | 'keeps' | 'counts' | 'offers' | 'learning'> & {
    wiresOf?: (model: string | undefined) => readonly WireFormat[] | undefined;
  };
  models: () => Promise<readonly OfferedModel[]>;
  told: () => Pick<BridgeDetail, 'quota' | 'lastError'>;
  /** Runs once the listener is up, and is not waited for: a locked keychain may keep its owner busy for a while. */
  warmUp?: () => Promise<unknown>;
  signIn: (input: Parameters<BridgeService['signIn']>[0]) => Promise<{ url: string | null; code: string | null }>;
  /** Forgets an account's sign-in. Returns what a person should know of it, where the provider did not confirm. */
  end: (account: AccountRecord) => Promise<string | null>;
  /** Asks the provider anew what the account has. */
  askAnew: () => Promise<unknown>;
  /** What only this bridge can find out, told first. */
  examine?: () => Promise<readonly DoctorCheck[]>;
};

/** Makes a bridge of its parts: its upstream, its door and listener, what it tells, and what can be asked of it. */
export function createBridge<S extends Session<G>, G extends Grant>(options: BridgeOptions, parts: BridgeParts<S, G>): BridgeService {
  const { clock, log, onChange, secrets } = options;
  const { name, label, own, holder, signIns } = parts;
  const governor = createGovernor({ limits: own, clock, log, file: path.join(options.home, `${name}-count.json`) });
  const upstream = bridgeUpstream<S, G>({
    bridge: name,
    session: holder.session,
    witness: holder.witness,
    admits: holder.admits,
    enabled: () => own().enabled,
    dailyCalls: () => own().dailyCalls,
    governor,
    ...parts.calls,
  });
  const known = (): KnownUpstream => {
    const { wiresOf, ...spoken } = parts.speaks();
    const base: KnownUpstream = { ...spoken, upstream, credential: 'none', readsBody: true, rewrites: true, admits: holder.admits };
    return wiresOf === undefined ? base : { ...base, forModel: (model) => ({ ...base, wires: wiresOf(model) ?? base.wires }) };
  };
  const door = createBridgeDoor(name, {
    options,
    account: holder,
    enabled: () => own().enabled,
    known,
    models: parts.models,
    more: parts.told,
  });
  const listening = listenFor({ bridge: name, door, port: () => own().port, fixedPort: options.port, log, onChange });
  const detail = (): BridgeDetail => ({
    name,
    label,
    ...holder.describe(),
    address: listening.address(),
    listenerProblem: listening.problem(),
    enabled: own().enabled,
    today: { calls: governor.today(), ceiling: own().dailyCalls },
    ...parts.told(),
  });

  return {
    async start() {
      holder.restore();
      await listening.start();
      void parts.warmUp?.().catch((error: unknown) => log.error(`${name}.start_failed`, { error }));
    },
    async stop(graceMs) {
      signIns.drop();
      await holder.stop();
      await listening.stop(graceMs);
      await upstream.stop();
      governor.stop();
      await parts.pools.stop();
    },
    apply() {
      if (!own().enabled) upstream.endAll(`The ${name} bridge was switched off.`);
      listening.apply();
    },
    known,
    door,
    models: async () =>
      holder.session() === undefined ? [] : (await parts.models()).map(({ id, title, owner }) => ({ id: `${name}/${id}`, title, owner })),
    status() {
      const { state, reason, mend } = holder.view();
      return {
        name,
        label,
        standing: holder.describe().routes.find((route) => route.name === holder.active()?.route)?.standing ?? parts.standing,
        state,
        address: listening.address(),
        reason: reason ?? listening.problem(),
        mend: mend === null ? null : { label: mend.label, action: mend.action?.kind === 'link' ? mend.action : null },
      };
    },
    detail,
    notices: () => bridgeNotices(detail()),
    signIn: async (input) => ({ ...(await parts.signIn(input)), bridge: detail() }),
    cancelSignIn() {
      signIns.drop();
      holder.fallBack({ type: 'sign_in_cancelled' });
      return detail();
    },
    async signOut() {
      signIns.drop();
      holder.fallBack({ type: 'sign_in_cancelled' });
      const account = holder.active();
      if (account === undefined) {
        holder.restore();
        return detail();
      }
      const session = holder.session();
      const unconfirmed = await parts.end(account);
      if (holder.session() === session) {
        holder.remove(account.id);
        holder.tell({ type: 'signed_out', unconfirmed });
      } else if (holder.active()?.id !== account.id) holder.remove(account.id);
      return detail();
    },
    async useAccount(id) {
      holder.use(id);
      await parts.askAnew();
      return detail();
    },
    setScope(route, scope) {
      holder.setScope(route, scope);
      return detail();
    },
    async retry() {
      await holder.session()?.retry();
      await parts.askAnew();
      return detail();
    },
    async examine() {
      await parts.askAnew();
      const found = (await parts.examine?.()) ?? [];
      const models = (await parts.models()).length;
      return [...found, ...examineBridge({ bridge: detail(), secretsLast: secrets.lasting, models })];
    },
  };
}
