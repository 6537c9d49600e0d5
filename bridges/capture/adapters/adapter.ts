import type { z } from 'zod';
import type { WireFormat } from '../../contract/index.ts';
import type { JsonValue } from '../../wire/turn.ts';
import type { Projected as ProjectedSchema, UpstreamPreset as PresetSchema } from './shapes.ts';

/** The version of this API. An adapter names the one it was written for; docs/adapters.md describes it. */
export const ADAPTER_API = 1;

/** What an adapter sees of a call. Header values are redacted; bodies can be asked for one field at a time. */
export type Exchange = {
  readonly id: number;
  /** ISO 8601, UTC. */
  readonly startedAt: string;
  /** The program, told by its user agent: `claude-code`, `codex`, `copilot-cli`, ... */
  readonly client: string;
  readonly clientVersion: string | null;
  readonly caller: string | null;
  readonly method: string;
  readonly path: string;
  readonly upstream: string | null;
  readonly wire: WireFormat | null;
  readonly model: string | null;
  /** Names are lower case. */
  requestHeader(name: string): string | undefined;
  /** Undefined while the call is open. */
  replyHeader(name: string): string | undefined;
  /** A field at the top of the request's body, parsed; undefined where it has none, or one of more than 64 kB. */
  field(name: string): JsonValue | undefined;
  /** Bytes of such a field; 0 where there is none. */
  fieldBytes(name: string): number;
  /** What a person said first and last, without what the client put around it. */
  readonly first: string | null;
  readonly last: string | null;
  /** The first texts of the history, as they stand: clients describe their surroundings there. */
  readonly opening: readonly string[];
};

/** What an adapter makes of a call. All of it is optional; one that has nothing to say returns null. */
export type Projected = z.infer<typeof ProjectedSchema>;
export type UpstreamPreset = z.infer<typeof PresetSchema>;

/** Everything that is known of one client or provider protocol. */
export type Adapter = {
  api: typeof ADAPTER_API;
  name: string;
  /** Higher is asked first; among equals, the one that was registered first. */
  priority?: number | undefined;
  client?: { name: string; label: string; url?: string | undefined } | undefined;
  upstreams?: readonly UpstreamPreset[] | undefined;
  /** Tools by which a reply of this client's spawns a sub-task, and where their prompt stands. */
  spawns?: readonly { tool: string; prompt: string }[] | undefined;
  match(exchange: Exchange): boolean;
  project(exchange: Exchange): Projected | null | undefined;
};
