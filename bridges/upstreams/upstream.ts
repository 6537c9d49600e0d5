import type { Readable } from 'node:stream';
import type { Use } from '../contract/index.ts';
import type { Beginner } from '../wire/begun-by.ts';
import type { Loss, TurnError } from '../wire/turn.ts';

/**
 * One request on its way to an upstream. `target` is path and query; `headers` are pairs in wire order; `use` is what it is for.
 * `begunBy` comes with a translated body, which does not tell it any more. `readHere`: the reply is not passed on as it comes.
 */
export type UpstreamRequest = {
  method: 'GET' | 'HEAD' | 'POST';
  target: string;
  headers: string[];
  body: Buffer | null;
  use?: Use;
  begunBy?: Beginner;
  readHere?: true;
};

/** A request whose body comes in pieces, `length` bytes in all. */
export type StreamedRequest = Omit<UpstreamRequest, 'body'> & { body: Readable; length: number };

/** Why there is no (whole) reply. `client` means that our own side gave up. */
export type UpstreamFailure = {
  kind: 'unreachable' | 'timeout' | 'cut' | 'redirect' | 'refused';
  /** One sentence for the person who called. */
  message: string;
  /** The same in the terms of the wire formats, where more is known than `kind` tells. */
  error?: TurnError;
};

/**
 * Where a reply goes, event by event. `start` comes once, then `data` any number of times, then `end` or `fail`;
 * `fail` may come without `start`. Header names are lower case.
 */
export type ReplySink = {
  /** Told before `start` by an upstream that changes the request: what really went out, and what could not. */
  sent?(headers: readonly string[], body: Buffer | null, lost: readonly Loss[]): void;
  start(status: number, headers: Record<string, string | string[]>): void;
  /**
   * Returns false when the reader is full: pause the flow until `resume` is called on it. `last`: nothing follows but the
   * end, where that is known already.
   */
  data(chunk: Buffer, last?: boolean): boolean;
  end(): void;
  fail(failure: UpstreamFailure): void;
};

/** A reply under way. After `abort` the sink hears nothing more. */
export type Flow = { resume(): void; abort(): void };

/** One place calls can go. `send` never throws; what goes wrong reaches the sink. */
export type Upstream = {
  id: string;
  send(request: UpstreamRequest, sink: ReplySink): Flow;
  stop(): Promise<void>;
};

/** One that takes a body while it arrives, too. */
export type StreamingUpstream = Omit<Upstream, 'send'> & { send(request: UpstreamRequest | StreamedRequest, sink: ReplySink): Flow };
