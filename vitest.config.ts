import os from 'node:os';
import { defineConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** Folders whose files take longest. */
const LONG = ['/test/tunnels/', '/test/e2e/', '/test/behaviour/', '/test/packaging/', '/test/accounts/'];

/** Long files first: one that begins last would leave the other workers idle. */
class LongFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const rank = ({ moduleId }: TestSpecification): number => {
      const found = LONG.findIndex((folder) => moduleId.includes(folder));
      return found < 0 ? LONG.length : found;
    };
    return (await super.sort(files)).toSorted((a, b) => rank(a) - rank(b));
  }
}

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    exclude: ['test/clients/**'],
    testTimeout: 60_000,
    hookTimeout: 60_000,
    // What is waited for comes late on a busy machine: a second, which it would be, is no proof that it does not come.
    expect: { poll: { timeout: 30_000 } },
    pool: 'forks',
    // The capture worker runs from source here, and Node strips its types in WebAssembly. V8 (13.6, in Node 24) frees code of
    // such a module that is gone already when it makes its callbacks faster, and the process dies: it is not to try.
    execArgv: ['--wasm-wrapper-tiering-budget=1000000000'],
    // On two cores there would be one: much of what is tested waits, for a browser, ssh or a time-out, while the other works.
    maxWorkers: Math.max(2, os.availableParallelism() - 1),
    sequence: { sequencer: LongFirst },
  },
});
