import tls from 'node:tls';
import { codeOf } from './error-codes.ts';

let trusted = false;

/** True once this process trusts the authorities of the system. */
export const systemTrusted = (): boolean => trusted;

/**
 * Trusts the authorities of the system from now on, beside Node's own: a company that looks into TLS has its authority
 * there. Reading them stops everything for a tenth of a second and keeps megabytes, so it is done where one was missed.
 */
export function trustSystem(): void {
  if (trusted) return;
  trusted = true;
  try {
    tls.setDefaultCACertificates([...tls.getCACertificates('default'), ...tls.getCACertificates('system')]);
  } catch {
    // The system's store can't be read: Node's own authorities stay in force.
  }
}

/** True where a connection failed because nobody we know vouches for a certificate. */
export function isStranger(error: Error | null): boolean {
  if (error === null) return false;
  return STRANGER.test(codeOf(error)) || (error.cause instanceof Error && STRANGER.test(codeOf(error.cause)));
}

const STRANGER =
  /^(?:UNABLE_TO_GET_ISSUER_CERT(?:_LOCALLY)?|UNABLE_TO_VERIFY_LEAF_SIGNATURE|(?:DEPTH_ZERO_)?SELF_SIGNED_CERT(?:_IN_CHAIN)?)$/;
