import http from 'node:http';

/**
 * The yardstick: the plainest proxy Node can be. It takes a request, sends it on with `http.request`, and pipes both
 * ways; it reads, checks and keeps nothing. Run with the port of what it forwards to; prints {"port":N} once it listens.
 */

const HOP = new Set([
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'host',
  'expect',
]);

const upstream = Number(process.argv[2]);
const agent = new http.Agent({ keepAlive: true, maxSockets: Infinity, maxFreeSockets: 2048 });

function endToEnd(headers: http.IncomingHttpHeaders): http.OutgoingHttpHeaders {
  const kept: http.OutgoingHttpHeaders = {};
  for (const name in headers) if (!HOP.has(name)) kept[name] = headers[name];
  return kept;
}

const server = http.createServer({ noDelay: true, keepAliveTimeout: 60_000, requestTimeout: 0 }, (req, res) => {
  const call = http.request(
    { host: '127.0.0.1', port: upstream, path: req.url, method: req.method, headers: endToEnd(req.headers), agent },
    (reply) => {
      res.writeHead(reply.statusCode ?? 502, endToEnd(reply.headers));
      res.flushHeaders();
      reply.pipe(res);
    },
  );
  call.on('error', () => {
    if (res.headersSent) res.destroy();
    else res.writeHead(502).end();
  });
  res.on('close', () => {
    if (!res.writableFinished) call.destroy();
  });
  req.pipe(call);
});

server.listen({ port: 0, host: '127.0.0.1', backlog: 4096 }, () => {
  const address = server.address();
  if (address !== null && typeof address === 'object') console.log(JSON.stringify({ port: address.port }));
});
