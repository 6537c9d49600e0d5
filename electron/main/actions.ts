import type { AccountState, EngineClient } from '../../bridges/contract/index.ts';
import type { TrayAction } from './tray-menu.ts';

/** Does what a click in the menu asks of the engine; the rest is the shell's own. */
export async function askEngine(client: EngineClient, action: TrayAction): Promise<void> {
  switch (action.kind) {
    case 'sign-out':
      await client.bridges.signOut({ bridge: action.bridge });
      break;
    case 'cancel-sign-in':
      await client.bridges.cancelSignIn({ bridge: action.bridge });
      break;
    case 'enable-bridge':
      await client.bridges.enable({ bridge: action.bridge, enabled: action.enabled });
      break;
    case 'tunnel':
      await (action.start ? client.tunnels.start({ name: action.name }) : client.tunnels.stop({ name: action.name }));
      break;
    case 'pause-capture':
      await client.capture.pause({ paused: action.paused });
      break;
    case 'login-item':
      await client.loginItem.set({ enabled: action.enabled });
      break;
    case 'show':
    case 'retry-engine':
    case 'quit':
      break;
  }
}

/** The machine woke: connections are not what they seem, and sign-ins may have run out, or be readable again. */
export async function tellWoken(client: EngineClient): Promise<void> {
  await client.tunnels.disturb({ why: 'wake' });
  await retry(client, ['ready', 'auth_required']);
}

/** Bridges that wait for their owner look again: the keychain may be open now. */
export async function lookAgain(client: EngineClient): Promise<void> {
  await retry(client, ['auth_required']);
}

async function retry(client: EngineClient, states: readonly AccountState[]): Promise<void> {
  const bridges = await client.bridges.list();
  await Promise.all(bridges.filter(({ state }) => states.includes(state)).map(({ name }) => client.bridges.retry({ bridge: name })));
}
