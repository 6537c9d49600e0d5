import type { ServerKit, TunnelDefinition } from '../contract/index.ts';
import { PROOF_PATH } from './relay.ts';

/** What the gateway's administrator needs, as text to read and paste. Pure; docs/tunnels.md explains each line. */

export const CHECK_PATH = '/usr/local/libexec/drawbridge-check';

/**
 * Run on the gateway as the account's only permitted command. It can say to which addresses a port is bound and
 * ask it for proof, how long that took, and nothing else.
 */
export const CHECK_SCRIPT = `#!/bin/sh
# Drawbridge: says where a far port is bound, and whether it leads to the engine that asks.
# Called by sshd (ForceCommand) with SSH_ORIGINAL_COMMAND="drawbridge-check NONCE PORT".
set -f
set -- $SSH_ORIGINAL_COMMAND
[ "$#" -eq 3 ] && [ "$1" = drawbridge-check ] || exit 64
case "$2" in *[!A-Za-z0-9_-]*|'') exit 64 ;; esac
case "$3" in *[!0-9]*|''|??????*) exit 64 ;; esac
PATH=/usr/sbin:/usr/bin:/sbin:/bin
printf 'listens'
ss -ltnH "sport = :$3" | while read -r _ _ _ address _; do printf ' %s' "$address"; done
printf '\\n'
printf 'status %s\\n' "$(curl -q -s -o /dev/null -m 5 --noproxy '*' -w '%{http_code} %{time_starttransfer}' "http://127.0.0.1:$3${PROOF_PATH}?nonce=$2")"
`;

/** A tunnel's definition, and its ssh key as ssh-keygen wrote it. */
type Keyed = { definition: TunnelDefinition; publicKey: string };

/**
 * Lines for the gateway's account of a tunnel. `others`: the tunnels that share the account; what is pasted for one must
 * not take their ports and keys away.
 */
export function serverKit(tunnel: Keyed, others: readonly Keyed[] = []): ServerKit {
  const { user } = tunnel.definition;
  const all = [tunnel, ...others];
  const check = all.some(({ definition }) => definition.check);
  const sshdConfig = `# An sshd that serves tunnels only. Keep-alives free the far port of a dead session; through an edge every
# client seems to come from loopback, so one with a wrong key must not lock out the others (OpenSSH 9.8 or newer;
# leave the line out before that).
ClientAliveInterval 5
ClientAliveCountMax 2
PerSourcePenaltyExemptList 127.0.0.1/32

Match User ${user}
  AllowTcpForwarding remote
  PermitListen ${all.flatMap(listensOf).join(' ')}
  PermitOpen none
  GatewayPorts no
  AllowStreamLocalForwarding no
  AllowAgentForwarding no
  X11Forwarding no
  PermitTTY no
  PermitTunnel no
  MaxSessions ${check ? 1 : 0}
  ForceCommand ${check ? CHECK_PATH : '/usr/sbin/nologin'}
`;
  // sshd heeds the first line of a key alone.
  const byKey = Map.groupBy(all, ({ publicKey }) => publicKey.trim());
  const lines = [...byKey].map(([key, those]) => {
    const permits = those.flatMap(listensOf).map((listen) => `permitlisten="${listen}"`);
    return `restrict,port-forwarding,${permits.join(',')} ${key}\n`;
  });
  return {
    sshdFile: `/etc/ssh/sshd_config.d/drawbridge-${user}.conf`,
    sshdConfig,
    authorizedKeys: lines.join(''),
    check: check ? { path: CHECK_PATH, script: CHECK_SCRIPT } : null,
    steps: [
      `id ${user} || useradd --system --create-home --shell ${check ? '/bin/sh' : '/usr/sbin/nologin'} ${user}`,
      `usermod -p '*' ${user}`,
      ...(check ? [`install -D -m 755 drawbridge-check ${CHECK_PATH}`] : []),
      `install -d -m 700 -o ${user} -g ${user} ~${user}/.ssh`,
      `install -m 600 -o ${user} -g ${user} authorized_keys ~${user}/.ssh/authorized_keys`,
      'sshd -t && systemctl reload ssh',
    ],
  };
}

function listensOf({ definition }: Keyed): string[] {
  return definition.farPorts.map((port) => `127.0.0.1:${port}`);
}
