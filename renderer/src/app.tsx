import { CSPProvider } from '@base-ui/react/csp-provider';
import { QueryClientProvider } from '@tanstack/react-query';
import { RouterProvider } from '@tanstack/react-router';
import { session } from './host.ts';
import { queryClient } from './lib/engine.ts';
import { useStore } from './lib/store.ts';
import { router } from './router.tsx';
import { SessionEnded } from './shell/session-ended.tsx';

/** The window. */
export function App() {
  if (useStore(session) === 'ended') return <SessionEnded />;
  return (
    <CSPProvider disableStyleElements>
      <QueryClientProvider client={queryClient}>
        <RouterProvider router={router} />
      </QueryClientProvider>
    </CSPProvider>
  );
}
