import type { BridgeDetail, Notice } from '../contract/index.ts';

/** What about a bridge needs attention. Pure. */
export function bridgeNotices(bridge: BridgeDetail): Notice[] {
  const notices: Notice[] = [];
  const add = (id: string, level: Notice['level'], title: string, cause: string): void =>
    void notices.push({ id: `${bridge.name}-${id}`, level, title, cause, mend: null });
  if (bridge.state === 'auth_required' || bridge.state === 'denied')
    add('account', 'warning', `${bridge.label} needs you`, `${bridge.reason ?? ''} ${bridge.mend?.label ?? ''}.`);
  if (bridge.listenerProblem !== null && bridge.route !== null)
    add(
      'listener',
      'warning',
      `The ${bridge.label} bridge is not listening${bridge.address === null ? '' : ' on its new port'}`,
      bridge.listenerProblem,
    );
  if (bridge.today.calls >= bridge.today.ceiling) {
    add(
      'ceiling',
      'warning',
      `${bridge.label}: the day’s ceiling is reached`,
      `${bridge.today.calls} calls were made today, and no more are let through before 00:00 UTC. Raise bridges.${bridge.name}.dailyCalls in the settings to go on.`,
    );
  }
  if (!bridge.enabled)
    add('off', 'info', `The ${bridge.label} bridge is switched off`, `Switch it on with: drawbridge bridges on ${bridge.name}`);
  return notices;
}
