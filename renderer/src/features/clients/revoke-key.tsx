import { useMutation } from '@tanstack/react-query';
import { Button } from '../../components/button.tsx';
import { toast, toastError } from '../../components/toasts.tsx';
import { client } from '../../host.ts';
import { engine, queryClient } from '../../lib/engine.ts';

/** Takes a key back at once. It can be had back for a while, so nothing is asked. */
export function RevokeKey({ id, name }: { id: string; name: string }) {
  const again = (): Promise<void> => queryClient.invalidateQueries({ queryKey: engine.keys.key() });
  const revoke = useMutation({
    mutationFn: () => client.keys.revoke({ id }),
    onSuccess: () =>
      toast({
        title: `Revoked the key “${name}”`,
        detail: 'Programs that use it are refused from now on. Their recorded calls stay.',
        undo: () => client.keys.restore({ id }),
      }),
    onError: (error) => toastError(`The key “${name}” could not be revoked`, error),
    onSettled: again,
  });
  return (
    <Button look="ghost" aria-label={`Revoke ${name}`} className="h-6.5" busy={revoke.isPending} onClick={() => revoke.mutate()}>
      Revoke
    </Button>
  );
}
