/** Every error that crosses a border of the engine carries one of these. They are stable: scripts may match on them. */
export const ERROR_CODES = [
  'bad_input',
  'not_found',
  'settings_invalid',
  'port_taken',
  'already_running',
  'not_running',
  'store_unavailable',
  'terms_not_agreed',
  'keychain',
  'shutting_down',
  'unsupported_node',
  'failed',
] as const;
export type ErrorCode = (typeof ERROR_CODES)[number];

/**
 * The one error type of the engine. `message` says what happened, why, and what to do, in one or two sentences;
 * `details` holds machine-readable facts (a port, a settings key) and never a secret.
 */
export class DrawbridgeError extends Error {
  override name = 'DrawbridgeError';
  readonly code: ErrorCode;
  readonly details: Readonly<Record<string, string | number | null>>;
  constructor(
    code: ErrorCode,
    message: string,
    details: Readonly<Record<string, string | number | null>> = {},
    options?: { cause?: unknown },
  ) {
    super(message, options);
    this.code = code;
    this.details = details;
  }
}
