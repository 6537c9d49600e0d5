import type { Recorder } from '../capture/recorder.ts';
import type { Door } from '../companion/companion.ts';
import type { LastingHandles } from '../companion/handles.ts';
import type { KeyRing } from '../companion/keys.ts';
import type { OfferedModel } from '../companion/models.ts';
import type { TokenCounter } from '../companion/token-counter.ts';
import type { Bridge, BridgeDetail, DoctorCheck, Notice, RouteName, Settings, Use } from '../contract/index.ts';
import type { Clock } from '../engine/clock.ts';
import type { Logger } from '../engine/log.ts';
import type { Rooms } from '../engine/rooms.ts';
import type { SecretStore } from '../engine/secrets.ts';
import type { Net } from './net.ts';
import type { Registry } from './registry.ts';
import type { ProxySources } from '../upstreams/proxy.ts';
import type { KnownUpstream } from '../upstreams/upstreams.ts';

/** What a bridge needs of the engine. */
export type BridgeOptions = {
  /** The state folder. */
  home: string;
  /** Instead of the settings' port; 0 takes any. */
  port?: number | undefined;
  settings: () => Settings;
  registry: Registry;
  secrets: SecretStore;
  net: Net;
  /** What names a proxy on the way to providers. */
  proxies: () => ProxySources;
  keys: KeyRing;
  recorder: Recorder;
  rooms: Rooms;
  tokens: TokenCounter;
  handles: LastingHandles;
  clock: Clock;
  log: Logger;
  version: string;
  /** Something in the status changed. */
  onChange: () => void;
};

/** What the engine needs of a bridge, whichever it is. */
export type BridgeService = {
  start(): Promise<void>;
  stop(graceMs: number): Promise<void>;
  /** Takes over changed settings. */
  apply(): void;
  known(): KnownUpstream;
  /** What its own listener serves, and what a tunnel lends. */
  door: Door;
  /** The models, under the names the companion knows them by. */
  models(): Promise<readonly OfferedModel[]>;
  status(): Bridge;
  detail(): BridgeDetail;
  notices(): Notice[];
  signIn(input: {
    route: RouteName;
    agree: boolean;
    key?: string | undefined;
    /** A code to type in elsewhere, where the route would open a browser here. */
    byCode: boolean;
  }): Promise<{ url: string | null; code: string | null; bridge: BridgeDetail }>;
  cancelSignIn(): BridgeDetail;
  signOut(): Promise<BridgeDetail>;
  useAccount(id: string): Promise<BridgeDetail>;
  setScope(route: RouteName, scope: readonly Use[]): BridgeDetail;
  retry(): Promise<BridgeDetail>;
  examine(): Promise<DoctorCheck[]>;
};
