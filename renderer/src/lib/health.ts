import type { Status } from '../../../bridges/contract/index.ts';

/** How the whole stands, in one word and one sentence. */
export type Health = { level: 'ok' | 'warn' | 'bad'; title: string; detail: string };

/** Judges a status. The worst thing is told first; the rest stands on the page. */
export function healthOf(status: Status): Health {
  const companion = status.listeners.find((listener) => listener.name === 'companion');
  if (companion?.state !== 'listening') {
    if (companion?.state === 'starting') return { level: 'warn', title: 'Starting', detail: 'The companion opens its port.' };
    return { level: 'bad', title: 'No client can call', detail: companion?.reason ?? 'The companion does not listen.' };
  }
  if (status.capture.state === 'failed') {
    return { level: 'warn', title: 'Calls pass, but are not recorded', detail: status.capture.reason ?? 'The store cannot be used.' };
  }
  const needsSignIn = status.bridges.find((bridge) => bridge.state === 'auth_required' || bridge.state === 'denied');
  if (needsSignIn) {
    return { level: 'warn', title: `${needsSignIn.label} needs you`, detail: needsSignIn.reason ?? 'Sign in again.' };
  }
  if (status.capture.state === 'paused') {
    return { level: 'warn', title: 'Calls pass, capture is paused', detail: 'Nothing new is recorded until you resume.' };
  }
  return { level: 'ok', title: 'Everything is ready', detail: 'Clients can call, and each call is recorded.' };
}
