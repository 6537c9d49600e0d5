import type { Database } from 'better-sqlite3';

/**
 * One step of the capture database's schema. Steps only go forward. `id` is the number in its file's name, and what
 * the database remembers; a released step is never edited, a later one corrects it.
 */
export type Migration = { id: number; name: string; up(db: Database): void };

/** What a database says that holds steps this program does not know. */
export class NewerSchemaError extends Error {
  override name = 'NewerSchemaError';
  constructor() {
    super('The capture database was written by a newer version of Drawbridge. Update, or move the file away.');
  }
}

/**
 * Brings a database up to date: every step it has not had yet is run, in the order given, each in a transaction of its
 * own. Steps are remembered one by one, so that one with a lower number may still be added beside others.
 * Throws NewerSchemaError where the database has had steps that are not among these, and what a step throws.
 */
export function migrate(db: Database, migrations: readonly Migration[]): void {
  const had = applied(db);
  const known = new Set(migrations.map((migration) => migration.id));
  for (const id of had) if (!known.has(id)) throw new NewerSchemaError();
  for (const migration of migrations) {
    if (had.has(migration.id)) continue;
    db.transaction(() => {
      migration.up(db);
      db.prepare('insert into migrations (id, name) values (?, ?)').run(migration.id, migration.name);
    })();
  }
}

function applied(db: Database): Set<number> {
  db.exec('create table if not exists migrations (id integer primary key, name text not null) strict');
  // The first schema was remembered by user_version alone.
  if (Number(db.pragma('user_version', { simple: true })) === 1) {
    db.transaction(() => {
      db.prepare("insert or ignore into migrations (id, name) values (1, 'calls')").run();
      db.pragma('user_version = 0');
    })();
  }
  return new Set(
    db
      .prepare<[], { id: number }>('select id from migrations')
      .all()
      .map((row) => row.id),
  );
}
