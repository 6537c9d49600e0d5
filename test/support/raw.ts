import { once } from 'node:events';
import net from 'node:net';

export type Client = { socket: net.Socket; got: string; /** The other end has closed. */ ended: Promise<unknown> };

/** A caller that closes its end only when told to. */
export async function connect(port: number): Promise<Client> {
  const socket = net.connect({ port, host: '127.0.0.1', allowHalfOpen: true, noDelay: true });
  const client = { socket, got: '', ended: Promise.race([once(socket, 'end'), once(socket, 'close')]).catch(() => undefined) };
  socket.on('error', () => undefined);
  socket.on('data', (chunk) => (client.got += chunk.toString('latin1')));
  await once(socket, 'connect');
  return client;
}

/** Sends bytes as they are and resolves with everything that came back once the server closed, or `until` matched. */
export function sendRaw(port: number, bytes: string | Buffer, until?: RegExp): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = net.connect(port, '127.0.0.1');
    let answer = '';
    socket.setTimeout(15_000, () => socket.destroy(new Error(`no answer within 15 s; so far: ${answer.slice(0, 200)}`)));
    socket.on('connect', () => socket.write(bytes));
    socket.on('data', (chunk) => {
      answer += chunk.toString('latin1');
      if (until?.test(answer) === true) socket.destroy();
    });
    socket.on('error', (error) => (answer === '' ? reject(error) : resolve(answer)));
    socket.on('close', () => resolve(answer));
  });
}

/** The status of a raw answer. */
export function statusOf(answer: string): number {
  return Number(/^HTTP\/1\.1 (\d{3})/.exec(answer)?.[1] ?? 0);
}
