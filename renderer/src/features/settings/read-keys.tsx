import { useQuery } from '@tanstack/react-query';
import { engine } from '../../lib/engine.ts';
import { KeysCard, READ_KEYS } from '../clients/index.ts';

/** Keys of programs that read what is recorded, and where they read it. */
export function ReadKeys() {
  const { data: status } = useQuery(engine.status.get.queryOptions());
  const address = status?.listeners.find(({ name }) => name === 'ui')?.address ?? null;
  return (
    <KeysCard
      ring={READ_KEYS}
      about={
        <>
          A program with one may read calls, conversations and usage over HTTP, and nothing else: no call is served with it.{' '}
          {address === null ? (
            'Reads are served where Drawbridge runs headless.'
          ) : (
            <>
              What there is stands in <code className="font-mono text-2xs break-all">{`http://${address}/api/openapi.json`}</code>.
            </>
          )}
        </>
      }
    />
  );
}
