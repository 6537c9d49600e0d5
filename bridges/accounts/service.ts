import type { OfferedModel } from '../companion/models.ts';
import type { Bridge, BridgeDetail, DoctorCheck, Notice, RouteName, Use } from '../contract/index.ts';
import type { KnownUpstream } from '../upstreams/upstreams.ts';

/** What the engine needs of a bridge, whichever it is. */
export type BridgeService = {
  start(): Promise<void>;
  stop(graceMs: number): Promise<void>;
  /** Takes over changed settings. */
  apply(): void;
  known(): KnownUpstream;
  /** The models, under the names the companion knows them by. */
  models(): Promise<readonly OfferedModel[]>;
  status(): Bridge;
  detail(): BridgeDetail;
  notices(): Notice[];
  signIn(input: { route: RouteName; agree: boolean; key?: string | undefined }): Promise<{ url: string | null; bridge: BridgeDetail }>;
  cancelSignIn(): BridgeDetail;
  signOut(): Promise<BridgeDetail>;
  useAccount(id: string): Promise<BridgeDetail>;
  setScope(route: RouteName, scope: readonly Use[]): BridgeDetail;
  retry(): Promise<BridgeDetail>;
  examine(): Promise<DoctorCheck[]>;
};
