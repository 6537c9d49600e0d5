import { emitterOf } from './emitter.ts';

/** Where a port went that was handed to another process: a window or the engine. */
export type Far = { send(data: unknown): void; closed(): void };

/** Half of a channel. What arrives before `start` waits. */
export class Port
  extends emitterOf<Electron.MessagePortMain>()
  implements Pick<Electron.MessagePortMain, 'start' | 'postMessage' | 'close'>
{
  other: Port | undefined;
  #far: Far | undefined;
  #early: unknown[] | undefined = [];
  #closed = false;

  start(): void {
    const early = this.#early;
    this.#early = undefined;
    for (const data of early ?? []) this.#tell(data);
  }
  postMessage(message: unknown): void {
    if (!this.#closed) this.other?.receive(structuredClone(message));
  }
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#far?.closed();
    this.emit('close');
    this.other?.close();
  }
  /** Something came from the other half. */
  receive(data: unknown): void {
    if (this.#far !== undefined) this.#far.send(data);
    else if (this.#early === undefined) this.#tell(data);
    else this.#early.push(data);
  }
  /** Hands this half over: from now on `far` has it. */
  transfer(far: Far): void {
    this.#far = far;
    const early = this.#early ?? [];
    this.#early = undefined;
    for (const data of early) far.send(data);
  }
  #tell(data: unknown): void {
    setImmediate(() => this.emit('message', { data, ports: [] }));
  }
}

/** A port as the shell sees it. */
export type MessagePortMain = Pick<Electron.MessagePortMain, 'start' | 'postMessage' | 'close' | 'on' | 'once' | 'off'>;

export class MessageChannelMain implements Record<keyof Electron.MessageChannelMain, MessagePortMain> {
  readonly port1 = new Port();
  readonly port2 = new Port();
  constructor() {
    this.port1.other = this.port2;
    this.port2.other = this.port1;
  }
}

/** The ports that were handed to one process or page, by their number. */
export class HandedOver {
  readonly #ports = new Map<number, Port>();
  #last = 0;
  constructor(send: (message: { kind: 'port' | 'port-closed'; id: number; data?: unknown }) => void) {
    this.#send = send;
  }
  readonly #send: (message: { kind: 'port' | 'port-closed'; id: number; data?: unknown }) => void;

  take(port: MessagePortMain): number {
    if (!(port instanceof Port)) throw new Error('only ports of a MessageChannelMain can be handed over');
    const id = ++this.#last;
    this.#ports.set(id, port);
    // What waits in the port comes after the message that hands it over.
    setImmediate(() =>
      port.transfer({
        send: (data) => this.#send({ kind: 'port', id, data }),
        closed: () => this.#send({ kind: 'port-closed', id }),
      }),
    );
    return id;
  }
  /** Something came out of the far side. */
  heard(message: { kind: string; id: number; data?: unknown }): void {
    const port = this.#ports.get(message.id);
    if (message.kind === 'port') port?.postMessage(message.data);
    else port?.close();
  }
  closeAll(): void {
    for (const port of this.#ports.values()) port.close();
    this.#ports.clear();
  }
}
