import { eventIterator, oc } from '@orpc/contract';
import { z } from 'zod';
import * as accounts from './accounts.ts';
import { captureContract } from './capture.ts';
import { attachClient, detachClient, listClients, listModels } from './clients.ts';
import { diagnostics } from './diagnostics.ts';
import { adapters, conversations } from './conversations.ts';
import { exchange, telemetry } from './exchange.ts';
import { loginItemContract } from './host.ts';
import { network } from './network.ts';
import { providers } from './providers.ts';
import { webhook } from './webhook.ts';
import { replay } from './replay.ts';
import { readKeys } from './rest.ts';
import * as s from './schemas.ts';
import { Settings } from './settings.ts';
import { tunnelContract } from './tunnels.ts';
import { usage } from './usage.ts';

const none = z.object({}).default({});

/**
 * Every query, command and event a window, a tray or the CLI may use. One declaration serves a MessagePort on the
 * desktop, HTTP on the headless host's loopback port, and the CLI's private socket.
 */
export const contract = {
  status: {
    get: oc.input(none).output(s.Status),
  },
  calls: {
    /** Newest first. `before` is the id of the last row already held (keyset paging). */
    list: oc
      .input(
        z.object({
          limit: z.number().int().min(1).max(1000).default(100),
          before: z.number().int().optional(),
          filter: s.CallFilter.default({}),
          /** In the query language (docs/search.md). Throws bad_input telling what can't be understood. */
          query: z.string().max(2000).optional(),
        }),
      )
      .output(z.object({ calls: z.array(s.Call), more: z.boolean() })),
    /** `limit` bounds the bytes of each body handed over. An open call has no reply yet. Throws not_found. */
    get: oc
      .input(
        z.object({
          id: z.number().int(),
          limit: z
            .number()
            .int()
            .min(0)
            .max(64 * 1024 * 1024)
            .default(512 * 1024),
        }),
      )
      .output(s.CallDetail),
    /** The distinct values of the filterable columns, for the filter menus. */
    facets: oc.input(none).output(
      z.object({
        clients: z.array(z.string()),
        callers: z.array(z.string()),
        upstreams: z.array(z.string()),
        models: z.array(z.string()),
      }),
    ),
  },
  keys: {
    list: oc.input(none).output(z.array(s.Key)),
    /** The only answer that ever holds a key. The app's own keys are not made here. Throws bad_input where the name is taken, or a tunnel's. */
    create: oc
      .input(z.object({ name: z.string().trim().min(1).max(64), use: s.Use.exclude(['app']).default('clients') }))
      .output(z.object({ name: z.string(), key: z.string(), id: z.string() })),
    /** Throws not_found. */
    revoke: oc.input(z.object({ id: z.string() })).output(z.object({ revoked: z.literal(true) })),
    /** Takes a revocation back, within ten minutes and the same run. Throws not_found after that. */
    restore: oc.input(z.object({ id: z.string() })).output(s.Key),
  },
  settings: {
    get: oc.input(none).output(z.object({ settings: Settings, path: z.string(), problem: z.string().nullable() })),
    /** Merges the given keys into the file. Throws settings_invalid naming the key. */
    update: oc.input(z.object({ patch: z.record(z.string(), z.unknown()) })).output(z.object({ settings: Settings })),
    /** Puts these in the place of all there are; what they leave out has its default. Throws settings_invalid naming the key. */
    replace: oc.input(z.object({ settings: z.record(z.string(), z.unknown()) })).output(z.object({ settings: Settings })),
  },
  companion: {
    /**
     * Moves the companion to another port, and keeps it in the settings. Where that can't be had the companion stays where
     * it is, and the answer is `failed` and says why. Throws failed where the settings can't be written.
     */
    usePort: oc.input(z.object({ port: z.number().int().min(1).max(65535) })).output(s.Listener),
    retry: oc.input(none).output(s.Listener),
  },
  capture: captureContract,
  clients: {
    list: listClients,
    env: oc.input(z.object({ client: z.string().optional() })).output(z.array(s.ClientEnv)),
    models: listModels,
    attach: attachClient,
    detach: detachClient,
  },
  bridges: accounts.bridges,
  gateway: accounts.gateway,
  practice: {
    /** Makes one practice call through the companion, as a client would, and waits for its row. */
    call: oc.input(z.object({ model: z.string().default('practice/echo') })).output(s.Call),
  },
  doctor: {
    /** With a bridge: why that bridge does not serve, else what most often goes wrong. */
    run: oc.input(z.object({ bridge: accounts.BridgeName.optional() }).default({})).output(z.array(s.DoctorCheck)),
  },
  engine: {
    /** A fresh one-time link to the window. Throws not_found on a host that serves none. */
    link: oc.input(none).output(z.object({ url: z.string() })),
    stop: oc.input(none).output(z.object({ stopping: z.literal(true) })),
  },
  tunnels: tunnelContract,
  loginItem: loginItemContract,
  diagnostics,
  conversations,
  adapters,
  usage,
  exchange,
  replay,
  readKeys,
  network,
  providers,
  telemetry,
  webhook,
  events: oc.input(none).output(eventIterator(s.EngineEvent)),
};
