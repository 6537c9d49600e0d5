import { once } from 'node:events';
import net from 'node:net';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { breakOff } from '../../../bridges/companion/forward.ts';
import { callBegan, callOver, CROWD, isCrowded } from '../../../bridges/http/departures.ts';
import { closeAfterAnswer, startListener, type Listener } from '../../../bridges/http/listener.ts';
import type { ServedReply, ServedRequest } from '../../../bridges/http/served.ts';
import { connect as connectTo, type Client } from '../../support/raw.ts';

type Serve = (req: ServedRequest, res: ServedReply) => void;

const opened: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of opened.splice(0).reverse()) await close();
  for (let i = 1; i < CROWD; i += 1) callBegan();
  const crowded = isCrowded();
  for (let i = 1; i < CROWD; i += 1) callOver();
  if (crowded) throw new Error('a call is counted that is over');
});

/** A listener, and the connections that it took. `calls`: by connections for calls; otherwise by Node's server alone. */
async function listen(calls: boolean, serve: Serve, limits = {}): Promise<Listener & { sockets: net.Socket[] }> {
  const sockets: net.Socket[] = [];
  const listener = await startListener({
    port: 0,
    limits: { headersMs: 10_000, connections: 10, ...limits },
    serve,
    ...(calls ? { calls: { takes: (target: string) => target.startsWith('/v1/'), serve } } : {}),
    renderError: ({ status, code }) => ({ status, headers: {}, body: code }),
    onConnection: (socket) => sockets.push(socket),
  });
  opened.push(async () => {
    const closed = sockets.filter((socket) => !socket.closed).map((socket) => once(socket, 'close'));
    for (const socket of sockets) socket.destroy();
    await Promise.all([...closed, listener.stop(0)]);
  });
  return { ...listener, sockets };
}

async function connect(port: number): Promise<Client> {
  const client = await connectTo(port);
  opened.push(() => client.socket.destroy());
  return client;
}

/** Resolves once what the client got is as told. */
async function got(client: Client, wanted: RegExp): Promise<void> {
  while (!wanted.test(client.got)) {
    if (client.socket.readableEnded || client.socket.destroyed) throw new Error(`closed behind: ${client.got.slice(-200)}`);
    await Promise.race([once(client.socket, 'data'), client.ended]);
  }
}

/** The bytes without what differs from run to run. */
const steady = (text: string): string => text.replaceAll(/^Date: .*\r\n/gm, '').replaceAll(/127\.0\.0\.1:\d+/g, 'HERE');

const ways = [
  { way: 'by a connection for calls', calls: true, crowded: false },
  { way: 'by a connection for calls, among many', calls: true, crowded: true },
  { way: "by Node's server", calls: false, crowded: false },
] as const;

/** As many calls under way as make a crowd, until the test is over. */
function crowd(): void {
  for (let i = 0; i < CROWD; i += 1) callBegan();
  opened.push(() => {
    for (let i = 0; i < CROWD; i += 1) callOver();
  });
}

/** What comes back from both kinds of listener, alone and in a crowd, which has to be the same. `talk` ends once nothing more is to come. */
async function both(serve: () => Serve, talk: (client: Client, port: number, sockets: net.Socket[]) => Promise<void>): Promise<string> {
  const answers: string[] = [];
  for (const { calls, crowded } of ways) {
    if (crowded) crowd();
    const { port, sockets } = await listen(calls, serve());
    const client = await connect(port);
    await talk(client, port, sockets);
    client.socket.destroy();
    answers.push(steady(client.got));
  }
  expect(answers).toEqual(ways.map(() => answers[0]));
  return answers[0] ?? '';
}

const post = (port: number, body = 'hello', headers = '', target = '/v1/x'): string =>
  `POST ${target} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nContent-Type: application/json\r\nContent-Length: ${Buffer.byteLength(body)}\r\n${headers}\r\n${body}`;
const get = (port: number, headers = ''): string => `GET /other HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\n${headers}\r\n`;

