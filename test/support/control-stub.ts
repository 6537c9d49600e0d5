import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { RPCHandler } from '@orpc/server/node';
import { startSocketListener, type SocketListener } from '../../bridges/http/socket.ts';

/** Answers the command line in an engine's place: with these procedures alone, on the control socket of a state folder. */
export function startControlStub(home: string, router: ConstructorParameters<typeof RPCHandler>[0]): Promise<SocketListener> {
  const socket = path.join(home, 'run', 'control.sock');
  mkdirSync(path.dirname(socket), { recursive: true });
  const handler = new RPCHandler(router);
  return startSocketListener(socket, (req, res) => void handler.handle(req, res, { prefix: '/rpc' }));
}
