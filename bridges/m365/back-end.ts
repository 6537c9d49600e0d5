import type { Settings } from '../contract/index.ts';

export type BackEndName = 'graph' | 'work-iq';

/** One of the two services that answer for Microsoft 365 Copilot; they share one JSON family (SPEC 7.1, 7.2). */
export type BackEnd = {
  name: BackEndName;
  /** What a token for it has to hold. */
  scopes: readonly string[];
  /** Where its conversations are, below its base URL. */
  conversations: string;
  baseUrl: (settings: Settings['bridges']['m365']) => string;
};

const GRAPH_PERMISSIONS = [
  'Sites.Read.All',
  'Mail.Read',
  'People.Read.All',
  'OnlineMeetingTranscript.Read.All',
  'Chat.Read',
  'ChannelMessage.Read.All',
  'ExternalItem.Read.All',
];

export const BACK_ENDS: Readonly<Record<BackEndName, BackEnd>> = {
  graph: {
    name: 'graph',
    scopes: GRAPH_PERMISSIONS.map((permission) => `https://graph.microsoft.com/${permission}`),
    conversations: '/beta/copilot/conversations',
    baseUrl: ({ graph }) => graph,
  },
  'work-iq': {
    name: 'work-iq',
    scopes: ['api://workiq.svc.cloud.microsoft/WorkIQAgent.Ask'],
    conversations: '/rest/conversations',
    baseUrl: ({ workIq }) => workIq,
  },
};

/** The back end behind a route's name; undefined where the route is none of this bridge. */
export function backEndOf(route: string): BackEnd | undefined {
  return route === 'graph' || route === 'work-iq' ? BACK_ENDS[route] : undefined;
}

/** Of the permissions a back end wants, those a token lacks. Entra tells some of them by their last part alone. Pure. */
export function missingScopes(backEnd: BackEnd, granted: readonly string[]): string[] {
  const has = new Set(granted.map(lastPart));
  return backEnd.scopes.map(lastPart).filter((scope) => !has.has(scope));
}

function lastPart(scope: string): string {
  return scope.slice(scope.lastIndexOf('/') + 1);
}
