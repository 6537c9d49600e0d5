import path from 'node:path';
import { z } from 'zod';
import type { KeyRing } from '../../companion/keys.ts';
import { DrawbridgeError } from '../../contract/errors.ts';
import type { AttachableClient, Attachment } from '../../contract/index.ts';
import { AttachableClient as Attachable } from '../../contract/clients.ts';
import type { Clock } from '../../engine/clock.ts';
import { readIfThere, writeFileAtomic } from '../../engine/files.ts';
import type { Logger } from '../../engine/log.ts';
import { claudeWriter, codexWriter, type Writer } from './writers.ts';

/** Writes clients' settings so that they call the companion, and takes that out again. See docs/decisions/0046. */
export type Attachments = {
  /** Throws DrawbridgeError `bad_input`, `failed`, `not_running`. */
  attach(client: AttachableClient, model: string | undefined): Attachment & { change: 'attached' | 'changed' | 'there' };
  /** Throws DrawbridgeError `failed`. */
  detach(client: AttachableClient): { change: 'detached' | 'none'; file: string; left: string[] };
  /** Null where it is not attached. Never throws. */
  of(client: string): Attachment | null;
  /** The companion may listen again, or elsewhere: who was attached follows. Never throws. */
  follow(): void;
  /** Nobody listens from now on: who keeps its own account reaches it by itself until `follow`. Never throws. */
  stop(): void;
};

export type AttachPorts = {
  /** Where it is written down what was changed. Holds no key. */
  ledger: string;
  /** Folders of the clients' settings. */
  homes: { claude: string; codex: string };
  keys: Pick<KeyRing, 'list' | 'create' | 'revoke' | 'restore'>;
  /** `http://127.0.0.1:PORT` of the companion; null where it does not listen. */
  origin: () => string | null;
  clock: Clock;
  log: Logger;
};

const Entry = z.object({
  since: z.string(),
  model: z.string().nullable(),
  origin: z.string(),
  keyId: z.string(),
  /** Its file was not there before. */
  isNew: z.boolean().default(false),
  put: z.array(z.object({ name: z.string(), before: z.string().nullable(), hash: z.string() })),
});
type Entry = z.infer<typeof Entry>;
const Ledger = z.partialRecord(Attachable, Entry);

export function createAttachments(ports: AttachPorts): Attachments {
  const { keys, log } = ports;
  const writers: Record<AttachableClient, Writer> = {
    'claude-code': claudeWriter(path.join(ports.homes.claude, 'settings.json')),
    codex: codexWriter(path.join(ports.homes.codex, 'drawbridge.config.toml')),
  };
  const readLedger = (): z.infer<typeof Ledger> => {
    try {
      return Ledger.parse(JSON.parse(readIfThere(ports.ledger) ?? '{}'));
    } catch (error) {
      // What was written is known again where it stands.
      log.warn('clients.ledger_unreadable', { error });
      return {};
    }
  };
  const note = (client: AttachableClient, entry: Entry | undefined): void => {
    const { [client]: _was, ...others } = readLedger();
    writeFileAtomic(ports.ledger, `${JSON.stringify(entry === undefined ? others : { ...others, [client]: entry }, null, 2)}\n`);
  };

  /** Nobody else's key has this name, whatever is known of it. */
  const keysOf = (client: AttachableClient, entry: Entry | undefined) =>
    keys.list().filter(({ id, name }) => id === entry?.keyId || name === writers[client].caller);

  const problemOf = (client: AttachableClient, entry: Entry): string | null => {
    const { file } = writers[client];
    if (!keys.list().some(({ id }) => id === entry.keyId)) return 'Its key was revoked. Attach it again.';
    try {
      const changed = writers[client].changed(entry.put);
      if (changed.length > 0) return `${changed.join(', ')} in ${file} is not what was written. Attach it again, or detach it.`;
    } catch (error) {
      return error instanceof Error ? error.message : `${file} can’t be read.`;
    }
    const origin = ports.origin();
    return origin === null || origin === entry.origin ? null : 'It calls another port than the companion’s. Attach it again.';
  };
  const shown = (client: AttachableClient, entry: Entry): Attachment => {
    const { file, caller } = writers[client];
    return { since: entry.since, model: entry.model, file, caller, problem: problemOf(client, entry) };
  };

  return {
    attach(client, model) {
      const writer = writers[client];
      const origin = ports.origin();
      if (origin === null)
        throw new DrawbridgeError('not_running', 'The companion is not listening, so nothing can call it. See the overview for why.');
      if (client === 'codex' && model === undefined)
        throw new DrawbridgeError('bad_input', 'Name the model that Codex is to use: its own account can’t be watched this way.', {
          key: 'model',
        });
      const was = readLedger()[client];
      if (was !== undefined && was.model === (model ?? null) && problemOf(client, was) === null)
        return { ...shown(client, was), change: 'there' };
      const former = keysOf(client, was);
      for (const { id } of former) keys.revoke(id);
      const made = keys.create(writer.caller);
      const isNew = was?.isNew ?? readIfThere(writer.file) === undefined;
      let put: Entry['put'] | undefined;
      try {
        put = writer.write({ origin, key: made.key, model: model ?? null }, was?.put ?? []);
        const since = was?.since ?? new Date(ports.clock.now()).toISOString();
        const entry = { since, model: model ?? null, origin, keyId: made.id, isNew, put };
        note(client, entry);
        return { ...shown(client, entry), change: was === undefined ? 'attached' : 'changed' };
      } catch (error) {
        // What can't be written down must not stay.
        if (put !== undefined) writer.undo(put, isNew);
        keys.revoke(made.id);
        for (const { id } of former) keys.restore(id);
        throw error;
      }
    },
    detach(client) {
      const writer = writers[client];
      const was = readLedger()[client];
      const { isChanged, left } = writer.undo(was?.put ?? [], was?.isNew === true);
      if (was !== undefined) note(client, undefined);
      for (const { id } of keysOf(client, was)) keys.revoke(id);
      return { change: was === undefined && !isChanged ? 'none' : 'detached', file: writer.file, left };
    },
    of(client) {
      const known = Attachable.safeParse(client);
      const entry = known.success ? readLedger()[known.data] : undefined;
      return known.success && entry !== undefined ? shown(known.data, entry) : null;
    },
    follow() {
      const origin = ports.origin();
      if (origin === null) return;
      const ledger = readLedger();
      for (const client of Attachable.options) {
        const entry = ledger[client];
        if (entry === undefined) continue;
        try {
          if (writers[client].changed(entry.put).length > 0) continue;
          const put = writers[client].move(entry.put, entry.origin, origin);
          if (entry.origin !== origin) note(client, { ...entry, origin, put });
        } catch (error) {
          log.warn('clients.not_moved', { client, error });
        }
      }
    },
    stop() {
      for (const client of Attachable.options) {
        try {
          const entry = readLedger()[client];
          if (entry !== undefined) writers[client].park(entry.put);
        } catch (error) {
          log.warn('clients.not_parked', { client, error });
        }
      }
    },
  };
}
