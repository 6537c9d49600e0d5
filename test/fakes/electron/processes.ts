import { fork, type ChildProcess } from 'node:child_process';
import { emitterOf } from './emitter.ts';
import { HandedOver, type MessagePortMain } from './ports.ts';
import { changed } from './state.ts';

/** Engine processes that were started, the last one last. */
export const started: UtilityProcess[] = [];

/** A utility process is a child process of plain Node; V8's own serialization is the structured clone of Electron. */
class UtilityProcess
  extends emitterOf<Electron.UtilityProcess>()
  implements Pick<Electron.UtilityProcess, 'postMessage' | 'kill' | 'pid' | 'stdout' | 'stderr'>
{
  pid: number | undefined;
  readonly stdout = null;
  readonly stderr = null;
  readonly #child: ChildProcess;
  readonly #ports: HandedOver;

  constructor(modulePath: string, args: string[], options: Electron.ForkOptions) {
    super();
    const child = fork(modulePath, args, {
      serialization: 'advanced',
      execArgv: [...(options.execArgv ?? []), '--import', new URL('./parent-port.mjs', import.meta.url).href],
      env: process.env,
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    });
    this.#child = child;
    this.pid = child.pid;
    this.#ports = new HandedOver((message) => this.#send(message));
    child.on('spawn', () => this.emit('spawn'));
    child.on('message', (message: { kind: string; id: number; data?: unknown }) => {
      if (message.kind === 'message') this.emit('message', message.data);
      else this.#ports.heard(message);
    });
    child.on('exit', (code) => {
      this.#ports.closeAll();
      this.pid = undefined;
      this.emit('exit', code ?? 1);
      changed();
    });
    started.push(this);
    changed();
  }
  postMessage(message: unknown, transfer: MessagePortMain[] = []): void {
    const ports = transfer.map((port) => this.#ports.take(port));
    this.#send({ kind: 'message', data: message, ports });
  }
  kill(): boolean {
    return this.#child.kill();
  }
  #send(message: object): void {
    if (this.#child.connected) this.#child.send(message, () => {});
  }
}
export type { UtilityProcess };

export const utilityProcess = {
  fork: (...[modulePath, args = [], options = {}]: Parameters<typeof Electron.UtilityProcess.fork>): UtilityProcess =>
    new UtilityProcess(modulePath, args, options),
};
