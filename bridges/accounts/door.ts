import { createDoor, type Door } from '../companion/companion.ts';
import type { OfferedModel } from '../companion/models.ts';
import type { BridgeName } from '../contract/index.ts';
import type { KnownUpstream } from '../upstreams/upstreams.ts';
import type { AccountRecord } from './registry.ts';
import type { BridgeOptions } from './service.ts';

type BridgeDoor = {
  options: BridgeOptions;
  /** The account behind the door. */
  account: { view(): { state: string; reason: string | null }; active(): AccountRecord | undefined };
  enabled: () => boolean;
  known: () => KnownUpstream;
  models: () => Promise<readonly OfferedModel[]>;
  /** What `/health` tells a caller with a key besides the state. */
  more: () => object;
};

/** The door of a bridge: the same as the companion's, with one place to go and one account's models. */
export function createBridgeDoor(bridge: BridgeName, { options, account, enabled, known, models, more }: BridgeDoor): Door {
  return createDoor({
    settings: options.settings,
    keys: options.keys,
    upstreams: { get: (id) => (id === bridge ? known() : undefined) },
    recorder: options.recorder,
    rooms: options.rooms,
    tokens: options.tokens,
    handles: options.handles,
    clock: options.clock,
    log: options.log,
    version: options.version,
    gatewayKey: () => undefined,
    decide: () => ({ upstream: bridge, rule: `${bridge} bridge` }),
    ownProviders: false,
    models,
    health: (caller) => {
      const { state, reason } = account.view();
      const open = { bridge, state, route: account.active()?.route ?? null, enabled: enabled() };
      return caller ? { ...open, reason, ...more() } : open;
    },
  });
}
