import os from 'node:os';
import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    exclude: ['test/clients/**'],
    testTimeout: 60_000,
    hookTimeout: 60_000,
    pool: 'forks',
    // On two cores there would be one: much of what is tested waits, for a browser, ssh or a time-out, while the other works.
    maxWorkers: Math.max(2, os.availableParallelism() - 1),
  },
});
