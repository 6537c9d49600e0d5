import { oc } from '@orpc/contract';
import { z } from 'zod';
import { AccountState, Use } from './schemas.ts';

/** Sign-in, scope of use and limits of the bridges. Nothing secret ever comes back out of here. */

export const BridgeName = z.enum(['codex', 'copilot', 'm365']);
export const RouteName = z.enum(['api-key', 'chatgpt', 'codex-cli', 'sdk', 'device', 'work-iq', 'graph']);

/** A key as it is pasted: it has to fit into a header. */
const secret = z
  .string()
  .trim()
  .min(1)
  .max(4096)
  .regex(/^[\x21-\x7e]+$/, 'must be one word of plain characters');

/** The one thing a person can do about an account's state. */
export const AccountMend = z.object({
  label: z.string(),
  action: z
    .discriminatedUnion('kind', [
      z.object({ kind: z.literal('sign_in') }),
      z.object({ kind: z.literal('cancel') }),
      z.object({ kind: z.literal('retry') }),
      z.object({ kind: z.literal('link'), href: z.string() }),
    ])
    .nullable(),
});

/** A way to sign in to one bridge, with what its owner is told before the first time. */
export const BridgeRoute = z.object({
  name: RouteName,
  label: z.string(),
  standing: z.enum(['official', 'preview', 'unofficial']),
  /** The provider's terms in one sentence, and where they are. */
  terms: z.string(),
  termsUrl: z.string(),
  /** What has to be given to sign in: a key, a click in the browser, or nothing. */
  needs: z.enum(['key', 'browser', 'nothing']),
  /** Where a browser is needed: a code to type in on any other machine will do instead (`byCode` of signIn). */
  byCode: z.boolean().optional(),
  /** When the owner agreed to sign in this way; null where they were never asked. */
  agreedAt: z.string().nullable(),
  scope: z.array(Use),
  defaultScope: z.array(Use),
  /** What its owner has to bring before the first sign-in: a text setting below `bridges.<bridge>`. */
  setup: z.object({ setting: z.string(), label: z.string(), help: z.string(), url: z.string() }).optional(),
});

/** A sign-in under way: where the person goes, what they type in there, and until when it is good. */
export const SignInOffer = z.object({ route: RouteName, url: z.string(), code: z.string().nullable(), expiresAt: z.string().nullable() });

/** A model that an account may be able to use, under the name clients call it by. */
export const BridgeModel = z.object({ id: z.string(), title: z.string(), owner: z.string() });

export const QuotaWindow = z.object({
  name: z.string(),
  usedPercent: z.number().nullable(),
  minutes: z.number().nullable(),
  resetsAt: z.string().nullable(),
  /** Requests of the plan, where the provider counts them: how many are included and left, and what was used beyond them. */
  credits: z.object({ included: z.number(), left: z.number(), overage: z.number(), overageAllowed: z.boolean() }).optional(),
});

export const Account = z.object({
  id: z.string(),
  route: RouteName,
  /** How its owner tells it apart: an e-mail address, or the last characters of a key. */
  label: z.string(),
  plan: z.string().nullable(),
  addedAt: z.string(),
  active: z.boolean(),
});

export const BridgeDetail = z.object({
  name: BridgeName,
  label: z.string(),
  state: AccountState,
  reason: z.string().nullable(),
  mend: AccountMend.nullable(),
  /** Where it listens; null where it does not. */
  address: z.string().nullable(),
  /** Why it does not listen where it was told to. */
  listenerProblem: z.string().nullable(),
  enabled: z.boolean(),
  /** Null where nothing is to be done in a browser. */
  offer: SignInOffer.nullable(),
  route: RouteName.nullable(),
  accounts: z.array(Account),
  routes: z.array(BridgeRoute),
  quota: z.object({ plan: z.string().nullable(), windows: z.array(QuotaWindow), asOf: z.string() }).nullable(),
  today: z.object({ calls: z.number().int(), ceiling: z.number().int() }),
  lastError: z.string().nullable(),
});

const named = z.object({ bridge: BridgeName });

export const bridges = {
  list: oc.input(z.object({}).default({})).output(z.array(BridgeDetail)),
  /**
   * Begins a sign-in. Throws terms_not_agreed, with the terms in its details, until `agree` was true once.
   * `url` is where the person signs in; null where nothing more is needed. `code` is what they type in there;
   * `byCode` asks for one where the route would open a browser on this machine.
   */
  signIn: oc
    .input(
      named.extend({ route: RouteName, agree: z.boolean().default(false), key: secret.optional(), byCode: z.boolean().default(false) }),
    )
    .output(z.object({ url: z.string().nullable(), code: z.string().nullable(), bridge: BridgeDetail })),
  cancelSignIn: oc.input(named).output(BridgeDetail),
  signOut: oc.input(named).output(BridgeDetail),
  /** Makes another of the held accounts the active one. Throws not_found. */
  useAccount: oc.input(named.extend({ account: z.string() })).output(BridgeDetail),
  /** Replaces a route's scope of use: the owner's own, recorded choice. */
  setScope: oc.input(named.extend({ route: RouteName, scope: z.array(Use).max(3) })).output(BridgeDetail),
  /** The kill switch: off refuses every call and ends those under way. */
  enable: oc.input(named.extend({ enabled: z.boolean() })).output(BridgeDetail),
  /** Looks again: at the keychain, at another program's sign-in, at the quota. */
  retry: oc.input(named).output(BridgeDetail),
  /** The models of the active account, in the provider's order; none where nobody is signed in. */
  models: oc.input(named).output(z.array(BridgeModel)),
};

export const gateway = {
  /** Sets the gateway up. The key goes to the keychain; null takes the gateway away. */
  set: oc
    .input(z.object({ baseUrl: z.string().max(2048).nullable(), key: secret.optional() }))
    .output(z.object({ baseUrl: z.string().nullable(), lasting: z.boolean() })),
};
