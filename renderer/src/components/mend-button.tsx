import { useMutation } from '@tanstack/react-query';
import { ExternalLink } from 'lucide-react';
import type { Mend } from '../../../bridges/contract/index.ts';
import { client } from '../host.ts';
import { engine, queryClient } from '../lib/engine.ts';
import { causeOf } from '../lib/errors.ts';
import { Button } from './button.tsx';

/** What a person can do about a state: the sentence, and the button where a command does it. */
export function MendButton({ mend, onMended }: { mend: Mend; onMended?: () => void }) {
  const run = useMutation({
    mutationFn: () => perform(mend),
    ...(onMended && { onSuccess: onMended }),
    onSettled: () => queryClient.invalidateQueries({ queryKey: engine.status.key() }),
  });
  if (mend.action === null) return <p className="text-xs text-muted">{mend.label}</p>;
  if (mend.action.kind === 'link') {
    return (
      <a
        href={mend.action.href}
        target="_blank"
        rel="noreferrer"
        className="inline-flex h-7 items-center gap-1.5 rounded-md border border-line-strong bg-raised px-2.5 text-xs font-medium hover:bg-hover"
      >
        {mend.label}
        <ExternalLink aria-hidden size={13} />
      </a>
    );
  }
  return (
    <span className="inline-flex flex-wrap items-center gap-2">
      <Button busy={run.isPending} onClick={() => run.mutate()}>
        {mend.label}
      </Button>
      {run.isError && (
        <span role="alert" className="text-xs text-bad">
          {causeOf(run.error)}
        </span>
      )}
    </span>
  );
}

async function perform(mend: Mend): Promise<void> {
  switch (mend.action?.kind) {
    case 'companion.usePort':
      await client.companion.usePort({ port: mend.action.port });
      break;
    case 'companion.retry':
      await client.companion.retry();
      break;
    case 'link':
    case undefined:
      break;
  }
}
