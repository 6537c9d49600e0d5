/**
 * Types of the contract. The window imports types from here and nothing else, so that no schema library reaches its
 * bundle.
 */
import type { ContractRouterClient } from '@orpc/contract';
import type { z } from 'zod';
import type * as a from './accounts.ts';
import type * as c from './capture.ts';
import type { contract } from './contract.ts';
import type * as talk from './conversations.ts';
import type * as s from './schemas.ts';
import type * as t from './tunnels.ts';
import type { Settings as SettingsSchema } from './settings.ts';
import type * as u from './usage.ts';

export type Contract = typeof contract;
/** What a window, a tray or the CLI programs against, whatever carries it. */
export type EngineClient = ContractRouterClient<Contract>;

export type WireFormat = z.infer<typeof s.WireFormat>;
export type HostKind = z.infer<typeof s.Host>;
export type Usage = z.infer<typeof s.Usage>;
export type Loss = z.infer<typeof s.Loss>;
export type Call = z.infer<typeof s.Call>;
export type CallFilter = z.infer<typeof s.CallFilter>;
export type CallDetail = z.infer<typeof s.CallDetail>;
export type AssembledPart = z.infer<typeof s.AssembledPart>;
export type Message = z.infer<typeof s.Message>;
export type Body = z.infer<typeof s.Body>;
export type Mend = z.infer<typeof s.Mend>;
export type Listener = z.infer<typeof s.Listener>;
export type Bridge = z.infer<typeof s.Bridge>;
export type Tunnel = z.infer<typeof s.Tunnel>;
export type Upstream = z.infer<typeof s.Upstream>;
export type CaptureStatus = z.infer<typeof s.CaptureStatus>;
export type Activity = z.infer<typeof s.Activity>;
export type StoreSizes = z.infer<typeof c.StoreSizes>;
export type PurgeScope = z.infer<typeof c.PurgeScope>;
export type Removed = z.infer<typeof c.Removed>;
export type Integrity = z.infer<typeof c.Integrity>;
export type Notice = z.infer<typeof s.Notice>;
export type Status = z.infer<typeof s.Status>;
export type Key = z.infer<typeof s.Key>;
export type ClientEnv = z.infer<typeof s.ClientEnv>;
export type DoctorCheck = z.infer<typeof s.DoctorCheck>;
export type EngineEvent = z.infer<typeof s.EngineEvent>;
export type AccountState = z.infer<typeof s.AccountState>;
export type AccountMend = z.infer<typeof a.AccountMend>;
export type BridgeDetail = z.infer<typeof a.BridgeDetail>;
export type BridgeName = z.infer<typeof a.BridgeName>;
export type BridgeRoute = z.infer<typeof a.BridgeRoute>;
export type RouteName = z.infer<typeof a.RouteName>;
export type QuotaWindow = z.infer<typeof a.QuotaWindow>;
export type Use = z.infer<typeof a.Use>;
export type Settings = z.infer<typeof SettingsSchema>;
export type TunnelDefinition = z.infer<typeof t.TunnelDefinition>;
export type TunnelStatus = z.infer<typeof t.TunnelStatus>;
export type ServerKit = z.infer<typeof t.ServerKit>;
export type Conversation = z.infer<typeof talk.Conversation>;
export type ConversationNode = z.infer<typeof talk.ConversationNode>;
export type NodeKind = z.infer<typeof talk.NodeKind>;
export type Tokens = z.infer<typeof talk.Tokens>;
export type ContextParts = z.infer<typeof talk.ContextParts>;
export type CallIdentity = z.infer<typeof talk.CallIdentity>;
export type IdentitySource = z.infer<typeof talk.IdentitySource>;
export type PromptElement = z.infer<typeof talk.PromptElement>;
export type Why = z.infer<typeof talk.Why>;
export type AdapterStatus = z.infer<typeof talk.Adapter>;
export type Cost = z.infer<typeof u.Cost>;
export type UsageDimension = z.infer<typeof u.UsageDimension>;
export type UsageNumbers = z.infer<typeof u.UsageNumbers>;
export type UsagePoint = z.infer<typeof u.UsagePoint>;
export type UsageTotal = z.infer<typeof u.UsageTotal>;
export type Window5h = z.infer<typeof u.Window5h>;
export type QuotaPoint = z.infer<typeof u.QuotaPoint>;
export type Price = z.infer<typeof u.Price>;
