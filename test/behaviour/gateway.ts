import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import type { EngineClient } from '../../bridges/contract/index.ts';
import { CHECK_PATH, CHECK_SCRIPT } from '../../bridges/tunnels/kit.ts';
import { freePort, startSshd, writeScript } from '../fakes/sshd.ts';

/** A gateway on this machine (a real sshd, set up by the server kit) and a tunnel to it that is trusted and stopped. */
export async function startGateway(engine: EngineClient, name: string): Promise<{ stop(): Promise<void> }> {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'drawbridge-gateway-'));
  const port = await freePort();
  await engine.tunnels.add({
    definition: {
      name,
      host: 'localhost',
      port,
      user: os.userInfo().username,
      farPorts: [await freePort(), await freePort()],
      connector: { kind: 'none' },
    },
  });
  const kit = await engine.tunnels.serverKit({ name });
  const check = path.join(folder, 'drawbridge-check');
  writeScript(check, CHECK_SCRIPT);
  const sshd = await startSshd(path.join(folder, 'sshd'), {
    port,
    authorizedKeys: kit.authorizedKeys,
    config: kit.sshdConfig.replace(/^PerSourcePenaltyExemptList.*$/m, '').replace(CHECK_PATH, check),
  });
  const { fingerprint } = await engine.tunnels.hostKey({ name });
  await engine.tunnels.trust({ name, fingerprint });
  return {
    async stop() {
      await sshd.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
