import { existsSync } from 'node:fs';
import { createORPCClient } from '@orpc/client';
import { RPCLink } from '@orpc/client/fetch';
import { RPCHandler } from '@orpc/server/node';
import { DrawbridgeError } from '../contract/errors.ts';
import type { EngineClient } from '../contract/index.ts';
import type { Router } from '../engine/handlers.ts';
import { refuseForeign, type Paths } from '../engine/paths.ts';
import { answers, socketFetch, startSocketListener, type SocketListener } from '../http/socket.ts';

/** Serves the contract on the private socket. Throws `already_running` where another engine answers there. */
export function startControl(socketPath: string, router: Router): Promise<SocketListener> {
  const handler = new RPCHandler(router);
  return startSocketListener(socketPath, (req, res) => {
    void handler.handle(req, res, { prefix: '/rpc' }).then(({ matched }) => {
      if (!matched) res.writeHead(404).end();
      return matched;
    });
  });
}

/** A client of a running engine. Throws `not_running` where there is none, `failed` where it may be another user's. */
export async function connectControl(socketPath: string): Promise<EngineClient> {
  refuseForeign(socketPath, process.platform);
  if (!(await answers(socketPath))) {
    throw new DrawbridgeError('not_running', 'Drawbridge is not running. Start it with "drawbridge start", or "npm start" in a checkout.');
  }
  const client: EngineClient = createORPCClient(new RPCLink({ url: 'http://drawbridge/rpc', fetch: socketFetch(socketPath) }));
  return client;
}

const LOOK_MS = 50;
/** Longer than an engine takes to stop, with what it waits for. */
const GONE_MS = 15_000;

/** Waits until no engine answers any more; false where one still does after a while. */
export async function isGone(socketPath: string): Promise<boolean> {
  for (let waited = 0; await answers(socketPath); waited += LOOK_MS) {
    if (waited >= GONE_MS) return false;
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
  }
  return true;
}

/**
 * Waits for an engine that is stopping: it has taken its running file away, and answers still. One that starts answers too
 * before it writes that file.
 */
export async function untilStopped({ control, running }: Pick<Paths, 'control' | 'running'>): Promise<void> {
  for (let waited = 0; waited < GONE_MS && !existsSync(running) && (await answers(control)); waited += LOOK_MS)
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
}

/** Whether an engine ended while something was asked of it. */
export function isCutOff(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  return ('code' in error && error.code === 'ECONNRESET') || ('syscall' in error && error.syscall === 'connect');
}
