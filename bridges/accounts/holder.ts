import { DrawbridgeError } from '../contract/errors.ts';
import type { BridgeDetail, BridgeName, BridgeRoute, RouteName, SignInOffer, Use } from '../contract/index.ts';
import type { Clock } from '../engine/clock.ts';
import type { Logger } from '../engine/log.ts';
import type { AccountRecord, BridgeRecord, Registry } from './registry.ts';
import { outOfScope, type RouteFacts } from './scope.ts';
import { afterSignIn, nextAccount, SIGNED_OUT, type AccountEvent, type AccountView } from './state.ts';

export type HolderOptions<S> = {
  bridge: BridgeName;
  routes: Readonly<Partial<Record<RouteName, RouteFacts>>>;
  registry: Registry;
  clock: Clock;
  log: Logger;
  onChange: () => void;
  /** Opens what a held account needs to be used. What it tells counts only while it is the one in use. */
  sessionOf: (account: AccountRecord, tell: (event: AccountEvent) => void) => S;
};

/** What a call finds out about the account it went out with. It counts only while that account is the one in use. */
export type Witness = {
  tell: (event: AccountEvent) => void;
  /** It was answered: what was held against the account when it went out is over. */
  answered: () => void;
};

/** The accounts of one bridge: which are held, which is used, where it stands, what was agreed to, what it is for. */
export type AccountHolder<S> = {
  /** For a call that goes out now with this session. */
  witness: (from: S) => Witness;
  view(): AccountView;
  session: () => S | undefined;
  active(): AccountRecord | undefined;
  /** What the held account's calls and renewals find; it does not end a sign-in that waits. */
  tell: (event: AccountEvent) => void;
  /** Takes up the account that was active when the engine stopped. */
  restore(): void;
  /** Throws terms_not_agreed where the owner never agreed to this route, and does not now. */
  agreeTo(route: RouteName, agrees: boolean): void;
  begin(waitingFor: string): void;
  /** Tells where a person goes to sign in, for as long as it is waited for. */
  offer(offer: SignInOffer): void;
  /** The sign-in that waits came to nothing; an account that worked before goes on working. */
  fallBack(event: AccountEvent): void;
  /** Holds an account and makes it the active one. */
  add(account: Omit<AccountRecord, 'addedAt'>): void;
  remove(id: string): void;
  /** Throws not_found. */
  use(id: string): void;
  setScope(route: RouteName, scope: readonly Use[]): void;
  /** Why a call for this use may not be made with the active account. */
  admits: (use: Use) => string | undefined;
  fact(name: string): string | null;
  setFact(name: string, value: string | null): void;
  describe(): Pick<BridgeDetail, 'state' | 'reason' | 'mend' | 'offer' | 'route' | 'accounts' | 'routes'>;
  stop(): Promise<void>;
};

