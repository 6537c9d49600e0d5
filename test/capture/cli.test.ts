import { writeFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { callLine } from '../../bridges/capture/export/jsonl.ts';
import { idAt } from '../../bridges/capture/recorder.ts';
import { capture, type CaptureFlags } from '../../bridges/hosts/cli/capture.ts';
import type { Output } from '../../bridges/hosts/cli/output.ts';
import { startTestEngine, type TestEngine } from '../support/engine.ts';
import { callRow } from './rows.ts';

let engine: TestEngine;
let printed: string[];
beforeEach(async () => {
  engine = await startTestEngine();
  printed = [];
});
afterEach(() => {
  vi.unstubAllEnvs();
  return engine.stop();
});

const output = (answer?: boolean): Output => ({
  out: (text) => void printed.push(text),
  err: (text) => void printed.push(text),
  interactive: answer !== undefined,
  confirm: async () => answer === true,
  secret: async () => '',
});

const run = (words: string[], flags: CaptureFlags & { query?: string; json?: boolean; answer?: boolean } = {}): Promise<number> =>
  capture(engine.control, words, { json: flags.json === true, output: output(flags.answer), query: flags.query, flags });

async function say(what: string): Promise<void> {
  const stored = engine.call((call) => call.state === 'done');
  const reply = await fetch(`${engine.origin}/v1/chat/completions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${engine.key}`, 'content-type': 'application/json' },
    body: JSON.stringify({ model: 'practice/echo', messages: [{ role: 'user', content: what }] }),
  });
  await reply.text();
  await stored;
}

describe('drawbridge capture', () => {
  it('tells what the history takes and how it is kept, in words and as JSON', async () => {
    await say('hello');
    expect(await run([])).toBe(0);
    expect(printed.join()).toMatch(/^1 calls in .*over the wire/);
    expect(printed.join()).toContain('kept for ever, up to 10240.0 MiB');
    printed = [];
    await run([], { json: true });
    expect(JSON.parse(printed[0] ?? '')).toMatchObject({ sizes: { calls: 1, encrypted: false }, seal: false, folders: [] });
  });

  it('removes calls only where that was said, or agreed to', async () => {
    await say('keep me');
    await say('forget the walrus');
    await expect(run(['purge'])).rejects.toMatchObject({ code: 'bad_input' });
    await expect(run(['purge'], { all: true, query: 'walrus' })).rejects.toMatchObject({ code: 'bad_input' });
    await expect(run(['purge'], { query: 'walrus' })).rejects.toThrow(/1 calls.*--yes/);
    expect(await run(['purge'], { query: 'walrus', answer: false })).toBe(1);
    await run(['purge'], { query: 'walrus', 'dry-run': true });
    expect(printed.at(-1)).toBe('1 calls would go.');
    expect(await run(['purge'], { query: 'walrus', answer: true })).toBe(0);
    expect(printed.at(-1)).toMatch(/^1 calls removed/);
    const aside = `${(await engine.control.capture.sizes({})).path}.damaged-1`;
    writeFileSync(aside, '');
    await run(['purge'], { before: '2001-01-01', yes: true });
    expect(printed.at(-1)).toMatch(/^0 calls removed/);
    expect(printed.at(-1)).toContain(`${aside}, a damaged database. It stays`);
    await run(['purge'], { all: true, yes: true });
    expect(printed.at(-1)).toContain(`${aside} went with them`);
    expect((await engine.control.capture.sizes({})).calls).toBe(0);
    await expect(run(['purge'], { before: 'soon' })).rejects.toMatchObject({ code: 'bad_input' });
  });

  it('reads a day to remove calls before as the machine does, and how long ago', async () => {
    vi.stubEnv('TZ', 'Pacific/Auckland');
    // The evening of the 30th and the morning of the 31st there; the 30th in Greenwich, both.
    const lines = ['2026-01-30T10:00:00.000Z', '2026-01-30T22:00:00.000Z'].map((startedAt) =>
      callLine({ call: callRow(idAt(Date.parse(startedAt)), { startedAt }), sides: [], timeline: [] }, null, true),
    );
    await engine.control.exchange.import({ lines, firstLine: 1 });
    const wouldGo = async (before: string): Promise<string | undefined> => {
      await run(['purge'], { before, 'dry-run': true });
      return printed.at(-1);
    };
    expect(await wouldGo('2026-01-31')).toBe('1 calls would go.');
    expect(await wouldGo('2026-02-01')).toBe('2 calls would go.');
    expect(await wouldGo('2026-01-30T22:01Z')).toBe('2 calls would go.');
    await say('just now');
    expect(await wouldGo('1h')).toBe('2 calls would go.');
    // A year that nobody wrote, and a time before all calendars.
    for (const none of ['7', '999999999d'])
      await expect(wouldGo(none)).rejects.toMatchObject({ code: 'bad_input', message: expect.stringContaining('2026-01-31') });
  });

  it('sets what is kept of folders, for how long, and whether in clear', async () => {
    await run(['keep', '~/private', 'metadata']);
    await run(['keep', '~/private/most', 'ignore']);
    await run(['keep', '~/private', 'whole']);
    await run(['keep', '~/private/most', 'default']);
    await run(['limit'], { days: '90', size: '100' });
    await run(['seal', 'on']);
    const { settings } = await engine.control.settings.get({});
    expect(settings.capture).toMatchObject({
      folders: [{ folder: '~/private', keep: 'keep' }],
      retention: { days: 90, maxBytes: 100 * 1024 * 1024 },
      seal: true,
    });
    printed = [];
    await run([]);
    expect(printed.join()).toContain('from the next start encrypted');
    await run(['limit'], { days: 'none' });
    expect((await engine.control.settings.get({})).settings.capture.retention.days).toBeNull();
    for (const words of [['keep', '~/x', 'some'], ['keep'], ['limit'], ['seal', 'maybe'], ['melt']])
      await expect(run(words)).rejects.toMatchObject({ code: 'bad_input' });
  });

  it('pauses, goes on, checks and applies the limits', async () => {
    await run(['pause'], { json: true });
    expect(JSON.parse(printed.at(-1) ?? '')).toMatchObject({ state: 'paused' });
    await run(['resume']);
    await say('again');
    expect(await run(['check'])).toBe(0);
    expect(printed.at(-1)).toMatch(/^All is sound: 2 bodies/);
    expect(await run(['retain'])).toBe(0);
  });
});
