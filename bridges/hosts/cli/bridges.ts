import { BridgeName, RouteName } from '../../contract/accounts.ts';
import { Use } from '../../contract/schemas.ts';
import { DrawbridgeError } from '../../contract/errors.ts';
import type { BridgeDetail, EngineClient, BridgeName as Name, BridgeRoute, RouteName as Route } from '../../contract/index.ts';
import { table, type Output } from './output.ts';

export type BridgeCommand = {
  json: boolean;
  output: Output;
  route: string | undefined;
  agree: boolean;
  /** A code to type in on another machine, instead of a browser on this one. */
  code: boolean;
  /** Opens the system's browser; does nothing where there is none. */
  openBrowser: (url: string) => Promise<void>;
  signal: AbortSignal;
};

/** `drawbridge bridges`, `bridges on|off|retry NAME`. */
export async function bridges(client: EngineClient, [action = 'list', name]: readonly string[], options: BridgeCommand): Promise<number> {
  if (action === 'list') {
    const all = await client.bridges.list({});
    if (options.json) options.output.out(JSON.stringify(all));
    else for (const bridge of all) showBridge(bridge, options.output);
    return 0;
  }
  const bridge = bridgeOf(name);
  if (action === 'retry') return tell(await client.bridges.retry({ bridge }), options);
  if (action !== 'on' && action !== 'off')
    throw new DrawbridgeError('bad_input', `There is no "drawbridge bridges ${action}". Use list, on, off or retry.`);
  return tell(await client.bridges.enable({ bridge, enabled: action === 'on' }), options);
}

/** `drawbridge signin NAME [--route R]`: tells the terms and asks once, then waits until the sign-in has ended. */
export async function signIn(client: EngineClient, [name]: readonly string[], options: BridgeCommand): Promise<number> {
  const { output, json } = options;
  const bridge = bridgeOf(name);
  const before = await detailOf(client, bridge);
  const route = routeOf(before, options.route);
  const agree = route.agreedAt !== null || options.agree || (await agrees(route, options));
  const key = route.needs === 'key' ? (await output.secret('OpenAI key: ')).trim() : undefined;
  const begun = await client.bridges.signIn({
    bridge,
    route: route.name,
    agree,
    byCode: options.code,
    ...(key === undefined ? {} : { key }),
  });
  if (begun.url !== null) {
    if (json) output.out(JSON.stringify({ event: 'sign_in', url: begun.url, code: begun.code }));
    else output.out(`Sign in here:\n\n  ${begun.url}\n${begun.code === null ? '' : `\nand type in: ${begun.code}\n`}`);
    if (!options.code) await options.openBrowser(begun.url);
  }
  const ended = await settled(client, bridge, begun.bridge, options.signal);
  tell(ended, options);
  return ended.state === 'ready' ? 0 : 1;
}

/** `drawbridge signout NAME`. */
export async function signOut(client: EngineClient, [name]: readonly string[], options: BridgeCommand): Promise<number> {
  return tell(await client.bridges.signOut({ bridge: bridgeOf(name) }), options);
}

/** `drawbridge account NAME ID`: makes another held account the active one. */
export async function useAccount(client: EngineClient, [name, account]: readonly string[], options: BridgeCommand): Promise<number> {
  if (account === undefined)
    throw new DrawbridgeError('bad_input', 'Name the account: drawbridge account NAME ID. "drawbridge bridges" lists them.');
  return tell(await client.bridges.useAccount({ bridge: bridgeOf(name), account }), options);
}

/** `drawbridge scope NAME USE[,USE] [--route R]`: what a route may be used for; `none` is nothing. */
export async function scope(client: EngineClient, [name, uses]: readonly string[], options: BridgeCommand): Promise<number> {
  const bridge = bridgeOf(name);
  const detail = await detailOf(client, bridge);
  const route = routeOf(detail, options.route ?? detail.route ?? undefined);
  if (uses === undefined) {
    options.output.out(options.json ? JSON.stringify({ route: route.name, scope: route.scope }) : scopeText(route));
    return 0;
  }
  const wanted = uses === 'none' ? [] : uses.split(',').map((use) => Use.safeParse(use.trim()).data);
  const chosen = wanted.filter((use) => use !== undefined);
  if (chosen.length !== wanted.length)
    throw new DrawbridgeError('bad_input', `A scope is made of ${Use.options.join(', ')}, or is "none".`);
  const widens = chosen.some((use) => !route.defaultScope.includes(use));
  if (widens && !options.agree && !(await asks(`${route.terms}\nUse it for ${chosen.join(', ')} all the same?`, options)))
    throw new DrawbridgeError('terms_not_agreed', `${route.terms} Add --agree to choose this all the same.`);
  const after = await client.bridges.setScope({ bridge, route: route.name, scope: chosen });
  const set = routeOf(after, route.name);
  options.output.out(options.json ? JSON.stringify({ route: set.name, scope: set.scope }) : scopeText(set));
  return 0;
}

