import { createRootRoute, createRoute, createRouter, Link } from '@tanstack/react-router';
import { CallDetailPane } from './features/calls/detail/detail-pane.tsx';
import { CallsPage } from './features/calls/index.ts';
import { searchOfCalls } from './features/calls/search.ts';
import { ClientsPage } from './features/clients/index.ts';
import { OverviewPage } from './features/overview/index.ts';
import { EmptyState } from './components/empty-state.tsx';
import { Problem } from './components/problem.tsx';
import { Shell } from './shell/shell.tsx';

const root = createRootRoute({
  component: Shell,
  notFoundComponent: () => (
    <EmptyState title="There is no such page">
      <p>
        <Link to="/" className="text-accent underline">
          Go to the overview
        </Link>
      </p>
    </EmptyState>
  ),
  errorComponent: ({ error, reset }) => (
    <div className="p-6">
      <Problem title="This page could not be shown" error={error} onRetry={reset} />
    </div>
  ),
});

const overview = createRoute({ getParentRoute: () => root, path: '/', component: OverviewPage });
const calls = createRoute({ getParentRoute: () => root, path: '/calls', component: CallsPage, validateSearch: searchOfCalls });
const call = createRoute({ getParentRoute: () => calls, path: '$id', component: CallDetailPane });
const clients = createRoute({ getParentRoute: () => root, path: '/clients', component: ClientsPage });

/** The pages. Filters live in the search of `/calls`, as plain words that can be read and typed. */
export const router = createRouter({
  routeTree: root.addChildren([overview, calls.addChildren([call]), clients]),
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
