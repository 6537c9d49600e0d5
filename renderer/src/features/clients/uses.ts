import type { Use } from '../../../../bridges/contract/index.ts';

/** Whose calls a key stands for: what a sign-in may be used for is told by it. */
export const USES: Readonly<Record<Use, string>> = { app: 'this app', clients: 'local clients', gateway: 'gateway' };
