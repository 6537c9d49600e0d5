import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import type { ChildStarter } from '../engine/child.ts';
import type { Ledger } from './ledger.ts';

/** How a leashed command ended. `failed` is the error's code where it could not be started, or why the leash itself could not. */
export type LeashedEnd = { code: number | null; signal: string | null; failed: string | null };

export type Leashed = {
  ended: Promise<LeashedEnd>;
  /** Ends the command and all it started; resolves when they are gone. */
  stop(): Promise<void>;
};

export type StartLeashed = (
  command: string,
  args: readonly string[],
  options: { env: Readonly<Record<string, string>>; onLine: (line: string) => void },
) => Leashed;

const LATE_MS = 4_000;

const Fact = z.union([
  z.object({ pid: z.number().int() }),
  z.object({ failed: z.string() }),
  z.object({ code: z.number().int().nullable(), signal: z.string().nullable() }),
]);

/** Runs commands so that none outlives this process, whatever becomes of it (leash.ts, ledger.ts). */
export function leasher(start: ChildStarter, ledger: Ledger): StartLeashed {
  return (command, args, options) => {
    const held: number[] = [];
    let end: LeashedEnd = { code: null, signal: null, failed: null };
    const note = (pid: number): void => {
      held.push(pid);
      void ledger.add(pid);
    };
    const leash = start(process.execPath, [ownScript('leash'), command, ...args], {
      env: { ...nodeEnvironment(), ...options.env },
      onErr: options.onLine,
      onOut(line) {
        const fact = factOf(line);
        if (fact === undefined) return;
        if ('pid' in fact) note(fact.pid);
        else if ('failed' in fact) end = { ...end, failed: fact.failed };
        else end = { ...end, ...fact };
      },
    });
    if (leash.pid !== undefined) note(leash.pid);
    const ended = leash.ended.then(async (own) => {
      // A leash that was killed leaves its command behind.
      if (own.signal !== null) await ledger.end(held);
      for (const pid of held) ledger.remove(pid);
      return end.code === null && end.signal === null && end.failed === null ? { ...end, signal: own.signal, failed: own.failed } : end;
    });
    return {
      ended,
      async stop() {
        leash.release();
        const timer = setTimeout(() => {
          // The leash itself does not act (it was stopped, or the machine is at its end).
          void ledger.end(held);
          leash.kill();
        }, LATE_MS);
        await ended;
        clearTimeout(timer);
      },
    };
  };
}

function factOf(line: string): z.infer<typeof Fact> | undefined {
  try {
    return Fact.safeParse(JSON.parse(line)).data;
  } catch {
    return undefined;
  }
}

/** A script of this folder that runs as a program of its own: as source in a checkout, built beside the engine else. */
export function ownScript(name: 'leash' | 'connector'): string {
  const source = import.meta.url.endsWith('.ts');
  return fileURLToPath(new URL(source ? `./${name}.ts` : `./tunnel-${name}.mjs`, import.meta.url));
}

/** In the desktop app this very binary is Node only where it is told to be. */
export function nodeEnvironment(): Record<string, string> {
  return 'electron' in process.versions ? { ELECTRON_RUN_AS_NODE: '1' } : {};
}
