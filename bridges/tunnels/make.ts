import type { TunnelDefinition } from '../contract/index.ts';
import { connectorOf } from './connectors.ts';
import { findProgram } from '../engine/files.ts';
import { readPin, type TunnelFiles } from './files.ts';
import { keyFault } from './key-file.ts';
import type { TunnelKeys } from './keys.ts';
import type { StartLeashed } from './leashed.ts';
import type { TunnelLog } from './log.ts';
import { openssh } from './openssh.ts';
import { startRelay } from './relay.ts';
import { KEEP_ALIVE } from './ssh.ts';
import type { Tokens } from './tokens.ts';
import { createTunnel, type RunningTunnel, type TunnelTimings } from './tunnel.ts';
import type { TunnelsParts } from './tunnels.ts';

export type MakerParts = Omit<TunnelsParts, 'paths' | 'keychain' | 'interfaces' | 'wayTo' | 'timings'> & {
  timings: TunnelTimings;
  files: TunnelFiles;
  keys: TunnelKeys;
  tokens: Tokens;
  leashed: StartLeashed;
  identityOf: (definition: TunnelDefinition) => string;
  canInstall: boolean;
  online: (host: string) => boolean;
};

/** Puts a tunnel together from its definition: ssh, what carries it, and the private end in front of what is lent. */
export function tunnelMaker(parts: MakerParts): (definition: TunnelDefinition, lines: TunnelLog) => RunningTunnel {
  const { files, keys, settings, platform, env, run, clock, log } = parts;
  const ssh = findProgram('ssh', env['PATH'] ?? '', platform) ?? 'ssh';
  return (definition, lines) => {
    const { name, host, user } = definition;
    const offer = parts.offers.find((one) => one.name === definition.offer);
    const identityFile = parts.identityOf(definition);
    const knownHosts = files.knownHosts(name);
    const keepAlive = parts.keepAlive ?? KEEP_ALIVE;
    return createTunnel({
      definition,
      lines,
      transport: openssh({ ssh, host, user, knownHosts, identityFile, keepAlive, leashed: parts.leashed, run }),
      connector: connectorOf({
        definition,
        platform,
        env,
        proxies: parts.proxies,
        run,
        cloudflared: () => settings.current().tunnels.cloudflared,
        ownPrograms: files.programs,
        token: () => parts.tokens.get(definition),
      }),
      openRelay: (on) =>
        offer &&
        startRelay({
          tunnel: name,
          offer,
          farPorts: definition.farPorts,
          socket: files.socket(name),
          limits: settings.current().limits,
          now: () => clock.now(),
          check: (key) => keys.check(name, key),
          prove: (text) => keys.prove(name, text),
          ...on,
        }),
      pinned: () => readPin(knownHosts, host),
      keyFault: () => keyFault(identityFile, platform),
      canInstall: parts.canInstall,
      online: () => parts.online(host),
      clock,
      random: parts.random,
      timings: parts.timings,
      log,
      onChange: parts.onChange,
    });
  };
}
