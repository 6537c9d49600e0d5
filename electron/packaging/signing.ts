import type { ForgePackagerOptions } from '@electron-forge/shared-types';
import { type Environment, named } from './environment.ts';

type Signing = Pick<ForgePackagerOptions, 'osxSign' | 'osxNotarize' | 'windowsSign'>;

/**
 * How a package is signed: by the identities the environment holds, not at all where it holds none. Half an identity is
 * an error, so that no release goes out unsigned for a misspelt name. Pure.
 *
 * macOS: APPLE_SIGN_IDENTITY (name of a certificate in the keychain); to notarise also APPLE_API_KEY (a .p8 file),
 * APPLE_API_KEY_ID and APPLE_API_ISSUER. Windows: WINDOWS_CERTIFICATE_FILE (.pfx) and WINDOWS_CERTIFICATE_PASSWORD.
 */
export function signingFrom(env: Environment): Signing {
  const identity = named(env, 'sign', ['APPLE_SIGN_IDENTITY']);
  const notary = named(env, 'sign', ['APPLE_API_KEY', 'APPLE_API_KEY_ID', 'APPLE_API_ISSUER']);
  const windows = named(env, 'sign', ['WINDOWS_CERTIFICATE_FILE', 'WINDOWS_CERTIFICATE_PASSWORD']);
  if (notary !== null && identity === null) throw new Error('Only a signed app can be notarised. Set APPLE_SIGN_IDENTITY too.');
  return {
    ...(identity === null ? {} : { osxSign: { identity: identity[0], continueOnError: false } }),
    ...(notary === null ? {} : { osxNotarize: { appleApiKey: notary[0], appleApiKeyId: notary[1], appleApiIssuer: notary[2] } }),
    ...(windows === null ? {} : { windowsSign: { certificateFile: windows[0], certificatePassword: windows[1] } }),
  };
}
