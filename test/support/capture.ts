import type { Capture } from '../../bridges/capture/capture.ts';
import type { CallStart, OpenCall } from '../../bridges/capture/recorder.ts';
import { systemClock } from '../../bridges/engine/clock.ts';

/** A call of the Messages format through the gateway, as the companion tells the recorder of one. */
export function callStart(change: Partial<CallStart> = {}): CallStart {
  return {
    client: 'curl',
    clientVersion: null,
    caller: 'tests',
    method: 'POST',
    target: '/v1/messages',
    route: 'gateway',
    upstream: 'gateway',
    wireIn: 'messages',
    wireOut: 'messages',
    modelRequested: 'm',
    rawHeaders: [],
    body: Buffer.from('{"model":"m","messages":[]}'),
    arrivedAt: systemClock.monotonic(),
    ...change,
  };
}

/** Begins such a call, and its JSON reply. */
export function beginCall({ recorder }: Capture, change: Partial<CallStart> = {}): OpenCall {
  const call = recorder.begin(callStart(change));
  call.replyStart(200, { 'content-type': 'application/json' });
  return call;
}

/** Ends it with an empty reply. Returns its id. */
export function endCall(call: OpenCall): number {
  call.replyData(Buffer.from('{"content":[]}'));
  call.end({ cut: false });
  return call.id;
}

/** Resolves once capturing is in this state. */
export function captureReached(capture: Pick<Capture, 'status' | 'onStatus'>, state: string): Promise<void> {
  return new Promise((resolve) => {
    const look = (): void => {
      if (capture.status().state !== state) return;
      off();
      resolve();
    };
    const off = capture.onStatus(look);
    look();
  });
}