/** The bridge a command names. Throws bad_input. */
export function bridgeOf(name: string | undefined): Name {
  const known = BridgeName.safeParse(name);
  if (known.success) return known.data;
  throw new DrawbridgeError('bad_input', `Name the bridge: ${BridgeName.options.join(', ')}.`);
}

async function detailOf(client: EngineClient, bridge: Name): Promise<BridgeDetail> {
  const found = (await client.bridges.list({})).find((one) => one.name === bridge);
  if (found === undefined) throw new DrawbridgeError('not_found', `The bridge "${bridge}" is not served here.`);
  return found;
}

function routeOf(bridge: BridgeDetail, named: string | undefined): BridgeRoute {
  const name: Route | undefined = RouteName.safeParse(named).data;
  const route = bridge.routes.find((one) => one.name === name);
  if (route !== undefined) return route;
  const known = bridge.routes.map((one) => `\n  --route ${one.name.padEnd(10)} ${one.label} (${one.standing})`).join('');
  throw new DrawbridgeError('bad_input', `Name the route:${known}`);
}

async function agrees(route: BridgeRoute, options: BridgeCommand): Promise<boolean> {
  return asks(`${route.label} (${route.standing}).\n${route.terms}\nThe terms: ${route.termsUrl}\nGo on?`, options);
}

async function asks(question: string, { output, json }: BridgeCommand): Promise<boolean> {
  return output.interactive && !json && output.confirm(question);
}

/** Follows the engine's events until the sign-in has come to an end. */
async function settled(client: EngineClient, bridge: Name, first: BridgeDetail, signal: AbortSignal): Promise<BridgeDetail> {
  if (first.state !== 'signing_in') return first;
  for await (const event of await client.events({}, { signal })) {
    if (event.type !== 'status') continue;
    const now = await detailOf(client, bridge);
    if (now.state !== 'signing_in') return now;
  }
  return detailOf(client, bridge);
}

function tell(bridge: BridgeDetail, { json, output }: BridgeCommand): number {
  if (json) output.out(JSON.stringify(bridge));
  else showBridge(bridge, output);
  return 0;
}

function showBridge(bridge: BridgeDetail, output: Output): void {
  const state = `${bridge.state}${bridge.enabled ? '' : ', switched off'}`;
  output.out(`${bridge.label}: ${state}${bridge.reason === null ? '' : `. ${bridge.reason}`}`);
  if (bridge.mend !== null)
    output.out(`  ${bridge.mend.label}${bridge.mend.action?.kind === 'link' ? `: ${bridge.mend.action.href}` : ''}`);
  output.out(`  at ${bridge.address ?? 'no address'}${bridge.listenerProblem === null ? '' : `. ${bridge.listenerProblem}`}`);
  output.out(`  today ${bridge.today.calls} of at most ${bridge.today.ceiling} calls`);
  for (const account of bridge.accounts)
    output.out(`  ${account.active ? '*' : ' '} ${account.id}  ${account.label}${account.plan === null ? '' : ` (${account.plan})`}`);
  for (const window of bridge.quota?.windows ?? [])
    output.out(
      `  ${window.name} window: ${window.usedPercent ?? '?'} % used${window.resetsAt === null ? '' : `, anew at ${window.resetsAt}`}`,
    );
  if (bridge.lastError !== null) output.out(`  last error: ${bridge.lastError}`);
  output.out(
    table([
      ['  route', 'standing', 'what it is', 'used by'],
      ...bridge.routes.map((route) => [`  ${route.name}`, route.standing, route.label, route.scope.join(', ') || 'nothing']),
    ]),
  );
}

function scopeText(route: BridgeRoute): string {
  return `${route.label} is used by: ${route.scope.join(', ') || 'nothing'}.`;
}
