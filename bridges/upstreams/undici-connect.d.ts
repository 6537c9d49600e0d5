/**
 * Only the connector is loaded: the whole of undici (fetch, WebSocket, caches) costs some 20 MB that nothing here uses.
 * Its own types say that a socket is always told, which is not so.
 */
declare module 'undici/lib/core/connect.js' {
  import type { Socket } from 'node:net';
  import type { buildConnector } from 'undici';
  type Connected = (error: Error | null, socket?: Socket) => void;
  /** The socket is returned while it still connects. */
  export default function build(options: buildConnector.BuildOptions): (to: buildConnector.Options, connected: Connected) => Socket;
}
