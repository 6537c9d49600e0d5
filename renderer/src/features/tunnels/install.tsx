import { useEffect, useState } from 'react';
import { Card } from '../../components/card.tsx';
import { Progress } from '../../components/progress.tsx';
import { client } from '../../host.ts';
import { causeOf } from '../../lib/errors.ts';
import { bytes } from '../../lib/format.ts';

type Far = { received: number; total: number | null; file: string | null; version: string };

/** Downloads a cloudflared of our own and tells how far it is; the tunnels that waited for it then come up. Leaving ends it. */
export function Install() {
  const [far, setFar] = useState<Far | null>(null);
  const [problem, setProblem] = useState<string | null>(null);
  useEffect(() => {
    const left = new AbortController();
    const install = async (): Promise<void> => {
      try {
        for await (const next of await client.tunnels.installCloudflared({}, { signal: left.signal })) setFar(next);
      } catch (error) {
        if (!left.signal.aborted) setProblem(causeOf(error));
      }
    };
    void install();
    return () => left.abort();
  }, []);
  return (
    <Card title="Install cloudflared">
      <div className="grid gap-2 px-3.5 py-3 text-xs text-muted">
        {problem !== null && (
          <p role="alert" className="text-bad">
            {problem}
          </p>
        )}
        {problem === null && (far === null || far.file === null) && (
          <>
            <p role="status">
              {far === null
                ? 'Asking for it'
                : `Version ${far.version}: ${bytes(far.received)}${far.total === null ? '' : ` of ${bytes(far.total)}`}`}
            </p>
            <Progress label="cloudflared" value={far?.total == null ? null : far.received / far.total} />
          </>
        )}
        {far?.file != null && (
          <p role="status" className="text-ok">
            Version {far.version} is installed, and was checked byte for byte.
          </p>
        )}
      </div>
    </Card>
  );
}
