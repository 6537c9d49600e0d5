import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { RPCHandler } from '@orpc/server/node';
import express from 'express';
import type { Router } from '../engine/handlers.ts';
import type { Clock } from '../engine/clock.ts';
import type { Logger } from '../engine/log.ts';
import { startListener, type ErrorAnswer, type Listener } from '../http/listener.ts';
import type { Refusal } from '../http/guard.ts';
import { isStranger } from './peer.ts';
import { SECURITY_HEADERS } from '../http/page.ts';
import { REST_PREFIX, type Rest } from './rest.ts';

/** A link works once, and not for ever. Milliseconds. */
const LINK_MS = 10 * 60_000;
const MAX_SESSIONS = 32;

export type WindowHost = {
  listener: Listener;
  /** A link with a fresh one-time token. */
  link: () => string;
  stop(): Promise<void>;
};

export type WindowOptions = {
  port: number;
  folder: string;
  router: Router;
  /** What may be read below /api, by key or session. */
  rest: Rest;
  clock: Clock;
  log: Logger;
  limits: { headersMs: number; connections: number };
};

/**
 * Serves the window to a browser on loopback. Who has a one-time link gets a session cookie no script can read; the
 * guard in front refuses other hosts and origins. A link is its owner's alone: a browser is handed it as an argument, and
 * arguments are read by every user of a machine. The contract is served below /rpc.
 */
export async function startWindow(options: WindowOptions): Promise<WindowHost> {
  const links = new Map<string, number>();
  const sessions = new Set<string>();
  let listener: Listener | undefined;
  // Cookies are shared by all ports of a host, so each listener's has a name of its own.
  const cookieName = (): string => `drawbridge_${listener?.port ?? 0}`;

  const redeem = (token: string): boolean => {
    const digest = digestOf(token);
    const expires = links.get(digest);
    links.delete(digest);
    return expires !== undefined && expires > options.clock.now();
  };
  const signedIn = (cookies: string | undefined): boolean => {
    const name = `${cookieName()}=`;
    const value = cookies
      ?.split(/;\s*/)
      .find((cookie) => cookie.startsWith(name))
      ?.slice(name.length);
    if (value === undefined) return false;
    const digest = Buffer.from(digestOf(value));
    let found = false;
    for (const session of sessions) if (timingSafeEqual(Buffer.from(session), digest)) found = true;
    return found;
  };
  const openSession = (): string => {
    const session = randomBytes(32).toString('base64url');
    sessions.add(digestOf(session));
    const [oldest] = sessions;
    if (sessions.size > MAX_SESSIONS && oldest !== undefined) sessions.delete(oldest);
    return session;
  };

  const rpc = new RPCHandler(options.router);
  const app = express().disable('x-powered-by').disable('etag');
  app.use((_req, res, next) => {
    res.set(SECURITY_HEADERS);
    next();
  });
  app.get('/', (req, res, next) => {
    const token = req.query['token'];
    if (typeof token !== 'string') return next();
    const { remoteAddress, remotePort, localPort } = req.socket;
    const peer = { address: remoteAddress ?? '', port: remotePort ?? 0 };
    if (isStranger(peer, localPort ?? 0)) return void res.status(403).type('text').send(NOT_YOURS);
    if (!redeem(token)) return void res.status(401).type('text').send(LINK_USED);
    res.cookie(cookieName(), openSession(), { httpOnly: true, sameSite: 'strict', path: '/' });
    res.redirect(303, '/');
  });
  app.use(REST_PREFIX, async (req, res) => {
    req.url = req.originalUrl;
    await options.rest.serve(req, res, signedIn(req.headers.cookie));
  });
  app.use((req, res, next) => {
    if (signedIn(req.headers.cookie)) return next();
    res.status(401).type('text').send(NO_SESSION);
  });
  app.use('/rpc', async (req, res, next) => {
    req.url = req.originalUrl;
    const { matched } = await rpc.handle(req, res, { prefix: '/rpc' });
    if (!matched) next();
  });
  app.use(express.static(options.folder, { index: false, cacheControl: false }));
  app.get(/^\/[^.]*$/, (_req, res) => {
    const page = path.join(options.folder, 'index.html');
    if (existsSync(page)) res.sendFile(page);
    else res.status(503).type('text').send('The window has not been built. Run "npm run build".');
  });
  app.use((_req, res) => void res.status(404).type('text').send('Not found.'));

  listener = await startListener({
    port: options.port,
    limits: options.limits,
    ownOrigin: true,
    serve: app,
    renderError,
    onRefused: (refusal) => options.log.info('window.refused', { code: refusal.code, status: refusal.status }),
  });
  const bound = listener;
  return {
    listener: bound,
    link() {
      const now = options.clock.now();
      for (const [digest, expires] of links) if (expires <= now) links.delete(digest);
      const token = randomBytes(32).toString('base64url');
      links.set(digestOf(token), now + LINK_MS);
      return `http://${bound.address}/?token=${token}`;
    },
    stop: () => bound.stop(0),
  };
}

const NOT_YOURS = 'This link is for the user who started Drawbridge, and for nobody else on this machine.';
const NO_SESSION = 'This window has no session. Open it with "drawbridge open", which gives a fresh link.';
const LINK_USED = 'This link was used already, or is too old. Run "drawbridge open" for a fresh one.';

function renderError(refusal: Refusal): ErrorAnswer {
  return { status: refusal.status, headers: { 'content-type': 'text/plain; charset=utf-8' }, body: refusal.message };
}

function digestOf(secret: string): string {
  return createHash('sha256').update(secret).digest('hex');
}
