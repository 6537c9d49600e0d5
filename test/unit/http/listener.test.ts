import { once } from 'node:events';
import http from 'node:http';
import { afterEach, expect, it } from 'vitest';
import { startListener } from '../../../bridges/http/listener.ts';

const agent = new http.Agent({ keepAlive: true });
afterEach(() => agent.destroy());

it.each([true, false])('a listener that stops ends each connection with its call (already begun: %s)', async (begun) => {
  const asked = Promise.withResolvers<http.ServerResponse>();
  const listener = await startListener({
    port: 0,
    limits: { headersMs: 1_000, connections: 10 },
    serve: (_req, res) => asked.resolve(res),
    renderError: ({ status, code }) => ({ status, headers: {}, body: code }),
  });
  const req = http.get({ agent, port: listener.port, host: '127.0.0.1' });
  const answered = once(req, 'response');
  const res = await asked.promise;
  if (begun) {
    res.write('the beginning');
    await answered;
  }
  const stopped = listener.stop(60_000);
  res.end('the end');
  const [reply] = (await answered) as [http.IncomingMessage];
  const text: string[] = await reply.setEncoding('utf8').toArray();
  expect(text.join('')).toMatch(/the end$/);
  await stopped;
});
