import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { MessageChannel, type MessagePort } from 'node:worker_threads';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { pack } from '../../bridges/capture/parcel.ts';
import { NO_PLACES } from '../../bridges/capture/places.ts';
import type { FromWorker, Keeping, ToWorker } from '../../bridges/capture/protocol.ts';
import type { Entry } from '../../bridges/capture/recorder.ts';
import { serveStore } from '../../bridges/capture/worker.ts';
import type { Call } from '../../bridges/contract/index.ts';
import { callRow } from './rows.ts';

let folder: string;
let port: MessagePort;
let heard: FromWorker[];
let listeners: (() => void)[];
beforeEach(async () => {
  folder = mkdtempSync(path.join(os.tmpdir(), 'drawbridge-worker-'));
  const channel = new MessageChannel();
  port = channel.port1;
  heard = [];
  listeners = [];
  port.on('message', (message: FromWorker) => {
    heard.push(message);
    for (const listener of listeners.splice(0)) listener();
  });
  serveStore(channel.port2, 0);
  const file = path.join(folder, 'captures.db');
  tell({ type: 'open', file, formerFile: undefined, now: 0, places: NO_PLACES, seal: false, key: null, traced: false });
  await next('opened');
});
afterEach(async () => {
  tell({ type: 'close' });
  await next('closed');
  port.close();
  rmSync(folder, { recursive: true, force: true });
});

function tell(message: ToWorker): void {
  port.postMessage(message);
}

/** The first message of a kind that was not asked for before. */
async function next<Type extends FromWorker['type']>(type: Type): Promise<Extract<FromWorker, { type: Type }>> {
  const isOne = (message: FromWorker): message is Extract<FromWorker, { type: Type }> => message.type === type;
  for (;;) {
    const at = heard.findIndex(isOne);
    const [found] = at < 0 ? [] : heard.splice(at, 1);
    if (found !== undefined && isOne(found)) return found;
    await new Promise<void>((resolve) => listeners.push(resolve));
  }
}

const begun = (row: Call, body = '{}'): Entry => ({
  id: row.id,
  row,
  begins: true,
  ends: false,
  sides: [{ side: 'clientRequest', headers: [], body: Buffer.from(body) }],
  timeline: null,
  bytes: body.length,
});
const ended = (row: Call, body = '{}'): Entry => ({
  ...begun(row),
  begins: false,
  ends: true,
  sides: [{ side: 'clientReply', headers: [], body: Buffer.from(body) }],
});
const whole = (row: Call, request = '{}', reply = '{}'): Entry => ({
  ...begun(row),
  ends: true,
  sides: [...begun(row, request).sides, ...ended(row, reply).sides],
});

function write(...entries: Entry[]): void {
  tell({ type: 'records', parcel: pack(entries).parcel, bytes: 0, show: true });
}

let asked = 0;
async function stored(id: number): Promise<Extract<Extract<FromWorker, { type: 'answer' }>['answer'], { kind: 'call' }>['stored']> {
  asked += 1;
  tell({ type: 'query', id: asked, query: { kind: 'call', id } });
  const { answer } = await next('answer');
  return answer.kind === 'call' ? answer.stored : null;
}

/** A row that the database refuses: it has no time. */
const refused = (id: number): Call => callRow(id, { startedAt: 'never' });
/** A row that can't even be handed to the database. */
const unreadable = (id: number): Call => ({ ...callRow(id), lost: JSON.parse('null') });

describe('a call of a folder that is not to be kept', () => {
  const keeping = (keep: 'ignore' | 'metadata'): Keeping => ({
    folders: [{ folder: '/private', keep }],
    replies: 'raw',
    retention: { days: null, maxBytes: null },
  });
  const request = '{"system":"Working directory: /private/x\\n"}';

  it.each([
    ['ignore', 0],
    ['metadata', 1],
  ] as const)('stays so (%s) where the batch with its beginning could not be written', async (keep, rows) => {
    tell({ type: 'configure', keeping: keeping(keep) });
    write(begun(refused(1)), begun(callRow(2, { state: 'open' }), request));
    expect((await next('unstored')).records).toBe(2);
    write(ended(callRow(2), 'swordfish'));
    expect((await next('stored')).count).toBe(rows);
    expect((await stored(2))?.sides ?? []).toEqual([]);
  });
});

describe('a batch of records', () => {
  it('is kept without the one that can’t be read', async () => {
    write(whole(callRow(1)), whole(unreadable(2)), whole(callRow(3)));
    expect(await next('stored')).toMatchObject({ records: 3, count: 2, dropped: { records: 1 }, calls: [{ id: 1 }, { id: 2 }, { id: 3 }] });
    expect((await stored(1))?.sides).toHaveLength(2);
    expect(await stored(2)).toBeNull();
    expect((await stored(3))?.sides).toHaveLength(2);
  });
  it('shows a call as cut whose end was dropped', async () => {
    write(begun(callRow(1, { state: 'open' })));
    await next('stored');
    write(ended(unreadable(1)), whole(callRow(2)));
    expect(await next('stored')).toMatchObject({ dropped: { records: 1 } });
    expect((await stored(1))?.call.state).toBe('cut');
  });

  const deep = (of: string, inner: string, end: string): string => of.repeat(20_000) + inner + end.repeat(20_000);
  it.each([
    ['history', `{"messages":[{"role":"user","content":${deep('[', '', ']')}}]}`, '{}'],
    ['tools', `{"tools":[{"x":${deep('{"a":', '1', '}')}}],"messages":[{"role":"user","content":"hi"}]}`, '{}'],
    ['request without a history', `{"prompt":${deep('[', '"x"', ']')}}`, '{}'],
    ['reply', '{"messages":[]}', `{"content":${deep('[', '', ']')},"usage":{}}`],
    ['tool’s input', '{}', `{"content":[{"type":"tool_use","name":"Task","input":{"prompt":${deep('[', '', ']')}}}]}`],
  ])('is kept whole, however deep a %s is nested', async (_what, request, reply) => {
    write(whole(callRow(1)), whole(callRow(2), request, reply));
    expect(await next('stored')).toMatchObject({ count: 2, dropped: null });
    expect((await stored(2))?.sides.map(({ body }) => Buffer.from(body ?? []).toString())).toEqual([request, reply]);
  });
});

it('a question that takes longer than it should is told of by its kind', async () => {
  await stored(1);
  expect(await next('slow')).toMatchObject({ query: 'call' });
});
