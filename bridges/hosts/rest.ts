import type { IncomingMessage, ServerResponse } from 'node:http';
import { createRouterClient, implement } from '@orpc/server';
import { rest } from '../contract/rest.ts';
import type { KeyRing } from '../companion/keys.ts';
import type { Clock } from '../engine/clock.ts';
import { telling, type Router } from '../engine/handlers.ts';

/** Where the endpoints stand on whatever listener serves them. */
export const REST_PREFIX = '/api';

export type Rest = {
  /**
   * Answers a request below /api. `session` tells that the caller is known by other means (a window's cookie); without
   * one it must bring a read key. Reads alone are answered. The listener's guard comes before.
   */
  serve(req: IncomingMessage, res: ServerResponse, session: boolean): Promise<void>;
};

const DAY_MS = 86_400_000;

/** What may be read over HTTP, by the same handlers as everything else. Never part of a data listener. */
export function createRest(options: { router: Router; keys: Pick<KeyRing, 'check'>; clock: Clock; version: string }): Rest {
  const { keys, clock, version } = options;
  const load = once(() => build(options));

  const answer = (res: ServerResponse, status: number, body: object, headers: Record<string, string> = {}): void => {
    const text = JSON.stringify(body);
    res.writeHead(status, { ...headers, 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) }).end(text);
  };
  const refuse = (res: ServerResponse, status: number, code: string, message: string, headers?: Record<string, string>): void =>
    answer(res, status, { code, status, message }, headers);

  return {
    async serve(req, res, session) {
      const bearer = /^bearer\s+(\S+)$/i.exec(req.headers.authorization ?? '')?.[1];
      // A key that was brought must be right, session or not: a mistake is told, not covered up.
      const known = bearer === undefined ? session : keys.check(bearer) !== undefined;
      if (!known) return refuse(res, 401, 'key_wrong', KEY_NEEDED, { 'www-authenticate': 'Bearer' });
      if (req.method !== 'GET' && req.method !== 'HEAD')
        return refuse(res, 405, 'method_not_allowed', 'These endpoints are read with GET.', { allow: 'GET, HEAD' });
      // A HEAD is routed as the GET it stands for; Node leaves the body of its answer out.
      req.method = 'GET';
      const { handler, description } = await load();
      if (req.url?.split('?')[0] === `${REST_PREFIX}/openapi.json`) return answer(res, 200, await description());
      const { matched } = await handler.handle(req, res, { prefix: REST_PREFIX });
      if (!matched) refuse(res, 404, 'not_found', `There is nothing here. ${REST_PREFIX}/openapi.json tells what there is.`);
    },
  };

  async function build({ router }: { router: Router }) {
    // Loaded when somebody reads: no other caller needs it.
    const [{ OpenAPIHandler }, { OpenAPIGenerator }, { ZodToJsonSchemaConverter }] = await Promise.all([
      import('@orpc/openapi/node'),
      import('@orpc/openapi'),
      import('@orpc/zod/zod4'),
    ]);
    const engine = createRouterClient(router);
    const since = (days: number): string => new Date(clock.now() - days * DAY_MS).toISOString();
    const os = implement(rest).use(telling);
    const handlers = os.router({
      health: os.health.handler(async () => {
        const { capture } = await engine.status.get({});
        return { status: capture.state === 'failed' ? ('degraded' as const) : ('ok' as const), version, capture };
      }),
      calls: {
        list: os.calls.list.handler(async ({ input: { limit, before, query, ...filter } }) => {
          const page = await engine.calls.list({
            limit,
            filter,
            ...(before === undefined ? {} : { before }),
            ...(query === undefined ? {} : { query }),
          });
          return { calls: page.calls, next: page.more ? (page.calls.at(-1)?.id ?? null) : null };
        }),
        get: os.calls.get.handler(({ input }) => engine.calls.get(input)),
      },
      conversations: {
        list: os.conversations.list.handler(async ({ input: { before, ...filter } }) => {
          const [last = 0, id = 0] = (before ?? '').split('.').map(Number);
          const page = await engine.conversations.list({ ...filter, ...(before === undefined ? {} : { before: { last, id } }) });
          return { conversations: page.conversations, next: page.next === null ? null : `${page.next.last}.${page.next.id}` };
        }),
        get: os.conversations.get.handler(({ input }) => engine.conversations.tree(input)),
      },
      usage: {
        current: os.usage.current.handler(async ({ input }) => ({ windows: await engine.usage.window5h(input) })),
        daily: os.usage.daily.handler(async ({ input: { days, by } }) => {
          const { points, totals, all } = await engine.usage.series({
            from: since(days),
            bucket: 'day',
            ...(by === undefined ? {} : { by }),
          });
          return { days: points, totals, all };
        }),
        stats: os.usage.stats.handler(async ({ input: { days, by } }) => {
          const { totals, all } = await engine.usage.series({ from: since(days), bucket: 'day', by });
          return { totals, all };
        }),
      },
    });
    const generator = new OpenAPIGenerator({ schemaConverters: [new ZodToJsonSchemaConverter()] });
    return {
      handler: new OpenAPIHandler(handlers),
      description: once(() =>
        generator.generate(rest, {
          info: { title: 'Drawbridge', version, description: 'What Drawbridge kept of the calls on this machine. Read-only, on loopback.' },
          servers: [{ url: REST_PREFIX }],
          security: [{ key: [] }],
          components: { securitySchemes: { key: { type: 'http', scheme: 'bearer' } } },
        }),
      ),
    };
  }
}

const KEY_NEEDED =
  'Bring a read key as a bearer token. Make one with "drawbridge read-keys create NAME"; keys for calls are not taken here.';

function once<Value>(make: () => Promise<Value>): () => Promise<Value> {
  let made: Promise<Value> | undefined;
  return () => (made ??= make());
}
