import { createRootRoute, createRoute, createRouter, lazyRouteComponent, Link, type ErrorComponentProps } from '@tanstack/react-router';
import { searchOfCalls } from './features/calls/search.ts';
import { searchOfConversations } from './features/conversations/search.ts';
import { searchOfUsage } from './features/usage/search.ts';
import { EmptyState } from './components/empty-state.tsx';
import { Problem } from './components/problem.tsx';
import { Waiting } from './components/progress.tsx';
import { Frame } from './shell/frame.tsx';

function Broken({ error, reset }: ErrorComponentProps) {
  return (
    <div className="p-6">
      <Problem title="This page could not be shown" error={error} onRetry={reset} />
    </div>
  );
}

/** The router gives a page what is in the address beside what was read of it: what was not read is taken out by its name. */
function only<Read extends object>(read: (search: Record<string, unknown>) => Read): (search: Record<string, unknown>) => Read {
  return (search) => Object.assign(Object.fromEntries(Object.keys(search).map((key) => [key, undefined])), read(search));
}

const root = createRootRoute({
  component: Frame,
  notFoundComponent: () => (
    <EmptyState title="There is no such page">
      <p>
        <Link to="/" className="text-accent underline">
          Go to the overview
        </Link>
      </p>
    </EmptyState>
  ),
  errorComponent: Broken,
});

// Each page is a file of its own, read when it is first gone to; the frame and the overview must not wait for the rest.
const overview = createRoute({
  getParentRoute: () => root,
  path: '/',
  component: lazyRouteComponent(() => import('./features/overview/index.ts'), 'OverviewPage'),
});
const welcome = createRoute({
  getParentRoute: () => root,
  path: '/welcome',
  component: lazyRouteComponent(() => import('./features/welcome/index.ts'), 'WelcomePage'),
});
const bridges = createRoute({
  getParentRoute: () => root,
  path: '/bridges',
  component: lazyRouteComponent(() => import('./features/bridges/index.ts'), 'BridgesPage'),
});
const tunnels = createRoute({
  getParentRoute: () => root,
  path: '/tunnels',
  component: lazyRouteComponent(() => import('./features/tunnels/index.ts'), 'TunnelsPage'),
});
// The pages read which one is meant from the address; beside the list, it is a pane of theirs.
const bridge = createRoute({ getParentRoute: () => bridges, path: '$name' });
const tunnel = createRoute({ getParentRoute: () => tunnels, path: '$name' });
const calls = createRoute({
  getParentRoute: () => root,
  path: '/calls',
  component: lazyRouteComponent(() => import('./features/calls/index.ts'), 'CallsPage'),
  validateSearch: only(searchOfCalls),
});
const call = createRoute({
  getParentRoute: () => calls,
  path: '$id',
  component: lazyRouteComponent(() => import('./features/calls/detail/index.ts'), 'CallDetailPane'),
});
const conversations = createRoute({
  getParentRoute: () => root,
  path: '/conversations',
  component: lazyRouteComponent(() => import('./features/conversations/index.ts'), 'ConversationsPage'),
  validateSearch: only(searchOfConversations),
});
const conversation = createRoute({
  getParentRoute: () => root,
  path: '/conversations/$id',
  component: lazyRouteComponent(() => import('./features/conversations/index.ts'), 'ConversationPage'),
});
const usage = createRoute({
  getParentRoute: () => root,
  path: '/usage',
  component: lazyRouteComponent(() => import('./features/usage/index.ts'), 'UsagePage'),
  validateSearch: only(searchOfUsage),
});
const clients = createRoute({
  getParentRoute: () => root,
  path: '/clients',
  component: lazyRouteComponent(() => import('./features/clients/index.ts'), 'ClientsPage'),
});
const settings = createRoute({
  getParentRoute: () => root,
  path: '/settings',
  component: lazyRouteComponent(() => import('./features/settings/index.ts'), 'SettingsPage'),
});

// The shell shows it at its icon, where it has one.
const popover = createRoute({
  getParentRoute: () => root,
  path: '/popover',
  component: lazyRouteComponent(() => import('./features/popover/index.ts'), 'PopoverPage'),
});

/** The pages. Filters live in the search of `/calls`, as plain words that can be read and typed. */
export const router = createRouter({
  routeTree: root.addChildren([
    overview,
    welcome,
    bridges.addChildren([bridge]),
    tunnels.addChildren([tunnel]),
    calls.addChildren([call]),
    conversations,
    conversation,
    usage,
    clients,
    settings,
    popover,
  ]),
  defaultPreload: 'intent',
  // What a page can't show leaves the frame around it, and the list beside it.
  defaultErrorComponent: Broken,
  defaultPendingComponent: () => <Waiting label="Opening the page" />,
  parseSearch: (search) => Object.fromEntries(new URLSearchParams(search)),
  stringifySearch: (search) => {
    const pairs = Object.entries(search).filter((pair): pair is [string, string] => typeof pair[1] === 'string');
    return pairs.length === 0 ? '' : `?${new URLSearchParams(pairs).toString()}`;
  },
});

declare module '@tanstack/react-router' {
  interface Register {
    router: typeof router;
  }
}
