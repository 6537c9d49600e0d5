/** Runs `work` at once, then at most once per `ms`; what was asked for meanwhile runs at the end of the wait. */
export function throttle(work: () => void, ms: number): { run: () => void; stop: () => void } {
  let timer: ReturnType<typeof setTimeout> | undefined;
  let asked = false;
  const rest = (): void => {
    timer = undefined;
    if (!asked) return;
    asked = false;
    work();
    timer = setTimeout(rest, ms);
  };
  return {
    run: () => {
      if (timer !== undefined) {
        asked = true;
        return;
      }
      work();
      timer = setTimeout(rest, ms);
    },
    stop: () => {
      clearTimeout(timer);
      timer = undefined;
      asked = false;
    },
  };
}
