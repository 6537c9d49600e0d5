import { field, parsed, property } from '../json.ts';
import { Connection } from '../load.ts';
import { requestFor } from '../requests.ts';
import type { Row } from '../report.ts';
import type { Scenario } from '../scenario.ts';
import { sleep } from '../stats.ts';
import { withTargets, type Target } from '../targets.ts';

const CONNECTIONS = 16;

type Got = { model: string; status: number; body: Buffer };

/** Nothing is changed, nothing is lost: replies and the record of them. */
export const loss: Scenario = {
  name: 'loss',
  about:
    'Calls with known content: replies that differ from what the mock sends (for a translated call, in their text), and rows of the record that are missing, doubled, unfinished or hold other sizes.',
  run(context) {
    const count = context.quick ? 600 : 3_000;
    return withTargets(['direct', 'drawbridge', 'drawbridge-translate'], context.mock, async ([direct, ...engines]) => {
      if (direct === undefined) throw new Error('the mock is missing');
      const rows: Row[] = [];
      for (const target of engines) {
        const models = Array.from({ length: count }, (_, i) => modelOf(i));
        const got = await callAll(target, models);
        const wanted = await callAll(direct, models);
        const same = target.wire === direct.wire ? sameBytes : sameText;
        const record = await recordOf(target, count);
        rows.push({
          target: target.name,
          calls: count,
          differing: got.filter((one, i) => !same(one, wanted[i])).length,
          rows_wrong: got.filter((one) => !isRecorded(one, record.byModel.get(one.model) ?? [])).length,
          rows_too_many: record.rows - count,
          dropped: record.dropped,
        });
      }
      const sum = (column: string): number => rows.reduce((total, row) => total + Math.abs(Number(row[column])), 0);
      return {
        rows,
        goals: [
          { goal: 'loss: replies that differ', bound: 0, side: 'at most', measured: sum('differing') },
          { goal: 'loss: rows missing, doubled or wrong', bound: 0, side: 'at most', measured: sum('rows_wrong') + sum('rows_too_many') },
        ],
        notes: ['dropped counts captures that the store could not take in time; a drop is also a missing row'],
      };
    });
  },
};

/** Streams and JSON answers of many sizes, each with a name of its own. */
function modelOf(index: number): string {
  return `m-c${1 + (index % 40)}-d${index % 5 === 0 ? 1 : 0}-s${8 + (index % 60)}-b${100 + ((index * 37) % 9_000)}-q1-k${index}`;
}

function isStream(index: number): boolean {
  return index % 3 !== 0;
}

async function callAll(target: Target, models: readonly string[]): Promise<Got[]> {
  const got: Got[] = [];
  let next = 0;
  await Promise.all(
    Array.from({ length: CONNECTIONS }, async () => {
      const connection = new Connection(target.port);
      for (let index = next++; index < models.length; index = next++) {
        const model = models[index] ?? '';
        const chunks: Buffer[] = [];
        const request = requestFor(target, { model, stream: isStream(index), promptBytes: 50 + ((index * 113) % 20_000) });
        const status = await connection
          .send(request, (chunk) => void chunks.push(chunk))
          .then(
            (reply) => reply.status,
            () => 0,
          );
        got[index] = { model, status, body: Buffer.concat(chunks) };
      }
      connection.close();
    }),
  );
  return got;
}

function sameBytes(got: Got, wanted: Got | undefined): boolean {
  return wanted !== undefined && got.status === wanted.status && got.body.equals(wanted.body);
}

function sameText(got: Got, wanted: Got | undefined): boolean {
  return wanted !== undefined && got.status === wanted.status && textOf(got.body) === textOf(wanted.body);
}

/** The text of a reply in any of the formats that are used here. */
function textOf(body: Buffer): string {
  const whole = body.toString('utf8');
  if (whole.startsWith('{')) return text(parsed(whole));
  return whole
    .split('\n')
    .filter((line) => line.startsWith('data: {'))
    .map((line) => text(parsed(line.slice(6))))
    .join('');
}

function text(value: unknown): string {
  const choice = property(property(value, 'choices'), '0');
  const found = [
    property(property(choice, 'message'), 'content'),
    property(property(choice, 'delta'), 'content'),
    property(property(value, 'delta'), 'text'),
    property(property(property(value, 'content'), '0'), 'text'),
  ];
  return found.find((one) => typeof one === 'string') ?? '';
}

function isList(value: unknown): value is unknown[] {
  return Array.isArray(value);
}

type Record = { rows: number; dropped: number; byModel: Map<string, unknown[]> };

/** What the engine kept, once it has written everything down. */
async function recordOf(target: Target, count: number): Promise<Record> {
  const { engine } = target;
  if (engine === undefined) throw new Error(`${target.name} keeps no record`);
  for (let tries = 0; ; tries += 1) {
    const printed = await engine.cli('calls', '--limit', String(count * 2), '--json');
    const list = parsed(printed);
    if (!isList(list)) throw new Error(`"calls --json" printed ${printed.length} characters that are no whole JSON`);
    const open = list.some((row) => property(row, 'state') === 'open');
    if ((list.length < count || open) && tries < 20) {
      await sleep(250);
      continue;
    }
    const byModel = new Map<string, unknown[]>();
    for (const row of list) {
      const model = String(property(row, 'modelRequested'));
      byModel.set(model, [...(byModel.get(model) ?? []), row]);
    }
    const capture = field(await engine.cli('status', '--json'), 'capture');
    return { rows: list.length, dropped: Number(property(capture, 'dropped')), byModel };
  }
}

function isRecorded(call: Got, rows: readonly unknown[]): boolean {
  const [row] = rows;
  return (
    rows.length === 1 &&
    property(row, 'state') === 'done' &&
    property(row, 'cut') === false &&
    property(row, 'status') === call.status &&
    property(row, 'replyBytes') === call.body.length
  );
}
