import { useMutation } from '@tanstack/react-query';
import { useNavigate } from '@tanstack/react-router';
import { Play } from 'lucide-react';
import { Button } from '../../components/button.tsx';
import { Failed } from '../../components/problem.tsx';
import { client } from '../../host.ts';

/** Makes one practice call as a client would, and shows the row it became. */
export function TryIt() {
  const navigate = useNavigate();
  const call = useMutation({
    mutationFn: () => client.practice.call({}),
    onSuccess: ({ id }) => navigate({ to: '/calls/$id', params: { id: String(id) } }),
  });
  return (
    <div className="flex flex-wrap items-center gap-3">
      <Failed error={call.error} />
      <Button
        look="primary"
        busy={call.isPending}
        onClick={() => call.mutate()}
        title="Sends one request through the companion to the built-in practice model. No provider is called."
      >
        <Play aria-hidden size={13} />
        {call.isPending ? 'Calling…' : 'Try it'}
      </Button>
    </div>
  );
}
