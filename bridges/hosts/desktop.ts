import { RPCHandler } from '@orpc/server/message-port';
import type { FromEngine, LoginItem, ToEngine } from '../contract/index.ts';
import { DrawbridgeError } from '../contract/errors.ts';
import { ToEngine as Message } from '../contract/host.ts';
import type { Machine } from '../engine/paths.ts';
import { autostartItem, type LoginItemKeeper } from './login-item.ts';
import { openEngine, type OpenedEngine, type OpenOptions } from './open.ts';

/** A port to a window or to the shell, as the shell's process hands it over. */
type ContractPort = {
  start(): void;
  on(event: string, listener: (event?: { data: unknown }) => void): void;
  postMessage(message: unknown): void;
};

/** The way to the shell's process. */
export type ShellPort = {
  on(event: 'message', listener: (event: { data: unknown; ports: readonly ContractPort[] }) => void): void;
  postMessage(message: FromEngine): void;
};

/**
 * An engine for the desktop app: it begins when the shell says `start`, serves the contract on each port it is given,
 * and ends when the shell says `stop` or a command asks for it. `exit` ends the process. Returns what stops it.
 */
export function serveDesktop(
  shell: ShellPort,
  machine: Machine,
  options: Omit<OpenOptions, 'version'>,
  exit: (code: number) => void,
): () => Promise<void> {
  const answers = new Map<number, (item: LoginItem) => void>();
  const early: ContractPort[] = [];
  let opened: Promise<OpenedEngine> | undefined;
  let serve = (port: ContractPort): void => void early.push(port);
  let lastId = 0;

  /** The login item, where only the shell can reach it. */
  const ask = (enabled?: boolean): Promise<LoginItem> =>
    new Promise((resolve) => {
      lastId += 1;
      answers.set(lastId, resolve);
      shell.postMessage({ type: 'login-item', id: lastId, ...(enabled === undefined ? {} : { enabled }) });
    });
  const shellItem: LoginItemKeeper = { get: () => ask(), set: (enabled) => ask(enabled) };

  const stop = async (): Promise<void> => {
    await opened?.then(
      (engine) => engine.stop(),
      () => undefined,
    );
    exit(0);
  };

  const start = async (message: Extract<ToEngine, { type: 'start' }>): Promise<void> => {
    opened = openEngine(
      'desktop',
      { ...options, version: message.version },
      {
        link: () => undefined,
        stop() {
          // Said first: an engine that ends by itself would be started again.
          shell.postMessage({ type: 'stop-requested' });
          void stop();
        },
        loginItem: message.shellKeepsLoginItem ? shellItem : autostartItem(machine, message.launch),
      },
    );
    try {
      const { router } = await opened;
      const handler = new RPCHandler(router);
      serve = (port) => {
        handler.upgrade(port);
        port.start();
      };
      for (const port of early.splice(0)) serve(port);
      shell.postMessage({ type: 'ready' });
    } catch (error) {
      shell.postMessage({
        type: 'failed',
        code: error instanceof DrawbridgeError ? error.code : 'failed',
        message: error instanceof Error ? error.message : String(error),
      });
      exit(1);
    }
  };

  shell.on('message', ({ data, ports }) => {
    const message = Message.parse(data);
    switch (message.type) {
      case 'start':
        void start(message);
        break;
      case 'connect':
        for (const port of ports) serve(port);
        break;
      case 'stop':
        void stop();
        break;
      case 'login-item':
        answers.get(message.id)?.(message.item);
        answers.delete(message.id);
        break;
    }
  });
  return stop;
}
