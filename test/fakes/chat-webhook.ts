import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';

/** An incoming webhook as Slack documents it, strict: one path, JSON, a text. Answers `ok`, or what it was told to say next. */
export type ChatWebhook = {
  /** The whole address; its path is the secret. */
  url: string;
  host: string;
  /** Texts that were taken, and how many requests came in all. */
  taken: string[];
  asked(): number;
  next(status: number, headers?: Record<string, string>): void;
  stop(): Promise<void>;
};

export const SECRET_PATH = '/services/T0000/B0000/k3pt-s3cr3t';

export async function startChatWebhook(): Promise<ChatWebhook> {
  const taken: string[] = [];
  const answers: { status: number; headers: Record<string, string> }[] = [];
  let asked = 0;
  const server = createServer((req, res) => {
    void (async () => {
      asked += 1;
      const told = answers.shift();
      const text = await textOf(req);
      if (told !== undefined) return void res.writeHead(told.status, { 'content-type': 'text/html', ...told.headers }).end('no_service');
      if (req.url !== SECRET_PATH || text === undefined) return void res.writeHead(400).end('invalid_payload');
      taken.push(text);
      res.writeHead(200, { 'content-type': 'text/html' }).end('ok');
    })();
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const host = `127.0.0.1:${portOf(server.address())}`;
  return {
    url: `http://${host}${SECRET_PATH}`,
    host,
    taken,
    asked: () => asked,
    next: (status, headers = {}) => void answers.push({ status, headers }),
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function portOf(address: AddressInfo | string | null): number {
  return typeof address === 'object' ? (address?.port ?? 0) : 0;
}

async function textOf(req: IncomingMessage): Promise<string | undefined> {
  const chunks: Buffer[] = [];
  for await (const chunk of req) chunks.push(chunk);
  if (req.method !== 'POST' || req.headers['content-type'] !== 'application/json') return undefined;
  const body: unknown = JSON.parse(Buffer.concat(chunks).toString('utf8'));
  const isWhole = typeof body === 'object' && body !== null && Object.keys(body).join() === 'text' && 'text' in body;
  return isWhole && typeof body.text === 'string' && body.text.trim() !== '' ? body.text : undefined;
}
