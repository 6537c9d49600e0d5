import type { AttachableClient, KnownClient } from '../../contract/index.ts';

/** How each of them can be attached: with its own account, or with a model of ours. */
export const ATTACHABLE: Readonly<Record<string, KnownClient['attachable']>> = {
  'claude-code': ['own', 'model'],
  codex: ['model'],
} satisfies Record<AttachableClient, KnownClient['attachable']>;
