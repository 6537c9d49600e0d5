import type { QueryKey } from '@tanstack/react-query';
import type { Key, Use } from '../../../../bridges/contract/index.ts';
import { client } from '../../host.ts';
import { engine } from '../../lib/engine.ts';

export type NewKey = { name: string; use: Exclude<Use, 'app'> };

/** A ring of keys: of programs that call, or of programs that read what is recorded. Both are handled alike. */
export type Ring = {
  title: string;
  /** What the dialog that makes one says. */
  make: { title: string; hint: string; placeholder: string };
  /** What stands where there is none. */
  empty: string;
  /** What a revocation means. */
  revoked: string;
  /** True where a key stands for one kind of calls. */
  hasUse: boolean;
  /** Under which the list is asked for. */
  queryKey: QueryKey;
  list: () => Promise<Key[]>;
  create: (key: NewKey) => Promise<{ name: string; key: string }>;
  revoke: (id: string) => Promise<unknown>;
  restore: (id: string) => Promise<unknown>;
};

/** Keys that programs call with. */
export const CLIENT_KEYS: Ring = {
  title: 'Client keys',
  make: {
    title: 'Create a client key',
    hint: 'The program and the machine, so that you know its calls again.',
    placeholder: 'claude-code on my laptop',
  },
  empty:
    'There is no key yet. Every client carries one, so that its calls bear a name and it can be shut out alone. Create one for each program you connect.',
  revoked: 'Programs that use it are refused from now on. Their recorded calls stay.',
  hasUse: true,
  queryKey: engine.keys.list.queryKey(),
  list: () => client.keys.list(),
  create: (key) => client.keys.create(key),
  revoke: (id) => client.keys.revoke({ id }),
  restore: (id) => client.keys.restore({ id }),
};

/** Keys that may read over HTTP and nothing else. */
export const READ_KEYS: Ring = {
  title: 'Read keys',
  make: { title: 'Create a read key', hint: 'The program that reads with it.', placeholder: 'the dashboard' },
  empty: 'There is none. Create one for a program that shows your calls or their cost.',
  revoked: 'Programs that use it can read nothing from now on.',
  hasUse: false,
  queryKey: engine.readKeys.list.queryKey(),
  list: () => client.readKeys.list(),
  create: ({ name }) => client.readKeys.create({ name }),
  revoke: (id) => client.readKeys.revoke({ id }),
  restore: (id) => client.readKeys.restore({ id }),
};
