import { createORPCClient, type ClientContext, type ClientLink } from '@orpc/client';
import { RPCLink as HttpLink } from '@orpc/client/fetch';
import { RPCLink as PortLink } from '@orpc/client/message-port';
import type { EngineClient } from '../../bridges/contract/index.ts';
import { CHANNEL, type ShellBridge, type ShellMessage } from '../../bridges/contract/port.ts';
import { createStore } from './lib/store.ts';

declare global {
  interface Window {
    /** Set by the desktop shell; absent in a browser. */
    drawbridge?: ShellBridge;
    /** What `public/start.js` asked for before this code came, until it is taken: the body sent to `calls/list`. */
    firstCalls?: { body: string; response: Promise<Response> } | undefined;
  }
}

/** `ended` once the engine refuses this window's session. Only a new link opens another one. */
export const session = createStore<'open' | 'ended'>('open');

/** The engine, whatever carries it. */
export const client: EngineClient = createORPCClient(window.drawbridge ? portLink(window.drawbridge) : httpLink());

function httpLink(): ClientLink<ClientContext> {
  return new HttpLink({
    url: `${location.origin}/rpc`,
    fetch: async (request, init, _options, path, input) => {
      const response = await (askedAlready(path, input) ?? fetch(request, init));
      if (response.status === 401) session.set('ended');
      return response;
    },
  });
}

/** The answer to the first question of all, where that was put before this code came. It is given once. */
function askedAlready(path: readonly string[], input: unknown): Promise<Response> | undefined {
  if (path.join('/') !== 'calls/list') return undefined;
  const first = window.firstCalls;
  window.firstCalls = undefined;
  return first?.body === JSON.stringify({ json: input }) ? first.response : undefined;
}

/** A way to the engine through the desktop shell. Each engine comes with a port of its own; calls wait for the first. */
function portLink(shell: ShellBridge): ClientLink<ClientContext> {
  let next = Promise.withResolvers<ClientLink<ClientContext>>();
  let link = next.promise;
  let held: MessagePort | undefined;

  const take = (port: MessagePort | undefined): void => {
    // The old engine answers no more: what still waits for it is told so.
    held?.dispatchEvent(new Event('close'));
    held?.close();
    if (held !== undefined) next = Promise.withResolvers();
    link = next.promise;
    held = port;
    if (port === undefined) return;
    next.resolve(new PortLink({ port }));
    port.start();
  };
  window.addEventListener('message', (event: MessageEvent<ShellMessage>) => {
    if (event.source !== window || event.origin !== location.origin) return;
    if (event.data.type === CHANNEL.port) take(event.ports[0]);
    // The router hears of it as of any other step in this window's history.
    else if (event.data.type === CHANNEL.show) history.pushState(null, '', event.data.path);
  });
  shell.connect();
  return { call: async (path, input, options) => (await link).call(path, input, options) };
}
