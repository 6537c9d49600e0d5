import { dataKey } from '../accounts/sealed.ts';
import { DrawbridgeError } from '../contract/errors.ts';
import { SecretError, type SecretStore } from '../engine/secrets.ts';

const NAME = 'capture-key';

/**
 * The key of the call history, made when it is first asked for. It lives in the keychain alone: where the keychain does
 * not outlast the session, a history could never be read again, so none is begun.
 * Throws DrawbridgeError store_unavailable, with a sentence for the history's owner.
 */
export async function sealKey(keychain: SecretStore): Promise<Buffer> {
  let key: Buffer;
  try {
    key = await dataKey(keychain, NAME);
  } catch (error) {
    if (!(error instanceof SecretError)) throw error;
    throw new DrawbridgeError(
      'store_unavailable',
      'The key of the call history is in the keychain, which can not be read. Calls are not kept: unlock it, then restart Drawbridge.',
      {},
      { cause: error },
    );
  }
  if (!keychain.lasting)
    throw new DrawbridgeError(
      'store_unavailable',
      'There is no keychain that outlasts this session, so an encrypted call history could never be read again. Calls are not kept: set up a keychain, or turn "capture.seal" off.',
    );
  return key;
}
