import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { checkStreamFile, checkStreamFileJson } from '../../../bridges/hosts/cli/check-stream.ts';
import type { Output } from '../../../bridges/hosts/cli/output.ts';
import type { WireFormat } from '../../../bridges/wire/turn.ts';
import { FORMATS, renderStream } from '../../wire/hub.ts';

const folder = mkdtempSync(path.join(os.tmpdir(), 'drawbridge-streams-'));
afterAll(() => rmSync(folder, { recursive: true }));

function fileOf(text: string): string {
  const file = path.join(folder, 'stream.sse');
  writeFileSync(file, text);
  return file;
}

const good = (format: WireFormat): string =>
  renderStream(format, [
    { type: 'start' },
    { type: 'item_start', item: 0, kind: 'text' },
    { type: 'delta', item: 0, text: 'hi' },
    { type: 'item_end', item: 0, text: 'hi' },
    { type: 'end', stop: 'end_turn', usage: { input: 1, output: 1 } },
  ]);

function printer(): Output & { printed: string[] } {
  const printed: string[] = [];
  return {
    printed,
    out: (text) => void printed.push(text),
    err: () => {},
    interactive: false,
    confirm: async () => false,
    secret: async () => '',
  };
}

describe('checking a recorded stream', () => {
  it.each(FORMATS)('finds out that it is %s, and that nothing is wrong', async (format) => {
    const output = printer();
    expect(await checkStreamFile(fileOf(good(format)), undefined, output)).toBe(0);
    expect(output.printed).toEqual([`no problems (${format})`]);
  });

  it('says at which line which rule is broken', async () => {
    const output = printer();
    const file = fileOf(good('messages').replaceAll(/event: content_block_stop\n.*\n\n/g, ''));
    expect(await checkStreamFile(file, 'messages', output)).toBe(1);
    expect(output.printed.join('\n')).toMatch(/^line +event +rule\n10 +message_delta +all blocks end before message_delta/);
  });

  it('tells programs as JSON', async () => {
    const output = printer();
    expect(await checkStreamFileJson(fileOf(good('chat')), undefined, output)).toBe(0);
    expect(await checkStreamFileJson(fileOf(good('chat').replace('data: [DONE]', '')), undefined, output)).toBe(1);
    expect(output.printed.map((text) => JSON.parse(text))).toEqual([[], [expect.objectContaining({ rule: expect.any(String) })]]);
  });

  it('asks for the format where it can not be told', async () => {
    await expect(checkStreamFile(fileOf('data: {}\n\n'), undefined, printer())).rejects.toThrow('--format');
    await expect(checkStreamFile(path.join(folder, 'none.sse'), undefined, printer())).rejects.toThrow('none.sse');
  });
});
