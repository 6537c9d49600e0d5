import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import type { Call, EngineClient } from '../../bridges/contract/index.ts';
import { resolvePaths } from '../../bridges/engine/paths.ts';
import { memorySecrets } from '../../bridges/engine/secrets.ts';
import { connectControl } from '../../bridges/hosts/control.ts';
import { startHeadless, type Headless, type HeadlessOptions } from '../../bridges/hosts/headless.ts';

export type TestEngine = {
  headless: Headless;
  /** `http://127.0.0.1:PORT` of the companion. */
  origin: string;
  port: number;
  /** A client key that works. */
  key: string;
  control: EngineClient;
  home: string;
  /** Waits until a finished row fits, and returns it. */
  call(fits: (call: Call) => boolean): Promise<Call>;
  stop(): Promise<void>;
};

/** A whole headless engine on ephemeral ports, with a state folder of its own. `stop` leaves nothing behind. */
export async function startTestEngine(
  options: { settings?: object; home?: string; headless?: Partial<HeadlessOptions> } = {},
): Promise<TestEngine> {
  const home = options.home ?? mkdtempSync(path.join(os.tmpdir(), 'drawbridge-test-'));
  if (options.settings !== undefined) writeFileSync(path.join(home, 'settings.json'), JSON.stringify(options.settings));
  const machine = { platform: process.platform, env: { DRAWBRIDGE_HOME: home }, homedir: home, tmpdir: os.tmpdir() };
  const paths = resolvePaths(machine);
  const headless = await startHeadless({
    paths,
    version: '0.0.0-test',
    windowFolder: path.resolve(import.meta.dirname, '../../dist/renderer'),
    companionPort: 0,
    keychain: memorySecrets(),
    bridgePorts: 0,
    codexHome: path.join(home, 'codex'),
    // Nobody's own settings.
    clientHomes: { claude: path.join(home, 'claude'), copilot: path.join(home, 'copilot') },
    machine,
    proxyEnv: {},
    ...options.headless,
  });
  const control = await connectControl(paths.control);
  const address = headless.engine.companionAddress() ?? '';
  const taken = headless.engine.keys.list().map((key) => key.name);
  let number = taken.length;
  while (taken.includes(`test ${number}`)) number += 1;
  return {
    headless,
    origin: `http://${address}`,
    port: Number(address.split(':')[1]),
    key: headless.engine.keys.create(`test ${number}`).key,
    control,
    home,
    call: (fits) => waitForCall(headless, fits),
    async stop() {
      await headless.stop();
      if (options.home === undefined) rmSync(home, { recursive: true, force: true });
    },
  };
}

async function waitForCall(headless: Headless, fits: (call: Call) => boolean): Promise<Call> {
  const { capture } = headless.engine;
  const wanted = (call: Call): boolean => call.state !== 'open' && fits(call);
  const arrived = Promise.withResolvers<Call>();
  const off = capture.onCalls((calls) => {
    const found = calls.find(wanted);
    if (found !== undefined) arrived.resolve(found);
  });
  const stored = (await capture.list(1000, undefined, {})).find(wanted);
  if (stored !== undefined) arrived.resolve(stored);
  const call = await arrived.promise;
  off();
  return call;
}
