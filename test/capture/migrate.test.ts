import { existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import Database from 'better-sqlite3';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { migrate, NewerSchemaError, type Migration } from '../../bridges/capture/migrate.ts';
import { MIGRATIONS } from '../../bridges/capture/migrations/index.ts';
import { takePlace } from '../../bridges/capture/place.ts';
import { Store } from '../../bridges/capture/store.ts';
import { makeVersion1, OLD_REPLY, OLD_REQUEST } from './version-1.ts';

let folder: string;
let file: string;
beforeEach(() => {
  folder = mkdtempSync(path.join(os.tmpdir(), 'drawbridge-migrate-'));
  file = path.join(folder, 'captures.db');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const schemaOf = (db: Database.Database): unknown[] =>
  db.prepare("select type, name, tbl_name, sql from sqlite_schema where name not like 'sqlite_%' order by type, name").all();

describe('the schema of the capture database', () => {
  it('has steps with rising numbers, one name each', () => {
    const ids = MIGRATIONS.map((migration) => migration.id);
    expect(ids).toEqual([...new Set(ids)].sort((a, b) => a - b));
    expect(new Set(MIGRATIONS.map((migration) => migration.name)).size).toBe(ids.length);
  });

  it.each(MIGRATIONS.map((migration, i) => [migration.id, i + 1] as const))('is the same when it comes from step %i', (_id, steps) => {
    const fresh = new Database(':memory:');
    migrate(fresh, MIGRATIONS);
    makeVersion1(file);
    const db = new Database(file);
    migrate(db, MIGRATIONS.slice(0, steps));
    // A step that is run twice would fail.
    migrate(db, MIGRATIONS);
    expect(schemaOf(db)).toEqual(schemaOf(fresh));
    fresh.close();
    db.close();
    const { store } = Store.open(file, 0);
    expect(store.call(7)).toMatchObject({ client: 'curl', status: 200, usage: { input: 12 } });
    expect(store.call(8)).toMatchObject({ state: 'cut' });
    const sides = store.sides(7);
    expect(sides.find((side) => side.side === 'clientRequest')).toMatchObject({
      body: OLD_REQUEST,
      headers: '[["content-type","application/json"]]',
    });
    expect(sides.find((side) => side.side === 'clientReply')).toMatchObject({ body: OLD_REPLY, headers: '[["x-old","yes"]]' });
    expect(store.sides(8)).toEqual([{ side: 'clientRequest', headers: '[]', bytes: 0, body: null }]);
    expect(store.timeline(7)).toEqual([
      [0, 1.25],
      [100, 2.5],
    ]);
    store.close();
  });

  it('refuses a database of a newer version, and leaves it alone', () => {
    const db = new Database(file);
    const later: Migration = { id: 99_999, name: 'later', up: (made) => void made.exec('create table later (x)') };
    migrate(db, [...MIGRATIONS, later]);
    db.close();
    expect(() => Store.open(file, 0)).toThrow(NewerSchemaError);
    const again = new Database(file);
    expect(schemaOf(again)).toContainEqual(expect.objectContaining({ name: 'later' }));
    again.close();
  });

  it('takes in a step with a lower number that came later', () => {
    const db = new Database(':memory:');
    const step = (id: number): Migration => ({ id, name: `step ${id}`, up: (made) => void made.exec(`create table t${id} (x)`) });
    migrate(db, [step(1), step(10)]);
    migrate(db, [step(1), step(2), step(10)]);
    expect(schemaOf(db)).toContainEqual(expect.objectContaining({ name: 't2' }));
    db.close();
  });

  it('keeps the steps that went well when one fails', () => {
    const db = new Database(':memory:');
    const good: Migration = { id: 1, name: 'good', up: (made) => void made.exec('create table good (x)') };
    const bad: Migration = {
      id: 2,
      name: 'bad',
      up(made) {
        made.exec('create table half (x)');
        throw new Error('no');
      },
    };
    expect(() => migrate(db, [good, bad])).toThrow('no');
    const names = schemaOf(db).map((row) => Object(row).name);
    expect(names).toContain('good');
    expect(names).not.toContain('half');
    migrate(db, [good, { ...bad, up: () => undefined }]);
    db.close();
  });
});

describe('the place of the capture database', () => {
  const moved = (): string => path.join(folder, 'capture', 'captures.db');
  beforeEach(() => mkdirSync(path.dirname(moved())));

  it('is taken over from earlier versions, with what is still in the write-ahead log', () => {
    makeVersion1(file);
    const writer = new Database(file);
    writer.pragma('journal_mode = wal');
    writer.prepare("update calls set caller = 'late' where id = 7").run();
    // As after a crash: the log was never folded in.
    expect(existsSync(`${file}-wal`)).toBe(true);
    takePlace(file, moved());
    const { store } = Store.open(moved(), 0);
    expect(store.call(7)).toMatchObject({ caller: 'late' });
    store.close();
    writer.close();
    expect(existsSync(file)).toBe(false);
    expect(existsSync(`${file}-wal`)).toBe(false);
  });

  it('goes on where a move was cut off after the log', () => {
    makeVersion1(file);
    const writer = new Database(file);
    writer.pragma('journal_mode = wal');
    writer.prepare("update calls set caller = 'late' where id = 7").run();
    takePlace(`${file}-wal`, `${moved()}-wal`);
    takePlace(file, moved());
    const { store } = Store.open(moved(), 0);
    expect(store.call(7)).toMatchObject({ caller: 'late' });
    store.close();
    writer.close();
  });

  it('never replaces a database that is already there', () => {
    makeVersion1(file);
    Store.open(moved(), 0).store.close();
    takePlace(file, moved());
    expect(existsSync(file)).toBe(true);
    const { store } = Store.open(moved(), 0);
    expect(store.call(7)).toBeUndefined();
    store.close();
  });
});
