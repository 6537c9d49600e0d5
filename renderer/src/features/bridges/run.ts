import { useMutation, type UseMutationResult } from '@tanstack/react-query';
import type { BridgeDetail } from '../../../../bridges/contract/index.ts';
import { engine, queryClient } from '../../lib/engine.ts';

/** Runs a command of the contract that answers with a bridge, and shows that answer at once. */
export function useBridgeCommand<I>(work: (input: I) => Promise<BridgeDetail>): UseMutationResult<BridgeDetail, Error, I> {
  return useMutation({
    mutationFn: work,
    // A key may stand in the input; it must not outlive its way to the engine.
    gcTime: 0,
    onSuccess: keepBridge,
    onSettled: () => {
      void queryClient.invalidateQueries({ queryKey: engine.bridges.key() });
      void queryClient.invalidateQueries({ queryKey: engine.status.key() });
    },
  });
}

/** Puts what the engine just said of a bridge in the place of what is shown. */
function keepBridge(bridge: BridgeDetail): void {
  queryClient.setQueryData(engine.bridges.list.queryKey({ input: {} }), (list) =>
    list?.map((one) => (one.name === bridge.name ? bridge : one)),
  );
}
