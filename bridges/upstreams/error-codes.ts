/** The code of the system, of TLS or of undici that an error bears; empty where it bears none. */
export function codeOf(error: Error | undefined): string {
  return error !== undefined && 'code' in error && typeof error.code === 'string' ? error.code : '';
}

/** True where a connection failed because a certificate is not trusted, whatever Node calls that. */
export function isUntrusted(error: Error | undefined): boolean {
  return /CERT|VERIFY_LEAF_SIGNATURE/.test(codeOf(error));
}
