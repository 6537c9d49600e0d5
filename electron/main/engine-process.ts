import { utilityProcess, type MessagePortMain } from 'electron';
import type { FromEngine } from '../../bridges/contract/index.ts';
import type { EngineProcess } from './supervisor.ts';

/** As of every engine process: with many streams open V8 would let its nursery grow by tens of megabytes. */
export const NODE_FLAGS = ['--max-semi-space-size=8'];

/** Starts the engine in a process of its own. */
export function forkEngine(script: string): EngineProcess<MessagePortMain> {
  const child = utilityProcess.fork(script, [], { serviceName: 'Drawbridge engine', execArgv: NODE_FLAGS });
  return {
    pid: child.pid,
    post: (message, ports) => child.postMessage(message, ports),
    onMessage: (listener) => void child.on('message', (message: FromEngine) => listener(message)),
    onExit: (listener) => void child.once('exit', listener),
    kill() {
      // Asking (`child.kill()`) is what was done before; a process that hangs does not hear it.
      if (child.pid === undefined) child.kill();
      else process.kill(child.pid, 'SIGKILL');
    },
  };
}
