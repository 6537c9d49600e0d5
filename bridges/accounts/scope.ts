import type { BridgeRoute, Use } from '../contract/index.ts';

/** What every route's owner is told before its first sign-in. */
export type RouteFacts = Omit<BridgeRoute, 'name' | 'agreedAt' | 'scope'>;

const NAMES: Record<Use, string> = {
  app: 'this app',
  clients: 'the programs on this machine',
  gateway: 'your gateway',
};

/** Why a call for this use may not be made, or undefined where it may. Pure. */
export function outOfScope(bridge: string, route: RouteFacts, scope: readonly Use[], use: Use): string | undefined {
  if (scope.includes(use)) return undefined;
  const allowed = scope.length === 0 ? 'nothing' : scope.map((one) => NAMES[one]).join(' and ');
  return `The sign-in "${route.label}" is set to be used by ${allowed}, and this call comes from ${NAMES[use]}. ${route.terms} Its owner can widen the scope: drawbridge scope ${bridge} ${[...scope, use].join(',')}`;
}
