import { defineConfig } from 'vitest/config';

// `unit` needs nothing, `integration` a real API server, `e2e` the whole stack, `kubelet` also root on Linux, `kind` Docker and kind.
/** A second, the default, is not enough on a machine that others use too. */
const patient = { expect: { poll: { timeout: 30_000 } } };

export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: 'unit',
          ...patient,
          include: [
            'src/**/*.test.ts',
            'dev/**/*.test.ts',
            'scripts/**/*.test.ts',
            'bench/**/*.test.ts',
            'config/**/*.test.ts',
            'test/simulation/**/*.test.ts',
            'test/matrix/**/*.test.ts',
            'test/fuzz/**/*.test.ts',
          ],
          // Many seeds and random inputs on a machine that others use too: a test that hangs is found by this all the same.
          testTimeout: 60_000,
          hookTimeout: 60_000,
        },
      },
      {
        test: {
          name: 'integration',
          ...patient,
          include: ['test/integration/**/*.test.ts'],
          globalSetup: ['test/support/global-setup.ts'],
          testTimeout: 60_000,
          hookTimeout: 120_000,
        },
      },
      {
        test: {
          name: 'e2e',
          ...patient,
          include: ['test/e2e/**/*.test.ts'],
          globalSetup: ['test/e2e/global-setup.ts'],
          testTimeout: 120_000,
          hookTimeout: 120_000,
          fileParallelism: false,
        },
      },
      {
        test: {
          name: 'kubelet',
          ...patient,
          include: ['test/kubelet/**/*.test.ts'],
          globalSetup: ['test/kubelet/global-setup.ts'],
          testTimeout: 120_000,
          hookTimeout: 120_000,
          fileParallelism: false,
        },
      },
      {
        test: {
          name: 'kind',
          ...patient,
          include: ['test/kind/**/*.test.ts'],
          testTimeout: 300_000,
          fileParallelism: false,
        },
      },
    ],
  },
});
