import type { Cause } from './causes.ts';
import type { Progress } from './classify.ts';
import type { RelayAddress } from './ssh.ts';

/** How sshd is reached: what carries the bytes, and with which environment. */
export type Route = {
  /** Port of sshd, where it is reached directly. */
  port: number;
  proxyCommand: string | undefined;
  /** The edge is reached through a proxy: whatever can't be reached from here is that proxy. */
  proxied: boolean;
  env: Readonly<Record<string, string>>;
  /** Texts that must not be seen in any line that is kept. */
  secrets: readonly string[];
};

/** Brings bytes to the gateway's sshd. */
export type Connector = {
  /** Finds all it needs, or says what is missing. Nothing is tried yet. */
  prepare(): Promise<{ route: Route } | { problem: Cause }>;
  /** Asks the edge why it refused. */
  ask(): Promise<Cause>;
  version(): string | null;
};

export type Session = {
  /** Resolves when all of it is gone, with why it ended. */
  ended: Promise<Cause>;
  stop(): Promise<void>;
};

export type HostKey = { type: string; fingerprint: string; /** A line of known_hosts. */ line: string };

/** What the account's check command reported. */
export type CheckReport =
  /**
   * The gateway ran it: the addresses the far port is bound to, the status the far port answered with (null where the
   * gateway has no curl to ask it with), and after how many milliseconds (null where its check script does not tell).
   */
  | { kind: 'report'; listens: string[]; status: number | null; latencyMs: number | null }
  /** The gateway does not let this account run it. */
  | { kind: 'not-permitted' }
  | { kind: 'failed'; cause: Cause };

/** Keeps a far port on the gateway leading to a relay here. */
export type Transport = {
  open(route: Route, farPort: number, relay: RelayAddress, on: { progress(progress: Progress): void; line(line: string): void }): Session;
  hostKey(route: Route): Promise<HostKey | { problem: Cause }>;
  check(route: Route, farPort: number, nonce: string): Promise<CheckReport>;
};
