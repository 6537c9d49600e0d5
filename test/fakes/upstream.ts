import http from 'node:http';
import type { AddressInfo } from 'node:net';

export type Seen = { method: string; url: string; headers: http.IncomingHttpHeaders; rawHeaders: string[]; body: Buffer };

export type FakeUpstream = {
  baseUrl: string;
  /** What it was asked, in order. */
  seen: Seen[];
  /** How it answers from now on. */
  answer: (req: Seen, res: http.ServerResponse) => void | Promise<void>;
  /** Connections it holds open. */
  connections(): Promise<number>;
  stop(): Promise<void>;
};

/** A provider on loopback that records what it gets and answers as it is told. */
export async function startFakeUpstream(answer: FakeUpstream['answer'] = (_req, res) => void res.end('{}')): Promise<FakeUpstream> {
  const server = http.createServer((req, res) => {
    const chunks: Buffer[] = [];
    req.on('data', (chunk: Buffer) => chunks.push(chunk));
    req.on('end', () => {
      const seen: Seen = {
        method: req.method ?? '',
        url: req.url ?? '',
        headers: req.headers,
        rawHeaders: req.rawHeaders,
        body: Buffer.concat(chunks),
      };
      fake.seen.push(seen);
      void fake.answer(seen, res);
    });
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const fake: FakeUpstream = {
    baseUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    seen: [],
    answer,
    connections: () =>
      new Promise((resolve, reject) => server.getConnections((error, count) => (error === null ? resolve(count) : reject(error)))),
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
  return fake;
}
