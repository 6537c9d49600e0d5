import { expect, it } from 'vitest';
import type { Net } from '../../bridges/accounts/net.ts';
import { createTelemetry, type Telemetry } from '../../bridges/capture/export/otlp.ts';
import type { Call } from '../../bridges/contract/index.ts';
import { callRow as row } from '../capture/rows.ts';

const silent = { error() {}, warn() {}, info() {}, debug() {} };

function exporter(net: Net): { telemetry: Telemetry; tell: (calls: Call[]) => void; listening: () => number } {
  const listeners = new Set<(calls: readonly Call[]) => void>();
  const telemetry = createTelemetry({
    net,
    onCalls(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    log: silent,
    version: '0',
    randomHex: (bytes) => 'ab'.repeat(bytes),
    batchMs: 0,
  });
  return { telemetry, tell: (calls) => listeners.forEach((listener) => listener(calls)), listening: () => listeners.size };
}
const HERE = { endpoint: 'http://127.0.0.1:4318', headers: {} };

it('hears of calls only while it has somewhere to send them', async () => {
  const { telemetry, listening } = exporter(async () => ({ status: 200, headers: {}, body: {} }));
  expect(listening()).toBe(0);
  telemetry.apply(HERE);
  expect(listening()).toBe(1);
  telemetry.apply(null);
  expect(listening()).toBe(0);
  await telemetry.stop();
});

it.each([
  ['does not answer', async () => Promise.reject(new Error('refused')), 0, 3, 'refused'],
  ['refuses a batch', async () => ({ status: 503, headers: {}, body: undefined }), 0, 3, 'The collector answered with status 503.'],
  [
    'refuses some spans',
    async () => ({ status: 200, headers: {}, body: { partialSuccess: { rejectedSpans: '1' } } }),
    2,
    1,
    'The collector refused 1 spans.',
  ],
] as const)('counts what is lost where the collector %s', async (_name, net: Net, sent, dropped, problem) => {
  const { telemetry, tell } = exporter(net);
  telemetry.apply(HERE);
  tell([row(1), row(2), { ...row(3), state: 'open' }, row(4)]);
  await telemetry.stop();
  expect(telemetry.status()).toMatchObject({ sent, dropped, waiting: 0, problem });
});

it('holds so many spans while a collector hangs, and drops what comes next', async () => {
  const hanging = Promise.withResolvers<never>();
  const asked = Promise.withResolvers<void>();
  const { telemetry, tell } = exporter(() => {
    asked.resolve();
    return hanging.promise;
  });
  telemetry.apply(HERE);
  tell([row(1)]);
  await asked.promise;
  tell(Array.from({ length: 5_000 }, (_, i) => row(i + 2)));
  expect(telemetry.status()).toMatchObject({ sent: 0, waiting: 4_096, dropped: 5_000 - 4_096 });
  hanging.reject(new Error('gave up'));
  telemetry.apply(null);
  await telemetry.stop();
});
