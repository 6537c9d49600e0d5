import { createTanstackQueryUtils } from '@orpc/tanstack-query';
import { QueryClient } from '@tanstack/react-query';
import { client, session } from '../host.ts';

/** Query and mutation options for everything in the contract. */
export const engine = createTanstackQueryUtils(client);

/** What the engine told us. Events say when it changed, so nothing is asked for on a timer but what changes as time passes. */
export const queryClient = new QueryClient({
  defaultOptions: {
    queries: {
      staleTime: 60_000,
      retry: (failures) => failures < 1 && session.get() === 'open',
      retryDelay: 300,
    },
  },
});
