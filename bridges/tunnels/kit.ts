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

/** Lines for the gateway. `publicKey` is the tunnel's ssh key as ssh-keygen wrote it. */
export function serverKit(definition: TunnelDefinition, publicKey: string): ServerKit {
  const { user, farPorts, check } = definition;
  const listens = farPorts.map((port) => `127.0.0.1:${port}`);
  const sshdConfig = `# An sshd that serves tunnels only. Keep-alives free the far port of a dead session; through an edge every
# client seems to come from loopback, so one with a wrong key must not lock out the others (OpenSSH 9.8 or newer;
# leave the line out before that).
ClientAliveInterval 5
ClientAliveCountMax 2
PerSourcePenaltyExemptList 127.0.0.1/32

Match User ${user}
  AllowTcpForwarding remote
  PermitListen ${listens.join(' ')}
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
  const permits = listens.map((listen) => `permitlisten="${listen}"`).join(',');
  return {
    sshdConfig,
    authorizedKeys: `restrict,port-forwarding,${permits} ${publicKey.trim()}\n`,
    check: check ? { path: CHECK_PATH, script: CHECK_SCRIPT } : null,
    steps: [
      `useradd --system --create-home --shell ${check ? '/bin/sh' : '/usr/sbin/nologin'} ${user}`,
      `usermod -p '*' ${user}`,
      ...(check ? [`install -D -m 755 drawbridge-check ${CHECK_PATH}`] : []),
      `install -d -m 700 -o ${user} -g ${user} ~${user}/.ssh`,
      `install -m 600 -o ${user} -g ${user} authorized_keys ~${user}/.ssh/authorized_keys`,
      'sshd -t && systemctl reload ssh',
    ],
  };
}
