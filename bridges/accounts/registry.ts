import path from 'node:path';
import { z } from 'zod';
import { Account, BridgeName, RouteName } from '../contract/accounts.ts';
import { Use } from '../contract/schemas.ts';
import { DrawbridgeError } from '../contract/errors.ts';
import type { BridgeName as Name } from '../contract/index.ts';
import { readIfThere, writeFileAtomic } from '../engine/files.ts';

const RouteRecord = z.object({
  agreedAt: z.string().nullable().default(null),
  /** Null where the owner never chose: the default holds. */
  scope: z.array(Use).nullable().default(null),
  scopeSetAt: z.string().nullable().default(null),
});

const BridgeRecord = z.object({
  active: z.string().nullable().default(null),
  accounts: z.array(Account.omit({ active: true })).default([]),
  routes: z.partialRecord(RouteName, RouteRecord).default({}),
  /** What a provider gave this installation, and is not secret: a host id, a client id. */
  facts: z.record(z.string(), z.string()).default({}),
});
export type BridgeRecord = z.infer<typeof BridgeRecord>;
export type AccountRecord = BridgeRecord['accounts'][number];

const File = z.object({ version: z.literal(1), bridges: z.partialRecord(BridgeName, BridgeRecord) });

/** What is known of accounts besides their secrets: which there are, what was agreed to, what each may be used for. */
export type Registry = {
  get(bridge: Name): BridgeRecord;
  update(bridge: Name, change: (record: BridgeRecord) => BridgeRecord): BridgeRecord;
};

/** Opens `accounts.json` of a state folder. Throws `settings_invalid` where it is damaged; it is never overwritten then. */
export function openRegistry(home: string): Registry {
  const file = path.join(home, 'accounts.json');
  let held = read(file);
  const get = (bridge: Name): BridgeRecord => held.bridges[bridge] ?? BridgeRecord.parse({});
  return {
    get,
    update(bridge, change) {
      const next = change(get(bridge));
      held = { ...held, bridges: { ...held.bridges, [bridge]: next } };
      writeFileAtomic(file, `${JSON.stringify(held, null, 2)}\n`);
      return next;
    },
  };
}

function read(file: string): z.infer<typeof File> {
  const text = readIfThere(file);
  if (text === undefined) return { version: 1, bridges: {} };
  try {
    return File.parse(JSON.parse(text));
  } catch (error) {
    throw new DrawbridgeError(
      'settings_invalid',
      `The accounts file ${file} is damaged. Move it away to start anew; you are then asked to sign in again.`,
      { key: null },
      { cause: error },
    );
  }
}
