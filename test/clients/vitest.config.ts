import { defineConfig } from 'vitest/config';

/** The real clients, one at a time: each is a program of its own that wants the machine to itself. */
export default defineConfig({
  test: {
    include: ['test/clients/**/*.test.ts'],
    pool: 'forks',
    maxWorkers: 1,
    testTimeout: 150_000,
    hookTimeout: 60_000,
    reporters: ['verbose'],
  },
});
