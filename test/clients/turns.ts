import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { linesOf, runProposedCommand, runTurn, type RealClient } from './clients.ts';
import type { Finished } from './cli.ts';
import { startEngine, type AnswerIn, type Engine } from './engine.ts';

const WIRES = ['responses', 'messages', 'chat'] as const;
const PROMPT = 'Say hello to the bridge';

/** What any client must be able to do, whatever the wire format at the other end. */
export function describeTurns(client: RealClient): void {
  const answers: AnswerIn[] = ['same', ...WIRES.filter((wire) => wire !== client.wire)];
  describe.each(answers)(`asking in ${client.wire}, answered in %s`, (answerIn) => {
    let engine: Engine;
    beforeAll(async () => {
      engine = await startEngine(answerIn);
    });
    afterAll(() => engine.stop());

    it('holds a text turn', async () => {
      const turn = await take(engine, client, 'practice/echo');
      expect(turn.answer).toMatch(/^Practice model: you said ".*/);
      expect(turn.answer).toContain(PROMPT);
      expect(turn.toolOutputs).toEqual([]);
      expectCalls(turn, { client, answerIn, made: 1 });
    });

    it('runs the tool it is told to run, and the model answers after the result', async () => {
      const turn = await take(engine, client, 'practice/tool');
      expect(turn.toolOutputs).toEqual([expect.stringContaining('practice-1')]);
      expect(turn.answer).toMatch(/^Practice model: the tool answered ".*practice-1.*Done\.$/s);
      expectCalls(turn, { client, answerIn, made: 2 });
    });

    it('runs two tools of one reply, and the model answers after both results', async () => {
      const turn = await take(engine, client, 'practice/parallel');
      expect(turn.toolOutputs.toSorted()).toEqual([expect.stringContaining('practice-1'), expect.stringContaining('practice-2')]);
      expect(turn.answer).toMatch(/^Practice model: the tool answered ".*practice-[12].*Done\.$/s);
      expectCalls(turn, { client, answerIn, made: 2 });
    });
  });
}

/** The command `drawbridge env` proposes, as it stands. */
export function describeProposedCommand(client: RealClient): void {
  let engine: Engine;
  beforeAll(async () => {
    engine = await startEngine('same');
  });
  afterAll(() => engine.stop());

  it('answers to the command that `drawbridge env` proposes', async () => {
    const key = await engine.createKey('proposed');
    const finished = await runProposedCommand(client, { setup: await engine.envOf(client.name), key });
    expect(outputOf(finished)).toContain('Practice model: you said "');
    expect(await engine.callsOf('proposed')).toContainEqual(expect.objectContaining({ client: client.name, status: 200 }));
  });
}

type Turn = {
  model: string;
  caller: string;
  answer: string | undefined;
  toolOutputs: string[];
  calls: Awaited<ReturnType<Engine['callsOf']>>;
};

async function take(engine: Engine, client: RealClient, model: string): Promise<Turn> {
  const caller = `${client.name} with ${model}`;
  const setup = await engine.envOf(client.name);
  const key = await engine.createKey(caller);
  const finished = await runTurn(client, { setup, key, model, prompt: PROMPT });
  const lines = linesOf(outputOf(finished));
  // The end of a reply and the end of its row are one step of the engine: a client that is over has none left open.
  const calls = await engine.callsOf(caller);
  return { model, caller, answer: client.answer(lines), toolOutputs: client.toolOutputs(lines), calls };
}

/** What a client printed. Throws, with all of it, where the client failed. */
function outputOf({ code, stdout, stderr }: Finished): string {
  if (code === 0) return stdout;
  throw new Error(`The client ended with code ${String(code)}.\n${stdout}\n${stderr}`);
}

/** One call for what the user said, one for the results of the tools; a client that tried again made more. */
function expectCalls({ calls, model, caller }: Turn, expected: { client: RealClient; answerIn: AnswerIn; made: number }): void {
  const { client, answerIn, made } = expected;
  expect(calls).toHaveLength(made);
  for (const call of calls) {
    expect(call).toMatchObject({
      state: 'done',
      client: client.name,
      clientVersion: client.version,
      caller,
      upstream: 'practice',
      wireIn: client.wire,
      wireOut: answerIn === 'same' ? client.wire : answerIn,
      modelRequested: model,
      modelUsed: model,
      status: 200,
      streamed: true,
      cut: false,
      error: null,
      usage: { input: expect.any(Number), output: expect.any(Number) },
    });
    if (answerIn === 'same') expect(call.lost).toEqual([]);
  }
}
