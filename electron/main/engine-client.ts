import { createORPCClient } from '@orpc/client';
import { RPCLink } from '@orpc/client/message-port';
import { MessageChannelMain, type MessagePortMain } from 'electron';
import type { EngineClient } from '../../bridges/contract/index.ts';

/** The contract over a port of its own, for the shell itself. `close` ends every call and event stream. */
export function connectEngine(connect: (port: MessagePortMain) => boolean): { client: EngineClient; close(): void } {
  const { port1, port2 } = new MessageChannelMain();
  const client: EngineClient = createORPCClient(new RPCLink({ port: port1 }));
  port1.start();
  connect(port2);
  return { client, close: () => port1.close() };
}
