import type { SecretStore } from '../engine/secrets.ts';
import type { AccountHolder } from './holder.ts';
import { keepSecret, type TokenKeeper, type Tokens } from './keeper.ts';
import type { AccountRecord } from './registry.ts';

/** What a sign-in gave: tokens that are renewed, or a key that is not. */
export type Given = { account: Omit<AccountRecord, 'addedAt'>; value: Tokens | string };

export type HoldOptions = {
  /** Aborts when the sign-in is dropped. */
  signal: AbortSignal;
  holder: Pick<AccountHolder<{ keeper?: TokenKeeper }>, 'active' | 'session' | 'add' | 'describe'>;
  secrets: SecretStore;
  /** Name of the account's secret. */
  secret: string;
  lockFile: string;
};

/**
 * Keeps what a sign-in gave, and then holds its account. Returns false where the sign-in was dropped meanwhile: nothing
 * of it is left then. May throw SecretError.
 */
export async function holdSignIn({ account, value }: Given, options: HoldOptions): Promise<boolean> {
  const { signal, holder } = options;
  if (signal.aborted) return false;
  const isNew = (): boolean => holder.describe().accounts.every(({ id }) => id !== account.id);
  // Somebody who signs in again has a keeper at work, with what it renewed and could not keep yet.
  const keeper = holder.active()?.id === account.id ? holder.session()?.keeper : undefined;
  if (keeper !== undefined && typeof value !== 'string') await keeper.put(value, signal);
  else await keepSecret(options, typeof value === 'string' ? value : JSON.stringify(value), signal, isNew);
  if (signal.aborted) return false;
  holder.add(account);
  return true;
}
