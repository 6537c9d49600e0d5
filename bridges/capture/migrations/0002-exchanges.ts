import type { Database } from 'better-sqlite3';
import { wrap } from '../bodies.ts';
import type { Migration } from '../migrate.ts';
import { pushNumber } from '../numbers.ts';
import { pack } from '../pack.ts';
import { encodeHead, type Head } from '../heads.ts';
import { openly } from '../seal.ts';
import { encodeTimeline } from '../timeline.ts';
import zlib from 'node:zlib';

/**
 * One row an exchange instead of one a side; recipes on top of recipes, headers on top of templates; the search index;
 * indexes on what is looked for. Calls of before are not in the search index: what they said was never indexed.
 */
export const exchanges: Migration = {
  id: 2,
  name: 'exchanges',
  up(db) {
    db.exec(SCHEMA);
    moveSegments(db);
    moveBodies(db);
    db.exec('drop table bodies; drop table timelines; drop table old_segments;');
  },
};

const SCHEMA = `
  alter table calls add column folder text;
  create index calls_by_status on calls (status);
  create index calls_by_model_used on calls (model_used);
  create index calls_by_route on calls (route);
  create index calls_by_folder on calls (folder) where folder is not null;

  -- Numbers are never used twice: the search index and whoever collects garbage rely on it.
  -- A head is headers on top of a template (heads.ts); a body as in bodies.ts. A side that never came has no head.
  create table exchanges (
    id integer primary key autoincrement,
    call integer not null unique references calls (id) on delete cascade,
    client_request_head blob,
    client_request blob,
    client_reply_head blob,
    client_reply blob,
    upstream_request_head blob,
    upstream_request blob,
    upstream_reply_head blob,
    upstream_reply blob,
    timeline blob
  ) strict;

  -- Of a recipe with a base only the difference is kept.
  create table recipes (
    id integer primary key autoincrement,
    base integer,
    data blob not null
  ) strict;

  create table heads (
    id integer primary key autoincrement,
    names blob not null unique,
    data blob not null
  ) strict;

  -- What the store knows of itself.
  create table facts (
    name text primary key,
    value any
  ) strict, without rowid;

  alter table segments rename to old_segments;
  create table segments (
    id integer primary key autoincrement,
    hash blob not null unique,
    bytes integer not null,
    data blob not null
  ) strict;

  -- A row's number is its exchange's. Holds words and where they stand, not the text.
  create virtual table search using fts5 (text, content = '', contentless_delete = 1, tokenize = 'unicode61 remove_diacritics 2');
`;

const AT_MOST = 512 * 1024 * 1024;
const plainOf = (packed: number, data: Buffer): Buffer =>
  packed === 1 ? zlib.zstdDecompressSync(data, { maxOutputLength: AT_MOST }) : data;

function moveSegments(db: Database): void {
  const put = db.prepare('insert into segments (id, hash, bytes, data) values (?, ?, ?, ?)');
  type Old = { id: number; hash: Buffer; bytes: number; packed: number; data: Buffer };
  const next = db.prepare<[number], Old>('select * from old_segments where id > ? order by id limit 1');
  for (let old = next.get(-1); old !== undefined; old = next.get(old.id))
    put.run(old.id, old.hash, old.bytes, pack(plainOf(old.packed, old.data)));
}

const COLUMNS = {
  clientRequest: 'client_request',
  clientReply: 'client_reply',
  upstreamRequest: 'upstream_request',
  upstreamReply: 'upstream_reply',
} as const;

function moveBodies(db: Database): void {
  type Old = {
    id: number;
    call: number;
    side: keyof typeof COLUMNS;
    headers: string;
    bytes: number;
    form: number;
    packed: number;
    data: Buffer | null;
  };
  const next = db.prepare<[number], Old>('select * from bodies where id > ? order by id limit 1');
  const begin = db.prepare('insert or ignore into exchanges (call) values (?)');
  const putRecipe = db.prepare('insert into recipes (base, data) values (null, ?)');
  const bodyOf = (old: Old): Buffer | null => {
    if (old.data === null) return null;
    const plain = plainOf(old.packed, old.data);
    if (old.form === 0) {
      const packed = pack(plain);
      return wrap(packed[0] ?? 0, old.bytes, packed);
    }
    const id: number[] = [];
    pushNumber(id, Number(putRecipe.run(pack(plain)).lastInsertRowid));
    return wrap(4, old.bytes, Buffer.from(id));
  };
  for (let old = next.get(-1); old !== undefined; old = next.get(old.id)) {
    begin.run(old.call);
    const column = COLUMNS[old.side];
    db.prepare(`update exchanges set ${column}_head = ?, ${column} = ? where call = ?`).run(headOf(db, old.headers), bodyOf(old), old.call);
  }
  const timelines = db.prepare<[number], { call: number; points: Buffer }>(
    'select call, points from timelines where call > ? order by call limit 1',
  );
  const putTimeline = db.prepare('update exchanges set timeline = ? where call = ?');
  for (let old = timelines.get(-1); old !== undefined; old = timelines.get(old.call)) {
    const points = new Float64Array(Uint8Array.from(plainOf(1, old.points)).buffer);
    putTimeline.run(encodeTimeline(points), old.call);
  }
}

function headOf(db: Database, headers: string): Buffer {
  const head: Head = JSON.parse(headers);
  const names = openly.address(Buffer.from(head.map(([name]) => name).join('\n')));
  const found = db.prepare<[Buffer], { id: number }>('select id from heads where names = ?').get(names);
  const blank = head.map(([name]) => [name, ''] as const);
  const id =
    found?.id ??
    Number(
      db.prepare('insert into heads (names, data) values (?, ?)').run(names, pack(Buffer.from(JSON.stringify(blank)))).lastInsertRowid,
    );
  return encodeHead(id, blank, head);
}
