import { appendFileSync, closeSync, fstatSync, openSync, readSync, renameSync, statSync } from 'node:fs';
import { asObject, asString, parseJson } from '../../wire/json.ts';

/** What a client's hook says of a session: Claude Code tells its hooks where it runs, its requests do not always. */
export type SessionContext = { session: string; cwd: string | null; transcript: string | null; gitBranch: string | null };

/** The file is begun anew at this size; the one before is kept once, as `<file>.1`. Bytes. */
const ROTATE_AT = 256 * 1024;
const READ_AT_MOST = 64 * 1024;
const MOST_SESSIONS = 1000;

/** Adds a line a hook was given on its standard input. Returns false where it is none of ours. */
export function appendContext(file: string, input: string): boolean {
  const line = readLine(input);
  if (line === undefined) return false;
  if ((statSync(file, { throwIfNoEntry: false })?.size ?? 0) >= ROTATE_AT) renameSync(file, `${file}.1`);
  appendFileSync(file, `${JSON.stringify(line)}\n`, { mode: 0o600 });
  return true;
}

/**
 * Follows the file of the hooks. It is read from where it was left, a bounded piece at a time, and only when a session
 * is asked for that is not known; never whole, and never for each call.
 */
export class SessionContexts {
  readonly #file: string | undefined;
  readonly #known = new Map<string, SessionContext>();
  #at = 0;
  #inode = 0;

  constructor(file: string | undefined) {
    this.#file = file;
  }

  of(session: string): SessionContext | undefined {
    if (!this.#known.has(session)) this.#read();
    return this.#known.get(session);
  }

  #read(): void {
    if (this.#file === undefined) return;
    let handle: number;
    try {
      handle = openSync(this.#file, 'r');
    } catch {
      return;
    }
    try {
      const { ino, size } = fstatSync(handle);
      if (ino !== this.#inode || size < this.#at) this.#at = Math.max(0, size - READ_AT_MOST);
      this.#inode = ino;
      if (size === this.#at) return;
      const room = Buffer.alloc(Math.min(READ_AT_MOST, size - this.#at));
      const read = room.subarray(0, readSync(handle, room, 0, room.length, this.#at));
      // In bytes: what is read may begin inside of a letter.
      const end = read.lastIndexOf('\n') + 1;
      // A line longer than all that is read at once is none of ours.
      this.#at += end === 0 ? room.length : end;
      for (const line of read.toString('utf8', 0, end).split('\n')) this.#take(line);
    } finally {
      closeSync(handle);
    }
  }

  #take(text: string): void {
    const line = readLine(text);
    if (line === undefined) return;
    const { session_id: session, cwd, transcript_path: transcript, git_branch: gitBranch } = line;
    this.#known.delete(session);
    this.#known.set(session, { session, cwd: cwd ?? null, transcript: transcript ?? null, gitBranch: gitBranch ?? null });
    if (this.#known.size > MOST_SESSIONS) for (const oldest of this.#known.keys()) return void this.#known.delete(oldest);
  }
}

type Line = { session_id: string; cwd?: string; transcript_path?: string; git_branch?: string };
/** Longest value of each field. */
const FIELDS = { session_id: 200, cwd: 4096, transcript_path: 4096, git_branch: 500 };

/** Read by hand: a schema library in the capture worker would cost the idle engine ten megabytes. */
function readLine(text: string): Line | undefined {
  const given = asObject(parseJson(text));
  if (given === undefined) return undefined;
  const line: Line = { session_id: '' };
  for (const name of ['session_id', 'cwd', 'transcript_path', 'git_branch'] as const) {
    if (given[name] === undefined) continue;
    const value = asString(given[name]);
    if (value === undefined || value.length > FIELDS[name]) return undefined;
    line[name] = value;
  }
  return line.session_id === '' ? undefined : line;
}
