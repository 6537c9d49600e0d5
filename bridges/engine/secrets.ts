/** Where secrets live. On a real machine the OS keychain; without one, this process' memory and nothing else. */
export type SecretStore = {
  /** True where secrets outlive this process. */
  readonly lasting: boolean;
  get(name: string): Promise<string | undefined>;
  set(name: string, value: string): Promise<void>;
  delete(name: string): Promise<void>;
};

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
