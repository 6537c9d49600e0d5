import { utilityProcess, type MessagePortMain } from 'electron';
import type { FromEngine } from '../../bridges/contract/index.ts';
import type { EngineProcess } from './supervisor.ts';

/** With many streams open V8 would let its nursery grow by tens of megabytes. */
export const V8_FLAGS = ['--max-semi-space-size=4'];
/** As of every engine process: V8's helper threads would take the serving thread's core for a small heap's sake. */
const NODE_FLAGS = [...V8_FLAGS, '--v8-pool-size=1'];

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
