import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { TUNNEL_CALLER } from '../companion/keys.ts';
import type { Refusal } from '../http/guard.ts';
import { startListener, type ErrorAnswer, type ListenerLimits } from '../http/listener.ts';
import type { RelayAddress } from './ssh.ts';

/** What a tunnel may lend: a listener of this engine's own, and nothing else. */
export type Offer = {
  name: string;
  label: string;
  serve(req: IncomingMessage, res: ServerResponse, identify: (key: string) => { name: string; use: 'gateway' } | undefined): void;
  renderError: (refusal: Refusal, target: string | undefined, headers: IncomingMessage['headers']) => ErrorAnswer;
  onRefused: (refusal: Refusal, req: IncomingMessage, answer: ErrorAnswer) => void;
};

export type Traffic = { open: number; peak: number; total: number; bytesIn: number; bytesOut: number; lastAt: number | null };

export const NO_TRAFFIC: Traffic = { open: 0, peak: 0, total: 0, bytesIn: 0, bytesOut: 0, lastAt: null };

export type RelayOptions = {
  tunnel: string;
  offer: Offer;
  farPorts: readonly number[];
  /** Where sockets live, for their owner only; null where this platform has none and a loopback port is taken. */
  socket: string | null;
  limits: ListenerLimits;
  now(): number;
  check(key: string): boolean;
  prove(text: string): string | undefined;
  /** The far port that is live, where one is. */
  live(): number | null;
  /** A request came in by this far port; `nonce` where it asked for proof. */
  onRequest(farPort: number, nonce: string | null): void;
};

export type Relay = { address: RelayAddress; traffic(): Traffic; stop(graceMs: number): Promise<void> };

export const PROOF_PATH = '/.drawbridge/proof';
const PROOF = /^\/\.drawbridge\/proof\?nonce=([A-Za-z0-9_-]{16,64})$/;

/** What is signed to prove that a far port leads to this very engine. */
export function proofText(tunnel: string, farPort: number, nonce: string): string {
  return `drawbridge proof\n${tunnel}\n${farPort}\n${nonce}`;
}

/**
 * The private end of a tunnel, in front of what it lends. Only ssh can reach it. It answers to the far ports' Host
 * alone, with the tunnel's own key; it counts, and the calls it takes go by the tunnel's name. The gateway is told
 * which far port is live with every answer.
 */
export async function startRelay(options: RelayOptions): Promise<Relay> {
  const { tunnel, offer } = options;
  const sockets = new Set<Socket>();
  const seen: Traffic = { ...NO_TRAFFIC };
  const identify = (key: string) => (options.check(key) ? { name: TUNNEL_CALLER + tunnel, use: 'gateway' as const } : undefined);

  const listener = await startListener({
    port: 0,
    ...(options.socket === null ? {} : { socket: options.socket }),
    onlyHosts: options.farPorts.map((port) => `127.0.0.1:${port}`),
    limits: options.limits,
    renderError: offer.renderError,
    onRefused: offer.onRefused,
    onConnection(socket) {
      sockets.add(socket);
      socket.once('close', () => {
        sockets.delete(socket);
        seen.bytesIn += socket.bytesRead;
        seen.bytesOut += socket.bytesWritten;
      });
    },
    serve(req, res) {
      seen.open += 1;
      seen.total += 1;
      seen.peak = Math.max(seen.peak, seen.open);
      seen.lastAt = options.now();
      res.once('close', () => void (seen.open -= 1));
      const farPort = Number(req.headers.host?.split(':')[1]);
      const nonce = PROOF.exec(req.url ?? '')?.[1] ?? null;
      options.onRequest(farPort, nonce);
      res.setHeader('x-drawbridge-tunnel', tunnel);
      res.setHeader('x-drawbridge-far-port', String(options.live() ?? farPort));
      if (req.url?.startsWith(PROOF_PATH) === true) answerProof(res, farPort, nonce);
      else offer.serve(req, res, identify);
    },
  });

  const answerProof = (res: ServerResponse, farPort: number, nonce: string | null): void => {
    const proof = nonce === null ? undefined : options.prove(proofText(tunnel, farPort, nonce));
    res.writeHead(proof === undefined ? 400 : 200, { 'content-type': 'application/json', 'cache-control': 'no-store' });
    res.end(
      JSON.stringify(
        proof === undefined ? { error: 'Ask with ?nonce= and 16 to 64 letters, digits, _ or -.' } : { tunnel, farPort, nonce, proof },
      ),
    );
  };

  return {
    address: options.socket === null ? { port: listener.port } : { socket: options.socket },
    traffic() {
      let { bytesIn, bytesOut } = seen;
      for (const socket of sockets) {
        bytesIn += socket.bytesRead;
        bytesOut += socket.bytesWritten;
      }
      return { ...seen, bytesIn, bytesOut };
    },
    stop: (graceMs) => listener.stop(graceMs),
  };
}
