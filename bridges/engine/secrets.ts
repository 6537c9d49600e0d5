/** Why a secret can't be had. `locked` can be mended by its owner, `denied` was refused, `unavailable` has no keychain. */
export type SecretProblem = 'unavailable' | 'locked' | 'denied';

/** The same, in words. */
export const SECRET_PROBLEMS: Readonly<Record<SecretProblem, string>> = {
  locked: 'The keychain is locked.',
  denied: 'The keychain refused Drawbridge.',
  unavailable: 'This session has no keychain that can be used.',
};

/** What a SecretStore throws. Its message never holds a secret. */
export class SecretError extends Error {
  override name = 'SecretError';
  readonly kind: SecretProblem;
  constructor(kind: SecretProblem, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.kind = kind;
  }
}

/**
 * Where secrets live. On a real machine the OS keychain; without one, this process' memory and nothing else.
 * Every method may throw SecretError.
 */
export type SecretStore = {
  /** True where secrets outlive this process. Told for certain once one of the methods has answered. */
  readonly lasting: boolean;
  get(name: string): Promise<string | undefined>;
  set(name: string, value: string): Promise<void>;
  /** Deleting what is not there is no error. */
  delete(name: string): Promise<void>;
};

/** A store that is still being opened: what is asked of it waits, and nobody else has to. */
export function deferSecrets(opening: Promise<SecretStore>): SecretStore {
  let opened: SecretStore | undefined;
  const store = opening.then((found) => (opened = found));
  // Whoever asks is told.
  store.catch(() => undefined);
  return {
    get lasting() {
      return opened?.lasting ?? true;
    },
    get: async (name) => (await store).get(name),
    set: async (name, value) => (await store).set(name, value),
    delete: async (name) => (await store).delete(name),
  };
}

/** Secrets for this session only. */
export function memorySecrets(initial: Readonly<Record<string, string>> = {}): SecretStore {
  const held = new Map(Object.entries(initial));
  return {
    lasting: false,
    get: async (name) => held.get(name),
    set: async (name, value) => void held.set(name, value),
    delete: async (name) => void held.delete(name),
  };
}
