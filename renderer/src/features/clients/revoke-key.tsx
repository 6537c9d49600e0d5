import { useMutation } from '@tanstack/react-query';
import { Button } from '../../components/button.tsx';
import { toast, toastError } from '../../components/toasts.tsx';
import { queryClient } from '../../lib/engine.ts';
import type { Ring } from './rings.ts';

/** Takes a key back at once. It can be had back for a while, so nothing is asked. */
export function RevokeKey({ ring, id, name }: { ring: Ring; id: string; name: string }) {
  const revoke = useMutation({
    mutationFn: () => ring.revoke(id),
    onSuccess: () =>
      toast({
        title: `Revoked the key “${name}”`,
        detail: ring.revoked,
        undo: () => ring.restore(id),
      }),
    onError: (error) => toastError(`The key “${name}” could not be revoked`, error),
    onSettled: () => queryClient.invalidateQueries({ queryKey: ring.queryKey }),
  });
  return (
    <Button look="ghost" aria-label={`Revoke ${name}`} className="h-6.5" busy={revoke.isPending} onClick={() => revoke.mutate()}>
      Revoke
    </Button>
  );
}
