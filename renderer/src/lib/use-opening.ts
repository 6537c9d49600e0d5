import { useCallback, useState } from 'react';

/** A dialog that is loaded when it is first wanted, and stays in the document from then on, so that it may fade. */
export function useOpening(): { used: boolean; open: boolean; show: () => void; onOpenChange: (open: boolean) => void } {
  const [state, setState] = useState<'unused' | 'open' | 'closed'>('unused');
  return {
    used: state !== 'unused',
    open: state === 'open',
    show: useCallback(() => setState('open'), []),
    onOpenChange: useCallback((open: boolean) => setState(open ? 'open' : 'closed'), []),
  };
}
