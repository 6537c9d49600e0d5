import { createReadStream } from 'node:fs';
import { appendFile, mkdir, rename, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { setImmediate } from 'node:timers/promises';
import { z } from 'zod';
import { dataKey, openSealed, sealText } from '../accounts/sealed.ts';
import type { Clock } from '../engine/clock.ts';
import type { Logger } from '../engine/log.ts';
import type { SecretStore } from '../engine/secrets.ts';
import { holdsHandle, memoryHandleStore, type HandleStore, type SealedReasoning } from '../wire/opaque.ts';
import { REASONING_FIELDS } from '../wire/turn.ts';

/** A store of reasoning that survives a restart. `put` and `get` are served from memory and never wait. */
export type LastingHandles = HandleStore & {
  /**
   * What a request waits for that may hold handles of an earlier run: until these were read, once a run. Undefined
   * where there is nothing to wait for. Never rejects.
   */
  recall(body: Buffer): Promise<void> | undefined;
  /** Writes what was not written yet. */
  stop(): Promise<void>;
};

export type LastingHandlesOptions = {
  /** The state folder. */
  home: string;
  keychain: SecretStore;
  clock: Pick<Clock, 'now'>;
  log: Logger;
  random: () => string;
  limits?: HandleLimits;
};

/** Entries; bytes, of data in memory and of files on disk; milliseconds. */
export type HandleLimits = { count: number; bytes: number; ageMs: number };

const LIMITS: HandleLimits = { count: 10_000, bytes: 16 * 1024 * 1024, ageMs: 30 * 24 * 3_600_000 };
const FOLDER = 'reasoning';
const KEY = 'reasoning-key';
/** What is put within this time is sealed and written together. Milliseconds. */
const BATCH_MS = 500;
/** Sealing much more than this at once would be felt by the streams beside it. Characters. */
const BATCH_CHARACTERS = 256 * 1024;

const Kept = z.object({
  handle: z.string(),
  /** Unix milliseconds. */
  at: z.number(),
  entry: z.object({
    family: z.enum(['chat', 'responses', 'messages']),
    upstream: z.string(),
    model: z.string(),
    data: z.string(),
    field: z.enum(REASONING_FIELDS).exactOptional(),
    besides: z.literal(true).exactOptional(),
    redacted: z.boolean().exactOptional(),
  }),
});
type Kept = { handle: string; at: number; entry: SealedReasoning };

/**
 * Handles and what is behind them, in memory and in two files of the state folder that are only ever appended to: a
 * line is a batch, sealed under a key of the keychain's (SPEC 10.5). When the newer file holds half of what is allowed
 * it takes the place of the older one. Without a keychain that lasts there are no files.
 */
export function lastingHandles({ home, keychain, clock, log, random, limits = LIMITS }: LastingHandlesOptions): LastingHandles {
  const folder = path.join(home, FOLDER);
  const newer = path.join(folder, 'newer.sealed');
  const older = path.join(folder, 'older.sealed');
  const memory = memoryHandleStore({ max: limits.count, bytes: limits.bytes, random });
  let { lasting } = keychain;
  let unwritten: Kept[] = [];
  let timer: NodeJS.Timeout | undefined;
  /** Reading and writing, one after the other. */
  let work = Promise.resolve();
  let recalling: Promise<void> | undefined;
  let recalled = !lasting;
  let begun = false;

  /** A locked keychain or a full disk costs the next run its handles; this run keeps those it has. */
  const giveUp = (error: unknown): void => {
    log.warn('handles.session_only', { error });
    lasting = false;
    unwritten = [];
  };

  /** Nobody may ever ask for what is too old, so it goes here too. A line that a crash cut short gets its end. */
  const begin = async (): Promise<void> => {
    begun = true;
    for (const file of [older, newer]) if ((await changedAt(file)) < clock.now() - limits.ageMs) await rm(file, { force: true });
    if ((await sizeOf(newer)) > 0) await appendFile(newer, '\n');
  };

  const write = async (): Promise<void> => {
    clearTimeout(timer);
    timer = undefined;
    const kept = unwritten;
    unwritten = [];
    if (kept.length === 0) return;
    const key = await dataKey(keychain, KEY);
    if (!keychain.lasting) throw new Error('There is no keychain that outlasts this session.');
    await mkdir(folder, { recursive: true, mode: 0o700 });
    if (!begun) await begin();
    for (const batch of batchesOf(kept)) {
      await appendFile(newer, sealText(JSON.stringify(batch), key, FOLDER), { mode: 0o600 });
      if ((await sizeOf(newer)) >= limits.bytes / 2) await rename(newer, older);
      await setImmediate();
    }
  };

  const read = async (): Promise<void> => {
    const written = [older, newer];
    if ((await Promise.all(written.map(sizeOf))).every((size) => size === 0)) return;
    const key = await dataKey(keychain, KEY);
    const oldest = clock.now() - limits.ageMs;
    const once: [handle: string, entry: SealedReasoning][] = [];
    for (const file of written) {
      const before = once.length;
      for await (const line of linesOf(file)) {
        for (const { handle, at, entry } of batchIn(openSealed(line, key, FOLDER))) {
          if (at >= oldest) once.push([handle, entry]);
        }
        await setImmediate();
      }
      if (once.length === before) await rm(file, { force: true });
    }
    memory.restore(once);
  };

  const next = (step: () => Promise<void>): Promise<void> => (work = work.then(step).catch(giveUp));

  return {
    get: (handle) => memory.get(handle),
    put(entry) {
      const handle = memory.put(entry);
      if (!lasting) return handle;
      unwritten.push({ handle, at: clock.now(), entry });
      timer ??= setTimeout(() => void next(write), BATCH_MS).unref();
      return handle;
    },
    recall(body) {
      if (recalled || !holdsHandle(body)) return undefined;
      recalling ??= next(read).then(() => void (recalled = true));
      return recalling;
    },
    stop: () => next(write),
  };
}

function* batchesOf(kept: readonly Kept[]): Generator<Kept[]> {
  let batch: Kept[] = [];
  let characters = 0;
  for (const each of kept) {
    batch.push(each);
    characters += each.entry.data.length;
    if (characters < BATCH_CHARACTERS) continue;
    yield batch;
    batch = [];
    characters = 0;
  }
  if (batch.length > 0) yield batch;
}

/** What a line holds; nothing where it was changed, cut short, or sealed under another key. */
function batchIn(text: string | undefined): Kept[] {
  return text === undefined ? [] : (z.array(Kept).safeParse(JSON.parse(text)).data ?? []);
}

async function* linesOf(file: string): AsyncGenerator<string> {
  if ((await sizeOf(file)) === 0) return;
  const input = createReadStream(file, 'utf8');
  try {
    yield* createInterface({ input, crlfDelay: Number.POSITIVE_INFINITY });
  } finally {
    input.destroy();
  }
}

/** Bytes; 0 where there is no such file. */
async function sizeOf(file: string): Promise<number> {
  const found = await stat(file).catch(() => undefined);
  return found?.size ?? 0;
}

/** Unix milliseconds; for ever in the future where there is no such file. */
async function changedAt(file: string): Promise<number> {
  const found = await stat(file).catch(() => undefined);
  return found?.mtimeMs ?? Number.POSITIVE_INFINITY;
}
