import { statSync } from 'node:fs';
import type { DoctorCheck, NetworkStatus, WebhookStatus } from '../contract/index.ts';
import type { Engine } from '../engine/engine.ts';
import type { Paths } from '../engine/paths.ts';
import { shellWord } from '../engine/shell.ts';

/** Looks at what most often goes wrong, and says what to do about each. Changes nothing. */
export async function examine(engine: Engine, paths: Paths, platform: NodeJS.Platform): Promise<DoctorCheck[]> {
  const status = await engine.status();
  const companion = status.listeners.find((listener) => listener.name === 'companion');
  const mode = platform === 'win32' ? undefined : statSync(paths.home).mode & 0o777;
  return [
    check('node', 'Node.js', majorOf(status.node) >= 24, `Version ${status.node}.`, 'Run with Node 24 or newer.'),
    check(
      'home',
      'State folder',
      mode === undefined || (mode & 0o077) === 0,
      `${paths.home}${mode === undefined ? '' : `, mode ${mode.toString(8)}`}.`,
      `Other users can see file names here, though not inside the files. Run: chmod 700 ${shellWord(paths.home, platform)}`,
      'warning',
    ),
    check(
      'settings',
      'Settings file',
      engine.settings.problem() === null,
      engine.settings.problem() ?? 'In force.',
      'Mend the key named above; the file is read again when it changes.',
    ),
    check(
      'companion',
      'Companion',
      companion?.state === 'listening',
      companion?.reason ?? `Listening on ${companion?.address ?? 'nothing'}.`,
      companion?.mend?.label ?? 'Start it again.',
    ),
    check(
      'store',
      'Call history',
      status.capture.state !== 'failed',
      status.capture.reason ?? `${status.capture.calls} calls, ${Math.round(status.capture.storeBytes / 1024)} KiB.`,
      'Free disk space, or move the database away while Drawbridge is stopped.',
    ),
    check(
      'dropped',
      'Captures',
      status.capture.dropped === 0,
      status.capture.dropped === 0 ? 'None were dropped in this run.' : `${status.capture.dropped} were dropped in this run.`,
      'The disk may be slow; calls themselves were served.',
      'warning',
    ),
    check(
      'keys',
      'Client keys',
      engine.keys.list().length > 0,
      `${engine.keys.list().length} made.`,
      'Make one with: drawbridge keys create NAME',
      'warning',
    ),
    ...checkProxy(engine.network.status()),
    ...checkWebhook(engine.webhook.status()),
    ...engine.providers
      .list()
      .providers.filter(({ problem }) => problem !== null)
      .map(({ name, label, problem }) =>
        check(`provider-${name}`, label, false, problem ?? '', `Give it its key: drawbridge providers add ${name}`, 'warning'),
      ),
    // Who never signed in, or uses no tunnel, has nothing wrong.
    ...status.bridges
      .filter(({ state }) => state === 'auth_required' || state === 'denied')
      .map(({ name, label, reason }) =>
        check(`${name}-account`, label, false, reason ?? 'It needs you.', `Sign in: drawbridge signin ${name}`, 'warning'),
      ),
    ...status.tunnels
      .filter(({ state }) => state === 'blocked')
      .map(({ name, reason, mend }) =>
        check(`tunnel-${name}`, `Tunnel ${name}`, false, reason ?? 'It needs you.', mend?.label ?? 'See: drawbridge tunnels', 'warning'),
      ),
  ];
}

/** Only where one is set. */
function checkWebhook({ isSet, host, problem }: WebhookStatus): DoctorCheck[] {
  if (!isSet) return [];
  const found = problem ?? `Notices go to ${host ?? 'a channel'}.`;
  return [check('webhook', 'Webhook', problem === null, found, 'Set its address anew: drawbridge webhook set', 'warning')];
}

/** One that is not named is nothing to tell. */
function checkProxy({ inForce, unusable, problem, refusal }: NetworkStatus): DoctorCheck[] {
  const told = (fine: boolean, found: string, mend: string): DoctorCheck[] => [check('proxy', 'Proxy', fine, found, mend, 'warning')];
  if (unusable !== null) {
    const found = `What ${unusable} names is no proxy that Drawbridge can use, so calls go straight out.`;
    return told(false, found, 'Name one that begins with http:// or https://, there or with: drawbridge proxy set URL');
  }
  if (inForce === null) return [];
  const found = `Calls leave through ${inForce.name}, as ${inForce.from} says.`;
  if (refusal !== null)
    return told(false, refusal, 'Mend its login in the settings, below Network, or with: drawbridge proxy set URL --user NAME');
  if (problem === null) return told(true, found, '');
  return told(false, `${found} ${problem} So its password is not known.`, 'Unlock the keychain, and allow Drawbridge there.');
}

function check(
  id: string,
  title: string,
  fine: boolean,
  found: string,
  mend: string,
  otherwise: 'failed' | 'warning' = 'failed',
): DoctorCheck {
  return { id, title, state: fine ? 'ok' : otherwise, found, mend: fine ? null : mend };
}

function majorOf(version: string): number {
  return Number(version.split('.')[0]);
}
