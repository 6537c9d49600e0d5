import { useMutation, type UseMutationResult } from '@tanstack/react-query';
import { engine, queryClient } from '../../lib/engine.ts';

/** Runs a command of the contract about tunnels, and asks anew how they stand. */
export function useTunnelCommand<I, O>(work: (input: I) => Promise<O>): UseMutationResult<O, Error, I> {
  return useMutation({
    mutationFn: work,
    // A token or a key may stand in it; it must not outlive what shows it.
    gcTime: 0,
    onSettled: () => {
      void queryClient.invalidateQueries({ queryKey: engine.tunnels.list.key() });
      void queryClient.invalidateQueries({ queryKey: engine.status.key() });
    },
  });
}
