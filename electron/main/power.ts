import { powerMonitor } from 'electron';

/** Calls back when the machine woke up, and when its owner is back (which also unlocks their keychain). */
export function onPower(listeners: { woke(): void; unlocked(): void }): void {
  powerMonitor.on('resume', () => listeners.woke());
  powerMonitor.on('unlock-screen', () => listeners.unlocked());
}
