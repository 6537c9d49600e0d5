import type { Database } from 'better-sqlite3';
import type { Seal } from './seal.ts';

/** What the store keeps of itself, by name. */
export function fact(db: Database, name: string): string | number | Buffer | null {
  return (
    db.prepare<[string], { value: string | number | Buffer | null }>('select value from facts where name = ?').get(name)?.value ?? null
  );
}

export function setFact(db: Database, name: string, value: string | number | Buffer | null): void {
  if (value === null) db.prepare('delete from facts where name = ?').run(name);
  else db.prepare('insert into facts (name, value) values (?, ?) on conflict (name) do update set value = excluded.value').run(name, value);
}

const PROOF = 'encrypted';
const PROOF_TEXT = Buffer.from('drawbridge');

/** True where the store can be read with this seal: an encrypted one keeps a proof of its key. */
export function fits(db: Database, seal: Seal): boolean {
  const proof = fact(db, PROOF);
  if (!Buffer.isBuffer(proof)) return !seal.encrypted || isEmpty(db);
  if (!seal.encrypted) return false;
  try {
    return seal.open(proof).equals(PROOF_TEXT);
  } catch {
    return false;
  }
}

/** True where the database says that it is encrypted. */
export function isSealed(db: Database): boolean {
  const hasFacts = db.prepare("select 1 from sqlite_schema where name = 'facts'").get() !== undefined;
  return hasFacts && fact(db, PROOF) !== null;
}

/** Remembers with which seal the store is kept. */
export function rememberSeal(db: Database, seal: Seal): void {
  setFact(db, PROOF, seal.encrypted ? seal.close(PROOF_TEXT) : null);
}

function isEmpty(db: Database): boolean {
  return db.prepare('select 1 from calls limit 1').get() === undefined;
}
