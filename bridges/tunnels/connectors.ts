import type { ChildRunner } from '../engine/child.ts';
import type { TunnelDefinition } from '../contract/index.ts';
import { candidates, findCloudflared } from './cloudflared.ts';
import { askEdge, authorities, type ServiceToken } from './edge.ts';
import { nodeEnvironment, ownScript } from './leashed.ts';
import { proxyVariables, type ProxySources } from '../upstreams/proxy.ts';
import { proxyCommand } from './ssh.ts';
import type { Connector, Route } from './transport.ts';

export type ConnectorParts = {
  definition: TunnelDefinition;
  platform: NodeJS.Platform;
  env: Readonly<Record<string, string | undefined>>;
  proxies: () => ProxySources;
  run: ChildRunner;
  /** The path of cloudflared from the settings. */
  cloudflared: () => string | null;
  /** Folder of our own programs; the only one in the children's PATH, so that no browser can be opened from there. */
  ownPrograms: string;
  token: () => Promise<ServiceToken | undefined>;
};

const ASK_MS = 8_000;
/** What a program needs besides the proxy to reach the network the way the user's other programs do. */
const CERTIFICATES = ['SSL_CERT_FILE', 'SSL_CERT_DIR'];

/** The connector a definition asks for. */
export function connectorOf(parts: ConnectorParts): Connector {
  switch (parts.definition.connector.kind) {
    case 'none':
      return direct(parts);
    case 'direct':
      return ours(parts);
    case 'cloudflared':
      return vendors(parts, parts.definition.connector.login === 'service-token');
  }
}

/** Plain ssh: sshd is reached without anything in between. */
function direct({ definition, ownPrograms }: ConnectorParts): Connector {
  return {
    prepare: async () => ({
      route: { port: definition.port ?? 22, proxyCommand: undefined, proxied: false, env: { PATH: ownPrograms }, secrets: [] },
    }),
    ask: async () => ({ code: 'exited' }),
    version: () => null,
  };
}

/** Our own WebSocket, with a service token. */
function ours(parts: ConnectorParts): Connector {
  const { definition } = parts;
  return {
    async prepare() {
      const token = await parts.token();
      if (token === undefined) return { problem: { code: 'token-missing' } };
      const args = [ownScript('connector'), definition.host, String(definition.port ?? 443)];
      const carrier = proxyCommand(process.execPath, args, parts.platform);
      return { route: await routeOf(parts, carrier, token, nodeEnvironment()) };
    },
    ask: () => askWith(parts),
    version: () => null,
  };
}

/** The vendor's cloudflared, never with a debug level (it would write the token to its log) and never with flags of a user's. */
function vendors(parts: ConnectorParts, withServiceToken: boolean): Connector {
  const { definition } = parts;
  let version: string | null = null;
  return {
    async prepare() {
      const token = withServiceToken ? await parts.token() : undefined;
      if (withServiceToken && token === undefined) return { problem: { code: 'token-missing' } };
      const files = candidates(parts.cloudflared(), parts.env['PATH'] ?? '', parts.ownPrograms, parts.platform);
      const found = await findCloudflared(files, withServiceToken, parts.run);
      version = found.version;
      if ('problem' in found) return { problem: { code: found.problem } };
      const hostname = definition.port === null ? definition.host : `${definition.host}:${definition.port}`;
      const carrier = proxyCommand(found.file, ['access', 'ssh', '--hostname', hostname], parts.platform);
      return { route: await routeOf(parts, carrier, token) };
    },
    ask: () => askWith(parts),
    version: () => version,
  };
}

/** Through an edge, by a program of its own. */
async function routeOf(
  parts: ConnectorParts,
  carrier: string,
  token: ServiceToken | undefined,
  more: Readonly<Record<string, string>> = {},
): Promise<Route> {
  const proxies = await way(parts);
  return {
    port: 22,
    proxyCommand: carrier,
    proxied: proxies['https_proxy'] !== undefined,
    env: { ...environment(parts, proxies, token), ...more },
    secrets: token === undefined ? [] : [token.id, token.secret],
  };
}

function environment(
  parts: ConnectorParts,
  proxies: Readonly<Record<string, string>>,
  token: ServiceToken | undefined,
): Record<string, string> {
  const out: Record<string, string> = { PATH: parts.ownPrograms, ...proxies };
  for (const name of CERTIFICATES) {
    const value = parts.env[name];
    if (value !== undefined) out[name] = value;
  }
  if (token !== undefined) {
    out['TUNNEL_SERVICE_TOKEN_ID'] = token.id;
    out['TUNNEL_SERVICE_TOKEN_SECRET'] = token.secret;
  }
  return out;
}

/** The variables that name the proxy on the way to the edge. */
function way({ definition: { host, port }, proxies }: ConnectorParts): Promise<Record<string, string>> {
  return proxyVariables(proxies, { protocol: 'https:', hostname: host, port: String(port ?? '') });
}

/** Goes the way the connector goes. */
async function askWith(parts: ConnectorParts): ReturnType<Connector['ask']> {
  const { definition, env, token } = parts;
  return askEdge(
    { host: definition.host, port: definition.port ?? 443 },
    { token: await token(), ca: authorities(env['SSL_CERT_FILE']), timeoutMs: ASK_MS, proxies: await way(parts) },
  );
}
