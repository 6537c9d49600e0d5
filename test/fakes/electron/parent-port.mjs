// node --import parent-port.mjs child.mjs: gives a plain Node process the `process.parentPort` of a utility process.
import { EventEmitter } from 'node:events';

/** Sends to the app, which may be gone already. */
const send = (message) => {
  if (process.connected) process.send(message, () => {});
};

/** What ports do is told over the process' own channel, each by its number. */
class Port extends EventEmitter {
  #id;
  #early = [];
  constructor(id) {
    super();
    this.#id = id;
  }
  start() {
    const early = this.#early;
    this.#early = undefined;
    for (const data of early ?? []) this.emit('message', { data, ports: [] });
  }
  postMessage(data) {
    send({ kind: 'port', id: this.#id, data });
  }
  close() {
    ports.delete(this.#id);
    send({ kind: 'port-closed', id: this.#id });
  }
  receive(data) {
    if (this.#early === undefined) this.emit('message', { data, ports: [] });
    else this.#early.push(data);
  }
}

const ports = new Map();
const parent = new EventEmitter();
const early = [];
let heard = false;
parent.on('newListener', (event) => {
  if (event !== 'message' || heard) return;
  heard = true;
  process.nextTick(() => {
    for (const message of early.splice(0)) parent.emit('message', message);
  });
});
parent.postMessage = (data) => send({ kind: 'message', data });

process.on('message', (message) => {
  if (message.kind === 'port') return void ports.get(message.id)?.receive(message.data);
  if (message.kind === 'port-closed') {
    const port = ports.get(message.id);
    ports.delete(message.id);
    return void port?.emit('close');
  }
  const given = message.ports.map((id) => {
    const port = new Port(id);
    ports.set(id, port);
    return port;
  });
  const event = { data: message.data, ports: given };
  if (heard) parent.emit('message', event);
  else early.push(event);
});
// Electron ends a utility process whose app is gone.
process.on('disconnect', () => process.exit(0));
process.parentPort = parent;
