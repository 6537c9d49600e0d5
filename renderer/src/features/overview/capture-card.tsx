import { Pause, Play } from 'lucide-react';
import type { CaptureStatus } from '../../../../bridges/contract/index.ts';
import { Button } from '../../components/button.tsx';
import { Card } from '../../components/card.tsx';
import { StatusDot, type DotTone } from '../../components/status-dot.tsx';
import { bytes, number, plural } from '../../lib/format.ts';
import { pauseCapture } from '../../lib/pause.ts';

const STATES: Readonly<Record<CaptureStatus['state'], { tone: DotTone; label: string }>> = {
  starting: { tone: 'warn', label: 'Starting' },
  recording: { tone: 'ok', label: 'Recording' },
  paused: { tone: 'warn', label: 'Paused: calls pass, but are not recorded' },
  failed: { tone: 'bad', label: 'Failed: calls pass, but are not recorded' },
};

/** Whether calls are recorded, how many there are, and how many were missed. */
export function CaptureCard({ capture }: { capture: CaptureStatus }) {
  const state = STATES[capture.state];
  const isPaused = capture.state === 'paused';
  return (
    <Card
      title="Capture"
      actions={
        (capture.state === 'recording' || isPaused) && (
          <Button onClick={() => pauseCapture(!isPaused)}>
            {isPaused ? <Play aria-hidden size={13} /> : <Pause aria-hidden size={13} />}
            {isPaused ? 'Resume' : 'Pause'}
          </Button>
        )
      }
    >
      <div className="grid gap-2 px-3.5 py-2.5">
        <p className="flex items-center gap-2">
          <StatusDot tone={state.tone} />
          {state.label}
        </p>
        {capture.reason !== null && <p className="pl-4 text-xs text-bad">{capture.reason}</p>}
        {capture.dropped > 0 && (
          <p className="rounded-md bg-warn-soft px-2.5 py-1.5 text-xs text-warn">
            <strong className="font-semibold">{plural(capture.dropped, 'call')} not captured</strong> since the engine started: the store
            fell behind. The calls themselves were served.
          </p>
        )}
        <dl className="tnum flex flex-wrap gap-x-6 gap-y-1 pl-4 text-xs text-muted">
          <Figure label="Calls kept" value={number(capture.calls)} />
          <Figure label="On disk" value={bytes(capture.storeBytes)} />
          <Figure label="On their way" value={bytes(capture.pendingBytes)} />
        </dl>
      </div>
    </Card>
  );
}

function Figure({ label, value }: { label: string; value: string }) {
  return (
    <div className="flex gap-1.5">
      <dt>{label}</dt>
      <dd className="font-medium text-ink">{value}</dd>
    </div>
  );
}
