import type { IncomingHttpHeaders } from 'node:http';
import type { Socket } from 'node:net';

/** A request as those who serve it see it, whoever read it: Node's server, or a connection for calls. */
export type ServedRequest = {
  readonly method?: string | undefined;
  readonly url?: string | undefined;
  /** Names in lower case. */
  readonly headers: IncomingHttpHeaders;
  /** Name, value, name, value, as they came. */
  readonly rawHeaders: string[];
  readonly httpVersion: string;
  /** The whole body is here. */
  readonly complete: boolean;
  /** The body, where it came together with the head: no `data` and no `end` tell of it then. */
  readonly whole?: Buffer | undefined;
  readonly socket: Socket;
  on(event: 'data', listener: (piece: Buffer) => void): unknown;
  on(event: 'end' | 'close' | 'error', listener: () => void): unknown;
  once(event: 'end', listener: () => void): unknown;
  off(event: 'data', listener: (piece: Buffer) => void): unknown;
  pause(): unknown;
  resume(): unknown;
  isPaused(): boolean;
};

/** The reply to it. */
export type ServedReply = {
  readonly req: Pick<ServedRequest, 'httpVersion' | 'socket'>;
  /** Null once the connection is no longer this reply's. */
  readonly socket: Socket | null;
  readonly headersSent: boolean;
  readonly destroyed: boolean;
  readonly writableEnded: boolean;
  /** The system has all of it. */
  readonly writableFinished: boolean;
  /** Bytes that the system does not have yet. */
  readonly writableLength: number;
  /** False where the connection ends with this reply. */
  shouldKeepAlive: boolean;
  writeContinue(): void;
  /** Names in lower case; how the body is framed is told by `content-length` alone. */
  writeHead(status: number, headers: Record<string, string | number | string[]>): unknown;
  flushHeaders(): void;
  /** Returns false where the client should be waited for: `drain` tells when. */
  write(piece: Buffer): boolean;
  end(last?: Buffer | string): unknown;
  /** Destroys the connection once it was silent for so long; 0 takes that back. */
  setTimeout(milliseconds: number): unknown;
  destroy(): unknown;
  on(event: 'close', listener: () => void): unknown;
  once(event: 'drain' | 'finish', listener: () => void): unknown;
  prependOnceListener(event: 'finish', listener: () => void): unknown;
  off(event: 'close' | 'drain', listener: () => void): unknown;
};