/** The body, however it comes. */
function bodyOf(req: ServedRequest, done: (body: string) => void): void {
  if (req.whole !== undefined) return done(req.whole.toString('latin1'));
  let body = '';
  req.on('data', (piece) => (body += piece.toString('latin1')));
  req.once('end', () => done(body));
}

/** Answers with what it was asked. */
const echo: Serve = (req, res) =>
  bodyOf(req, (body) => {
    const text = JSON.stringify({ method: req.method, url: req.url, raw: req.rawHeaders, headers: req.headers, body });
    res.writeHead(200, { 'content-type': 'application/json', 'content-length': String(Buffer.byteLength(text)) });
    res.end(text);
  });
const replies = (count: number): RegExp => new RegExp(`(?:HTTP/1\\.1 \\d+[^]*?\\}){${count}}$`);
const bye = 'Connection: close\r\n';

describe('a call', () => {
  it.each([
    ['whole in one piece', (port: number) => [post(port)]],
    ['with a body of nothing', (port: number) => [post(port, '')]],
    ['with its head and body apart', (port: number) => [post(port).slice(0, -5), 'hello']],
    ['with part of its body behind the head', (port: number) => [post(port).slice(0, -2), 'lo']],
    ['with a head in two pieces', (port: number) => [post(port).slice(0, 20), post(port).slice(20)]],
    ['with a large body', (port: number) => [post(port, 'x'.repeat(400_000))]],
    ['with odd headers', (port: number) => [post(port, 'hello', 'X-A:  \xe4 \r\n__proto__: x\r\nset-cookie: a\r\ncookie: a=b\r\n')]],
  ])('(%s) is answered in the same bytes', async (_what, pieces) => {
    const answer = await both(
      () => echo,
      async (client, port) => {
        for (const piece of pieces(port)) await new Promise((resolve) => client.socket.write(piece, 'latin1', resolve));
        await got(client, replies(1));
        client.socket.write(post(port, 'again', bye));
        await client.ended;
      },
    );
    expect(answer.match(/HTTP\/1\.1 200 OK/g)).toHaveLength(2);
  });

  it('is answered in the same bytes wherever it is split', async () => {
    const text = (port: number): string => post(port, '{"a":1}') + post(port, '{"b":2}') + get(port) + post(port, '{"c":3}', bye);
    const servers = [await listen(true, echo), await listen(false, echo)];
    await fc.assert(
      fc.asyncProperty(fc.uniqueArray(fc.nat(text(10_000).length - 1), { minLength: 1, maxLength: 4 }), async (cuts) => {
        const answers: string[] = [];
        for (const { port } of servers) {
          const client = await connect(port);
          let from = 0;
          for (const cut of [...cuts.sort((a, b) => a - b), Infinity]) {
            await new Promise((resolve) => client.socket.write(text(port).slice(from, cut), resolve));
            await new Promise(setImmediate);
            from = cut;
          }
          await client.ended;
          client.socket.destroy();
          answers.push(steady(client.got));
        }
        expect(answers[0]).toBe(answers[1]);
        expect(answers[0]?.match(/HTTP\/1\.1 200/g)).toHaveLength(4);
      }),
      { numRuns: 40 },
    );
  });

  it.each([
    ['one after another', (port: number) => [post(port, 'a'), post(port, 'b'), post(port, 'c', bye)]],
    ['all at once', (port: number) => [post(port, 'a') + post(port, 'b') + post(port, 'c', bye)]],
    ['with a GET between, all at once', (port: number) => [post(port, 'a') + get(port) + post(port, 'c', bye)]],
    ['with a GET between', (port: number) => [post(port, 'a'), get(port), post(port, 'c', bye)]],
    ['with a line between', (port: number) => [`${post(port, 'a')}\r\n`, `${post(port, 'b')}\r\n${post(port, 'c', bye)}`]],
    [
      'with a GET behind a body in pieces',
      (port: number) => [post(port, 'abc').slice(0, -2), `bc${get(port)}${post(port, 'b')}`, post(port, 'c', bye)],
    ],
    ['and what is refused', (port: number) => [post(port, 'a'), post(port, 'b', 'Origin: http://a\r\n'), post(port, 'c')]],
    ['and another method', (port: number) => [post(port, 'a'), post(port, 'b').replace('POST', 'PUT')]],
    [
      'in chunks',
      (port: number) => [
        post(port, 'a'),
        `${post(port, '', bye).replace('Content-Length: 0', 'Transfer-Encoding: chunked')}1\r\nb\r\n0\r\n\r\n`,
      ],
    ],
    ['that are large', (port: number) => [post(port, 'a'.repeat(200_000)) + post(port, 'b'.repeat(200_000)) + get(port, bye)]],
  ])('can come with others, %s', async (_what, pieces) => {
    await both(
      () => echo,
      async (client, port) => {
        for (const piece of pieces(port)) {
          await new Promise((resolve) => client.socket.write(piece, resolve));
          await new Promise(setImmediate);
        }
        await client.ended;
      },
    );
  });

  it('that waits its turn is served once the reply before it is whole, and so is what is no call behind it', async () => {
    await both(
      () => (req, res) =>
        bodyOf(req, (body) =>
          setImmediate(() => {
            res.writeHead(200, {});
            res.write(Buffer.from('the beginning '));
            setImmediate(() => res.end(body));
          }),
        ),
      async (client, port) => {
        client.socket.write(post(port, 'a') + post(port, 'b') + get(port) + post(port, 'd', bye));
        await client.ended;
      },
    );
  });
});

