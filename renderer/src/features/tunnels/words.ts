import type { TunnelStatus } from '../../../../bridges/contract/index.ts';
import type { DotTone } from '../../components/status-dot.tsx';

/** How a state of a tunnel is called, and what it means where the engine gives no reason. */
export const STATES: Readonly<Record<TunnelStatus['state'], { tone: DotTone; label: string; moving: boolean; sentence: string }>> = {
  off: { tone: 'idle', label: 'Off', moving: false, sentence: 'Nothing is lent. Start it when the gateway is set up.' },
  'waiting-network': { tone: 'warn', label: 'Waiting for the network', moving: true, sentence: 'This machine has no network now.' },
  connecting: { tone: 'warn', label: 'Connecting', moving: true, sentence: 'The way to the gateway is being opened.' },
  'edge-open': { tone: 'warn', label: 'Connecting', moving: true, sentence: 'The edge let us through; ssh is next.' },
  authenticated: { tone: 'warn', label: 'Connecting', moving: true, sentence: 'The gateway knows us; the far port is next.' },
  connected: { tone: 'accent', label: 'Connected', moving: true, sentence: 'ssh confirmed the far port; nothing has come through it yet.' },
  up: { tone: 'ok', label: 'Up', moving: false, sentence: 'The far port reached this very engine, not long ago.' },
  silent: { tone: 'warn', label: 'Silent', moving: true, sentence: 'The session is no longer trusted, and is being replaced.' },
  backoff: { tone: 'warn', label: 'Waiting to try again', moving: true, sentence: 'The last attempt failed.' },
  blocked: { tone: 'bad', label: 'Needs you', moving: false, sentence: 'It cannot go on by itself.' },
};

/** The three proofs, in the order they come. */
export const MARKS = [
  { mark: 'connected', title: 'Connected', meaning: 'ssh confirmed the forward.' },
  { mark: 'answering', title: 'Answering', meaning: 'A question asked at the far port was answered by this engine.' },
  { mark: 'private', title: 'Private', meaning: 'The gateway reports the far port on its loopback, and nowhere else.' },
] as const;
