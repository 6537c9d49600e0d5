import type { LogLine } from '../contract/index.ts';
import type { Clock } from '../engine/clock.ts';
import { Bus } from '../engine/events.ts';
import { plainText, redactText } from '../engine/redact.ts';

/** The last lines of one tunnel: what ssh and its connector said, and what was made of it. Holds no secret. */
export type TunnelLog = {
  note: (line: string) => void;
  /** From now on these texts are not to be seen in any line. */
  hide(secrets: readonly string[]): void;
  all: () => LogLine[];
  /** All of these lines, then each new one as it comes. */
  follow: (signal: AbortSignal | undefined) => AsyncGenerator<LogLine, void, void>;
  /** Ends every `follow`. */
  close(): void;
};

const MAX_LINES = 300;
const MAX_LINE = 500;

export function createTunnelLog(clock: Clock): TunnelLog {
  const lines: LogLine[] = [];
  const bus = new Bus<LogLine>();
  let hidden: readonly string[] = [];
  return {
    note: (text) => {
      let shown = plainText(redactText(text));
      for (const secret of hidden) shown = shown.replaceAll(secret, '[redacted]');
      const noted = { at: new Date(clock.now()).toISOString(), line: shown.slice(0, MAX_LINE) };
      lines.push(noted);
      if (lines.length > MAX_LINES) lines.shift();
      bus.emit(noted);
    },
    hide: (secrets) => void (hidden = secrets),
    all: () => [...lines],
    follow: (signal) => bus.subscribe(signal, () => [...lines]),
    close: () => bus.close(),
  };
}
