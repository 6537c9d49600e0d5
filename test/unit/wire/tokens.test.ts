import { describe, expect, it } from 'vitest';
import { weighed } from '../../../bridges/wire/token-weights.ts';
import { tokenized } from '../../../bridges/wire/tokenizer.ts';
import { estimateTokens, type Measure } from '../../../bridges/wire/tokens.ts';
import type { Part, ToolDefinition, TurnRequest } from '../../../bridges/wire/turn.ts';

function turnOf(content: Part[], tools: ToolDefinition[] = []): TurnRequest {
  return { from: 'messages', model: 'm', stream: false, items: [{ type: 'message', role: 'user', content }], tools, extra: {} };
}

function ofText(text: string, measure: Measure): number {
  return estimateTokens(turnOf([{ type: 'text', text }]), measure);
}

/** Texts with their count by o200k_base, repeated to weigh more than the cost of a message. */
const SAMPLES: [string, string, number][] = [
  ['prose', 'The bridge keeps a list of every call that passes, with its time, its size and the name of the client. ', 24.05],
  [
    'code',
    '  for (const [index, item] of items.entries()) {\n    if (item.type === "text") out.push(`${index}: ${item.text}`);\n  }\n',
    34,
  ],
  ['JSON', '{"id":"msg_01","type":"message","usage":{"input_tokens":1042,"output_tokens":77},"ok":true}\n', 28],
  ['a log', '2026-11-20T09:14:12.104Z INFO  [http] GET /v1/models 200 14ms id=req_k3f9\n', 37],
  ['Chinese', '这座桥记录每一次通过的调用，包括时间、大小和客户端的名称。', 17.05],
  ['Japanese', 'この橋は通過するすべての呼び出しを記録します。', 18.05],
  ['Russian', 'Мост ведёт список всех вызовов, которые через него проходят, с указанием времени. ', 20.05],
  ['German', 'Die Brücke führt eine Liste aller Aufrufe, die über sie laufen, mit Zeit und Größe. ', 21.05],
  ['a compound', 'Donaudampfschifffahrtsgesellschaftskapitän ', 12.02],
  ['letters that are no word', 'wqzkjxvbnmrtyplkhgfdsaqwzxcvbnmkjhgfdsaplokmijnuhbygvtfcrdxeszwaq\n', 36],
  ['hex digits', '9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08\n', 44],
  ['emoji', '🚀 ✅ 🎉 done ', 6.05],
  ['a table', '| name | size | time |\n| ---- | ---- | ---- |\n| a    |   12 |  3.4 |\n', 28],
];

describe('the tokenizer', () => {
  it.each(SAMPLES)('counts as o200k_base does for %s', (_, text, truth) => {
    expect(Math.abs(tokenized(text.repeat(20), 0, text.length * 20) - truth * 20)).toBeLessThan(truth * 0.2);
  });

  it('counts what looks like a control token as text', () => {
    expect(tokenized('<|endoftext|>', 0, 13)).toBe(7);
  });

  it('cuts words that never end, and is a little too high for it at the most', () => {
    const letters = 'wqzkjxvbnmrtyplkhgfdsa'.repeat(5_000);
    const counted = tokenized(letters, 0, letters.length);
    expect(counted / tokenized(letters, 0, 1_000)).toBeGreaterThan(100);
    expect(counted).toBeLessThan(letters.length);
    for (const run of [' ', '=', '桥', '🚀']) expect(tokenized(run.repeat(20_000), 0, 20_000)).toBeGreaterThan(0);
  });

  it('counts a part of a text as that part alone', () => {
    expect(tokenized('one two three', 4, 7)).toBe(tokenized('two', 0, 3));
  });
});

describe('estimateTokens', () => {
  it.each(SAMPLES)('is above the count of a GPT tokenizer, but not far, for %s', (_, text, truth) => {
    const estimate = ofText(text.repeat(20), weighed);
    expect(estimate).toBeGreaterThan(truth * 20);
    expect(estimate).toBeLessThan(truth * 20 * 1.8 + 10);
    expect(ofText(text.repeat(20), tokenized) / (truth * 20)).toBeCloseTo(1.2, 1);
  });

  it('grows with every message, tool, image and document', () => {
    const empty = estimateTokens(turnOf([]), weighed);
    const image: Part = { type: 'image', source: { kind: 'base64', mediaType: 'image/png', data: 'A'.repeat(100_000) } };
    expect(estimateTokens(turnOf([image]), weighed) - empty).toBe(1600);
    const pages: Part = { type: 'document', source: { kind: 'base64', mediaType: 'application/pdf', data: 'A'.repeat(140_000) } };
    expect(estimateTokens(turnOf([pages]), weighed) - empty).toBe(6000);
    const tool: ToolDefinition = { type: 'function', name: 'f', description: 'Reads a file.', parameters: { type: 'object' } };
    const one = estimateTokens(turnOf([], [tool]), weighed);
    const two = estimateTokens(turnOf([], [tool, tool]), weighed);
    expect(one - empty).toBeGreaterThan(350);
    expect(two - one).toBeLessThan(50);
    expect(estimateTokens(turnOf([], [{ ...tool, deferred: true }]), weighed)).toBe(empty);
  });

  it.each<[string, TurnRequest['items'][number]]>([
    ['a search found', { type: 'tool_result', callId: 'c', kind: 'function', content: [{ type: 'tool_reference', name: 'late' }] }],
    ['was called before', { type: 'tool_call', callId: 'c', kind: 'function', name: 'late', input: '{}' }],
  ])('counts a deferred tool that %s like any other', (_, item) => {
    const count = (more: { deferred?: boolean }): number => {
      const tool: ToolDefinition = { type: 'function', name: 'late', description: 'Reads a file. '.repeat(50), ...more };
      return estimateTokens({ ...turnOf([], [tool]), items: [item] }, weighed);
    };
    expect(count({ deferred: true })).toBe(count({}));
  });

  it('does not count bytes inside unknown items as words', () => {
    const part: Part = { type: 'opaque', from: 'chat', name: 'input_audio', value: { data: 'QUJD'.repeat(100_000) } };
    expect(estimateTokens(turnOf([part]), weighed)).toBeLessThan(2000);
  });

  it('reads a very large text in parts alone, and is about as right', () => {
    const paragraph = 'The quick brown fox jumps over the lazy dog; 12 of them, in fact.\n';
    const exact = ofText(paragraph.repeat(1000), weighed) / 1000;
    const large = JSON.parse(JSON.stringify(paragraph.repeat(150_000))) as string;
    let read = 0;
    const estimate = ofText(large, (text, from, to) => {
      read += to - from;
      return weighed(text, from, to);
    });
    expect(read).toBeLessThan(large.length / 4);
    expect(estimate / 150_000 / exact).toBeCloseTo(1, 1);
  });

  it('is bounded in time for very many texts too', () => {
    const parts = Array.from({ length: 100_000 }, (_, i): Part => ({
      type: 'text',
      text: `part ${i} says that nothing is the matter here at all`,
    }));
    const exact = (estimateTokens(turnOf(parts.slice(0, 1000)), weighed) - 4) / 1000;
    expect((estimateTokens(turnOf(parts), weighed) - 4) / 100_000 / exact).toBeCloseTo(1, 0.7);
  });
});
