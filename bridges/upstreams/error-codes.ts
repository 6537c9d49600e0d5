/** The code of the system, of TLS or of undici that an error bears; empty where it bears none. */
export function codeOf(error: Error | undefined): string {
  return error !== undefined && 'code' in error && typeof error.code === 'string' ? error.code : '';
}

/** True where a connection failed because a certificate is not trusted, whatever Node calls that. */
export function isUntrusted(error: Error | undefined): boolean {
  return /CERT|VERIFY_LEAF_SIGNATURE/.test(codeOf(error));
}

/** What that means to the person who wanted to go there. `whose`: a host, or a service as people call it. */
export function untrusted(whose: string, code: string): string {
  return `The certificate of ${whose} is not trusted (${code}), so nothing was sent. A network’s login page or a proxy may stand in between. An authority of your own must be one that this system trusts, or stand in the file of NODE_EXTRA_CA_CERTS; then start Drawbridge again.`;
}