describe('a reply', () => {
  const end: Record<string, Serve> = {
    'with a length': (_req, res) => {
      res.writeHead(200, { 'content-length': '5' });
      res.end(Buffer.from('hello'));
    },
    'with a length that is a number': (_req, res) => {
      res.writeHead(200, { 'content-length': 5 });
      res.end('hello');
    },
    'in chunks': (_req, res) => {
      res.writeHead(200, { 'content-type': 'text/event-stream' });
      res.write(Buffer.from('one'));
      res.write(Buffer.from('seventeen letters'));
      res.end();
    },
    'in chunks, the last with the end': (_req, res) => {
      res.writeHead(200, {});
      res.write(Buffer.from('one'));
      res.end('two');
    },
    'that is only an end': (_req, res) => {
      res.writeHead(200, {});
      res.end();
    },
    'of an end and text in UTF-8': (_req, res) => {
      res.writeHead(200, {});
      res.end('ä€');
    },
    'of nothing': (_req, res) => {
      res.writeHead(200, { 'content-length': '0' });
      res.end();
    },
    'with pieces of nothing': (_req, res) => {
      res.writeHead(200, {});
      res.write(Buffer.alloc(0));
      res.write(Buffer.from('a'));
      res.write(Buffer.alloc(0));
      res.end('');
    },
    'without a body (204)': (_req, res) => {
      res.writeHead(204, { 'x-a': 'b' });
      res.write(Buffer.from('not sent'));
      res.end('not sent');
    },
    'without a body (304)': (_req, res) => {
      res.writeHead(304, { 'content-length': '7' });
      res.end('not sent');
    },
    'of large pieces': (_req, res) => {
      res.writeHead(200, {});
      for (const letter of ['a', 'b', 'c']) res.write(Buffer.alloc(40_000, letter));
      res.end(Buffer.alloc(100_000, 'd'));
    },
    'of large pieces with a length': (_req, res) => {
      res.writeHead(200, { 'content-length': '300000' });
      res.write(Buffer.alloc(100_000, 'a'));
      res.write(Buffer.alloc(100_000, 'b'));
      res.end(Buffer.alloc(100_000, 'c'));
    },
    'that is a head first, then pieces': (_req, res) => {
      res.writeHead(200, { 'x-a': 'b' });
      res.flushHeaders();
      setImmediate(() => {
        res.write(Buffer.from('one'));
        setImmediate(() => {
          res.write(Buffer.from('two'));
          setImmediate(() => res.end());
        });
      });
    },
    'with a header that comes often': (_req, res) => {
      res.writeHead(200, { 'set-cookie': ['a=b', 'c=d'], 'x-a': ['1', '2'], 'x-none': [], 'content-length': '0' });
      res.end();
    },
    'with its own date': (_req, res) => {
      res.writeHead(200, { date: 'x', 'content-length': '0' });
      res.end();
    },
    'with Latin-1 in a header': (_req, res) => {
      res.writeHead(200, { 'x-a': '\xe4\xff', 'content-length': '0' });
      res.end();
    },
    'with a status without a name': (_req, res) => {
      res.writeHead(599, { 'content-length': '0' });
      res.end();
    },
    'that ends the connection': (_req, res) => {
      res.writeHead(200, { connection: 'close', 'content-length': '0' });
      res.end();
    },
    'that was told to end the connection': (_req, res) => {
      res.shouldKeepAlive = false;
      res.writeHead(200, {});
      res.end('bye');
    },
    'without a head of its own': (_req, res) => {
      res.write(Buffer.from('hello'));
      res.end();
    },
    'that only flushes': (_req, res) => {
      res.flushHeaders();
      setImmediate(() => res.end());
    },
    'that ends more than once': (_req, res) => {
      res.writeHead(200, { 'content-length': '1' });
      res.end('a');
      res.end();
    },
    'with a second head, which is no more heard': (_req, res) => {
      res.writeHead(200, { 'content-length': '1' });
      expect(() => res.writeHead(500, {})).toThrow();
      res.end('a');
    },
    'with a line break in a header, which throws': (_req, res) => {
      const codes: unknown[] = [];
      for (const headers of [{ 'x-a': 'b\r\nx-c: d' }, { 'x-a\r\nx-b': 'c' }, { 'x-a': ['b', '\n'] }, { '': 'a' }, { 'x-a': '€' }]) {
        try {
          res.writeHead(200, headers);
        } catch (error) {
          codes.push(Reflect.get(Object(error), 'code'));
        }
      }
      res.writeHead(200, {});
      res.end(codes.join(' '));
    },
  };

  it.each(Object.entries(end))('%s is the same bytes', async (_what, serve) => {
    await both(
      () => serve,
      async (client, port) => {
        client.socket.write(post(port));
        client.socket.write(post(port, 'hello', bye));
        await client.ended;
      },
    );
  });

  it('that ends before the body leaves the connection to the next call', async () => {
    const answer = await both(
      () => (req, res) => {
        if (req.url !== '/v1/early') return echo(req, res);
        res.writeHead(200, {});
        res.end('{}');
      },
      async (client, port) => {
        const text = post(port, 'x'.repeat(1_000), '', '/v1/early');
        client.socket.write(text.slice(0, -900));
        await got(client, /0\r\n\r\n$/);
        client.socket.write(text.slice(-900) + post(port, 'next', bye));
        await client.ended;
      },
    );
    expect(answer).toContain('next');
  });

  it('that refuses a body arrives, though the body still comes', async () => {
    await both(
      () => (req, res) => {
        closeAfterAnswer(req, res);
        res.writeHead(413, { connection: 'close', 'content-length': '3' });
        res.end('big');
      },
      async (client, port) => {
        client.socket.write(post(port, 'x'.repeat(1_000)).slice(0, -900));
        await client.ended;
      },
    );
  });
});

