import http from 'node:http';
import net from 'node:net';
import { rmSync } from 'node:fs';
import { Readable } from 'node:stream';
import { DrawbridgeError } from '../contract/errors.ts';

/** A server on the private unix socket (named pipe on Windows) that the CLI speaks to. */
export type SocketListener = { path: string; stop(): Promise<void> };

/**
 * Listens on a socket in a folder that only its owner may enter; who can open it is who may control the engine.
 * A socket left behind by a killed engine is replaced; one that answers throws `already_running`.
 */
export async function startSocketListener(path: string, serve: http.RequestListener): Promise<SocketListener> {
  const server = http.createServer({ keepAliveTimeout: 1_000 }, serve);
  if (!(await listens(server, path))) await replace(server, path);
  return {
    path,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** Listens where nobody does any more. Throws `already_running`. */
async function replace(server: http.Server, path: string): Promise<void> {
  // A pipe goes with the process that made it: none is left behind.
  if (path.startsWith('\\\\.\\pipe\\') || (await answers(path))) throw alreadyRunning();
  const { withLock } = await import('../engine/lock.ts');
  // Two that begin at once after a crash: the second would take the first one's socket for the one left behind.
  await withLock(`${path}.lock`, LOCK, async () => {
    if (await answers(path)) throw alreadyRunning();
    rmSync(path, { force: true });
    if (!(await listens(server, path))) throw alreadyRunning();
  });
}

const LOCK = { patienceMs: 10_000, busy: 'Another Drawbridge is starting with this state folder and does not get on.' };

const alreadyRunning = (): DrawbridgeError =>
  new DrawbridgeError('already_running', 'Drawbridge is running already, with this state folder.');

/** True where somebody listens on the socket, also where they are too busy to take a connection. */
export function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = net.connect(path);
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', (error: NodeJS.ErrnoException) => resolve(error.code !== 'ECONNREFUSED' && error.code !== 'ENOENT'));
  });
}

/** False where the address is in use. */
function listens(server: http.Server, path: string): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const failed = (error: NodeJS.ErrnoException): void => {
      if (error.code === 'EADDRINUSE') resolve(false);
      else reject(error);
    };
    server.once('error', failed);
    server.listen(path, () => {
      server.off('error', failed);
      resolve(true);
    });
  });
}

/** `fetch` over a unix socket. The response's body streams. */
export function socketFetch(path: string): (request: Request) => Promise<Response> {
  return async (request) => {
    const body = Buffer.from(await request.arrayBuffer());
    return new Promise((resolve, reject) => {
      const url = new URL(request.url);
      const call = http.request({
        socketPath: path,
        method: request.method,
        path: url.pathname + url.search,
        headers: { ...Object.fromEntries(request.headers), host: 'drawbridge', 'content-length': body.length },
        signal: request.signal,
      });
      call.once('error', reject);
      call.once('response', (reply) => {
        const headers = new Headers();
        for (const [name, value] of Object.entries(reply.headersDistinct)) for (const one of value ?? []) headers.append(name, one);
        const empty = reply.statusCode === 204 || reply.statusCode === 304;
        resolve(
          new Response(empty ? null : (Readable.toWeb(reply) as ReadableStream<Uint8Array>), { status: reply.statusCode ?? 500, headers }),
        );
      });
      call.end(body);
    });
  };
}
