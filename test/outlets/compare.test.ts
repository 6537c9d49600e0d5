import { expect, it } from 'vitest';
import { compareCalls } from '../../bridges/capture/replay/compare.ts';
import type { StoredCall } from '../../bridges/capture/worker.ts';
import type { Call } from '../../bridges/contract/index.ts';
import { callRow } from '../capture/rows.ts';

function answered(id: number, content: object[], change: Partial<Call> = {}): StoredCall {
  const body = Buffer.from(
    JSON.stringify({ id: 'msg_1', type: 'message', role: 'assistant', model: 'm', content, stop_reason: 'end_turn', usage: {} }),
  );
  return { call: callRow(id, change), sides: [{ side: 'clientReply', headers: '[]', bytes: body.length, body }], timeline: [] };
}
const text = (value: string): object => ({ type: 'text', text: value });
const tool = (name: string, input: object): object => ({ type: 'tool_use', id: 'toolu_1', name, input });

it('tells which lines differ', () => {
  const { text: diff } = compareCalls(answered(1, [text('one\ntwo\nthree\n')]), answered(2, [text('one\n2\nthree\n')]));
  expect(diff).toEqual({
    same: false,
    parts: [
      { op: 'same', text: 'one\n' },
      { op: 'removed', text: 'two\n' },
      { op: 'added', text: '2\n' },
      { op: 'same', text: 'three\n' },
    ],
  });
});

it('takes tool calls that say the same for the same', () => {
  const { tools } = compareCalls(
    answered(1, [tool('read', { path: 'a', lines: 3 }), tool('run', { command: 'ls' })]),
    answered(2, [tool('read', { lines: 3, path: 'a' })]),
  );
  expect(tools.map(({ same, original, other }) => [same, original?.name, other?.name])).toEqual([
    [true, 'read', 'read'],
    [false, 'run', undefined],
  ]);
});

it('keeps an unknown number apart from zero', () => {
  const usage = { input: 0, cached: null, cacheWrite: null, output: 5, reasoning: null };
  const { facts } = compareCalls(answered(1, [text('x')]), answered(2, [text('x')], { usage, durationMs: 9 }));
  expect(facts).toContainEqual({ name: 'input tokens', original: null, other: 0, same: false });
  expect(facts).toContainEqual({ name: 'duration', original: 2.5, other: 9, same: false });
  expect(facts).toContainEqual({ name: 'status', original: 200, other: 200, same: true });
});
