import type { OpenCall } from '../../bridges/capture/recorder.ts';

/** The record of a call that nobody keeps. */
export const unheardCall: OpenCall = {
  id: 1,
  replyStart: () => undefined,
  replyData: () => undefined,
  upstreamRequest: () => undefined,
  upstreamReplyStart: () => undefined,
  upstreamReplyData: () => undefined,
  end: () => undefined,
};