describe('a connection for calls', () => {
  it('tells of bytes that are no HTTP, once the reply before them is whole', async () => {
    await both(
      () => echo,
      async (client, port) => {
        client.socket.write(post(port));
        await got(client, replies(1));
        client.socket.write('rubbish\r\n\r\n');
        await client.ended;
      },
    );
  });

  it('tells a client that closes its end in a body that its request is none', async () => {
    const answer = await both(
      () => (req) => void req.resume(),
      async (client, port) => {
        client.socket.end(post(port).slice(0, -2));
        await client.ended;
      },
    );
    expect(answer).toMatch(/^HTTP\/1\.1 400 /);
  });

  it('puts nothing into a reply under way when its client closes its end in a body', async () => {
    const answer = await both(
      () => (req, res) => {
        req.resume();
        res.writeHead(200, {});
        res.write(Buffer.from('the beginning'));
      },
      async (client, port) => {
        client.socket.write(post(port).slice(0, -2));
        await got(client, /the beginning\r\n$/);
        client.socket.end();
        await client.ended;
      },
    );
    expect(answer).toMatch(/the beginning\r\n$/);
  });
});

describe.each(ways)('a call that is served $way', ({ calls, crowded }) => {
  beforeEach(() => {
    if (crowded) crowd();
  });

  /** A listener whose first call is handed to the test; what is told of its end is counted. Others get their echo. */
  async function begin(bytes: (port: number) => string, limits = {}) {
    const asked = Promise.withResolvers<{ req: ServedRequest; res: ServedReply }>();
    let first: ServedRequest | undefined;
    const told = { close: 0, finish: 0, closed: Promise.withResolvers<void>() };
    const listener = await listen(
      calls,
      (req, res) => {
        if (first !== undefined) return echo(req, res);
        first = req;
        res.on('close', () => {
          told.close += 1;
          told.closed.resolve();
        });
        res.once('finish', () => (told.finish += 1));
        req.on('data', () => undefined);
        asked.resolve({ req, res });
      },
      limits,
    );
    const client = await connect(listener.port);
    client.socket.write(bytes(listener.port));
    const { req, res } = await asked.promise;
    const [socket] = listener.sockets;
    if (socket === undefined) throw new Error('no socket');
    return { listener, client, req, res, told, socket };
  }

  it.each([
    ['before its reply', false, false],
    ['in its reply', true, false],
    ['in its body', false, true],
  ])('is told once that its client left %s', async (_when, begun, halved) => {
    const { client, res, told, socket } = await begin((port) => (halved ? post(port).slice(0, -2) : post(port)));
    if (begun) {
      res.writeHead(200, {});
      res.write(Buffer.from('one'));
      await got(client, /one/);
    }
    client.socket.resetAndDestroy();
    await told.closed.promise;
    if (!socket.closed) await once(socket, 'close');
    expect(res.destroyed).toBe(true);
    res.write(Buffer.from('nobody'));
    res.end();
    expect(told).toMatchObject({ close: 1, finish: 0 });
  });

  it('is told once that its reply is over, and has no hand on the connection from then on', async () => {
    const { listener, client, res, told } = await begin((port) => post(port));
    res.writeHead(200, {});
    res.end('one');
    await told.closed.promise;
    expect(told).toMatchObject({ close: 1, finish: 1 });
    expect(res.writableFinished).toBe(true);
    expect(res.socket).toBe(null);
    expect(res.destroyed).toBe(true);
    res.destroy();
    breakOff(res);
    client.socket.write(get(listener.port, bye));
    await client.ended;
    expect(client.got).toContain('"method":"GET"');
    expect(told.close).toBe(1);
  });

  it('is over when its client closes its end, and what was written before arrives', async () => {
    const { client, res, told, socket } = await begin((port) => post(port));
    client.socket.pause();
    res.writeHead(200, {});
    const piece = Buffer.alloc(1024 * 1024, 'x');
    let written = 0;
    while (socket.writableLength === 0) {
      res.write(piece);
      written += piece.length;
      await new Promise(setImmediate);
    }
    const ended = once(socket, 'end');
    client.socket.end();
    await ended;
    res.write(Buffer.from('too late'));
    res.end();
    client.socket.resume();
    await client.ended;
    await told.closed.promise;
    expect(client.got.match(/x{1000,}/g)?.join('').length).toBe(written);
    expect(client.got).not.toContain('too late');
    expect(told).toMatchObject({ close: 1, finish: 0 });
  });

  it('waits for a client that does not read, and is told when to go on', async () => {
    const { client, res, told } = await begin((port) => post(port));
    client.socket.pause();
    res.writeHead(200, {});
    const piece = Buffer.alloc(256 * 1024, 'x');
    let written = piece.length;
    while (res.write(piece)) written += piece.length;
    const drained = new Promise<void>((resolve) => res.once('drain', resolve));
    client.socket.resume();
    await drained;
    res.end('the end');
    await got(client, /the end\r\n0\r\n\r\n$/);
    await told.closed.promise;
    expect(client.got.replaceAll(/[^x]/g, '').length).toBeGreaterThanOrEqual(written);
  });

  it('can break off, with all that was written and no proper end', async () => {
    const { client, res, told } = await begin((port) => post(port));
    res.writeHead(200, {});
    res.write(Buffer.from('the beginning'));
    breakOff(res);
    await client.ended;
    await told.closed.promise;
    expect(client.got).toMatch(/the beginning\r\n$/);
    expect(told).toMatchObject({ close: 1, finish: 0 });
  });

  it('can be destroyed in the middle', async () => {
    const { client, res, told } = await begin((port) => post(port).slice(0, -2));
    res.writeHead(200, {});
    res.destroy();
    res.destroy();
    await client.ended;
    await told.closed.promise;
    expect(told.close).toBe(1);
    expect(client.got).toBe('');
  });

  it.each(['whole', 'half-read', 'begun'])('lets its listener stop once it is over (%s)', async (how) => {
    const { listener, client, res } = await begin((port) => (how === 'half-read' ? post(port).slice(0, -2) : post(port)));
    if (how === 'begun') {
      res.writeHead(200, {});
      res.write(Buffer.from('one'));
      await got(client, /one/);
    }
    const stopped = listener.stop(60_000);
    if (how !== 'begun') res.writeHead(200, {});
    res.end('the end');
    await stopped;
    await client.ended;
    expect(client.got).toMatch(/the end\r\n0\r\n\r\n$/);
    expect(/Connection: close/.test(client.got)).toBe(how !== 'begun');
  });

  it('is cut where its listener has no time left', async () => {
    const { listener, client, told } = await begin((port) => post(port));
    await listener.stop(0);
    await client.ended;
    await told.closed.promise;
    expect(client.got).toBe('');
  });

  it('holds the only place that there is', async () => {
    const { listener, res } = await begin((port) => post(port), { connections: 1 });
    const second = await connect(listener.port);
    await second.ended;
    expect(second.got).toBe('');
    expect(res.destroyed).toBe(false);
  });

  it.each(['at once', 'at its first piece', 'at its last piece'])('can have its body wait (%s)', async (when) => {
    const text = 'x'.repeat(600_000);
    const paused = Promise.withResolvers<() => void>();
    const listener = await listen(calls, (req, res) => {
      let received = 0;
      let waited = false;
      const wait = (): void => {
        if (waited) return;
        waited = true;
        req.pause();
        paused.resolve(() => req.resume());
      };
      req.on('data', (piece) => {
        if (when === 'at its last piece' && received + piece.length < text.length) received += piece.length;
        else {
          received += piece.length;
          wait();
        }
      });
      req.once('end', () => {
        res.writeHead(200, {});
        res.end(String(received));
      });
      if (when === 'at once') wait();
    });
    const client = await connect(listener.port);
    client.socket.write(post(listener.port, text));
    (await paused.promise)();
    await got(client, /6\r\n600000\r\n0\r\n\r\n$/);
    client.socket.write(get(listener.port, bye));
    client.socket.end();
    await client.ended;
  });

  it('holds nothing that comes behind a body whose last piece was to wait', async () => {
    const { listener, client, req, res } = await begin((port) => post(port).slice(0, -2));
    req.on('data', (piece) => {
      if (!piece.toString().endsWith('lo')) return;
      req.pause();
      res.writeHead(200, {});
      res.end('one');
    });
    client.socket.write('lo');
    await got(client, /one\r\n0\r\n\r\n$/);
    client.socket.write(post(listener.port, 'two', bye));
    await client.ended;
    expect(client.got).toContain('two');
  });

  it('leaves no listeners on its connection', async () => {
    const { port, sockets } = await listen(calls, echo);
    const client = await connect(port);
    const counts = (): unknown =>
      ['data', 'end', 'close', 'error', 'drain', 'timeout', 'finish'].map((name) => sockets[0]?.listenerCount(name));
    client.socket.write(post(port));
    await got(client, replies(1));
    const first = counts();
    for (let i = 2; i < 5; i += 1) {
      client.socket.write(post(port));
      await got(client, replies(i));
    }
    expect(counts()).toEqual(first);
  });

  it('ends with a connection that was silent for longer than its client was told', async () => {
    const { port, sockets } = await listen(calls, echo);
    const client = await connect(port);
    client.socket.write(post(port));
    await got(client, replies(1));
    await expect.poll(() => sockets[0]?.timeout).toBe(61_000);
    sockets[0]?.emit('timeout');
    await client.ended;
  });

  it('is not cut by silence while it is answered, until that is asked for', async () => {
    const { client, res, socket } = await begin((port) => post(port));
    socket.emit('timeout');
    expect(socket.destroyed).toBe(!calls);
    res.setTimeout(1_000);
    socket.emit('timeout');
    await client.ended;
    expect(socket.destroyed).toBe(true);
  });

  it('is told to a client that never sends one', async () => {
    const { port } = await listen(calls, echo, { headersMs: 50 });
    const client = await connect(port);
    await client.ended;
    expect(client.got).toMatch(/^HTTP\/1\.1 408 [^]*\r\n\r\ntimeout$/);
  });

  // Node reads nothing more while so much is on its way.
  it.runIf(calls)('ends with its client, though another request waits behind it', async () => {
    const { client, res, socket } = await begin((port) => post(port) + get(port));
    client.socket.pause();
    res.writeHead(200, {});
    res.end(Buffer.alloc(16 * 1024 * 1024, 'x'));
    const ended = once(socket, 'end');
    client.socket.end();
    await ended;
    client.socket.resume();
    await client.ended;
    if (!socket.closed) await once(socket, 'close');
    expect(client.got).not.toContain('GET');
  });

  it('is not served for a listener that has stopped while no call was under way', async () => {
    const listener = await listen(calls, echo);
    const client = await connect(listener.port);
    client.socket.write(post(listener.port));
    await got(client, replies(1));
    await listener.stop(60_000);
    await client.ended;
  });
});

describe('in a crowd', () => {
  /** The corks on the reply's socket once the event loop has done what it was told meanwhile, before it reads on. */
  async function corksBehind(answer: (res: ServedReply) => void): Promise<number | undefined> {
    crowd();
    const corks = Promise.withResolvers<number | undefined>();
    const { port } = await listen(true, (_req, res) => {
      const { socket } = res;
      answer(res);
      process.nextTick(() => corks.resolve(socket?.writableCorked));
    });
    const client = await connect(port);
    client.socket.write(post(port));
    await got(client, /hello/);
    return corks.promise;
  }

  it('a whole reply waits until all that has come was read', async () => {
    expect(await corksBehind((res) => res.writeHead(200, { 'content-length': 5 }) && res.end('hello'))).toBe(1);
  });

  it('an event of a stream does not', async () => {
    expect(await corksBehind((res) => res.write(Buffer.from('hello')))).toBe(0);
  });

  it('the end of a stream does not', async () => {
    expect(await corksBehind((res) => res.write(Buffer.from('hel')) && res.end('lo hello'))).toBe(0);
  });
});
