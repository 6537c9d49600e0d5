import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { crc32 } from 'node:zlib';

const ROOT = path.resolve(import.meta.dirname, '../..');

/** Where @electron/fuses looks for the fuses: this text, then a version, a length, and one byte for each. */
const FUSE_SENTINEL = 'dL7pKGdnNz796PbbjQWNKmHXBZaB9tsX';

/** All fuses as a downloaded Electron may have them: the opposite of ours would be as good. */
const FUSES = Buffer.from([1, 9, ...Buffer.from('101100011')]);

export const electronVersion = (): string => {
  const manifest: unknown = JSON.parse(readFileSync(path.join(ROOT, 'node_modules/electron/package.json'), 'utf8'));
  return typeof manifest === 'object' && manifest !== null && 'version' in manifest ? String(manifest.version) : '';
};

/**
 * Makes, in a new folder, a zip that stands in for Electron's own for this machine: everything the packager touches,
 * and a program that only holds fuses. Answers with the folder, for FORGE_ELECTRON_ZIP_DIR.
 */
export function makeStubElectron(parent: string): string {
  const folder = mkdtempSync(path.join(parent, 'electron-zip-'));
  const version = electronVersion();
  const files: [name: string, mode: number, body: Buffer][] = [
    ['electron', 0o755, Buffer.concat([Buffer.from(`stub of Electron ${FUSE_SENTINEL}`), FUSES, Buffer.from('end')])],
    ['version', 0o644, Buffer.from(version)],
    ['LICENSE', 0o644, Buffer.from('licence of Electron')],
    ['LICENSES.chromium.html', 0o644, Buffer.from('<p>licences of Chromium</p>')],
    ['resources/default_app.asar', 0o644, Buffer.from('not opened')],
  ];
  writeFileSync(path.join(folder, `electron-v${version}-linux-${process.arch}.zip`), zip(files));
  return folder;
}

/** A zip file of uncompressed entries with Unix modes (APPNOTE 4.3). */
function zip(files: readonly (readonly [name: string, mode: number, body: Buffer])[]): Buffer {
  const locals: Buffer[] = [];
  const centrals: Buffer[] = [];
  let offset = 0;
  for (const [name, mode, body] of files) {
    const title = Buffer.from(name);
    // Version needed, flags, method, time, date, checksum, sizes, length of the name, of the extra field.
    const common = Buffer.alloc(26);
    common.writeUInt16LE(20, 0);
    common.writeUInt16LE(0x21, 8);
    common.writeUInt32LE(crc32(body), 10);
    common.writeUInt32LE(body.length, 14);
    common.writeUInt32LE(body.length, 18);
    common.writeUInt16LE(title.length, 22);
    const local = Buffer.concat([Buffer.from('PK\x03\x04'), common, title, body]);
    const tail = Buffer.alloc(14);
    tail.writeUInt32LE(((0o100000 | mode) << 16) >>> 0, 6);
    tail.writeUInt32LE(offset, 10);
    // Made by Unix.
    centrals.push(Buffer.concat([Buffer.from('PK\x01\x02'), Buffer.from([20, 3]), common, tail, title]));
    locals.push(local);
    offset += local.length;
  }
  const directory = Buffer.concat(centrals);
  const end = Buffer.alloc(18);
  end.writeUInt16LE(files.length, 4);
  end.writeUInt16LE(files.length, 6);
  end.writeUInt32LE(directory.length, 8);
  end.writeUInt32LE(offset, 12);
  return Buffer.concat([...locals, directory, Buffer.from('PK\x05\x06'), end]);
}
