import { createHash } from 'node:crypto';
import zlib from 'node:zlib';
import Database from 'better-sqlite3';
import { encodeRecipe } from '../../bridges/capture/recipe.ts';
import { calls } from '../../bridges/capture/migrations/0001-calls.ts';

/** The request and the reply that `makeVersion1` keeps under call 7. */
export const OLD_REQUEST = Buffer.from(
  JSON.stringify({ model: 'm', messages: [{ role: 'user', content: `an old question ${'about nothing '.repeat(20)}` }], stream: true }),
);
export const OLD_REPLY = Buffer.from(`{"content":"an old answer ${'of some length '.repeat(30)}"}`);

/** Makes a database as the first version did: `user_version` 1, calls 7 (done) and 8 (open), call 7 with its bodies. */
export function makeVersion1(file: string): void {
  const db = new Database(file);
  db.pragma('auto_vacuum = incremental');
  db.pragma('journal_mode = wal');
  calls.up(db);
  db.pragma('user_version = 1');
  const put = db.prepare(
    `insert into calls (id, started_ms, state, client, caller, method, path, upstream, wire_in, wire_out, model_requested, status,
                        streamed, ttfb_ms, duration_ms, request_bytes, reply_bytes, tokens_input)
     values (?, ?, ?, 'curl', 'ci', 'POST', '/v1/messages', 'gateway', 'messages', 'messages', 'm', ?, 0, 1.5, 2.5, ?, ?, 12)`,
  );
  put.run(7, 1_767_000_000_000, 1, 200, OLD_REQUEST.length, OLD_REPLY.length);
  put.run(8, 1_767_000_000_001, 0, null, 5, 0);
  const start = OLD_REQUEST.indexOf('{"role"');
  const end = OLD_REQUEST.indexOf('],"stream"');
  const message = OLD_REQUEST.subarray(start, end);
  const hash = createHash('sha256').update(message).digest().subarray(0, 16);
  const segment = Number(
    db
      .prepare('insert into segments (hash, bytes, packed, data) values (?, ?, 1, ?)')
      .run(hash, message.length, zlib.zstdCompressSync(message)).lastInsertRowid,
  );
  const recipe = encodeRecipe([{ gap: OLD_REQUEST.subarray(0, start), segment }], OLD_REQUEST.subarray(end));
  const body = db.prepare('insert into bodies (call, side, headers, bytes, form, packed, data) values (?, ?, ?, ?, ?, ?, ?)');
  body.run(7, 'clientRequest', '[["content-type","application/json"]]', OLD_REQUEST.length, 1, 0, recipe);
  body.run(7, 'clientReply', '[["x-old","yes"]]', OLD_REPLY.length, 0, 1, zlib.zstdCompressSync(OLD_REPLY));
  body.run(8, 'clientRequest', '[]', 0, 0, 0, null);
  db.prepare('insert into timelines (call, points) values (7, ?)').run(
    zlib.zstdCompressSync(Buffer.from(Float64Array.from([0, 1.25, 100, 2.5]).buffer)),
  );
  db.close();
}
