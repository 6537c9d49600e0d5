import { describe, expect, it } from 'vitest';
import type { Clock } from '../../bridges/engine/clock.ts';
import { createProof, type Proof } from '../../bridges/tunnels/proof.ts';
import type { CheckReport } from '../../bridges/tunnels/transport.ts';

/** When a session is not trusted any more, without a gateway: its answers are given by hand. */

const SILENT: CheckReport = { kind: 'report', listens: ['127.0.0.1:3353'], status: 0, latencyMs: null };

type Situation = { received: () => number; clock: Clock; checkEveryMs: number };

/** A session whose every question is answered by `answer`; `verdict` is what it comes to. */
function session(
  answer: (proof: Proof, nonce: string, asked: number) => CheckReport,
  { received = () => 0, clock = { now: () => 0, monotonic: () => 0 }, checkEveryMs = 600_000 }: Partial<Situation> = {},
) {
  const verdict = Promise.withResolvers<'unanswered' | 'exposed'>();
  const asked: string[] = [];
  const waiters: (() => void)[] = [];
  const proof = createProof({
    checks: true,
    clock,
    timings: { checkEveryMs, checkAgainMs: 0, freshMs: 1_000 },
    note: () => {},
    onChange: () => waiters.splice(0).forEach((go) => go()),
    received,
    onUnanswered: () => verdict.resolve('unanswered'),
    onExposed: () => verdict.resolve('exposed'),
  });
  proof.begin(3353, async (nonce) => answer(proof, nonce, asked.push(nonce)));
  return {
    proof,
    asked,
    verdict: verdict.promise,
    /** Resolves when something else is known. */
    told: () => new Promise<void>((resolve) => void waiters.push(resolve)),
  };
}

it('a far port that does not lead here twice in a row ends the session’s trust', async () => {
  const { verdict, asked } = session(() => SILENT);
  expect(await verdict).toBe('unanswered');
  expect(asked).toHaveLength(2);
});

it('one that answers late, while calls come through, does not', async () => {
  let bytes = 0;
  const { proof, asked, verdict, told } = session(
    (_proof, _nonce, count) => {
      if (count < 6) bytes += 1_000;
      return SILENT;
    },
    { received: () => bytes },
  );
  const over = verdict.then(() => asked.length);
  while (asked.length < 5) await told();
  expect(proof.view().listens).toEqual(['127.0.0.1:3353']);
  // Then the calls end, and still nothing answers.
  expect(await over).toBe(7);
});

it('is asked at once where there is doubt, and left alone where the answer comes', async () => {
  const { proof, asked, told } = session((self, nonce) => {
    self.seen(3353, nonce);
    return { ...SILENT, status: 200, latencyMs: 1 };
  });
  await told();
  expect(asked).toHaveLength(1);
  const answered = told();
  proof.doubt();
  await answered;
  expect(asked).toHaveLength(2);
  expect(proof.view().answering).toBe(true);
  proof.end();
  proof.doubt();
  expect(asked).toHaveLength(2);
});

it.each([
  ['the wall clock is put back', { now: -3_600_000, monotonic: 1_001 }],
  ['the monotonic clock stands still while the machine sleeps', { now: 1_001, monotonic: 0 }],
])('an answer counts no longer where %s', async (_what, later) => {
  let at = { now: 0, monotonic: 0 };
  const { proof, told } = session(
    (self, nonce) => {
      self.seen(3353, nonce);
      return { ...SILENT, status: 200, latencyMs: 1 };
    },
    { clock: { now: () => at.now, monotonic: () => at.monotonic } },
  );
  await told();
  expect(proof.view().answering).toBe(true);
  at = later;
  expect(proof.view().answering).toBe(false);
  proof.end();
});

it('a question that can’t be put is put again', async () => {
  const { proof, asked, told } = session((_proof, _nonce, count) => {
    if (count === 1) throw new Error('spawn ENOMEM');
    return { ...SILENT, listens: [] };
  });
  while (asked.length < 2) await told();
  expect(proof.view().answering).toBe(false);
  proof.end();
});

it('one that permits the check only later is asked again from then on', async () => {
  const { proof, verdict, told } = session(
    (self, nonce, count) => {
      if (count === 1) return { kind: 'not-permitted' };
      if (count > 2) return SILENT;
      self.seen(3353, nonce);
      return { ...SILENT, status: 200, latencyMs: 1 };
    },
    { checkEveryMs: 0 },
  );
  await told();
  expect(proof.view().unproven).toMatch(/does not let this account run the check script/);
  await proof.ask();
  expect(proof.view().unproven).toBeNull();
  // Its far port is lost later, and nobody asks for that by hand.
  expect(await verdict).toBe('unanswered');
});

describe('a gateway that has not all the check script needs', () => {
  it('is named for its missing curl, and its session is left alone', async () => {
    const { proof, asked, told } = session(() => ({ ...SILENT, status: null }), { checkEveryMs: 0 });
    while (asked.length < 4) await told();
    expect(proof.view()).toMatchObject({ answering: false, marks: { private: { by: 'gateway' } } });
    expect(proof.view().unproven).toMatch(/nothing has come through it lately, and the check script found no curl on the gateway/);
    proof.end();
  });
  it('without a curl is found out all the same where it binds every address', async () => {
    const { verdict } = session(() => ({ ...SILENT, listens: ['0.0.0.0:3353'], status: null }));
    expect(await verdict).toBe('exposed');
  });
  it('is named for its missing ss', async () => {
    const { proof, told } = session((self, nonce) => {
      self.seen(3353, nonce);
      return { kind: 'report', listens: [], status: 200, latencyMs: 1 };
    });
    await told();
    expect(proof.view().unproven).toMatch(/not proven: the check script’s ss did not say where the far port is bound/);
    proof.end();
  });
});

it('tells that an answer has grown too old, and that another has come', async () => {
  let now = 0;
  let told = Promise.withResolvers<void>();
  const proof = createProof({
    checks: false,
    clock: { now: () => now, monotonic: () => now },
    timings: { checkEveryMs: 600_000, checkAgainMs: 600_000, freshMs: 0 },
    note: () => {},
    onChange: () => told.resolve(),
    received: () => 0,
    onUnanswered: () => {},
    onExposed: () => {},
  });
  const change = async (cause: () => void): Promise<boolean> => {
    told = Promise.withResolvers();
    cause();
    await told.promise;
    return proof.view().answering;
  };
  proof.begin(3353, async () => SILENT);
  expect(await change(() => proof.seen(3353, null))).toBe(true);
  expect(await change(() => (now += 1))).toBe(false);
  expect(await change(() => proof.seen(3353, null))).toBe(true);
  proof.end();
});
