import { toast, toastError } from '../components/toasts.tsx';
import { client } from '../host.ts';

/** Pauses or resumes capture, says so, and offers the way back. */
export function pauseCapture(paused: boolean): void {
  pauseOrResume(paused).then(
    () =>
      toast({
        title: paused ? 'Capture is paused' : 'Capture goes on',
        detail: paused ? 'Calls pass, and are not recorded.' : 'Calls are recorded again.',
        undo: () => client.capture.pause({ paused: !paused }),
      }),
    (error: unknown) => toastError(paused ? 'Capture could not be paused' : 'Capture could not be resumed', error),
  );
}

/** Pauses or resumes capture. */
export async function pauseOrResume(paused: boolean): Promise<void> {
  const { state } = await client.capture.pause({ paused });
  // Recording may be off in the settings as well; who presses Resume wants it on.
  if (!paused && state === 'paused') await client.settings.update({ patch: { capture: { enabled: true } } });
}
