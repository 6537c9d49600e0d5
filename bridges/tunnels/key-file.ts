import { readFileSync, statSync } from 'node:fs';
import type { Cause } from './causes.ts';

/** Why a file is of no use as the ssh key of a tunnel, which nobody sits beside to type a passphrase. */
export type KeyFault = 'missing' | 'folder' | 'shared' | 'unreadable' | 'no-key' | 'encrypted';

/** As the form of a tunnel says it. */
export const KEY_FAULTS: Readonly<Record<KeyFault, string>> = {
  missing: 'must name a file that is there',
  folder: 'must name a file',
  shared: 'must name a file that is its owner’s alone (mode 600)',
  unreadable: 'must name a file that Drawbridge may read',
  'no-key': 'must name a private ssh key',
  encrypted: 'must name a key without a passphrase: nobody is there to type it',
};

/** Undefined where the file can be used. ssh itself refuses a key that others may read. */
export function keyFault(file: string, platform: NodeJS.Platform): KeyFault | undefined {
  try {
    const found = statSync(file, { throwIfNoEntry: false });
    if (found === undefined) return 'missing';
    if (!found.isFile()) return 'folder';
    if (platform !== 'win32' && (found.mode & 0o077) !== 0) return 'shared';
    return faultOf(readFileSync(file, 'latin1'));
  } catch {
    return 'unreadable';
  }
}

/** The same as a reason why the tunnel is not up. */
export function causeOfKey(fault: KeyFault): Cause {
  return { code: fault === 'encrypted' ? 'key-encrypted' : 'key-unusable' };
}

const PRIVATE_KEY = /^-----BEGIN ([A-Z ]*)PRIVATE KEY-----\r?\n/m;
/** What OpenSSH's own form begins with, up to the cipher of a key that has none (its PROTOCOL.key). */
const OPEN = Buffer.from('openssh-key-v1\0\0\0\0\u0004none', 'latin1');

function faultOf(text: string): KeyFault | undefined {
  const begin = PRIVATE_KEY.exec(text);
  if (begin === null) return 'no-key';
  const rest = text.slice(begin.index + begin[0].length);
  switch (begin[1]) {
    case 'OPENSSH ':
      return Buffer.from(rest.slice(0, 64), 'base64').subarray(0, OPEN.length).equals(OPEN) ? undefined : 'encrypted';
    case 'ENCRYPTED ':
      return 'encrypted';
    default:
      return rest.startsWith('Proc-Type: 4,ENCRYPTED') ? 'encrypted' : undefined;
  }
}
