import { createORPCClient, type ClientContext, type ClientLink } from '@orpc/client';
import { RPCLink as HttpLink } from '@orpc/client/fetch';
import { RPCLink as PortLink } from '@orpc/client/message-port';
import type { EngineClient } from '../../bridges/contract/index.ts';
import { createStore } from './lib/store.ts';

declare global {
  interface Window {
    /** Set by a desktop shell that carries the engine itself; absent in a browser. */
    drawbridgePort?: MessagePort;
  }
}

/** `ended` once the engine refuses this window's session. Only a new link opens another one. */
export const session = createStore<'open' | 'ended'>('open');

/** The engine, whatever carries it. */
export const client: EngineClient = createORPCClient(openLink());

function openLink(): ClientLink<ClientContext> {
  const port = window.drawbridgePort;
  if (port) {
    port.start();
    return new PortLink({ port });
  }
  return new HttpLink({
    url: `${location.origin}/rpc`,
    fetch: async (request, init) => {
      const response = await fetch(request, init);
      if (response.status === 401) session.set('ended');
      return response;
    },
  });
}