export function createAccountHolder<S extends { stop(): Promise<void> }>(options: HolderOptions<S>): AccountHolder<S> {
  const { bridge, registry, clock, log, onChange } = options;
  let view: AccountView = SIGNED_OUT;
  let session: S | undefined;
  /** What a sign-in that comes to nothing falls back to. */
  let before: AccountView = SIGNED_OUT;
  let offered: SignInOffer | null = null;
  /** How often something new was held against an account. */
  let objections = 0;

  const record = (): BridgeRecord => registry.get(bridge);
  const update = (change: (record: BridgeRecord) => BridgeRecord): void => void registry.update(bridge, change);
  const now = (): string => new Date(clock.now()).toISOString();
  const active = (): AccountRecord | undefined => record().accounts.find((account) => account.id === record().active);
  const factsOf = (route: RouteName): RouteFacts => {
    const facts = options.routes[route];
    if (facts === undefined) throw new DrawbridgeError('bad_input', `The ${bridge} bridge has no route "${route}".`, { route });
    return facts;
  };
  const scopeOf = (route: RouteName): readonly Use[] => record().routes[route]?.scope ?? factsOf(route).defaultScope;

  const moveTo = (next: AccountView): void => {
    if (next.state === view.state && next.reason === view.reason) return;
    log.info('account.state', { bridge, state: next.state, reason: next.reason });
    view = next;
    onChange();
  };
  const tell = (event: AccountEvent): void => {
    if (event.type === 'sign_in_started') return moveTo(nextAccount(view, event));
    const was = view.state === 'signing_in' ? before : view;
    const next = nextAccount(was, event);
    if (next.state !== 'ready' && (next.state !== was.state || next.reason !== was.reason)) objections += 1;
    if (view.state === 'signing_in') before = next;
    else moveTo(next);
  };

  const activate = (account: AccountRecord | undefined): void => {
    void session?.stop();
    const opened: S | undefined = account && options.sessionOf(account, (event) => void (session === opened && tell(event)));
    session = opened;
    // Held to be usable until it is found not to be: asking the keychain may put up a prompt.
    const next = account === undefined ? SIGNED_OUT : nextAccount(SIGNED_OUT, { type: 'usable' });
    // That nobody is left is no end to a sign-in that began meanwhile.
    if (account === undefined && view.state === 'signing_in') before = next;
    else view = next;
    onChange();
  };

  const setRoute = (route: RouteName, change: Partial<NonNullable<BridgeRecord['routes'][RouteName]>>): void =>
    update((held) => ({
      ...held,
      routes: { ...held.routes, [route]: { agreedAt: null, scope: null, scopeSetAt: null, ...held.routes[route], ...change } },
    }));

  const describeRoute = (name: RouteName): BridgeRoute[] => {
    const facts = options.routes[name];
    if (facts === undefined) return [];
    const agreedAt = record().routes[name]?.agreedAt ?? null;
    return [{ name, ...facts, defaultScope: [...facts.defaultScope], agreedAt, scope: [...scopeOf(name)] }];
  };

  return {
    witness(from) {
      // What is found out after the call went out is not answered by it: the sign-in may have ended meanwhile.
      const known = objections;
      const { state } = view.state === 'signing_in' ? before : view;
      const found = (event: AccountEvent): void => {
        if (session === from) tell(event);
      };
      return {
        tell: found,
        answered() {
          if (known === objections && (state === 'denied' || state === 'auth_required')) found({ type: 'usable' });
        },
      };
    },
    view: () => view,
    session: () => session,
    active,
    tell,
    restore: () => activate(active()),
    agreeTo(route, agrees) {
      const { label, standing, terms, termsUrl } = factsOf(route);
      if ((record().routes[route]?.agreedAt ?? null) !== null) return;
      if (!agrees) {
        const message = `${label} (${standing}). ${terms} Read them at ${termsUrl}, then agree to go on.`;
        throw new DrawbridgeError('terms_not_agreed', message, { route, standing, terms, termsUrl });
      }
      setRoute(route, { agreedAt: now() });
    },
    begin(waitingFor) {
      if (view.state !== 'signing_in') before = view;
      offered = null;
      tell({ type: 'sign_in_started', waitingFor });
    },
    offer(offer) {
      offered = offer;
      onChange();
    },
    fallBack(event) {
      if (view.state === 'signing_in') moveTo(afterSignIn(view, event, session === undefined ? undefined : before));
    },
    add(account) {
      const added: AccountRecord = { ...account, addedAt: now() };
      update((held) => ({ ...held, active: added.id, accounts: [...held.accounts.filter(({ id }) => id !== added.id), added] }));
      activate(added);
    },
    remove(id) {
      const isActive = record().active === id;
      update((held) => ({
        ...held,
        active: isActive ? null : held.active,
        accounts: held.accounts.filter((account) => account.id !== id),
      }));
      if (isActive) activate(undefined);
    },
    use(id) {
      const account = record().accounts.find((one) => one.id === id);
      if (account === undefined) throw new DrawbridgeError('not_found', 'There is no such account. It may have been signed out.', { id });
      update((held) => ({ ...held, active: id }));
      activate(account);
    },
    setScope(route, scope) {
      factsOf(route);
      setRoute(route, { scope: [...new Set(scope)], scopeSetAt: now() });
      onChange();
    },
    admits(use) {
      const route = active()?.route;
      return route === undefined ? undefined : outOfScope(bridge, factsOf(route), scopeOf(route), use);
    },
    fact: (name) => record().facts[name] ?? null,
    setFact: (name, value) =>
      update((held) => {
        const { [name]: _old, ...facts } = held.facts;
        return { ...held, facts: value === null ? facts : { ...facts, [name]: value } };
      }),
    describe: () => ({
      ...view,
      offer: view.state === 'signing_in' ? offered : null,
      route: active()?.route ?? null,
      accounts: record().accounts.map((account) => ({ ...account, active: account.id === record().active })),
      routes: ROUTE_ORDER.flatMap(describeRoute),
    }),
    stop: async () => session?.stop(),
  };
}

const ROUTE_ORDER: readonly RouteName[] = ['api-key', 'chatgpt', 'codex-cli', 'sdk', 'device', 'work-iq', 'graph'];
