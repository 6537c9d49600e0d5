import type { Answer } from './remote.ts';

let told = false;

/** Tells the test that something is to be seen. */
export function changed(): void {
  if (told) return;
  told = true;
  setImmediate(() => {
    told = false;
    tell({ changed: true });
  });
}

export function tell(answer: Answer): void {
  if (process.connected) process.send?.(answer);
}

/** What happened in the app, for the test to see. */
export const seen = {
  opened: [] as string[],
  blocked: [] as string[],
  prevented: [] as string[],
  preloadErrors: [] as string[],
};
