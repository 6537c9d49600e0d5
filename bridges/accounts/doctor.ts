import type { BridgeDetail, DoctorCheck } from '../contract/index.ts';

/** What a bridge's own doctor looks at, besides its detail. */
export type BridgeFacts = { bridge: BridgeDetail; secretsLast: boolean; models: number };

/** Tells apart why a bridge does not serve, before the first prompt is sent. Pure; its findings hold nothing secret, to be reported as they are. */
export function examineBridge({ bridge, secretsLast, models }: BridgeFacts): DoctorCheck[] {
  const { name, state } = bridge;
  const signIn = `drawbridge signin ${name}`;
  const route = bridge.routes.find((one) => one.name === bridge.route);
  const checks: DoctorCheck[] = [
    check(
      'keychain',
      'Keychain',
      secretsLast ? 'ok' : 'warning',
      secretsLast ? 'Sign-ins are kept in it.' : 'There is none; sign-ins last for this session.',
      'Start a keychain (on Linux: gnome-keyring or another Secret Service), then Drawbridge.',
    ),
    check(
      'account',
      'Account',
      state === 'ready' ? 'ok' : state === 'signing_in' ? 'warning' : 'failed',
      `${state}${bridge.reason === null ? '' : `: ${bridge.reason}`}`,
      bridge.mend === null ? signIn : `${bridge.mend.label}. ${signIn}`,
    ),
    check('enabled', 'Switch', bridge.enabled ? 'ok' : 'failed', bridge.enabled ? 'On.' : 'Off.', `drawbridge bridges on ${name}`),
    check(
      'listener',
      'Listener',
      bridge.address === null ? 'failed' : bridge.listenerProblem === null ? 'ok' : 'warning',
      bridge.listenerProblem ?? `Listening on ${bridge.address ?? 'nothing'}.`,
      `Choose another port: bridges.${name}.port in the settings.`,
    ),
    check(
      'ceiling',
      'Calls today',
      bridge.today.calls < bridge.today.ceiling ? 'ok' : 'failed',
      `${bridge.today.calls} of at most ${bridge.today.ceiling}.`,
      `Raise bridges.${name}.dailyCalls in the settings.`,
    ),
  ];
  if (route === undefined) return checks;
  const serves = route.scope.includes('clients');
  checks.push(
    check('route', 'Route', 'ok', `${route.name} (${route.standing}).`, ''),
    check(
      'scope',
      'Scope of use',
      serves ? 'ok' : 'warning',
      route.scope.join(', ') || 'nothing',
      `Programs on this machine are refused. ${route.terms} To widen it: drawbridge scope ${name} app,clients --agree`,
    ),
    check(
      'models',
      'Models',
      models > 0 ? 'ok' : 'warning',
      `${models} are listed.`,
      'The provider listed none: the network may be gone, or the account has no plan.',
    ),
    check(
      'last-error',
      'Last error',
      bridge.lastError === null ? 'ok' : 'warning',
      bridge.lastError ?? 'None in this run.',
      'This is what the provider said last.',
    ),
  );
  return checks.map((one) => ({ ...one, id: `${name}-${one.id}` }));
}

function check(id: string, title: string, state: DoctorCheck['state'], found: string, mend: string): DoctorCheck {
  return { id, title, state, found, mend: state === 'ok' ? null : mend };
}
