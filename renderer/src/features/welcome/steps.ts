import type { KnownClient, Status } from '../../../../bridges/contract/index.ts';

export const STEPS = ['call', 'sign-in', 'client', 'tunnel'] as const;
export type Step = (typeof STEPS)[number];

/** Which steps are taken, told by what there is and not by what was clicked: what was done elsewhere counts too. Pure. */
export function takenSteps(status: Status, clients: readonly KnownClient[]): ReadonlySet<Step> {
  const taken = new Set<Step>();
  if (status.capture.calls > 0) taken.add('call');
  if (status.bridges.some((bridge) => bridge.state === 'ready')) taken.add('sign-in');
  if (clients.some((client) => client.lastCall !== null)) taken.add('client');
  if (status.tunnels.length > 0) taken.add('tunnel');
  return taken;
}

/** The step to open: the first that is not taken, else the last. Pure. */
export function nextStep(taken: ReadonlySet<Step>): Step {
  return STEPS.find((step) => !taken.has(step)) ?? 'tunnel';
}
