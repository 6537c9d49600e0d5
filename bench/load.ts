import net from 'node:net';

/** What came back for one request. Times are of the monotonic clock, in nanoseconds. */
export type Reply = { status: number; bytes: number; started: bigint; first: bigint; ended: bigint };

export type OnBody = (chunk: Buffer, at: bigint) => void;

type Pending = Reply & {
  resolve: (reply: Reply) => void;
  reject: (error: Error) => void;
  onBody: OnBody | undefined;
};

/** Where the reader stands in a response. */
type Reading = 'head' | 'sized' | 'chunk-size' | 'chunk' | 'trailer';

const HEAD_END = '\r\n\r\n';
const LINE_FEED = 10;

/** One keep-alive connection that carries one request at a time, with as little work of its own as can be. */
export class Connection {
  readonly #port: number;
  #socket: net.Socket | undefined;
  #pending: Pending | undefined;
  #reading: Reading = 'head';
  #held: Buffer = Buffer.alloc(0);
  #left = 0;
  #closes = false;

  constructor(port: number) {
    this.#port = port;
  }

  /** Sends a whole request as bytes. Rejects where the connection ends before the reply does. */
  async send(request: Buffer, onBody?: OnBody): Promise<Reply> {
    const socket = this.#socket ?? (await this.#open());
    return new Promise((resolve, reject) => {
      this.#reading = 'head';
      this.#held = Buffer.alloc(0);
      this.#closes = false;
      this.#pending = { status: 0, bytes: 0, started: process.hrtime.bigint(), first: 0n, ended: 0n, resolve, reject, onBody };
      socket.write(request);
    });
  }

  close(): void {
    this.#socket?.destroy();
  }

  #open(): Promise<net.Socket> {
    return new Promise((resolve, reject) => {
      const socket = net.connect({ host: '127.0.0.1', port: this.#port, noDelay: true });
      socket.once('connect', () => {
        this.#socket = socket;
        resolve(socket);
      });
      socket.on('data', (chunk) => this.#onData(chunk));
      socket.on('error', reject);
      socket.on('close', () => {
        this.#socket = undefined;
        this.#pending?.reject(new Error('the connection was closed before the reply was complete'));
        this.#pending = undefined;
      });
    });
  }

  #onData(chunk: Buffer): void {
    const now = process.hrtime.bigint();
    let data = this.#held.length === 0 ? chunk : Buffer.concat([this.#held, chunk]);
    this.#held = Buffer.alloc(0);
    while (this.#pending !== undefined) {
      const rest = this.#step(this.#pending, data, now);
      if (rest === undefined) return;
      data = rest;
    }
  }

  /** Reads one piece; returns what follows it, or undefined where more must come first. */
  #step(pending: Pending, data: Buffer, now: bigint): Buffer | undefined {
    switch (this.#reading) {
      case 'head':
        return this.#readHead(pending, data, now);
      case 'sized':
      case 'chunk': {
        if (data.length === 0) return undefined;
        const piece = data.subarray(0, this.#left);
        this.#left -= piece.length;
        if (pending.first === 0n) pending.first = now;
        pending.bytes += piece.length;
        pending.onBody?.(piece, now);
        if (this.#left === 0) {
          if (this.#reading === 'sized') return this.#finish(pending, now);
          this.#reading = 'chunk-size';
        }
        return data.subarray(piece.length);
      }
      case 'chunk-size': {
        const end = data.indexOf(LINE_FEED);
        if (end < 0) return this.#hold(data);
        const line = data.toString('latin1', 0, end).trim();
        if (line !== '') {
          this.#left = Number.parseInt(line, 16);
          this.#reading = this.#left === 0 ? 'trailer' : 'chunk';
        }
        return data.subarray(end + 1);
      }
      case 'trailer':
        return data.includes(LINE_FEED) ? this.#finish(pending, now) : this.#hold(data);
    }
  }

  #readHead(pending: Pending, data: Buffer, now: bigint): Buffer | undefined {
    const end = data.indexOf(HEAD_END);
    if (end < 0) return this.#hold(data);
    const head = data.toString('latin1', 0, end);
    const rest = data.subarray(end + HEAD_END.length);
    pending.status = Number(head.slice(9, 12));
    if (pending.status === 100) return rest;
    this.#closes = /\r\nconnection:\s*close/i.test(head);
    if (/\r\ntransfer-encoding:\s*chunked/i.test(head)) this.#reading = 'chunk-size';
    else {
      this.#reading = 'sized';
      this.#left = Number(/\r\ncontent-length:\s*(\d+)/i.exec(head)?.[1] ?? 0);
      if (this.#left === 0) return this.#finish(pending, now);
    }
    return rest;
  }

  #hold(data: Buffer): undefined {
    this.#held = data;
  }

  #finish(pending: Pending, now: bigint): undefined {
    pending.ended = now;
    this.#pending = undefined;
    if (this.#closes) {
      this.#socket?.destroy();
      this.#socket = undefined;
    }
    const { status, bytes, started, first, ended } = pending;
    pending.resolve({ status, bytes, started, first, ended });
  }
}

/** Reads the clock stamps out of streamed events, and gives how long each was on its way, in microseconds. */
export class StampReader {
  readonly delays: number[] = [];
  #tail = '';

  push(chunk: Buffer, at: bigint): void {
    const text = this.#tail + chunk.toString('latin1');
    const stamps = /@(\d+)@/g;
    let end = 0;
    for (let match = stamps.exec(text); match !== null; match = stamps.exec(text)) {
      end = stamps.lastIndex;
      this.delays.push(Number(at - BigInt(match[1] ?? 0)) / 1e3);
    }
    this.#tail = text.slice(Math.max(end, text.length - STAMP_LENGTH));
  }
}

const STAMP_LENGTH = 24;
