/**
 * Types of the contract. The window imports types from here and nothing else, so that no schema library reaches its
 * bundle.
 */
import type { ContractRouterClient } from '@orpc/contract';
import type { z } from 'zod';
import type * as a from './accounts.ts';
import type * as k from './capture.ts';
import type * as c from './clients.ts';
import type { contract } from './contract.ts';
import type * as d from './diagnostics.ts';
import type * as s from './schemas.ts';
import type * as t from './tunnels.ts';
import type { Settings as SettingsSchema } from './settings.ts';

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
export type StoreSizes = z.infer<typeof k.StoreSizes>;
export type PurgeScope = z.infer<typeof k.PurgeScope>;
export type Removed = z.infer<typeof k.Removed>;
export type Integrity = z.infer<typeof k.Integrity>;
export type Notice = z.infer<typeof s.Notice>;
export type Status = z.infer<typeof s.Status>;
export type Key = z.infer<typeof s.Key>;
export type ClientEnv = z.infer<typeof s.ClientEnv>;
export type KnownClient = z.infer<typeof c.KnownClient>;
export type DiagnosticsBundle = z.infer<typeof d.DiagnosticsBundle>;
export type DoctorCheck = z.infer<typeof s.DoctorCheck>;
export type EngineEvent = z.infer<typeof s.EngineEvent>;
export type AccountState = z.infer<typeof s.AccountState>;
export type AccountMend = z.infer<typeof a.AccountMend>;
export type BridgeDetail = z.infer<typeof a.BridgeDetail>;
export type BridgeName = z.infer<typeof a.BridgeName>;
export type BridgeRoute = z.infer<typeof a.BridgeRoute>;
export type RouteName = z.infer<typeof a.RouteName>;
export type QuotaWindow = z.infer<typeof a.QuotaWindow>;
export type Use = z.infer<typeof s.Use>;
export type Settings = z.infer<typeof SettingsSchema>;
export type TunnelDefinition = z.infer<typeof t.TunnelDefinition>;
export type TunnelAction = z.infer<typeof t.TunnelAction>;
export type TunnelField = z.infer<typeof t.TunnelField>;
export type TunnelMend = z.infer<typeof t.TunnelMend>;
export type LogLine = z.infer<typeof t.LogLine>;
export type TunnelProblem = z.infer<typeof t.TunnelProblem>;
export type TunnelSample = z.infer<typeof t.TunnelSample>;
export type TunnelStatus = z.infer<typeof t.TunnelStatus>;
export type ServerKit = z.infer<typeof t.ServerKit>;
