import { DrawbridgeError } from '../../contract/errors.ts';
import type { EngineClient, NetworkStatus } from '../../contract/index.ts';
import type { Output } from './output.ts';

export const PROXY_OPTIONS = { except: { type: 'string' } } as const;

export const PROXY_USAGE = `  drawbridge proxy [set URL [--user NAME] [--except LIST]|clear] [--json]
                                      the proxy on the way out, and the hosts that are reached without it; with a
                                      user name the password is asked for, or read from stdin`;

export type ProxyFlags = { user?: string | undefined; except?: string | undefined };

/** `drawbridge proxy`. The password comes from the terminal or stdin, never from the arguments. */
export async function proxy(
  client: EngineClient,
  [action, url]: readonly string[],
  { json, output, flags }: { json: boolean; output: Output; flags: ProxyFlags },
): Promise<number> {
  const status = await (async () => {
    switch (action) {
      case undefined:
        return client.network.status({});
      case 'clear':
        return client.network.set({ proxy: null, noProxy: null });
      case 'set': {
        if (url === undefined) break;
        const { user, except } = flags;
        const noProxy = except?.split(/[\s,]+/).filter((entry) => entry !== '');
        const login =
          user === undefined ? undefined : { user, password: (await output.secret(`Password of ${user}: `)).replace(/\r?\n$/, '') };
        return client.network.set({
          proxy: url,
          // An empty list gives the question back to NO_PROXY.
          ...(noProxy && { noProxy: noProxy.length === 0 ? null : noProxy }),
          ...(login && { login }),
        });
      }
    }
    throw new DrawbridgeError('bad_input', 'Use: drawbridge proxy, drawbridge proxy set URL, or drawbridge proxy clear.');
  })();
  output.out(json ? JSON.stringify(status) : inWords(status));
  return 0;
}

function inWords({ inForce, unusable, user, noProxy, problem, refusal, lasting }: NetworkStatus): string {
  if (unusable !== null) return `What ${unusable} names is no proxy that Drawbridge can use, so connections go straight out.`;
  if (inForce === null) return 'Connections go straight out.';
  const without = noProxy === null || noProxy.length === 0 ? '' : ` Reached without it: ${noProxy.join(', ')}.`;
  const kept = lasting ? 'is in the keychain' : 'is kept for this session only, as there is no keychain here';
  const unknown = problem === null ? '' : ` ${problem} So its password is not known.`;
  const login = user === null ? unknown : ` The password of ${user} ${kept}.`;
  return `Connections leave through ${inForce.name}, as ${inForce.from} says.${login}${without}${refusal === null ? '' : ` ${refusal}`}`;
}
