import { Bot, BriefcaseBusiness, SquareTerminal, type LucideIcon } from 'lucide-react';
import type { AccountState, BridgeDetail, BridgeRoute, Use } from '../../../../bridges/contract/index.ts';
import type { Tone } from '../../components/badge.tsx';
import type { DotTone } from '../../components/status-dot.tsx';

/** How a state of an account is called, and the sentence where the engine gives no reason. */
export const STATES: Readonly<Record<AccountState, { tone: DotTone; label: string; sentence: string }>> = {
  signed_out: { tone: 'idle', label: 'Signed out', sentence: 'Nobody is signed in. Choose how to sign in below.' },
  signing_in: { tone: 'warn', label: 'Signing in', sentence: 'The sign-in is waiting for you.' },
  ready: { tone: 'ok', label: 'Ready', sentence: 'Signed in. Calls for its models are served.' },
  auth_required: { tone: 'bad', label: 'Sign in again', sentence: 'The sign-in has ended.' },
  denied: { tone: 'bad', label: 'Denied', sentence: 'The provider said no.' },
};

/** The three uses, as the owner thinks of them. */
export const USES: Readonly<Record<Use, { title: string; hint: string }>> = {
  app: { title: 'This app', hint: 'Drawbridge’s own calls, such as a replay.' },
  clients: { title: 'Programs on this machine', hint: 'Every client that calls with one of your client keys.' },
  gateway: { title: 'Your gateway', hint: 'Calls that arrive through a tunnel.' },
};

/** The pictures of the bridges; one that is not known yet takes `Cable`. */
export const ICONS: Readonly<Record<string, LucideIcon>> = { codex: SquareTerminal, copilot: Bot, m365: BriefcaseBusiness };

/** The colour of a route's label. */
export function standingTone(standing: BridgeRoute['standing']): Tone {
  return standing === 'official' ? 'ok' : standing === 'preview' ? 'accent' : 'warn';
}

/** The route of the active account, where there is one. */
export function routeInUse(bridge: BridgeDetail): BridgeRoute | undefined {
  return bridge.routes.find((route) => route.name === bridge.route);
}
